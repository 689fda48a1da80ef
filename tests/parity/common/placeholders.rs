//! Names in angle brackets, in the vectors, for what is known only when a vector runs.

use serde_json::Value;

pub const UPSTREAM: &str = "<upstream>";
pub const CLOSED_PORT: &str = "<closed-port>";
pub const ESTIMATED: &str = "<estimated>";
pub const ID: &str = "<id>";
pub const INTEGER: &str = "<integer>";

/// The same value with these names filled in, in every string.
pub fn fill(value: &Value, names: &[(&str, &str)]) -> Value {
    match value {
        Value::String(text) => Value::String(
            names
                .iter()
                .fold(text.clone(), |text, (name, with)| text.replace(name, with)),
        ),
        Value::Array(list) => list.iter().map(|item| fill(item, names)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| (key.clone(), fill(item, names)))
            .collect(),
        other => other.clone(),
    }
}

/// The first placeholder of a vector that nothing here fills or checks. A whole string in brackets is one, and any
/// brackets in an address. `message_contains`, `message_excludes` and what the upstream says are taken as they are.
pub fn unknown(vector: &Value) -> Option<String> {
    let parts = vector.as_object()?;
    parts.iter().find_map(|(key, part)| match key.as_str() {
        "request" => find(part, &[UPSTREAM, CLOSED_PORT], false),
        "upstream" | "lookups" | "error" | "why" => None,
        _ => find(
            part,
            &[UPSTREAM, CLOSED_PORT, ESTIMATED, ID, INTEGER],
            false,
        ),
    })
}

/// The first of a value that is none of the `known`; in an `address`, any brackets are one.
pub fn find(value: &Value, known: &[&str], address: bool) -> Option<String> {
    match value {
        Value::String(text) => {
            let rest = known
                .iter()
                .fold(text.clone(), |text, name| text.replace(name, ""));
            let odd = if address {
                rest.contains(['<', '>'])
            } else {
                is_name(&rest)
            };
            odd.then_some(text.clone())
        }
        Value::Array(list) => list.iter().find_map(|item| find(item, known, address)),
        Value::Object(map) => map.iter().find_map(|(key, item)| {
            find(
                item,
                known,
                matches!(key.as_str(), "api_base" | "base_url" | "path"),
            )
        }),
        _ => None,
    }
}

/// `<name>` and nothing else.
fn is_name(text: &str) -> bool {
    let inner = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'));
    inner.is_some_and(|name| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '-' || c == '_')
    })
}
