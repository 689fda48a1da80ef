//! Many threads, one client.

use super::{invoke_on, server};
use mishikallm::Client;
use serde_json::json;

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
