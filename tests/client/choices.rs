//! Choices and prompts of one call are asked for at once. The server answers none before all have come: a client that waited
//! for one answer before it asked for the next would wait for ever.

use crate::ask::{client, with};
use crate::server::Server;
use mishikallm::Next;
use mishikallm::openai::Operation;
use serde_json::{Value, json};
use std::sync::{Arc, Condvar, Mutex};

/// A text model that answers with the seed it was given, or with its prompt, once `all` requests have come.
fn meeting(all: usize) -> Server {
    let come = Arc::new((Mutex::new(0usize), Condvar::new()));
    Server::start(move |request, to| {
        match request.path.as_str() {
        "/v2/models/m" => to.reply(
            200,
            &json!({"name": "m", "versions": ["1"], "platform": "python",
            "inputs": [{"name": "text_input", "datatype": "BYTES", "shape": [1]}, {"name": "seed", "datatype": "INT32", "shape": [1]},
                {"name": "stream", "datatype": "BOOL", "shape": [1]}],
            "outputs": [{"name": "text_output", "datatype": "BYTES", "shape": [1]}]})
            .to_string(),
        ),
        "/v2/models/m/config" => to.reply(
            200,
            &json!({"name": "m", "max_batch_size": 0, "model_transaction_policy": {"decoupled": true},
            "input": [{"name": "text_input"}, {"name": "seed", "optional": true}, {"name": "stream", "optional": true}]})
            .to_string(),
        ),
        _ => {
            let (lock, changed) = &*come;
            let mut now = lock.lock().unwrap();
            *now += 1;
            changed.notify_all();
            drop(changed.wait_while(now, |now| *now < all).unwrap());
            let body = request.json();
            let text = match body["seed"].as_i64() {
                Some(seed) => seed.to_string(),
                None => body["text_input"].as_str().unwrap().to_owned(),
            };
            to.reply(200, &json!({"text_output": text}).to_string())
        }
    }
    })
}

fn texts(operation: &str, request: Value) -> Vec<String> {
    let answer = client(json!({})).invoke(operation, &request.to_string());
    let answer: Value = serde_json::from_str(&answer.unwrap()).unwrap();
    let choices = answer["choices"].as_array().unwrap().iter();
    let text = |c: &Value| c.get("text").unwrap_or(&c["message"]["content"]).clone();
    choices
        .map(|c| text(c).as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn choices_of_a_chat() {
    let server = meeting(5);
    let request = json!({"model": "triton/m", "api_base": server.url(), "n": 5, "seed": 10, "timeout": 20,
        "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(
        texts("chat.completions", request),
        ["10", "11", "12", "13", "14"]
    );
}

#[test]
fn choices_that_are_the_same_to_the_letter() {
    let server = meeting(4);
    // The model's seed is left out: all four requests are one and the same.
    let request = json!({"model": "triton/m", "api_base": server.url(), "n": 4, "timeout": 20, "triton": {"inputs": {"seed": null}},
        "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(texts("chat.completions", request), ["hi"; 4]);
}

#[test]
fn prompts_of_a_text_completion() {
    let server = meeting(3);
    let request = json!({"model": "triton/m", "api_base": server.url(), "prompt": ["a", "b", "c"], "timeout": 20});
    assert_eq!(texts("completions", request), ["a", "b", "c"]);
}

#[test]
fn choices_of_a_stream() {
    let server = meeting(3);
    let request = json!({"model": "triton/m", "api_base": server.url(), "n": 3, "seed": 1,
        "messages": [{"role": "user", "content": "hi"}]});
    let request = with(request, json!({"stream_timeout": 20}));
    let client = Arc::new(client(json!({})));
    let stream = client
        .stream(Operation::Chat, &request.to_string())
        .unwrap();
    let mut told = Vec::new();
    while let Next::Chunk(chunk) = stream.next(None).unwrap() {
        let chunk: Value = serde_json::from_str(&chunk).unwrap();
        let choice = &chunk["choices"][0];
        if let Some(text) = choice["delta"]["content"].as_str() {
            told.push((choice["index"].as_u64().unwrap(), text.to_owned()));
        }
    }
    assert_eq!(told, [(0, "1".into()), (1, "2".into()), (2, "3".into())]);
}
