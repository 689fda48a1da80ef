//! The comparison itself: each kind of mistake must be found. Here, what its tests share.

mod outcomes;
mod posts;
mod server;
mod vectors;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::Request;
use crate::judge::{self, Outcome};
use crate::vector::Vector;

/// A vector that `right()` satisfies.
fn chat() -> Value {
    json!({
        "id": "t", "category": "t", "kind": "match", "operation": "chat.completions",
        "request": {
            "model": "triton/llm", "api_base": "http://h/v2/models/llm/generate", "api_key": "sk-secret", "organization": "org-123",
            "timeout": 30,
        },
        "upstream": {"status": 200, "headers": {}, "body": {"text_output": "x"}},
        "sent": {
            "method": "POST", "path": "/v2/models/llm/generate", "headers": {"Authorization": "Bearer sk-secret"},
            "body": {"text_input": "hi", "parameters": {"max_tokens": 20, "temperature": 0.2}, "stream": false},
        },
        "returned": {
            "object": "chat.completion", "model": "llm", "usage": "<estimated>",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}],
        },
    })
}

fn right() -> (Vec<Request>, Value) {
    let vector = chat();
    let answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "llm", "system_fingerprint": null,
        "choices": [{
            "index": 0.0, "message": {"role": "assistant", "content": "x", "tool_calls": null}, "finish_reason": "stop", "logprobs": null,
        }],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "estimated": true, "prompt_tokens_details": {}},
    });
    (
        vec![post(
            "/v2/models/llm/generate",
            &vector["sent"]["body"],
            true,
        )],
        answer,
    )
}

fn post(path: &str, body: &Value, key: bool) -> Request {
    let mut headers =
        BTreeMap::from([("content-type".to_string(), "application/json".to_string())]);
    headers.extend(key.then(|| ("authorization".to_string(), "Bearer sk-secret".to_string())));
    Request {
        method: "POST".to_string(),
        path: path.to_string(),
        headers,
        body: body.to_string().into_bytes(),
    }
}

fn answered(answer: &Value) -> Outcome {
    Outcome {
        answer: Some(answer.to_string()),
        ..Outcome::default()
    }
}

fn failed(message: &str, status: u16, kind: &str) -> Outcome {
    let error = json!({"error": {"message": message, "type": kind, "param": null, "code": null, "status": status}});
    Outcome {
        error: Some((error.to_string(), -3)),
        ..Outcome::default()
    }
}

fn judged(vector: &Value, posts: &[Request], outcome: &Outcome) -> Vec<String> {
    let vector = Vector::read(vector).expect("the test's own vector");
    judge::problems(&vector, posts, outcome, Duration::from_millis(100))
}

/// There is a problem, and it is this one.
#[track_caller]
fn finds(text: &str, problems: Vec<String>) {
    assert!(
        problems.iter().any(|problem| problem.contains(text)),
        "{text:?} is not among {problems:?}"
    );
}

/// Changes the right body, answer or vector, and expects the problem.
#[track_caller]
fn wrong_body(text: &str, change: fn(&mut Value)) {
    let (mut posts, answer) = right();
    let mut body: Value = serde_json::from_slice(&posts[0].body).expect("JSON");
    change(&mut body);
    posts[0].body = body.to_string().into_bytes();
    finds(text, judged(&chat(), &posts, &answered(&answer)));
}

#[track_caller]
fn wrong_answer(text: &str, change: fn(&mut Value)) {
    let (posts, mut answer) = right();
    change(&mut answer);
    finds(text, judged(&chat(), &posts, &answered(&answer)));
}

#[track_caller]
fn wrong_header(text: &str, name: &str, value: &str) {
    let (mut posts, answer) = right();
    posts[0].headers.insert(name.to_string(), value.to_string());
    finds(text, judged(&chat(), &posts, &answered(&answer)));
}

/// A vector that expects an error, and what is said of a message with the right status and type.
fn refused(vector_error: Value, message: &str) -> Vec<String> {
    let mut vector = chat();
    vector["error"] = vector_error;
    vector
        .as_object_mut()
        .expect("an object")
        .remove("returned");
    judged(
        &vector,
        &right().0,
        &failed(message, 400, "invalid_request_error"),
    )
}
