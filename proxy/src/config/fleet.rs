//! The deployments of a file. The library reads them and stops at the first mistake; here all are told in one go.

use super::Problems;
use super::place::Places;
use crate::relay::Connector;
use mishikallm::config::ClientConfig;
use mishikallm::json::kind;
use mishikallm::plan::fleet::Fleet;
use serde_json::{Map, Value};

/// Mistakes in one place; nobody reads more.
const MOST: usize = 50;

type Object = Map<String, Value>;

/// Lets the library read its part.
pub fn read(places: &Places<'_>, object: Object, problems: &mut Problems) -> Option<Fleet> {
    let before = problems.errors.len();
    let mut shared = object.clone();
    let list = shared.shift_remove("model_list").unwrap_or(Value::Null);
    tell_all(places, None, &mut shared, problems, |object| {
        ClientConfig::from_object(object).map(drop)
    });
    // Names of models, which it is full of, are known of the whole list alone.
    shared.shift_remove("router_settings");
    tell_all(places, None, &mut shared, problems, |object| {
        fleet(object).map(drop)
    });
    match list {
        Value::Null => problems.errors.push(places.problem(
            "model_list",
            "expected a list of at least one deployment, got nothing",
        )),
        Value::Array(entries) if entries.is_empty() => problems.errors.push(places.problem(
            "model_list",
            "expected at least one deployment, got an empty list",
        )),
        Value::Array(entries) => {
            for (i, entry) in entries.into_iter().enumerate() {
                // With what holds for all: one may be right only with that.
                let mut alone = shared.clone();
                alone.insert("model_list".to_owned(), Value::Array(vec![entry]));
                tell_all(places, Some(i), &mut alone, problems, |object| {
                    fleet(object).map(drop)
                });
            }
        }
        other => {
            let wrong = format!("expected a list, got {}", kind(&other));
            problems.errors.push(places.problem("model_list", &wrong));
        }
    }
    if problems.errors.len() > before {
        return None;
    }
    match fleet(object.clone()) {
        Ok(fleet) => Some(fleet),
        Err(_) => {
            let mut object = object;
            tell_all(places, None, &mut object, problems, |object| {
                fleet(object).map(drop)
            });
            None
        }
    }
}

fn fleet(object: Object) -> mishikallm::Result<Fleet> {
    let config = ClientConfig {
        only_listed: true,
        ..ClientConfig::from_object(object)?
    };
    let fleet = mishikallm::client::fleet(config)?;
    Connector::new(fleet.config())?;
    Ok(fleet)
}

/// Reads, tells what is wrong, takes that out, and reads again. `entry`: the one of the model list that is read by itself.
fn tell_all(
    places: &Places<'_>,
    entry: Option<usize>,
    object: &mut Object,
    problems: &mut Problems,
    read: impl Fn(Object) -> mishikallm::Result<()>,
) {
    for _ in 0..MOST {
        let Err(e) = read(object.clone()) else {
            return;
        };
        let problem = places.of_library(&e, entry);
        // What an earlier mistake led to is not told as well.
        let path = |text: &str| text.split(": ").next().map(str::to_owned);
        let is_told = problems
            .errors
            .iter()
            .any(|p| p.line == problem.line && path(&p.text) == path(&problem.text));
        if !is_told {
            problems.errors.push(problem);
        }
        if !take_out(object, &Places::of_message(&e).0) {
            return;
        }
    }
}

/// Takes out what an error of the library is about; `false`: that cannot be.
fn take_out(object: &mut Object, place: &str) -> bool {
    let remove = |object: Option<&mut Value>, key: &str| -> bool {
        let object = object.and_then(Value::as_object_mut);
        object.is_some_and(|object| object.shift_remove(key).is_some())
    };
    let first = |path: &str| path.split(['.', '[']).next().unwrap_or_default().to_owned();
    if let Some((_, rest)) = place
        .split_once("]")
        .filter(|_| place.starts_with("model_list["))
    {
        let rest = rest.trim_start_matches('.');
        let rest = rest.strip_prefix("mishikallm_params.").unwrap_or(rest);
        let key = first(rest.strip_prefix("model_info.").unwrap_or(rest));
        // Without these there is no deployment whose other fields could be read.
        if matches!(key.as_str(), "" | "model" | "model_name") {
            return false;
        }
        let Some(entry) = object
            .get_mut("model_list")
            .and_then(|list| list.get_mut(0))
        else {
            return false;
        };
        return ["mishikallm_params", "model_info"]
            .iter()
            .any(|part| remove(entry.get_mut(part), &key));
    }
    let key = first(place.strip_prefix("router_settings.").unwrap_or(place));
    remove(object.get_mut("router_settings"), &key) || object.shift_remove(&key).is_some()
}
