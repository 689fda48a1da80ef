//! `fallbacks`: what a request wants to be asked instead when its own model fails.

use crate::error::{Error, Result, Status};
use crate::json::{Fields, kind};
use serde_json::Value;

/// Where credentials stand; they belong to one server.
const CREDENTIALS: [&str; 3] = ["api_key", "extra_headers", "headers"];

/// Takes `fallbacks` and gives each as a request of its own: the same request with the fallback's fields over it.
pub fn take(fields: &mut Fields) -> Result<Vec<Fields>> {
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
    let own = fields.clone().rest();
    entries
        .into_iter()
        .enumerate()
        .map(|(i, entry)| {
            let mut request = own.clone();
            match entry {
                Value::String(model) => {
                    request.insert("model".to_owned(), Value::String(model));
                }
                Value::Object(over) => {
                    if over.contains_key("api_base") {
                        for key in CREDENTIALS {
                            request.remove(key);
                        }
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
            Ok(Fields::new(request))
        })
        .collect()
}

/// Whether somebody else may do better: not when the caller is wrong, and not when the time is over.
pub fn may_help(error: &Error) -> bool {
    matches!(
        error.status(),
        Status::Connect | Status::Server | Status::Protocol | Status::Unavailable
    )
}
