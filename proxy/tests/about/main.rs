//! What the proxy tells of itself: its models, how they are, and what `--health` and `--test` make of that.

mod commands;
mod health;
mod manage;
mod metrics;
mod models;
mod scrape;
mod settings;

use running::Proxy;
use running::client::ask;
use running::common::http::Response;
use running::settings::{entry, with};
use running::upstream::{Peer, Upstream};
use serde_json::{Value, json};

/// A proxy with these deployments and settings.
fn proxy(list: Value, more: Value) -> Proxy {
    Proxy::with_config(&config(list, more))
}

/// What it is started with.
fn config(list: Value, more: Value) -> String {
    // JSON is YAML.
    with(json!({"model_list": list}), &more).to_string()
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
