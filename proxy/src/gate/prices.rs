//! What deployments cost, of one configuration.

use crate::keys::Money;
use crate::spend::Prices;
use foldhash::fast::RandomState;
use mishikallm::plan::fleet::{Fleet, Group};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The prices of a configuration.
#[derive(Debug, Default)]
pub struct PriceList {
    by_id: HashMap<String, Prices, RandomState>,
    /// By the name of an entry of the model list: of all that may answer when it is asked, each price once.
    by_entry: HashMap<Arc<str>, Vec<Prices>, RandomState>,
}

impl PriceList {
    /// Of all deployments.
    pub fn new(fleet: &Fleet) -> PriceList {
        let deployments = fleet.deployments();
        let of = |at: usize| Prices::of(&deployments[at].costs);
        let by_id = deployments.iter().enumerate();
        let by_id = by_id.map(|(at, d)| (d.id.clone(), of(at))).collect();
        let routing = &fleet.config().routing;
        let mut by_entry = HashMap::default();
        for name in deployments.iter().map(|d| d.model_name.as_str()) {
            let Some(group) = fleet.group(name).or_else(|| of_pattern(fleet, name)) else {
                continue;
            };
            let lists = [&routing.fallbacks, &routing.context_window_fallbacks];
            let others = lists
                .into_iter()
                .filter_map(|list| list.get(name))
                .flatten();
            let others = others.chain(&routing.default_fallbacks);
            let groups = others.filter_map(|other| fleet.group(other));
            let mut prices: Vec<Prices> = Vec::new();
            for group in std::iter::once(group.clone()).chain(groups) {
                for price in group.members().iter().map(|at| of(*at)) {
                    if !price.is_free() && !prices.contains(&price) {
                        prices.push(price);
                    }
                }
            }
            by_entry.insert(group.entry().clone(), prices);
        }
        PriceList { by_id, by_entry }
    }

    /// Of a deployment.
    pub fn of(&self, id: &str) -> Prices {
        self.by_id.get(id).copied().unwrap_or_default()
    }

    /// What a request to these models may cost at most, whichever deployment answers.
    pub fn worst<'a>(
        &self,
        groups: impl IntoIterator<Item = &'a Group>,
        (prompt, completion): (u64, u64),
        longest: Duration,
    ) -> Money {
        let groups = groups.into_iter();
        let prices = groups
            .filter_map(|group| self.by_entry.get(group.entry()))
            .flatten();
        let costs = prices.map(|price| price.worst(prompt, completion, longest));
        costs.max().unwrap_or(Money::ZERO)
    }
}

/// Of an entry with a `*`, any model that it covers.
fn of_pattern(fleet: &Fleet, name: &str) -> Option<Group> {
    fleet.group(&name.replacen('*', "x", 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mishikallm::config::ClientConfig;
    use serde_json::{Value, json};

    fn entry(name: &str, price: f64) -> Value {
        let info = json!({"id": format!("id of {name}"), "input_cost_per_token": price});
        json!({"model_name": name, "mishikallm_params": {"model": "triton/x", "api_base": "http://h"}, "model_info": info})
    }

    #[test]
    fn the_worst_is_that_of_whoever_may_answer() {
        let mut wild = entry("w/*", 0.25);
        wild["mishikallm_params"]["model"] = json!("triton/*");
        let config = json!({
            "model_list": [entry("a", 1.0), entry("b", 2.0), entry("c", 0.0), wild],
            "router_settings": {"fallbacks": [{"a": ["b"]}], "model_group_alias": {"alias": "a"}},
        });
        let config = ClientConfig::read(&config.to_string()).unwrap();
        let fleet = mishikallm::client::fleet(config).unwrap();
        let prices = PriceList::new(&fleet);
        let worst = |names: &[&str]| {
            let groups: Vec<Group> = names.iter().map(|n| fleet.group(n).unwrap()).collect();
            prices.worst(&groups, (3, 0), Duration::ZERO).dollars()
        };
        assert_eq!(worst(&["a"]), 6.0);
        assert_eq!(worst(&["alias"]), 6.0);
        assert_eq!(worst(&["b"]), 6.0);
        assert_eq!(worst(&["c"]), 0.0);
        assert_eq!(worst(&["c", "w/y"]), 0.75);
        assert_eq!(
            prices.of("id of b").worst(1, 0, Duration::ZERO).dollars(),
            2.0
        );
    }
}
