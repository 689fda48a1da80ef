//! One vector: read from JSON, refused when anything about it is not understood.

use serde_json::{Map, Value};

use crate::placeholders;
use crate::read::{known_keys, lookups, one_of, optional, text};
use crate::reply::Reply;
use crate::sent::Sent;

/// The keys a vector may have.
const KEYS: &[&str] = &[
    "id",
    "category",
    "kind",
    "derived",
    "why",
    "operation",
    "request",
    "upstream",
    "lookups",
    "sent",
    "sent_any",
    "sent_includes",
    "returned",
    "chunks",
    "text",
    "finish_reason",
    "error",
    "seconds_at_least",
];
const STREAM_ONLY: &[&str] = &["chunks", "text", "finish_reason"];

pub struct Vector {
    pub id: String,
    pub kind: String,
    pub why: String,
    pub operation: String,
    pub request: Value,
    pub streams: bool,
    pub replies: Vec<Reply>,
    pub lookups: Map<String, Value>,
    pub sent: Sent,
    pub returned: Option<Value>,
    pub chunks: Option<Vec<Value>>,
    pub text: Option<String>,
    pub finish_reason: Option<Value>,
    pub error: Option<Value>,
    pub seconds_at_least: f64,
}

impl Vector {
    pub fn read(raw: &Value) -> Result<Vector, String> {
        let map = raw.as_object().ok_or("a vector is an object")?;
        known_keys("the vector", map, KEYS)?;
        let request = map
            .get("request")
            .filter(|r| r.is_object())
            .ok_or("request must be an object")?;
        if let Some(name) = placeholders::unknown(raw) {
            return Err(format!("unknown placeholder {name}"));
        }
        let vector = Vector {
            id: text(map, "id")?,
            kind: one_of(map, "kind", &["match", "improve"])?,
            why: map
                .get("why")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_string(),
            operation: one_of(
                map,
                "operation",
                &["chat.completions", "completions", "embeddings"],
            )?,
            request: request.clone(),
            streams: streams(raw),
            replies: Reply::read_all(map.get("upstream").ok_or("upstream is missing")?)?,
            lookups: lookups(map)?,
            sent: Sent::read(map)?,
            returned: map.get("returned").cloned(),
            chunks: optional(map, "chunks", Value::as_array)?.cloned(),
            text: optional(map, "text", Value::as_str)?.map(str::to_string),
            finish_reason: map.get("finish_reason").cloned(),
            error: map.get("error").map(error).transpose()?,
            seconds_at_least: optional(map, "seconds_at_least", Value::as_f64)?.unwrap_or(0.0),
        };
        vector.has_one_outcome(map)?;
        Ok(vector)
    }

    fn has_one_outcome(&self, map: &Map<String, Value>) -> Result<(), String> {
        if self.streams {
            return match (&self.returned, self.text.is_some() || self.error.is_some()) {
                (None, true) => Ok(()),
                _ => {
                    Err("a stream has chunks, a text or an error, and is not returned".to_string())
                }
            };
        }
        if let Some(key) = STREAM_ONLY.iter().find(|key| map.contains_key(**key)) {
            return Err(format!("{key} without stream"));
        }
        match (&self.returned, &self.error) {
            (Some(Value::Object(_)), None) | (None, Some(_)) => Ok(()),
            _ => Err("needs returned (an object) or error, not both".to_string()),
        }
    }

    /// The models' inputs and outputs that the look-ups declare.
    pub fn declares(&self, name: &str) -> bool {
        self.lookups.values().any(|model| {
            let inputs = model["metadata"]["inputs"].as_array();
            inputs.is_some_and(|list| list.iter().any(|input| input["name"] == name))
        })
    }
}

/// Whether this is for `stream_open` instead of `invoke`.
pub fn streams(raw: &Value) -> bool {
    raw["request"]["stream"] == Value::Bool(true)
}

fn error(error: &Value) -> Result<Value, String> {
    let map = error.as_object().ok_or("error must be an object")?;
    known_keys(
        "error",
        map,
        &[
            "status",
            "type",
            "code",
            "param",
            "message_contains",
            "message_excludes",
        ],
    )?;
    for key in ["message_contains", "message_excludes"] {
        let strings = |list: &Vec<Value>| list.iter().all(Value::is_string);
        if !optional(map, key, Value::as_array)?.is_none_or(strings) {
            return Err(format!("error.{key} must be a list of strings"));
        }
    }
    Ok(error.clone())
}
