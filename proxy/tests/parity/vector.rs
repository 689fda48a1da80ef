//! One vector: read from JSON, refused when anything about it is not understood.

// The tests `parity` and `sdk` each use a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use running::common::placeholders::{self, CLOSED_PORT, ESTIMATED, ID, INTEGER, UPSTREAM};
use running::common::read::{known_keys, lookups, one_of, optional, text};
use running::common::reply::Script;
use running::common::sent::Sent;

pub const MASTER_KEY: &str = "<master-key>";
pub const PROXY: &str = "<proxy>";

const KEYS: &[&str] = &[
    "id",
    "category",
    "kind",
    "derived",
    "why",
    "config",
    "command",
    "env",
    "before",
    "request",
    "times",
    "client_closes_after_seconds",
    "lookups",
    "upstream",
    "sent",
    "sent_any",
    "sent_includes",
    "response",
    "sdk_call",
    "expect",
];

pub struct Vector {
    pub id: String,
    pub why: String,
    pub config: Option<Value>,
    pub command: Vec<String>,
    pub env: Vec<(String, String)>,
    pub lookups: Map<String, Value>,
    pub script: Script,
    pub task: Task,
}

pub enum Task {
    /// Requests of ours, and what has to come of them.
    Http(Box<Http>),
    /// A call in OpenAI's Python SDK, and what to expect, in words.
    Sdk { call: String, expect: String },
}

pub struct Http {
    pub before: Vec<Request>,
    pub request: Request,
    pub times: usize,
    pub closes_after: Option<f64>,
    pub sent: Sent,
    pub response: Response,
}

#[derive(Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What is not said is not checked.
#[derive(Default)]
pub struct Response {
    pub status: Option<Value>,
    pub headers: Map<String, Value>,
    pub body: Option<Value>,
    pub frames: Option<Vec<Value>>,
    pub text_excludes: Vec<String>,
    pub statuses: Option<Value>,
    pub upstream_counts: BTreeMap<String, (usize, usize)>,
    pub last: Option<Last>,
    pub closed_within: Option<f64>,
}

/// Of the last of several requests.
pub struct Last {
    pub status: Option<Value>,
    pub headers: Map<String, Value>,
    pub upstream_requests: Option<usize>,
}

impl Vector {
    pub fn read(raw: &Value) -> Result<Vector, String> {
        let map = raw.as_object().ok_or("a vector is an object")?;
        known_keys("the vector", map, KEYS)?;
        one_of(map, "kind", &["match", "improve"])?;
        if let Some(name) = unknown_placeholder(map) {
            return Err(format!("unknown placeholder {name}"));
        }
        let config = map.get("config").cloned();
        let command = strings(map, "command")?;
        if config.is_some() != command.is_empty() {
            return Err("needs config or command, not both".to_string());
        }
        Ok(Vector {
            id: text(map, "id")?,
            why: optional(map, "why", Value::as_str)?
                .unwrap_or_default()
                .to_string(),
            config,
            command,
            env: pairs(map, "env")?,
            lookups: lookups(map)?,
            script: script(map)?,
            task: task(map)?,
        })
    }
}

fn task(map: &Map<String, Value>) -> Result<Task, String> {
    if map.contains_key("sdk_call") {
        let only = [
            "id", "category", "kind", "why", "config", "upstream", "sdk_call", "expect",
        ];
        known_keys("a call in the SDK", map, &only)?;
        return Ok(Task::Sdk {
            call: text(map, "sdk_call")?,
            expect: text(map, "expect")?,
        });
    }
    if map.contains_key("expect") {
        return Err("expect without sdk_call".to_string());
    }
    let before = optional(map, "before", Value::as_array)?;
    let before = before.map_or(&[][..], Vec::as_slice).iter().map(request);
    let times = optional(map, "times", Value::as_u64)?.unwrap_or(1) as usize;
    let response = response(map.get("response").ok_or("response is missing")?)?;
    let closes_after = optional(map, "client_closes_after_seconds", Value::as_f64)?;
    if closes_after.is_some() != response.closed_within.is_some() {
        return Err("a client that closes needs a time for the upstream's connection".to_string());
    }
    let repeated = response.statuses.is_some() || response.last.is_some();
    if repeated != (times > 1) {
        return Err(
            "statuses and last are for repeated requests, and repeated requests need one"
                .to_string(),
        );
    }
    Ok(Task::Http(Box::new(Http {
        before: before.collect::<Result<_, _>>()?,
        request: request(map.get("request").ok_or("request is missing")?)?,
        times,
        closes_after,
        sent: match ["sent", "sent_any", "sent_includes"]
            .iter()
            .any(|key| map.contains_key(*key))
        {
            true => Sent::read(map)?,
            // What is not said is not checked.
            false => Sent::Free(None),
        },
        response,
    })))
}

