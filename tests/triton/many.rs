//! Many threads, one client.

use super::streamed::{drain, open, stream};
use super::{alone, asks, invoke_on, server};
use mishikallm::Client;
use mishikallm::openai::Operation;
use serde_json::json;
use std::sync::Arc;

#[test]
fn sixteen_threads_share_a_client() {
    let client = Client::new(&json!({"api_base": server()}).to_string()).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let client = &client;
            scope.spawn(move || {
                for call in 0..10 {
                    let text = format!("thread {thread} call {call}");
                    let answer = invoke_on(
                        client,
                        "embeddings",
                        json!({"model": "triton/embed_batched", "input": [text, "x"]}),
                    )
                    .unwrap();
                    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
                }
            });
        }
    });
}

#[test]
fn fifty_streams_at_once() {
    let _turn = alone();
    let (question, more) = ("What is streaming?", json!({"max_tokens": 30}));
    let expected = stream("tiny_llm", question, more.clone()).text();
    let client = Arc::new(Client::new("").unwrap());
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let stream = open(
                    &client,
                    Operation::Chat,
                    &asks("tiny_llm", question, more.clone()),
                );
                let streamed = drain(&stream);
                assert_eq!((streamed.text(), streamed.end), (expected.clone(), Ok(())));
            });
        }
    });
}
