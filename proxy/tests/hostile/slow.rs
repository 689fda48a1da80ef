//! Clients that take their time, and clients that never read.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, json};

use crate::stage::{CHAT, Stage, config, good, good_request, headers, is_closed};
use running::Proxy;
use running::client::{Connection, ask, request};
use running::common::reply::Script;
use running::common::server::Bound;

/// Longer than anything needs.
const GIVE_UP: Duration = Duration::from_secs(60);

#[test]
fn connections_that_say_nothing_take_nothing_from_others() {
    let stage = Stage::new();
    stage.still_answers();
    let (memory, threads) = (stage.proxy.status("VmRSS"), stage.proxy.status("Threads"));
    let silent: Vec<Connection> = (0..500).map(|_| stage.open()).collect();
    stage.still_answers();
    let half: Vec<Connection> = (0..500)
        .map(|index| {
            let mut connection = stage.open();
            let whole = good_request();
            connection
                .send(&whole[..1 + index % (whole.len() - 1)])
                .expect("sent");
            connection
        })
        .collect();
    for _ in 0..10 {
        stage.still_answers();
    }
    assert_eq!(stage.proxy.status("Threads"), threads);
    let grown = stage.proxy.status("VmRSS").saturating_sub(memory);
    assert!(grown < 64 << 10, "{grown} kB for 1,000 connections");
    drop((silent, half));
    stage.still_answers();
}

/// A byte at a time is slow, and still a request.
#[test]
fn a_request_in_single_bytes_is_answered_beside_others() {
    let stage = Stage::new();
    let mut connection = stage.open();
    for byte in good_request() {
        connection.send(&[byte]).expect("sent");
        thread::sleep(Duration::from_micros(200));
    }
    assert_eq!(connection.read("POST").expect("an answer").status, 200);
    stage.still_answers();
}

/// An upstream that would send 256 MB, and a client that reads none of it: what the proxy keeps is bounded.
#[test]
fn a_stream_that_nobody_reads_holds_its_upstream_back() {
    let text = "x".repeat(64 << 10);
    let frame = format!(
        "data: {}\n\n",
        json!({"model_name": "llm", "text_output": text})
    );
    let replies = json!({
        "/v2/models/llm/generate_stream": [{
            "status": 200, "headers": {"content-type": "text/event-stream"}, "frames": vec![frame; 4096],
        }],
        "*": [{"status": 200, "body": {"text_output": "Hello"}}],
    });
    let script = Script::by_path(replies.as_object().expect("an object")).expect("replies");
    let upstream = Bound::new().serve(script, Map::new());
    let proxy = Proxy::with_config(&config(&upstream.host));
    let mut body: serde_json::Value = serde_json::from_slice(&good()).expect("JSON");
    body["stream"] = json!(true);
    let mut connection = Connection::open(&proxy.host).expect("it listens");
    let asked = request("POST", CHAT, &headers(), body.to_string().as_bytes());
    connection.send(&asked).expect("sent");
    assert_eq!(connection.head().expect("an answer").status, 200);
    // Until it stands still. It may need less: then it has stood still for longer.
    let mut before = 0;
    for _ in 0..40 {
        thread::sleep(Duration::from_millis(100));
        let now = proxy.status("VmRSS");
        if now == before {
            break;
        }
        before = now;
    }
    let memory = proxy.status("VmRSS");
    assert!(memory < 128 << 10, "{memory} kB, with 256 MB to come");
    let answer = ask(&proxy.host, "POST", CHAT, &headers(), &good()).expect("an answer");
    assert_eq!(answer.status, 200);
    // Who reads after all gets on.
    let mut read = 0;
    while read < 32 << 20 {
        let count = connection.some(&mut [0; 64 << 10]).expect("more");
        assert!(count > 0, "it ended after {read} bytes");
        read += count;
    }
    drop(connection);
    assert!(
        upstream.has_been_left(GIVE_UP),
        "the upstream is still asked"
    );
}

/// A thousand that hang up in the middle of what they asked for leave nothing behind.
#[test]
fn clients_that_hang_up_are_forgotten() {
    let stage = Stage::new();
    for _ in 0..1000 {
        let mut connection = stage.open();
        connection.send(&good_request()).expect("sent");
    }
    stage.still_answers();
    let descriptors = || {
        let folder = format!("/proc/{}/fd", stage.proxy.id());
        std::fs::read_dir(folder).expect("it runs").count()
    };
    let until = Instant::now() + GIVE_UP;
    while descriptors() >= 100 {
        assert!(
            Instant::now() < until,
            "{} descriptors are open",
            descriptors()
        );
        thread::yield_now();
    }
}

/// The other side closed for good: nothing is read any more.
#[test]
fn a_client_that_only_sends_is_answered_and_let_go() {
    let stage = Stage::new();
    let mut all = headers();
    all.push(("connection".to_string(), "close".to_string()));
    let mut connection = stage.open();
    connection
        .send(&request("POST", CHAT, &all, &good()))
        .expect("sent");
    assert_eq!(connection.read("POST").expect("an answer").status, 200);
    assert!(is_closed(connection.some(&mut [0; 1])));
    stage.still_answers();
}
