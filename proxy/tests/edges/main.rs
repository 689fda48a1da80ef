//! The proxy at its edges: how it begins, changes and ends, and what it does with clients, names and servers that are out of the ordinary.

#[allow(dead_code, reason = "the library's tests use all of it")]
#[path = "../../../tests/client/certificates.rs"]
mod certificates;
#[path = "../../../tests/parity/common/mod.rs"]
mod common;
mod credentials;
mod end;
mod failover;
mod http;
mod listen;
mod names;
mod reload;
#[path = "../running/mod.rs"]
mod running;
#[allow(dead_code, reason = "the relay's tests use all of it")]
#[path = "../relay/support.rs"]
mod support;
mod tls;

use common::http::Response;
use running::Proxy;
use running::client::{ask, request};
use serde_json::{Value, json};
use support::Upstream;

const CHAT: &str = "/v1/chat/completions";

/// A configuration with these deployments and settings; JSON is YAML.
fn config(list: Value, more: Value) -> String {
    let mut config = json!({"model_list": list, "router_settings": {"num_retries": 0}});
    let all = config.as_object_mut().expect("an object");
    all.extend(more.as_object().expect("an object").clone());
    config.to_string()
}

/// A proxy with these deployments and settings, and these arguments.
fn proxy(list: Value, more: Value, arguments: &[&str]) -> Proxy {
    let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
    let config = config(list, more);
    Proxy::start(Some(&config), &arguments, &[]).unwrap_or_else(|why| panic!("{why}"))
}

/// A deployment at `base`, as one of the list.
fn entry(name: &str, model: &str, base: &str) -> Value {
    json!({"model_name": name, "mishikallm_params": {"model": model, "api_base": base}})
}

/// The one deployment of most tests: `m`, at an endpoint that nobody describes.
fn one(upstream: &Upstream) -> Value {
    json!([entry("m", "triton/m", &at(upstream, "/x/generate"))])
}

/// The URL of an upstream.
fn at(upstream: &Upstream, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", upstream.port)
}

/// A server that answers every request with these words.
fn saying(words: &'static str) -> Upstream {
    Upstream::new(move |mut peer| {
        while peer.request().is_some() {
            peer.reply(200, &json!({"text_output": words}));
        }
    })
}

/// The body of a chat; `more` beats what is there.
fn body(more: &Value) -> Vec<u8> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    let all = body.as_object_mut().expect("an object");
    all.extend(more.as_object().expect("an object").clone());
    body.to_string().into_bytes()
}

/// A chat as a whole request.
fn chat_request(more: &Value) -> Vec<u8> {
    request("POST", CHAT, &[], &body(more))
}

/// A chat on a connection of its own.
fn chat(proxy: &Proxy, more: &Value) -> Response {
    ask(&proxy.host, "POST", CHAT, &[], &body(more)).expect("an answer")
}

/// The JSON of an answer.
#[track_caller]
fn json_of(answer: &Response) -> Value {
    let text = answer.text();
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"))
}

/// What an answer says.
#[track_caller]
fn said(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let content = &json_of(answer)["choices"][0]["message"]["content"];
    content.as_str().expect("a text").to_owned()
}