fn request(raw: &Value) -> Result<Request, String> {
    let map = raw.as_object().ok_or("a request is an object")?;
    known_keys(
        "a request",
        map,
        &["method", "path", "headers", "body", "raw"],
    )?;
    let body = match (map.get("body"), optional(map, "raw", Value::as_str)?) {
        (Some(json), None) => json.to_string().into_bytes(),
        (None, raw) => raw.unwrap_or_default().as_bytes().to_vec(),
        _ => return Err("a request has body or raw, not both".to_string()),
    };
    Ok(Request {
        method: text(map, "method")?,
        path: text(map, "path")?,
        headers: pairs(map, "headers")?,
        body,
    })
}

fn response(raw: &Value) -> Result<Response, String> {
    let map = raw.as_object().ok_or("the response is an object")?;
    let known = [
        "status",
        "headers",
        "body",
        "frames",
        "text_excludes",
        "statuses",
        "upstream_counts",
        "last",
        "upstream_connection_closed_within_seconds",
    ];
    known_keys("the response", map, &known)?;
    let frames = optional(map, "frames", Value::as_array)?.cloned();
    if frames.is_some() && map.contains_key("body") {
        return Err("a response has body or frames, not both".to_string());
    }
    let mut upstream_counts = BTreeMap::new();
    for (path, range) in optional(map, "upstream_counts", Value::as_object)?
        .into_iter()
        .flatten()
    {
        let ends: [usize; 2] = serde_json::from_value(range.clone())
            .map_err(|why| format!("upstream_counts of {path}: {why}"))?;
        upstream_counts.insert(path.clone(), (ends[0], ends[1]));
    }
    Ok(Response {
        status: map.get("status").cloned(),
        headers: header_map(map)?,
        body: map.get("body").cloned(),
        frames,
        text_excludes: strings(map, "text_excludes")?,
        statuses: map.get("statuses").cloned(),
        upstream_counts,
        last: map.get("last").map(last).transpose()?,
        closed_within: optional(
            map,
            "upstream_connection_closed_within_seconds",
            Value::as_f64,
        )?,
    })
}

fn last(raw: &Value) -> Result<Last, String> {
    let map = raw.as_object().ok_or("last is an object")?;
    known_keys("last", map, &["status", "headers", "upstream_requests"])?;
    Ok(Last {
        status: map.get("status").cloned(),
        headers: header_map(map)?,
        upstream_requests: optional(map, "upstream_requests", Value::as_u64)?
            .map(|number| number as usize),
    })
}

fn script(map: &Map<String, Value>) -> Result<Script, String> {
    let Some(upstream) = optional(map, "upstream", Value::as_object)? else {
        return Ok(Script::new(Vec::new()));
    };
    known_keys("the upstream", upstream, &["replies"])?;
    let replies = optional(upstream, "replies", Value::as_object)?;
    Script::by_path(replies.ok_or("the upstream has no replies")?)
}

fn header_map(map: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let headers = optional(map, "headers", Value::as_object)?
        .cloned()
        .unwrap_or_default();
    match headers.values().find(|value| !value.is_string()) {
        Some(odd) => Err(format!("a header is {odd}")),
        None => Ok(headers),
    }
}

fn pairs(map: &Map<String, Value>, key: &str) -> Result<Vec<(String, String)>, String> {
    let Some(pairs) = optional(map, key, Value::as_object)? else {
        return Ok(Vec::new());
    };
    let pair = |(name, value): (&String, &Value)| match value.as_str() {
        Some(value) => Ok((name.clone(), value.to_string())),
        None => Err(format!("{key}.{name} is {value}")),
    };
    pairs.iter().map(pair).collect()
}

fn strings(map: &Map<String, Value>, key: &str) -> Result<Vec<String>, String> {
    let Some(list) = optional(map, key, Value::as_array)? else {
        return Ok(Vec::new());
    };
    let string = |item: &Value| {
        item.as_str()
            .map(str::to_string)
            .ok_or(format!("{key} holds {item}"))
    };
    list.iter().map(string).collect()
}

/// What the upstream says, and words in prose, are taken as they are.
fn unknown_placeholder(map: &Map<String, Value>) -> Option<String> {
    let known = [
        UPSTREAM,
        CLOSED_PORT,
        MASTER_KEY,
        PROXY,
        ESTIMATED,
        ID,
        INTEGER,
    ];
    map.iter().find_map(|(key, part)| match key.as_str() {
        "upstream" | "lookups" | "why" | "expect" => None,
        _ => placeholders::find(part, &known, false),
    })
}
