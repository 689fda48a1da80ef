//! `fallbacks`: what a request wants to be asked instead when its own model fails.

use super::fleet::Fleet;
use crate::error::{Error, Result, Status};
use crate::json::{Fields, kind};
use crate::limits;
use serde_json::Value;

/// What belongs to one server.
const OF_ONE_SERVER: [&str; 5] = [
    "api_base",
    "base_url",
    "api_key",
    "extra_headers",
    "headers",
];

/// Takes `fallbacks` and gives each as a request of its own: the same request with the fallback's fields over it.
pub fn take(fields: &mut Fields, fleet: &Fleet) -> Result<Vec<Fields>> {
    let entries = match fields.take("fallbacks") {
        None => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries,
        Some(other) => {
            return Err(Error::argument(
                "fallbacks",
                format!("fallbacks: expected a list, got {}", kind(&other)),
            ));
        }
    };
    if entries.len() > limits::FALLBACKS {
        return Err(Error::argument(
            "fallbacks",
            format!(
                "fallbacks: expected at most {}, got {}",
                limits::FALLBACKS,
                entries.len()
            ),
        ));
    }
    let own = fields.clone().rest();
    entries
        .into_iter()
        .enumerate()
        .map(|(i, entry)| {
            let mut request = own.clone();
            match entry {
                Value::String(model) => {
                    // A name of the model list comes with its own server.
                    if fleet.knows(&model) {
                        OF_ONE_SERVER
                            .iter()
                            .for_each(|key| drop(request.remove(*key)));
                    }
                    request.insert("model".to_owned(), Value::String(model));
                }
                Value::Object(over) => {
                    let name = over.get("model").and_then(Value::as_str);
                    let is_listed = name.is_some_and(|name| fleet.knows(name));
                    if is_listed || over.contains_key("api_base") {
                        OF_ONE_SERVER
                            .iter()
                            .for_each(|key| drop(request.remove(*key)));
                    }
                    request.extend(over);
                }
                other => {
                    return Err(Error::argument(
                        "fallbacks",
                        format!(
                            "fallbacks[{i}]: expected a model's name or an object, got {}",
                            kind(&other)
                        ),
                    ));
                }
            }
            request.remove("fallbacks");
            Ok(Fields::new(request).with_raw_of(fields))
        })
        .collect()
}

/// The same request for a name of the model list, which comes with its own server.
pub fn to_listed(request: &Fields, model: &str) -> Fields {
    let mut request = request.clone();
    for key in OF_ONE_SERVER {
        request.take(key);
    }
    request.set("model", Value::from(model));
    request
}

/// Whether somebody else may do better: not when the caller is wrong.
pub fn may_help(error: &Error) -> bool {
    matches!(
        error.status(),
        Status::Connect
            | Status::Deadline
            | Status::Server
            | Status::Protocol
            | Status::Unavailable
    )
}
