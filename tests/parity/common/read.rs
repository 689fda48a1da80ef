//! Vectors are read strictly: a key that is not known, or of another kind, is told.

use serde_json::{Map, Value};

pub fn known_keys(what: &str, map: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("{what} has the unknown key {key}")),
        None => Ok(()),
    }
}

/// The value under a key that may be absent but not of another kind.
pub fn optional<'a, T>(
    map: &'a Map<String, Value>,
    key: &str,
    take: fn(&'a Value) -> Option<T>,
) -> Result<Option<T>, String> {
    match map.get(key) {
        None => Ok(None),
        Some(value) => take(value)
            .map(Some)
            .ok_or(format!("{key} has the wrong kind: {value}")),
    }
}

/// A text that has to be there.
pub fn text(map: &Map<String, Value>, key: &str) -> Result<String, String> {
    Ok(optional(map, key, Value::as_str)?
        .ok_or(format!("{key} is missing"))?
        .to_string())
}

/// One of these words.
pub fn one_of(map: &Map<String, Value>, key: &str, known: &[&str]) -> Result<String, String> {
    let value = text(map, key)?;
    if known.contains(&value.as_str()) {
        Ok(value)
    } else {
        Err(format!("unknown {key} {value}"))
    }
}

/// By model, what the fake server answers to look-ups.
pub fn lookups(map: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let Some(lookups) = map.get("lookups") else {
        return Ok(Map::new());
    };
    let lookups = lookups.as_object().ok_or("lookups must be an object")?;
    for (model, answers) in lookups {
        let answers = answers
            .as_object()
            .ok_or(format!("the look-up of {model} must be an object"))?;
        known_keys("a look-up", answers, &["metadata", "config"])?;
    }
    Ok(lookups.clone())
}
