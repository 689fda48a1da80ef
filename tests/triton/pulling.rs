//! How chunks come: one by one, whenever the host likes, and over how many connections.

use super::relay::Relay;
use super::streamed::{begun, chunk, client, delta, drain, open, stream};
use super::{alone, asks};
use mishikallm::openai::Operation;
use mishikallm::{Next, Stream};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

const STORY: &str = "Tell me a story about the sea.";

/// The model needs at least 50 ms for each of 30 tokens: what is there before these 1.5 seconds are over was not kept until
/// the end, however slow the machine is.
#[test]
fn tokens_come_as_they_are_made() {
    let _turn = alone();
    let (delay, tokens) = (Duration::from_millis(50), 30);
    let stream = begun(
        "tiny_llm",
        STORY,
        json!({"max_tokens": tokens, "ignore_eos": true, "delay_ms": 50}),
    );
    let began = Instant::now();
    let mut times = Vec::new();
    while let Ok(Next::Chunk(_)) = stream.next(None) {
        times.push(began.elapsed());
    }
    let early = times.iter().filter(|t| **t < delay * tokens).count();
    println!(
        "the first chunk after {:?}, the last after {:?}, {early} before the model could be done",
        times[0],
        times.last()
    );
    assert_eq!(times.len(), tokens as usize + 1);
    assert!(early >= 5, "{times:?}");
}

/// A host with a loop of its own never waits in the library.
#[test]
fn a_host_may_look_whether_there_is_something() {
    let stream = begun("tiny_llm", STORY, json!({"max_tokens": 20, "delay_ms": 20}));
    let (mut text, mut looks) = (String::new(), 0);
    let mut longest = Duration::ZERO;
    loop {
        let began = Instant::now();
        let next = stream.next(Some(Duration::ZERO)).unwrap();
        longest = longest.max(began.elapsed());
        match next {
            Next::Chunk(chunk) => text += delta(&serde_json::from_str::<Value>(&chunk).unwrap()),
            Next::Timeout => {
                looks += 1;
                thread::sleep(Duration::from_millis(1));
            }
            Next::Done => break,
        }
    }
    println!("{looks} looks in vain, the longest took {longest:?}");
    assert!(looks >= 20);
    assert_eq!(
        text,
        super::streamed::stream("tiny_llm", STORY, json!({"max_tokens": 20})).text()
    );
}

#[test]
fn a_short_patience_loses_nothing() {
    let stream = begun("tiny_llm", STORY, json!({"max_tokens": 20, "delay_ms": 20}));
    let (mut chunks, mut timeouts) = (0, 0);
    loop {
        match stream.next(Some(Duration::from_millis(3))).unwrap() {
            Next::Chunk(_) => chunks += 1,
            Next::Timeout => timeouts += 1,
            Next::Done => break,
        }
    }
    assert_eq!(chunks, 21);
    assert!(timeouts >= 20, "{timeouts}");
}

#[test]
fn two_streams_on_one_thread_do_not_mix() {
    let client = client();
    let [sea, ship] = ["Tell me a story about the sea.", "What is a token?"].map(|question| {
        let request = asks("tiny_llm", question, json!({"max_tokens": 20}));
        (
            question,
            open(&client, Operation::Chat, &request),
            String::new(),
        )
    });
    let mut streams = [sea, ship];
    for _ in 0..20 {
        for (_, stream, text) in &mut streams {
            *text += delta(&chunk(stream));
        }
    }
    for (question, _, text) in streams {
        assert_eq!(
            text,
            stream("tiny_llm", question, json!({"max_tokens": 20})).text()
        );
    }
}

#[test]
fn a_stream_may_change_threads() {
    let stream = begun("tiny_llm", STORY, json!({"max_tokens": 20}));
    let first = chunk(&stream);
    let rest = thread::spawn(move || drain_rest(&stream)).join().unwrap();
    let text = delta(&first).to_owned() + &rest;
    assert_eq!(
        text,
        super::streamed::stream("tiny_llm", STORY, json!({"max_tokens": 20})).text()
    );
}

fn drain_rest(stream: &Stream) -> String {
    let mut text = String::new();
    while let Next::Chunk(chunk) = stream.next(None).unwrap() {
        text += delta(&serde_json::from_str::<Value>(&chunk).unwrap());
    }
    text
}

#[test]
fn a_finished_stream_leaves_its_connection_to_the_next_call() {
    let relay = Relay::start();
    let client = client();
    let request = asks(
        "tiny_llm",
        STORY,
        json!({"api_base": relay.url, "max_tokens": 5}),
    );
    for _ in 0..3 {
        assert_eq!(drain(&open(&client, Operation::Chat, &request)).end, Ok(()));
    }
    client
        .invoke("chat.completions", &request.to_string())
        .unwrap();
    client
        .invoke("models", &json!({"api_base": relay.url}).to_string())
        .unwrap();
    assert_eq!(relay.connections(), 1);
}

#[test]
fn a_cancelled_stream_takes_its_connection_with_it() {
    let relay = Relay::start();
    let client = client();
    let request = asks(
        "tiny_llm",
        STORY,
        json!({"api_base": relay.url, "max_tokens": 50}),
    );
    let stream = open(&client, Operation::Chat, &request);
    chunk(&stream);
    stream.cancel();
    assert_eq!(drain(&open(&client, Operation::Chat, &request)).end, Ok(()));
    assert_eq!(relay.connections(), 2);
}
