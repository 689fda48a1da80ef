//! Several prompts of one request are at the server at once, and are given up together.

use super::*;
use std::sync::{Arc, Barrier};

const PROMPTS: &str = r#"{"model":"m","prompt":["a","b","c"]}"#;

#[test]
fn all_are_asked_before_one_is_answered() {
    let all = Arc::new(Barrier::new(3));
    let upstream = Upstream::new(move |mut peer| {
        if let Some((_, body)) = peer.request() {
            all.wait();
            let body: Value = serde_json::from_str(&body).unwrap();
            peer.reply(200, &json!({"text_output": body["text_input"]}));
        }
    });
    let proxy = proxy(&upstream);
    let (status, body) = send(&proxy, "POST", "/v1/completions", &[], PROMPTS).json();
    assert_eq!(status, 200, "{body}");
    let texts = [0, 1, 2].map(|i| body["choices"][i]["text"].as_str().unwrap().to_owned());
    assert_eq!(texts, ["a", "b", "c"]);
}

#[test]
fn a_client_that_hangs_up_ends_all() {
    let (upstream, tells) = silent();
    let proxy = proxy(&upstream);
    let client = send(&proxy, "POST", "/v1/completions", &[], PROMPTS);
    let three = || [(); 3].map(|()| tells.recv().unwrap());
    assert_eq!(three(), ["asked"; 3]);
    drop(client);
    assert_eq!(three(), ["closed"; 3]);
}

#[test]
fn what_failed_is_told_in_its_turn() {
    let upstream = Upstream::new(|mut peer| {
        while let Some((_, body)) = peer.request() {
            match body.contains("\"b\"") {
                true => peer.reply(400, &json!({"error": "not b"})),
                false => peer.reply(200, &json!({"text_output": "yes"})),
            }
        }
    });
    let proxy = proxy(&upstream);
    let (status, body) = send(&proxy, "POST", "/v1/completions", &[], PROMPTS).json();
    assert_eq!(status, 400, "{body}");
    assert_eq!(body["error"]["message"], "not b");
}
