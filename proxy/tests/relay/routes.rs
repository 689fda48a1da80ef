//! What a caller is told: headers, keys, and errors in OpenAI's shape.

use super::support::{Proxy, Upstream};
use serde_json::{Value, json};

fn upstream() -> Upstream {
    Upstream::new(|mut peer| {
        while let Some((_, body)) = peer.request() {
            peer.reply(200, &json!({"text_output": body}));
        }
    })
}

#[test]
fn an_answer_tells_where_it_came_from() {
    let proxy = Proxy::new(&upstream());
    let (status, header, body) = proxy.chat(json!({})).reply();
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["model"]), (200, &json!("m")));
    for line in [
        "content-type: application/json",
        "x-mishikallm-model-group: m",
        "x-mishikallm-attempted-retries: 0",
        "x-mishikallm-attempted-fallbacks: 0",
        "x-mishikallm-call-id: ",
        "x-mishikallm-model-id: ",
        "x-mishikallm-version: ",
        "x-mishikallm-response-duration-ms: ",
        "x-mishikallm-overhead-duration-ms: ",
    ] {
        assert!(header.contains(line), "{line} is not in {header}");
    }
    assert!(!header.contains("127.0.0.1"), "{header}");
}

#[test]
fn a_path_may_name_the_model() {
    let proxy = Proxy::new(&upstream());
    let body = r#"{"messages":[{"role":"user","content":"hi"}]}"#;
    for path in [
        "/engines/m/chat/completions",
        "/openai/deployments/m/chat/completions",
    ] {
        assert_eq!(proxy.send("POST", path, &[], body).json().0, 200, "{path}");
    }
}

#[test]
fn with_a_master_key_all_is_closed() {
    let proxy = Proxy::with(&upstream(), json!({}), json!({"master_key": "sk-k"}));
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    let status = |path: &str, headers: &[(&str, &str)]| {
        let (status, _, text) = proxy.send("POST", path, headers, body).reply();
        if status == 401 {
            let json: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(json["error"]["type"], "auth_error");
            assert_eq!(json["error"]["code"], "401");
        }
        status
    };
    let chat = "/v1/chat/completions";
    assert_eq!(status(chat, &[]), 401);
    assert_eq!(status(chat, &[("authorization", "sk-k")]), 401);
    assert_eq!(status("/nowhere", &[]), 401);
    assert_eq!(status(chat, &[("authorization", "bearer sk-k")]), 200);
    assert_eq!(status(chat, &[("x-api-key", "sk-k")]), 200);
}

#[test]
fn a_wrong_request_is_told_what_is_wrong() {
    let proxy = Proxy::new(&upstream());
    let chat = |body: &str| {
        let (status, body) = proxy.send("POST", "/v1/chat/completions", &[], body).json();
        (status, body["error"].clone())
    };
    assert_eq!(chat("[]").0, 400);
    assert_eq!(chat("{").0, 400);
    for body in [r#"{"messages":[]}"#, r#"{"model":null}"#, r#"{"model":1}"#] {
        let (status, error) = chat(body);
        assert_eq!((status, &error["param"]), (400, &json!("model")), "{body}");
        assert_eq!(error["type"], "invalid_request_error");
    }
    let (status, error) = chat(r#"{"model":"x","messages":[{"role":"user","content":"hi"}]}"#);
    assert_eq!((status, &error["code"]), (404, &json!("model_not_found")));
    let (status, error) = chat(r#"{"model":"m","api_base":"http://x","messages":[]}"#);
    assert_eq!((status, &error["param"]), (400, &json!("api_base")));
    let (status, error) = proxy.send("GET", "/v1/chat/completions", &[], "").json();
    assert_eq!((status, &error["error"]["code"]), (405, &json!("405")));
    let (status, error) = proxy.send("POST", "/nowhere", &[], "").json();
    assert_eq!((status, &error["error"]["code"]), (404, &json!("404")));
}

#[test]
fn a_header_sets_how_often_it_is_tried() {
    let upstream = Upstream::new(|mut peer| {
        if peer.request().is_some() {
            peer.reply(503, &json!({"error": "server not ready"}));
        }
    });
    let proxy = Proxy::with(&upstream, json!({"num_retries": 9}), json!({}));
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    let headers = [("x-mishikallm-num-retries", "0")];
    let (status, header, _) = proxy
        .send("POST", "/chat/completions", &headers, body)
        .reply();
    assert_eq!(status, 503);
    assert!(
        header.contains("x-mishikallm-attempted-retries: 0"),
        "{header}"
    );
}
