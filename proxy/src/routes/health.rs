//! `/health`: each deployment is asked, all at once.

use super::checkup::{self, Finding};
use crate::app::Worker;
use crate::reply::{self, Answer};
use futures_util::future::join_all;
use http::{Response, StatusCode};
use mishikallm::plan::fleet::{Fleet, Group};
use mishikallm::{Error, Result};
use percent_encoding::percent_decode_str;
use std::sync::Arc;

/// Asks them. `?model=NAME`: those of one name alone.
pub async fn answer(worker: &Arc<Worker>, query: Option<&str>) -> Response<Answer> {
    let fleet = &worker.app.fleet;
    let wanted = match wanted(query) {
        None => (0..fleet.deployments().len())
            .filter_map(|at| Some((fleet.alone(at)?, at)))
            .collect(),
        Some(name) => match named(fleet, &name) {
            Ok(some) => some,
            Err(e) => return reply::error(&e),
        },
    };
    let asks = wanted.iter().map(|(group, at)| async move {
        let deployment = &fleet.deployments()[*at];
        Finding {
            deployment,
            model: group.target(&deployment.model),
            state: look(worker, group, *at).await,
        }
    });
    let (report, any) = checkup::report(&join_all(asks).await);
    let status = match any {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    reply::json(status, report.to_string())
}

/// How one is.
async fn look(worker: &Arc<Worker>, group: &Group, at: usize) -> Result<()> {
    let patience = worker.app.general.health_check;
    match tokio::time::timeout(patience, ask(worker, group, at)).await {
        Ok(state) => state,
        Err(_) => Err(Error::deadline(format!(
            "no answer within {} s (general_settings.health_check_timeout)",
            patience.as_secs_f64()
        ))),
    }
}

async fn ask(worker: &Arc<Worker>, group: &Group, at: usize) -> Result<()> {
    let fleet = &worker.app.fleet;
    // One model behind a star can be asked itself.
    let is_star = group.target(&fleet.deployments()[at].model).contains('*');
    let serves_all = is_star && fleet.serves_all(at);
    let mut first = None;
    for operation in checkup::questions(&fleet.deployments()[at], serves_all) {
        let answer = worker.check(operation, checkup::request(operation), (group, at));
        let state = answer
            .await
            .and_then(|answer| checkup::verdict(operation, &answer));
        match state {
            Ok(()) => return Ok(()),
            Err(e) => {
                let goes_on = checkup::may_be_another(&e);
                // What it says to the likeliest question is its word.
                let word = first.get_or_insert(e);
                if !goes_on {
                    return Err(word.clone());
                }
            }
        }
    }
    first.map_or(Ok(()), Err)
}

/// The name that a query restricts the question to.
fn wanted(query: Option<&str>) -> Option<String> {
    let fields = query?.split('&').filter_map(|field| field.split_once('='));
    let mut names = fields.filter(|(key, name)| *key == "model" && !name.is_empty());
    let name = names.next()?.1.replace('+', " ");
    Some(percent_decode_str(&name).decode_utf8_lossy().into_owned())
}

/// The deployments of a name: the list's, an alias, an id, or `triton/NAME` as a deployment has it.
fn named(fleet: &Fleet, name: &str) -> Result<Vec<(Group, usize)>> {
    let by_model: Vec<(Group, usize)> = match fleet.group(name) {
        Some(group) => {
            let members = group.members().iter();
            members.map(|at| (group.clone(), *at)).collect()
        }
        None => {
            let all = fleet.deployments().iter().enumerate();
            let of_model = all.filter(|(_, d)| d.model == name || d.model_name == name);
            of_model
                .filter_map(|(at, _)| Some((fleet.alone(at)?, at)))
                .collect()
        }
    };
    match by_model.is_empty() {
        true => Err(Error::unknown_model(format!(
            "model: expected a name of the model list, got \"{name}\""
        ))),
        false => Ok(by_model),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mishikallm::config::ClientConfig;
    use serde_json::json;

    #[test]
    fn a_query_may_name_a_model() {
        for (query, name) in [
            ("model=llm", Some("llm")),
            ("x=1&model=a%2Fb%20c", Some("a/b c")),
            ("model=a+b", Some("a b")),
            ("model=", None),
            ("other=1", None),
        ] {
            assert_eq!(wanted(Some(query)).as_deref(), name, "{query}");
        }
        assert_eq!(wanted(None), None);
    }

    #[test]
    fn a_model_has_several_names() {
        let entry = |name: &str, model: &str, id: &str| json!({"model_name": name, "mishikallm_params": {"model": model, "api_base": "http://h"}, "model_info": {"id": id}});
        let config = json!({
            "model_list": [
                entry("m", "triton/a", "one"),
                entry("m", "triton/b", "two"),
                entry("own/*", "triton/*", "three"),
            ],
            "router_settings": {"model_group_alias": {"gpt": "m"}},
        });
        let config = ClientConfig::read(&config.to_string()).unwrap();
        let fleet = mishikallm::client::fleet(config).unwrap();
        let at = |name: &str| {
            let found = named(&fleet, name).map_err(|e| e.http_status())?;
            Ok(found.into_iter().map(|(_, at)| at).collect())
        };
        for (name, found) in [
            ("m", Ok(vec![0, 1])),
            ("gpt", Ok(vec![0, 1])),
            ("two", Ok(vec![1])),
            ("triton/b", Ok(vec![1])),
            ("own/x", Ok(vec![2])),
            ("own/*", Ok(vec![2])),
            ("nobody", Err(404)),
        ] {
            assert_eq!(at(name), found, "{name}");
        }
    }
}
