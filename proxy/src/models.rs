//! What servers have, for deployments with a `*`: asked of them, and remembered for a short while.

use crate::app::Worker;
use futures_util::future::join_all;
use mishikallm::openai::Operation;
use mishikallm::plan::fleet::Fleet;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A server that takes longer is passed over.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long its word holds, also that it said nothing.
const KEPT: Duration = Duration::from_secs(5);

/// A server's models, as `triton/NAME`; `None`: it does not say.
pub type Listed = Option<Arc<[String]>>;

/// What is remembered of each deployment. One request asks, and those that come meanwhile wait for its answer.
#[derive(Debug)]
pub struct Listings(Vec<Mutex<Option<(Instant, Listed)>>>);

impl Listings {
    /// Nothing is known yet.
    pub fn new(fleet: &Fleet) -> Listings {
        let nothing = |_: &_| Mutex::new(None);
        Listings(fleet.deployments().iter().map(nothing).collect())
    }
}

impl Worker {
    /// What the servers of those deployments have that stand for all models of one; all are asked at once.
    pub async fn listed(&self, among: impl IntoIterator<Item = usize>) -> Vec<(usize, Listed)> {
        let fleet = &self.app.fleet;
        let among = among.into_iter().filter(|at| fleet.serves_all(*at));
        let asks = among.map(|at| async move { (at, self.models_at(at).await) });
        join_all(asks).await
    }

    async fn models_at(&self, at: usize) -> Listed {
        let mut known = self.app.listings.0.get(at)?.lock().await;
        if let Some((when, listed)) = &*known {
            if when.elapsed() < KEPT {
                return listed.clone();
            }
        }
        let listed = self.ask_for_models(at).await;
        *known = Some((Instant::now(), listed.clone()));
        listed
    }

    async fn ask_for_models(&self, at: usize) -> Listed {
        let group = self.app.fleet.alone(at)?;
        let ask = self.check(Operation::Models, Default::default(), (&group, at));
        let answer = tokio::time::timeout(PATIENCE, ask).await.ok()?.ok()?;
        names(&answer)
    }
}

/// Out of a list of models.
fn names(list: &str) -> Listed {
    let list: Value = serde_json::from_str(list).ok()?;
    let entries = list["data"].as_array()?.iter();
    let names = entries.filter_map(|entry| entry["id"].as_str().map(str::to_owned));
    Some(names.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_lists_ids() {
        let list =
            r#"{"object":"list","data":[{"id":"triton/a","object":"model"},{"id":"triton/b"}]}"#;
        let names = |text| names(text).map(|names| names.to_vec());
        assert_eq!(names(list).unwrap(), ["triton/a", "triton/b"]);
        assert_eq!(names(r#"{"data":[]}"#).unwrap(), [""; 0]);
        assert_eq!(names("null"), None);
    }
}
