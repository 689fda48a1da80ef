//! Many submitted calls: each tells its end exactly once.

use super::streamed::delta;
use super::{alone, asks, server};
use mishikallm::client::{Event, Waited};
use mishikallm::openai::Operation;
use mishikallm::{Client, Error, Status};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What a call told.
#[derive(Debug, Default)]
struct Told {
    text: String,
    ends: Vec<Result<(), Error>>,
}

#[test]
fn a_hundred_calls_on_sixteen_threads_of_which_a_third_is_cancelled() {
    let _turn = alone();
    let client =
        Arc::new(Client::new(&json!({"api_base": server(), "workers": 16}).to_string()).unwrap());
    let told: Vec<Arc<Mutex<Told>>> = (0..100).map(|_| Arc::default()).collect();
    let calls: Vec<_> = told
        .iter()
        .enumerate()
        .map(|(number, told)| {
            // Those that are cancelled would take ten seconds.
            let length = if is_cancelled(number) { 500 } else { 10 };
            let more = json!({"stream": number % 2 == 0, "max_tokens": length, "ignore_eos": true, "delay_ms": 20});
            let request = asks("tiny_llm", "Tell me a story about the sea.", more).to_string();
            let told = told.clone();
            let tell = move |event: Event<'_>| {
                let mut told = told.lock().unwrap();
                match event {
                    Event::Piece(json) => told.text += &text(json),
                    Event::Done => told.ends.push(Ok(())),
                    Event::Failed(error) => told.ends.push(Err(error.clone())),
                }
            };
            client.submit(Operation::Chat, &request, tell).unwrap()
        })
        .collect();
    // Some of them are under way, the others wait for a thread.
    for (number, call) in calls.iter().enumerate() {
        if is_cancelled(number) {
            call.cancel();
        }
    }
    for call in &calls {
        assert_eq!(call.wait(None), Ok(Waited::Over));
    }
    let whole = told[1].lock().unwrap().text.clone();
    for (number, told) in told.iter().enumerate() {
        let told = told.lock().unwrap();
        match (&told.ends[..], is_cancelled(number)) {
            ([Err(error)], true) => assert_eq!(error.status(), Status::Cancelled, "{number}"),
            ([Ok(())], false) => assert_eq!(told.text, whole, "{number}"),
            _ => panic!("{number}: {told:?}"),
        }
    }
    assert_eq!(whole.split_whitespace().count(), 10);
}

/// Where a C program gives NULL.
#[test]
fn the_default_client_takes_calls_too() {
    let request = asks("tiny_llm", "What is a token?", json!({"max_tokens": 3})).to_string();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = told.clone();
    let call = Client::default_client()
        .unwrap()
        .submit(Operation::Chat, &request, move |event| {
            tell.lock().unwrap().push(format!("{event:?}"))
        });
    assert_eq!(call.unwrap().wait(None), Ok(Waited::Over));
    let told = told.lock().unwrap();
    assert!(
        told.len() == 2 && told[0].contains("A token is") && told[1] == "Done",
        "{told:?}"
    );
}

fn is_cancelled(number: usize) -> bool {
    number % 3 == 0
}

/// The text of a chunk, or of a whole answer.
fn text(json: &str) -> String {
    let json: Value = serde_json::from_str(json).unwrap();
    let whole = json["choices"][0]["message"]["content"].as_str();
    whole.unwrap_or(delta(&json)).to_owned()
}
