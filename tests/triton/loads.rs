//! What a real Triton tells of its load, and where the strategy `triton-load` then sends calls.

use super::{alone, invoke, invoke_on, rows, server};
use mishikallm::Client;
use mishikallm::triton::load::{Totals, read_metrics};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// More than the one instance of the busy model can work on at once.
const CALLERS: usize = 8;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

fn metrics_url() -> String {
    std::env::var("TRITON_METRICS").expect("TRITON_METRICS is set by `tests/triton/triton run`")
}

/// The body of a `GET`.
fn get(url: &str) -> Vec<u8> {
    let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    // In one piece: Triton does not find a path that comes in several.
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    let end = reply.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    reply.split_off(end)
}

fn totals(model: &str) -> (Totals, Instant) {
    let body = get(&format!("{}/v2/models/{model}/stats", server()));
    (Totals::read(&body).expect("statistics"), Instant::now())
}

/// Does something while `minilm` has more to do than it can.
fn while_busy<T>(run: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    let text = "a text that is long enough to take a while ".repeat(12);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let request =
                        json!({"model": "triton/minilm", "api_base": server(), "input": text});
                    invoke("embeddings", request).unwrap();
                }
            });
        }
        // They stop however it ends.
        struct Stop<'a>(&'a AtomicBool);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let _stop = Stop(&over);
        run()
    })
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A name for the busy model and for an idle one, which gives shorter rows.
fn client(more: Value) -> Client {
    let entry = |model: &str| {
        let mut params = json!({"model": format!("triton/{model}"), "api_base": server()});
        params
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"model_name": "e", "mishikallm_params": params})
    };
    let config = json!({"model_list": [entry("minilm"), entry("embed_batched")],
        "router_settings": {"routing_strategy": "triton-load"}});
    Client::new(&config.to_string()).unwrap()
}

/// Chance alone would not leave the busy one out so often.
fn calls_go_to_the_idle_one(client: &Client) {
    let mut in_a_row = 0;
    until("calls still go to the busy model", || {
        let answer = invoke_on(client, "embeddings", json!({"model": "e", "input": "hi"})).unwrap();
        in_a_row = match rows(&answer)[0].len() {
            16 => in_a_row + 1,
            _ => 0,
        };
        in_a_row == 30
    });
}

#[test]
fn statistics_tell_how_many_wait() {
    let _turn = alone();
    while_busy(|| {
        let before = ["minilm", "embed_batched"].map(totals);
        until("minilm has no queue", || {
            let (busy, at) = totals("minilm");
            let load = busy.since(before[0].0, at - before[0].1);
            load.is_some_and(|load| load.pending > 2.0 && load.running > 0.2)
        });
        let (idle, at) = totals("embed_batched");
        let load = idle.since(before[1].0, at - before[1].1).unwrap();
        assert!(load.pending < 1.0, "{load:?}");
    });
}

#[test]
fn metrics_tell_how_many_wait() {
    let _turn = alone();
    while_busy(|| {
        until("minilm has no queue", || {
            let page = get(&metrics_url());
            let load = |model| read_metrics(&page, Some(model)).expect("metrics");
            load("minilm").pending > 2.0 && load("embed_batched").pending == 0.0
        });
    });
}

#[test]
fn calls_go_where_statistics_say_that_nobody_waits() {
    let _turn = alone();
    let client = client(json!({}));
    while_busy(|| calls_go_to_the_idle_one(&client));
}

#[test]
fn calls_go_where_metrics_say_that_nobody_waits() {
    let _turn = alone();
    let client = client(json!({"metrics_url": metrics_url()}));
    while_busy(|| calls_go_to_the_idle_one(&client));
}
