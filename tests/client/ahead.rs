//! Batches that are sent before their turn: at once, in order, and given up together.

use crate::ask::{client, is, takes, with};
use crate::http::Request;
use crate::server::{Peer, Seen, Server};
use mishikallm::client::Event;
use mishikallm::{Client, Error, Status};
use serde_json::{Value, json};
use std::io;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

/// A model that takes one text at a time, a number, and gives it back as its embedding; `script` answers each POST, and is told the
/// text and how often it came before.
fn embedder(
    script: impl Fn(&str, usize, &mut Peer) -> io::Result<()> + Send + Sync + 'static,
) -> Server {
    let seen = Mutex::new(Vec::new());
    Server::start(move |request, to| match request.path.as_str() {
        "/v2/models/m" => to.reply(
            200,
            &json!({"name": "m", "versions": ["1"], "platform": "python",
            "inputs": [{"name": "text", "datatype": "BYTES", "shape": [-1, 1]}],
            "outputs": [{"name": "e", "datatype": "FP32", "shape": [-1, 1]}]})
            .to_string(),
        ),
        "/v2/models/m/config" => to.reply(200, r#"{"name":"m","max_batch_size":1}"#),
        _ => {
            let text = text_of(request);
            let before = {
                let mut seen = seen.lock().unwrap();
                let before = seen.iter().filter(|t| **t == text).count();
                seen.push(text.clone());
                before
            };
            script(&text, before, to)
        }
    })
}

fn text_of(request: &Request) -> String {
    let text = &request.json()["inputs"][0]["data"][0];
    text.as_str().expect("a text").to_owned()
}

fn answer(text: &str, to: &mut Peer) -> io::Result<()> {
    let output = json!({"name": "e", "datatype": "FP32", "shape": [1, 1], "data": [text.parse::<f32>().unwrap()]});
    to.reply(
        200,
        &json!({"model_name": "m", "outputs": [output]}).to_string(),
    )
}

fn request(server: &Server, texts: usize, more: Value) -> String {
    let input: Vec<String> = (0..texts).map(|i| i.to_string()).collect();
    let request = json!({"model": "triton/m", "api_base": server.url(), "input": input});
    with(request, more).to_string()
}

fn embed(client: &Client, request: &str) -> Result<Vec<f32>, Error> {
    client.embedding_f32(request).map(|e| e.data().to_vec())
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| i as f32).collect()
}

/// How often each text was sent.
fn times(server: &Server, texts: usize) -> Vec<usize> {
    let posts: Vec<String> = server.posts().iter().map(text_of).collect();
    (0..texts)
        .map(|i| posts.iter().filter(|t| **t == i.to_string()).count())
        .collect()
}

#[test]
fn eight_are_under_way_at_once_and_no_more() {
    // Those under way now, and the most that ever were.
    let count = Arc::new((Mutex::new((0usize, 0usize)), Condvar::new()));
    let server = embedder({
        let count = count.clone();
        move |text, _, to| {
            let (lock, changed) = &*count;
            let mut now = lock.lock().unwrap();
            *now = (now.0 + 1, now.1.max(now.0 + 1));
            changed.notify_all();
            // Nobody is answered until eight have come: were there fewer, nobody ever would be.
            now = changed.wait_while(now, |(_, most)| *most < 8).unwrap();
            now.0 -= 1;
            drop(now);
            answer(text, to)
        }
    });
    let rows = embed(
        &client(json!({})),
        &request(&server, 40, json!({"timeout": 20})),
    );
    assert_eq!(rows.unwrap(), numbers(40));
    assert_eq!(count.0.lock().unwrap().1, 8);
    assert_eq!(times(&server, 40), [1; 40]);
    // One more than POSTs at once may have been opened: the look-up's.
    assert!(server.count() <= 9, "{}", server.count());
}

