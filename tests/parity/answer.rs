//! Whole answers: what the caller gets without a stream.

use serde_json::{Map, Value};

use crate::compare::{ANSWER, short, values};

pub fn check(
    operation: &str,
    want: &Value,
    text: &str,
    secrets: &[String],
    problems: &mut Vec<String>,
) {
    let Ok(Value::Object(mut got)) = serde_json::from_str::<Value>(text) else {
        return problems.push(format!("returned: not a JSON object: {text}"));
    };
    id("returned", operation, &got, problems);
    if operation != "embeddings"
        && got
            .get("usage")
            .is_some_and(|usage| usage.is_object() && usage["completion_tokens"].is_null())
    {
        problems.push(format!(
            "returned.usage: no completion_tokens in {}",
            short(&got["usage"])
        ));
    }
    for key in ["model", "usage"] {
        // A vector without them leaves them open.
        if want.get(key).is_none() {
            got.remove(key);
        }
    }
    values("returned", want, &Value::Object(got), ANSWER, problems);
    if let Some(key) = secrets.iter().find(|key| text.contains(key.as_str())) {
        problems.push(format!("leak: the key {key} in the answer"));
    }
}

/// `chatcmpl-…` and `cmpl-…`; embeddings have none.
pub fn id(path: &str, operation: &str, got: &Map<String, Value>, problems: &mut Vec<String>) {
    let prefix = match operation {
        "chat.completions" => "chatcmpl-",
        "completions" => "cmpl-",
        _ => return,
    };
    let told = got.get("id").and_then(Value::as_str).unwrap_or_default();
    if told.strip_prefix(prefix).is_none_or(str::is_empty) {
        problems.push(format!(
            "{path}.id: expected {prefix}…, got {:?}",
            got.get("id")
        ));
    }
}
