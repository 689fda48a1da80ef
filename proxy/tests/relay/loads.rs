//! The strategy `triton-load`: what servers are asked of their loads, and who is called then.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// For so many seconds a server that does not tell its load is not asked for it.
const LEFT_ALONE: u64 = 10;

/// What a server was asked.
#[derive(Clone, Default)]
struct Counts {
    calls: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl Counts {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A server, and what it answers when it is asked for its load for the `n`th time; `None`: nothing at all.
fn upstream(tell: fn(usize) -> Option<Value>) -> (Upstream, Counts) {
    let counts = Counts::default();
    let seen = counts.clone();
    let upstream = Upstream::new(move |mut peer| {
        while let Some((path, _)) = peer.request() {
            if path.ends_with("/stats") {
                let n = seen.asked.fetch_add(1, Ordering::SeqCst);
                match tell(n) {
                    Some(stats) => peer.reply(200, &stats),
                    None => return peer.wait_for_close(),
                }
            } else if path.ends_with("/generate") {
                seen.calls.fetch_add(1, Ordering::SeqCst);
                peer.reply(200, &json!({"text_output": "yo"}));
            } else {
                peer.reply(404, &json!({}));
            }
        }
    });
    (upstream, counts)
}

fn stats(waited: usize) -> Option<Value> {
    let ns = waited * 1_000_000_000;
    let times = json!({"success":{"count":1,"ns":ns},"queue":{"count":1,"ns":ns}});
    Some(json!({"model_stats":[{"name":"m","inference_stats":times}]}))
}

fn proxy_of(servers: [&Upstream; 2]) -> Proxy {
    let entry = |server: &Upstream| entry("m", "triton/m", &server.at("/v2/models/m/generate"));
    start(&json!({
        "model_list": servers.map(entry),
        "router_settings": {"routing_strategy": "triton-load", "num_retries": 0},
    }))
}

fn call(proxy: &Proxy) {
    assert_eq!(chat(proxy, json!({})).json().0, 200);
    std::thread::sleep(Duration::from_millis(20));
}

#[test]
fn calls_go_where_nobody_waits() {
    let (busy, long) = upstream(|n| stats(n * 100));
    let (idle, _) = upstream(|_| stats(7));
    let proxy = proxy_of([&busy, &idle]);
    // Chance alone would not leave it out so often.
    let (mut in_a_row, mut before) = (0, 0);
    for _ in 0..3000 {
        call(&proxy);
        in_a_row = if long.calls() == before {
            in_a_row + 1
        } else {
            0
        };
        before = long.calls();
        if in_a_row == 30 {
            return;
        }
    }
    panic!("calls still go to the server with the long queue");
}

#[test]
fn a_server_that_does_not_tell_fails_no_call_and_is_not_asked_over_and_over() {
    let (silent, nothing) = upstream(|_| None);
    let (odd, strange) = upstream(|_| Some(json!({"error": "no statistics"})));
    let proxy = proxy_of([&silent, &odd]);
    let began = Instant::now();
    for _ in 0..100 {
        call(&proxy);
    }
    // Once, where this takes no longer than a server is left alone.
    let most = 1 + (began.elapsed().as_secs() / LEFT_ALONE) as usize;
    for counts in [&nothing, &strange] {
        assert!((1..=most).contains(&counts.asked()), "{}", counts.asked());
    }
    assert!(nothing.calls() > 5 && strange.calls() > 5);
}
