//! The proxy at its edges: how it begins, changes and ends, and what it does with clients, names and servers that are out of the ordinary.

mod credentials;
mod end;
mod failover;
mod http;
mod listen;
mod names;
mod reload;
mod tls;

use running::Proxy;
use running::client::{ask, request};
use running::common::http::Response;
use running::settings::{self, entry, with};
use running::upstream::Upstream;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

/// A configuration with these deployments and settings; JSON is YAML.
fn config(list: Value, more: Value) -> String {
    let config = json!({"model_list": list, "router_settings": {"num_retries": 0}});
    with(config, &more).to_string()
}

/// A proxy with these deployments and settings, and these arguments.
fn proxy(list: Value, more: Value, arguments: &[&str]) -> Proxy {
    let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
    let config = config(list, more);
    Proxy::start(Some(&config), &arguments, &[]).unwrap_or_else(|why| panic!("{why}"))
}

/// The one deployment of most tests: `m`, at an endpoint that nobody describes.
fn one(upstream: &Upstream) -> Value {
    json!([entry("m", "triton/m", &upstream.at("/x/generate"))])
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
    settings::chat(more).to_string().into_bytes()
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
