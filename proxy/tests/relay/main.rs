//! The relay on sockets: what an upstream sees when clients come, wait and hang up.

mod ahead;
mod cancel;
mod connections;
mod loads;
mod routes;
mod streams;
mod wire;

use running::Proxy;
use running::client::{Connection, request};
use running::settings::{self, entry, with};
use running::upstream::Upstream;
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, channel};

/// A proxy with one model `m`, at the upstream's `/plain/generate`, which nobody describes.
fn proxy(upstream: &Upstream) -> Proxy {
    proxy_with(upstream, json!({}), json!({}))
}

/// `params` and `general` are put into the configuration.
fn proxy_with(upstream: &Upstream, params: Value, general: Value) -> Proxy {
    let all =
        json!({"model": "triton/m", "api_base": upstream.at("/plain/generate"), "num_retries": 0});
    start(&json!({
        "model_list": [{"model_name": "m", "mishikallm_params": with(all, &params)}],
        "general_settings": general,
    }))
}

/// A proxy with one thread: each has connections of its own.
fn start(config: &Value) -> Proxy {
    let one_thread = ["--num_workers".to_owned(), "1".to_owned()];
    // JSON is YAML.
    Proxy::start(Some(&config.to_string()), &one_thread, &[]).unwrap_or_else(|why| panic!("{why}"))
}

/// Sends a request on a connection of its own.
fn send(
    proxy: &Proxy,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Connection {
    let headers = headers.iter();
    let headers: Vec<(String, String)> = headers
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut client = Connection::open(&proxy.host).expect("it listens");
    let bytes = request(method, path, &headers, body.as_bytes());
    client.send(&bytes).expect("sent");
    client
}

/// Sends a chat; `more` goes into it.
fn chat(proxy: &Proxy, more: Value) -> Connection {
    let body = settings::chat(&more).to_string();
    send(proxy, "POST", "/v1/chat/completions", &[], &body)
}

/// A server that answers nothing; it tells when it is asked, and when the proxy has closed the connection.
fn silent() -> (Upstream, Receiver<&'static str>) {
    let (told, tells) = channel();
    let upstream = Upstream::new(move |mut peer| {
        if peer.request().is_some() {
            told.send("asked").unwrap();
            peer.wait_for_close();
            told.send("closed").unwrap();
        }
    });
    (upstream, tells)
}
