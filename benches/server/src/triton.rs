//! Triton's side of the wire: which reply a request gets. Replies are made once and kept.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Reply, Request};
use crate::model::{Model, Writing};

/// 16 words; the clients look for them in what they get.
const TEXT: &str =
    "The quick brown fox jumps over the lazy dog and then some more words follow it.";

#[derive(Default)]
pub struct Triton {
    pub stats: Stats,
    last_post: Vec<u8>,
    replies: HashMap<(String, bool), Rc<Reply>>,
}

#[derive(Default)]
pub struct Stats {
    pub connections: u64,
    /// Connections that were closed in the middle of a reply.
    pub abandoned: u64,
    gets: u64,
    posts: u64,
}

impl Triton {
    pub fn reply(&mut self, request: &Request) -> Rc<Reply> {
        match (request.method, request.path) {
            ("GET", "/stats") => Rc::new(Reply::json("200 OK", self.stats.to_json())),
            ("GET", "/last") => Rc::new(Reply::with_length(
                "200 OK",
                "application/octet-stream",
                &self.last_post,
            )),
            ("GET", path) => {
                self.stats.gets += 1;
                self.kept(path, false, || get(path))
            }
            ("POST", path) => {
                self.stats.posts += 1;
                self.last_post.clear();
                self.last_post.extend_from_slice(request.raw);
                let Ok(body) = serde_json::from_slice::<Value>(request.json) else {
                    return Rc::new(error(
                        "400 Bad Request",
                        "failed to parse the request JSON buffer",
                    ));
                };
                let binary = wants_binary(&body);
                self.kept(path, binary, || post(path, binary))
            }
            _ => Rc::new(error("405 Method Not Allowed", "Method Not Allowed")),
        }
    }

    fn kept(&mut self, path: &str, binary: bool, make: impl FnOnce() -> Reply) -> Rc<Reply> {
        let reply = self
            .replies
            .entry((path.to_owned(), binary))
            .or_insert_with(|| Rc::new(make()));
        Rc::clone(reply)
    }
}

impl Stats {
    fn to_json(&self) -> Value {
        json!({
            "connections": self.connections, "abandoned": self.abandoned, "gets": self.gets, "posts": self.posts,
        })
    }
}

fn get(path: &str) -> Reply {
    if path == "/v2" {
        return Reply::json(
            "200 OK",
            json!({"name": "triton", "version": "2.51.0", "extensions": ["binary_tensor_data"]}),
        );
    }
    let Some((name, action)) = model_and_action(path) else {
        return match path {
            "/v2/health/live" | "/v2/health/ready" => {
                Reply::with_length("200 OK", "text/plain", b"")
            }
            _ => error("404 Not Found", "Not Found"),
        };
    };
    if name.starts_with("plain_") {
        return error("404 Not Found", "Not Found");
    }
    let model = Model::from_name(name);
    match action {
        "" => Reply::json("200 OK", model.metadata(name)),
        "config" => Reply::json("200 OK", model.config(name)),
        "ready" => Reply::with_length("200 OK", "text/plain", b""),
        _ => error("404 Not Found", "Not Found"),
    }
}

fn post(path: &str, binary: bool) -> Reply {
    let Some((name, action)) = model_and_action(path) else {
        return error("404 Not Found", "Not Found");
    };
    let model = Model::from_name(name.strip_prefix("plain_").unwrap_or(name));
    match (action, model) {
        ("generate", _) => Reply::chunked(
            "application/json",
            [text_output(name, TEXT)].into_iter(),
            Duration::ZERO,
        )
        .in_one_write(),
        ("generate_stream", Model::Stream { events, writing }) => {
            let tokens = (0..events).map(|i| format!("token{} ", i % 10));
            event_stream(name, tokens, writing)
        }
        ("generate_stream", _) => {
            let words = TEXT.split_inclusive(' ').map(str::to_owned);
            event_stream(name, words, Writing::AllAtOnce)
        }
        ("infer", Model::Embedding { rows, columns }) => {
            infer_reply(name, &embeddings(rows, columns), binary)
        }
        ("infer", _) => infer_reply(name, &text_tensor(), binary),
        _ => error("404 Not Found", "Not Found"),
    }
}

/// `/v2/models/NAME[/versions/V][/ACTION]`
fn model_and_action(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix("/v2/models/")?;
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    let action = match rest.strip_prefix("versions/") {
        Some(version) => version.split_once('/').map_or("", |(_, action)| action),
        None => rest,
    };
    Some((name, action))
}

/// The binary extension is asked for by the whole request or by one output; these models have one output.
fn wants_binary(body: &Value) -> bool {
    let by_output = |output: &Value| output["parameters"]["binary_data"] == true;
    body["parameters"]["binary_data_output"] == true
        || body["outputs"]
            .as_array()
            .is_some_and(|outputs| outputs.iter().any(by_output))
}

fn error(status: &str, message: &str) -> Reply {
    Reply::json(status, json!({"error": message}))
}

fn text_output(name: &str, text: &str) -> String {
    json!({"model_name": name, "model_version": "1", "text_output": text}).to_string()
}

fn event_stream(name: &str, texts: impl Iterator<Item = String>, writing: Writing) -> Reply {
    let events = texts.map(|text| format!("data: {}\n\n", text_output(name, &text)));
    let content_type = "text/event-stream; charset=utf-8";
    match writing {
        Writing::AllAtOnce => Reply::chunked(content_type, events, Duration::ZERO).in_one_write(),
        Writing::EachEvent { pause } => Reply::chunked(content_type, events, pause),
    }
}

/// An output tensor in both of the forms that Triton can send it.
struct Output {
    name: &'static str,
    datatype: &'static str,
    shape: Vec<usize>,
    data: Value,
    bytes: Vec<u8>,
}

fn infer_reply(model: &str, output: &Output, binary: bool) -> Reply {
    let mut tensor =
        json!({"name": output.name, "datatype": output.datatype, "shape": output.shape});
    if binary {
        tensor["parameters"] = json!({"binary_data_size": output.bytes.len()});
    } else {
        tensor["data"] = output.data.clone();
    }
    let header =
        json!({"model_name": model, "model_version": "1", "outputs": [tensor]}).to_string();
    if binary {
        let content_type = format!(
            "application/octet-stream\r\nInference-Header-Content-Length: {}",
            header.len()
        );
        Reply::with_length(
            "200 OK",
            &content_type,
            &[header.as_bytes(), &output.bytes].concat(),
        )
    } else {
        Reply::json("200 OK", header)
    }
}

fn text_tensor() -> Output {
    let length = TEXT.len() as u32;
    Output {
        name: "text_output",
        datatype: "BYTES",
        shape: vec![1],
        data: json!([TEXT]),
        bytes: [&length.to_le_bytes(), TEXT.as_bytes()].concat(),
    }
}

fn embeddings(rows: usize, columns: usize) -> Output {
    let values: Vec<f32> = (0..rows * columns).map(value).collect();
    Output {
        name: "embedding",
        datatype: "FP32",
        shape: vec![rows, columns],
        // Triton prints an FP32 as the double that it is equal to: some 20 digits.
        data: values.iter().map(|&value| f64::from(value)).collect(),
        bytes: values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
    }
}

/// Between -0.1 and 0.1, with all the digits that a real embedding has; the same in every run.
fn value(index: usize) -> f32 {
    let hash = (index as u32).wrapping_mul(2_654_435_761);
    let hash = hash ^ (hash >> 15);
    (hash as f32 / u32::MAX as f32) * 0.2 - 0.1
}
