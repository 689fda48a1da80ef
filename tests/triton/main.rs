//! The client against a real Triton, started by `tests/triton/triton run -- cargo test`, which sets `TRITON`.
//!
//! Without `TRITON` these tests fail and say so: a green run means that a real server answered.

mod answers;
mod cancels;
mod demo;
mod embeddings;
mod embeddings_bulk;
mod embeddings_pooled;
mod embeddings_tokens;
mod failures;
#[allow(dead_code, reason = "the client's tests use all of it")]
#[path = "../client/http.rs"]
mod http;
mod loads;
mod log;
mod many;
mod models;
mod programs;
mod pulling;
mod raw;
mod relay;
mod repository;
mod sameness;
mod sdk;
mod starting;
mod stops;
mod stream_example;
mod streamed;
mod streams;
mod submits;
mod table;
mod templates;
mod text;
#[allow(dead_code, reason = "the ABI's tests use all of it")]
#[path = "../abi/toolchain.rs"]
mod toolchain;
mod tools;

use mishikallm::Client;
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The server's address.
fn server() -> String {
    std::env::var("TRITON").expect("TRITON is not set: run the tests with `make test`, or `tests/triton/triton run -- cargo test`")
}

/// Tests that load the machine, and those that measure, take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One call on a client of its own; the error's JSON where it fails.
fn invoke(operation: &str, request: Value) -> Result<Value, Value> {
    let client = Client::new("").unwrap();
    invoke_on(&client, operation, request)
}

fn invoke_on(client: &Client, operation: &str, request: Value) -> Result<Value, Value> {
    let parse = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    client
        .invoke(operation, &request.to_string())
        .map(parse)
        .map_err(|e| parse(e.to_json())["error"].clone())
}

/// A chat with nothing configured but `model` and `api_base`.
fn chat(model: &str, question: &str, more: Value) -> Result<Value, Value> {
    invoke("chat.completions", asks(model, question, more))
}

/// The request of such a chat.
fn asks(model: &str, question: &str, more: Value) -> Value {
    let mut request = json!({
        "model": format!("triton/{model}"),
        "api_base": server(),
        "messages": [{"role": "user", "content": question}],
    });
    request
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    request
}

fn embed(model: &str, input: Value) -> Result<Value, Value> {
    invoke(
        "embeddings",
        json!({"model": format!("triton/{model}"), "api_base": server(), "input": input}),
    )
}

/// The text of the first choice.
fn content(answer: &Value) -> &str {
    answer["choices"][0]["message"]["content"].as_str().unwrap()
}

/// The rows of an answer.
fn rows(answer: &Value) -> Vec<Vec<f64>> {
    answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .map(|(i, row)| {
            assert_eq!(row["index"], i);
            row["embedding"]
                .as_array()
                .unwrap()
                .iter()
                .map(|x| x.as_f64().unwrap())
                .collect()
        })
        .collect()
}