#[test]
fn a_retry_asks_only_for_what_failed() {
    let server = embedder(|text, before, to| match (text, before) {
        ("2", 0) | ("5", 0 | 1) => to.reply(503, r#"{"error":"busy"}"#),
        _ => answer(text, to),
    });
    // Each batch has tries of its own.
    let rows = embed(
        &client(json!({})),
        &request(&server, 7, json!({"num_retries": 2})),
    );
    assert_eq!(rows.unwrap(), numbers(7));
    assert_eq!(times(&server, 7), [1, 1, 2, 1, 1, 3, 1]);
    let server = embedder(|_, _, to| to.reply(503, r#"{"error":"busy"}"#));
    let error = embed(
        &client(json!({})),
        &request(&server, 1, json!({"num_retries": 1})),
    )
    .unwrap_err();
    is(&error, Status::Server, 503, &["busy"]);
}

#[test]
fn what_went_wrong_with_one_is_told_in_its_turn_and_never_hidden() {
    let cut = || {
        embedder(|text, before, to| match (text, before) {
            ("3", 0) => to.reset(),
            _ => answer(text, to),
        })
    };
    let server = cut();
    let error = embed(&client(json!({})), &request(&server, 5, json!({}))).unwrap_err();
    assert!(error.is_retryable(), "{error}");
    // Triton may have been at work on it: it is not sent a second time unless the caller said so.
    assert_eq!(times(&server, 5)[3], 1);
    let server = cut();
    let rows = embed(
        &client(json!({})),
        &request(&server, 5, json!({"num_retries": 1})),
    );
    assert_eq!(rows.unwrap(), numbers(5));
    assert_eq!(times(&server, 5)[3], 2);
}

/// Answers the first with an error when all others have come, and those not at all.
fn failing_first(texts: usize) -> Server {
    let come = Arc::new((Mutex::new(0), Condvar::new()));
    embedder(move |text, _, to| {
        let (lock, changed) = &*come;
        let mut count = lock.lock().unwrap();
        *count += 1;
        changed.notify_all();
        if text != "0" {
            drop(count);
            return to.stall();
        }
        drop(changed.wait_while(count, |count| *count < texts).unwrap());
        to.reply(400, r#"{"error":"no such word"}"#)
    })
}

/// Every connection that brought a POST, but for one that goes back to the pool, is closed.
fn all_but(kept: usize) -> impl Fn(&Seen) -> bool {
    move |seen| seen.over + kept >= seen.of("POST").len()
}

#[test]
fn an_error_gives_up_all_of_them() {
    let server = failing_first(6);
    let client = client(json!({}));
    let error = embed(&client, &request(&server, 6, json!({}))).unwrap_err();
    is(&error, Status::Server, 400, &["no such word"]);
    server.until(all_but(1));
}

#[test]
fn so_does_a_time_out() {
    let server = embedder(|_, _, to| to.stall());
    let client = client(json!({}));
    let ask = || embed(&client, &request(&server, 4, json!({"timeout": 0.5})));
    is(
        &takes(0.5, ask).unwrap_err(),
        Status::Deadline,
        408,
        &["(timeout)"],
    );
    server.until(all_but(0));
}

#[test]
fn so_do_a_cancel_and_a_close() {
    for closes in [false, true] {
        let server = embedder(|_, _, to| to.stall());
        let client = Arc::new(client(json!({})));
        let (tell, told) = mpsc::channel();
        let operation = mishikallm::openai::Operation::Embeddings;
        let call = client.submit(operation, &request(&server, 6, json!({})), move |event| {
            if let Event::Failed(error) = event {
                tell.send(error.status()).unwrap();
            }
        });
        let call = call.unwrap();
        server.until(|seen| seen.of("POST").len() == 6);
        match closes {
            true => client.close(),
            false => call.cancel(),
        }
        let status = told.recv_timeout(Duration::from_secs(10)).unwrap();
        let expected = if closes {
            Status::Closed
        } else {
            Status::Cancelled
        };
        assert_eq!(status, expected);
        server.until(all_but(0));
    }
}

/// The server takes them one after the other: the last is answered long after it was sent, and soon after the one before it.
#[test]
fn silence_counts_from_a_requests_turn() {
    let turn = Arc::new((Mutex::new(0usize), Condvar::new()));
    let server = embedder(move |text, _, to| {
        let (lock, changed) = &*turn;
        let own: usize = text.parse().unwrap();
        let mut next = changed
            .wait_while(lock.lock().unwrap(), |next| *next < own)
            .unwrap();
        to.pause(Duration::from_millis(250))?;
        *next += 1;
        changed.notify_all();
        drop(next);
        answer(text, to)
    });
    let limits = json!({"idle_timeout": 1.0});
    let rows = embed(&client(json!({})), &request(&server, 7, limits));
    assert_eq!(rows.unwrap(), numbers(7));
}

/// The same server, the same requests, another key: what was sent with the first one is no answer to the second.
#[test]
fn a_fallback_takes_nothing_that_was_sent_for_another() {
    let server = embedder(|text, before, to| match (text, before) {
        ("0", 0) => to.reply(503, r#"{"error":"busy"}"#),
        _ => answer(text, to),
    });
    let fallback = json!({"api_key": "one", "fallbacks": [{"model": "triton/m", "api_base": server.url(), "api_key": "other"}]});
    let rows = embed(&client(json!({})), &request(&server, 4, fallback));
    assert_eq!(rows.unwrap(), numbers(4));
    let posts = server.posts();
    let others = posts
        .iter()
        .filter(|p| p.header("authorization") == "Bearer other");
    let mut texts: Vec<String> = others.map(text_of).collect();
    texts.sort();
    assert_eq!(texts, ["0", "1", "2", "3"]);
}
