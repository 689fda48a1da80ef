//! The strategy `triton-load`: what servers are asked of their loads beside calls, and who is called then.

use crate::http::Request;
use crate::server::{Peer, Server, YO};
use mishikallm::Client;
use mishikallm::client::Next;
use mishikallm::openai::Operation;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const STATS: &str = "/v2/models/m/stats";

/// A server of the model `m`, at whose queue requests wait for so many seconds more each time that it is asked.
fn waiting(seconds: u64) -> Server {
    let asked = AtomicU64::new(0);
    telling(move |to| {
        let n = asked.fetch_add(1, Ordering::SeqCst) + 1;
        let ns = n * seconds * 1_000_000_000;
        let times = json!({"success":{"count":n,"ns":ns},"fail":{"count":0,"ns":0},"queue":{"count":n,"ns":ns}});
        let stats = json!({"model_stats":[{"name":"m","version":"1","inference_stats":times}]});
        to.reply(200, &stats.to_string())
    })
}

/// A server of the model `m`, and what it does when it is asked for its load.
fn telling(tell: impl Fn(&mut Peer) -> io::Result<()> + Send + Sync + 'static) -> Server {
    Server::start(move |request: &Request, to: &mut Peer| {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", STATS | "/metrics") => tell(to),
            ("GET", _) => to.reply(404, "{}"),
            _ => to.reply(200, YO),
        }
    })
}

fn client(servers: &[&Server], strategy: &str, more: impl Fn(&Server) -> Value) -> Arc<Client> {
    let list: Vec<Value> = servers
        .iter()
        .map(|server| {
            let mut params = json!({"model":"triton/m","api_base":server.url()});
            let more = more(server);
            params
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            json!({"model_name":"m","mishikallm_params":params})
        })
        .collect();
    let config =
        json!({"model_list":list,"router_settings":{"routing_strategy":strategy,"num_retries":0}});
    Arc::new(Client::new(&config.to_string()).unwrap())
}

fn nothing(_: &Server) -> Value {
    json!({})
}

fn call(client: &Client) {
    let request = json!({"model":"m","messages":[{"role":"user","content":"hi"}]});
    client
        .call(Operation::Chat, &request.to_string())
        .expect("an answer");
}

fn asked(server: &Server, path: &str) -> usize {
    server.gets().iter().filter(|r| r.path == path).count()
}

/// Calls until each server has been asked so often.
fn call_until_asked(client: &Client, servers: &[&Server], path: &str, times: usize) {
    while servers.iter().any(|server| asked(server, path) < times) {
        call(client);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Calls until no call goes to a server any more: chance alone would not leave it out so often.
fn call_until_none_goes_to(busy: &Server, call: impl Fn()) {
    let (mut in_a_row, mut before) = (0, busy.posts().len());
    for _ in 0..3000 {
        call();
        std::thread::sleep(Duration::from_millis(20));
        let now = busy.posts().len();
        in_a_row = if now == before { in_a_row + 1 } else { 0 };
        before = now;
        if in_a_row == 30 {
            return;
        }
    }
    panic!("calls still go to the server with the long queue");
}

#[test]
fn calls_go_where_nobody_waits() {
    let (busy, idle) = (waiting(100), waiting(0));
    let client = client(&[&busy, &idle], "triton-load", nothing);
    call_until_none_goes_to(&busy, || call(&client));
}

#[test]
fn one_look_at_the_metrics_is_enough() {
    let pending = |n: u32| {
        telling(move |to| {
            let line =
                format!("nv_inference_pending_request_count{{model=\"m\",version=\"1\"}} {n}\n");
            to.reply_with(200, &[("content-type", "text/plain")], line)
        })
    };
    let (idle, busy) = (pending(0), pending(9));
    let metrics = |server: &Server| json!({"metrics_url": format!("{}/metrics", server.url())});
    let client = client(&[&idle, &busy], "triton-load", metrics);
    call_until_none_goes_to(&busy, || call(&client));
    assert_eq!(asked(&idle, STATS) + asked(&busy, STATS), 0);
}

#[test]
fn a_server_that_does_not_tell_fails_no_call_and_is_not_asked_over_and_over() {
    let (refusing, broken) = (
        telling(|to| to.reply(501, r#"{"error":"no statistics"}"#)),
        telling(|to| to.reset()),
    );
    let client = client(&[&refusing, &broken], "triton-load", nothing);
    call_until_asked(&client, &[&refusing, &broken], STATS, 1);
    for _ in 0..60 {
        call(&client);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!((asked(&refusing, STATS), asked(&broken, STATS)), (1, 1));
    // Nothing is known of either: chance decides.
    assert!(refusing.posts().len() > 5 && broken.posts().len() > 5);
}

#[test]
fn a_question_that_is_never_answered_holds_nobody_up() {
    let (silent, idle) = (telling(|to| to.stall()), waiting(0));
    let client = client(&[&silent, &idle], "triton-load", nothing);
    call_until_asked(&client, &[&silent, &idle], STATS, 2);
}

#[test]
fn a_stream_takes_what_has_come_between_its_chunks() {
    let (busy, idle) = (waiting(100), waiting(0));
    let client = client(&[&busy, &idle], "triton-load", nothing);
    let request = json!({"model":"m","messages":[{"role":"user","content":"hi"}]}).to_string();
    call_until_none_goes_to(&busy, || {
        let stream = client.stream(Operation::Chat, &request).unwrap();
        while let Next::Chunk(_) = stream.next(None).unwrap() {}
    });
}

#[test]
fn no_other_strategy_asks() {
    for strategy in ["simple-shuffle", "least-busy", "latency-based-routing"] {
        let (one, other) = (waiting(0), waiting(0));
        let client = client(&[&one, &other], strategy, nothing);
        for _ in 0..10 {
            call(&client);
        }
        assert_eq!((asked(&one, STATS), asked(&other, STATS)), (0, 0));
    }
}
