//! What the proxy tells of itself: its models, how they are, and what `--health` and `--test` make of that.

mod commands;
#[path = "../../../tests/parity/common/mod.rs"]
mod common;
mod health;
mod metrics;
mod models;
#[path = "../running/mod.rs"]
mod running;
mod scrape;
mod settings;
#[allow(dead_code, reason = "the relay's tests use all of it")]
#[path = "../relay/support.rs"]
mod support;

use common::http::Response;
use running::Proxy;
use running::client::ask;
use serde_json::{Value, json};
use support::{Peer, Upstream};

/// A proxy with these deployments and settings.
fn proxy(list: Value, more: Value) -> Proxy {
    Proxy::with_config(&config(list, more))
}

/// What it is started with.
fn config(list: Value, more: Value) -> String {
    let mut config = json!({"model_list": list});
    let all = config.as_object_mut().expect("an object");
    all.extend(more.as_object().expect("an object").clone());
    // JSON is YAML.
    config.to_string()
}

/// A deployment at `base`, as one of the list.
fn entry(name: &str, model: &str, base: &str) -> Value {
    json!({"model_name": name, "mishikallm_params": {"model": model, "api_base": base}})
}

/// The URL of an upstream.
fn at(upstream: &Upstream, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", upstream.port)
}

/// One request without a body.
fn send(proxy: &Proxy, method: &str, path: &str) -> Response {
    ask(&proxy.host, method, path, &[], b"").expect("an answer")
}

fn get(proxy: &Proxy, path: &str) -> (u16, Value) {
    let answer = send(proxy, "GET", path);
    let body = serde_json::from_str(&answer.text()).expect("JSON");
    (answer.status, body)
}

/// Whoever asks it for its models gets these.
fn index(peer: &mut Peer, names: &[&str]) {
    let entry = |name: &&str| json!({"name": name, "version": "1", "state": "READY"});
    peer.reply(200, &json!(names.iter().map(entry).collect::<Vec<_>>()));
}

/// The sorted `key`s of a list.
fn keys(list: &Value, key: &str) -> Vec<String> {
    let entries = list.as_array().expect("a list").iter();
    let mut keys: Vec<String> = entries
        .map(|entry| entry[key].as_str().expect("a string").to_owned())
        .collect();
    keys.sort();
    keys
}
