//! `/health`: each deployment is asked, all at once.

use super::checkup::{self, Finding};
use super::query;
use crate::app::Worker;
use crate::reply::{self, Answer};
use futures_util::future::join_all;
use http::{Response, StatusCode};
use mishikallm::plan::fleet::{Fleet, Group};
use mishikallm::{Error, Result};
use std::sync::Arc;

/// Asks them. `?model=NAME`: those of one name alone. `?model_id=ID`: one of them.
pub async fn answer(worker: &Arc<Worker>, query: Option<&str>) -> Response<Answer> {
    let fleet = &worker.app.fleet;
    let name = query::value(query, &["model"]);
    let id = query::value(query, &query::MODEL_ID);
    let wanted = match wanted(fleet, name.as_deref(), id.as_deref()) {
        Ok(wanted) => wanted,
        Err(e) => return reply::error(&e),
    };
    let asks = wanted.iter().map(|(group, at)| async move {
        let deployment = &fleet.deployments()[*at];
        Finding {
            deployment,
            model: group.target(&deployment.model),
            state: look(worker, group, *at).await,
        }
    });
    let details = worker.app.general.health_details;
    let (report, any) = checkup::report(&join_all(asks).await, details);
    let status = match any {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    reply::json(status, report.to_string())
}

/// How one is.
async fn look(worker: &Arc<Worker>, group: &Group, at: usize) -> Result<()> {
    let d = &worker.app.fleet.deployments()[at];
    let patience = checkup::patience(d, worker.app.general.health_check);
    match tokio::time::timeout(patience, ask(worker, group, at)).await {
        Ok(state) => state,
        Err(_) => Err(Error::deadline(format!(
            "no answer within {} s (health_check_timeout)",
            patience.as_secs_f64()
        ))),
    }
}

async fn ask(worker: &Arc<Worker>, group: &Group, at: usize) -> Result<()> {
    let fleet = &worker.app.fleet;
    let d = &fleet.deployments()[at];
    // One model behind a star can be asked itself.
    let is_star = group.target(&d.model).contains('*');
    let serves_all = is_star && fleet.serves_all(at);
    let mut first = None;
    for operation in checkup::questions(d, serves_all) {
        let request = checkup::request(operation, d);
        let answer = worker.check(operation, request, (group, at));
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

/// The deployments that are asked.
fn wanted(fleet: &Fleet, name: Option<&str>, id: Option<&str>) -> Result<Vec<(Group, usize)>> {
    let mut wanted = match name {
        Some(name) => named(fleet, name)?,
        None => {
            let all = 0..fleet.deployments().len();
            all.filter_map(|at| Some((itself(fleet, at)?, at)))
                .collect()
        }
    };
    if let Some(id) = id {
        wanted.retain(|(_, at)| fleet.deployments()[*at].id == id);
        if wanted.is_empty() {
            return Err(query::unknown_id(id));
        }
    }
    Ok(wanted)
}

/// A deployment by itself, with the model that it says is to be asked for the many of its `*`.
fn itself(fleet: &Fleet, at: usize) -> Option<Group> {
    let model = checkup::model(fleet.deployments().get(at)?);
    model
        .and_then(|model| fleet.alone_for(at, model))
        .or_else(|| fleet.alone(at))
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
                .filter_map(|(at, _)| Some((itself(fleet, at)?, at)))
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
        let at = |name, id| {
            let found = wanted(&fleet, name, Some(id)).map_err(|e| e.http_status())?;
            Ok(found.into_iter().map(|(_, at)| at).collect())
        };
        assert_eq!(at(None, "three"), Ok(vec![2]));
        assert_eq!(at(Some("m"), "two"), Ok(vec![1]));
        assert_eq!(at(Some("m"), "three"), Err(404));
        assert_eq!(at(None, "four"), Err(404));
    }
}
