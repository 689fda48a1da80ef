//! What the server says: fixed replies, told apart by the path, and streams, told apart by the model's name.

use crate::server::{Counted, Counts};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// How long the metadata of a model takes whose name ends in `-late`: long enough to be cancelled.
const LATE: Duration = Duration::from_millis(200);

pub struct Request {
    pub method: String,
    pub path: String,
    pub head: String,
    pub body: Value,
}

pub enum Reply {
    Json(&'static str, Value),
    /// Bytes as they are; then the connection ends.
    Raw(&'static [u8]),
    /// Nothing, until the client gives up.
    Silence,
    Stream(Script),
}

/// The events of a stream, and how it ends.
pub struct Script {
    texts: Vec<String>,
    /// Before each event.
    pub apart: Duration,
    endless: bool,
    /// Told in an event.
    error: Option<&'static str>,
    pub then: Then,
}

pub enum Then {
    End,
    /// The connection is closed in the middle.
    Cut,
    /// Nothing more, until the client gives up.
    Silence,
}

impl Script {
    /// `KIND-N-MS` gives N events, each after so many milliseconds, and ends as the kind says: `say`, `error`, `cut`,
    /// `silent`, or never: `endless`. Any other model answers with what it was asked, word by word.
    fn new(model: &str, prompt: &str) -> Script {
        let mut parts = model.split('-');
        let kind = parts.next().unwrap_or_default();
        let numbers: Vec<u64> = parts.map_while(|n| n.parse().ok()).collect();
        let [count, apart] = numbers[..] else {
            return Script {
                texts: format!("echo: {prompt}")
                    .split_inclusive(' ')
                    .map(str::to_owned)
                    .collect(),
                apart: Duration::ZERO,
                endless: false,
                error: None,
                then: Then::End,
            };
        };
        Script {
            texts: (0..count).map(|i| format!("{i} ")).collect(),
            apart: Duration::from_millis(apart),
            endless: kind == "endless",
            error: (kind == "error").then_some("the model exploded midway"),
            then: match kind {
                "cut" => Then::Cut,
                "silent" => Then::Silence,
                _ => Then::End,
            },
        }
    }

    pub fn events(&self) -> impl Iterator<Item = Value> {
        let event = |text: &str| json!({"model_version": "1", "text_output": text});
        let more = (0..)
            .take_while(|_| self.endless)
            .map(move |_| event("more "));
        let error = self.error.map(|error| json!({ "error": error }));
        self.texts
            .iter()
            .map(move |text| event(text))
            .chain(more)
            .chain(error)
    }
}

pub fn reply(request: &Request, counts: &Counts) -> Reply {
    let ok = |body| Reply::Json("200 OK", body);
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let prompt = request.body["text_input"].as_str().unwrap_or_default();
    match (request.method.as_str(), path.as_slice()) {
        // A Triton whose every model is a decoupled one that answers with what it was asked.
        ("GET", ["v2", "health", "ready"] | ["v2", "models", _, "ready"]) => ok(Value::Null),
        ("POST", ["v2", "repository", "index"]) => {
            ok(json!([{"name": "llm", "version": "1", "state": "READY"}]))
        }
        ("GET", ["v2", "models", "mute"]) => Reply::Silence,
        ("GET", ["v2", "models", name]) => {
            if name.ends_with("-late") {
                let _silent = Counted::new(&counts.silent);
                thread::sleep(LATE);
            }
            ok(json!({
                "name": name,
                "versions": ["1"],
                "platform": "python",
                "inputs": [{"name": "text_input", "datatype": "BYTES", "shape": [1]}],
                "outputs": [{"name": "text_output", "datatype": "BYTES", "shape": [1]}],
            }))
        }
        ("GET", ["v2", "models", name, "config"]) => ok(json!({
            "name": name,
            "max_batch_size": 0,
            "model_transaction_policy": {"decoupled": true},
        })),
        ("POST", ["v2", "models", _, "generate"]) => ok(json!({
            "model_version": "1",
            "text_output": format!("echo: {prompt}"),
        })),
        ("POST", ["v2", "models", name, "generate_stream"]) => {
            Reply::Stream(Script::new(name, prompt))
        }

        // Endpoints of a gateway: one that does the same, one that embeds, and ones that fail.
        ("POST", ["echo", "generate"]) => ok(json!({ "text_output": format!("echo: {prompt}") })),
        ("POST", ["vectors", "infer"]) => ok(json!({
            "model_name": "vectors",
            "outputs": [{"name": "embedding", "datatype": "FP32", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6.5]}],
        })),
        ("POST", ["binary", "infer"]) => Reply::Raw(
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 133\r\ninference-header-content-length: 117\r\n\r\n\
              {\"model_name\":\"binary\",\"outputs\":[{\"name\":\"e\",\"datatype\":\"FP32\",\"shape\":[2,2],\"parameters\":{\"binary_data_size\":16}}]}\
              \x00\x00\xc0\x3f\x00\x00\x00\xc0\x00\x00\x80\x3e\x00\x00\xd0\x40",
        ),
        ("POST", ["long", "generate"]) => ok(json!({"text_output": "x".repeat(1 << 20)})),
        ("POST", ["other", "generate"]) => ok(json!({"hello": "world"})),
        ("POST", ["list", "generate"]) => ok(json!([1, 2, 3])),
        ("POST", ["hidden", "generate"]) => ok(json!({"error": "the model exploded"})),
        ("POST", ["silent", "generate" | "infer"]) => Reply::Silence,
        ("POST", ["count", which, "generate"]) => {
            let count = match *which {
                "silent" => &counts.silent,
                "streaming" => &counts.streaming,
                "left" => &counts.left,
                _ => &counts.accepted,
            };
            ok(json!({"text_output": count.load(Ordering::SeqCst).to_string()}))
        }
        ("POST", ["busy", "generate" | "generate_stream"]) => Reply::Json(
            "503 Service Unavailable\r\nretry-after: 7",
            json!({"error": "the queue is full"}),
        ),
        // Some servers repeat what they were sent.
        ("POST", ["repeats", "generate"]) => Reply::Json(
            "400 Bad Request",
            json!({ "error": format!("not understood: {}", request.head) }),
        ),
        ("POST", ["noise", "generate"]) => Reply::Raw(b"220 mail ready\r\n"),
        ("POST", ["nothing", "generate"]) => Reply::Raw(b""),
        ("POST", ["page", "generate"]) => {
            Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n<html></html>")
        }
        ("POST", ["cut", "generate"]) => {
            Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"text_output\":\"a")
        }
        _ => Reply::Json("404 Not Found", json!({"error": "no such path"})),
    }
}
