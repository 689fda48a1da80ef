//! What a caller is told: headers, keys, and errors in OpenAI's shape.

use super::*;

fn upstream() -> Upstream {
    Upstream::new(|mut peer| {
        while let Some((_, body)) = peer.request() {
            peer.reply(200, &json!({"text_output": body}));
        }
    })
}

#[test]
fn an_answer_tells_where_it_came_from() {
    let proxy = proxy(&upstream());
    let answer = chat(&proxy, json!({})).read("POST").unwrap();
    let body: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!((answer.status, &body["model"]), (200, &json!("m")));
    let headers = answer.headers;
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-mishikallm-model-group", "m"),
        ("x-mishikallm-attempted-retries", "0"),
        ("x-mishikallm-attempted-fallbacks", "0"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    for name in [
        "x-mishikallm-call-id",
        "x-mishikallm-model-id",
        "x-mishikallm-version",
        "x-mishikallm-response-duration-ms",
        "x-mishikallm-overhead-duration-ms",
    ] {
        assert!(!headers[name].is_empty(), "{name}");
    }
    assert!(headers.values().all(|value| !value.contains("127.0.0.1")));
}

#[test]
fn a_path_may_name_the_model() {
    let proxy = proxy(&upstream());
    let body = r#"{"messages":[{"role":"user","content":"hi"}]}"#;
    for path in [
        "/engines/m/chat/completions",
        "/openai/deployments/m/chat/completions",
    ] {
        assert_eq!(
            send(&proxy, "POST", path, &[], body).json().0,
            200,
            "{path}"
        );
    }
}

#[test]
fn with_a_master_key_all_is_closed() {
    let proxy = proxy_with(&upstream(), json!({}), json!({"master_key": "sk-k"}));
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    let status = |path: &str, headers: &[(&str, &str)]| {
        let (status, json) = send(&proxy, "POST", path, headers, body).json();
        if status == 401 {
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
    let proxy = proxy(&upstream());
    let chat = |body: &str| {
        let (status, body) = send(&proxy, "POST", "/v1/chat/completions", &[], body).json();
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
    let (status, error) = send(&proxy, "GET", "/v1/chat/completions", &[], "").json();
    assert_eq!((status, &error["error"]["code"]), (405, &json!("405")));
    let (status, error) = send(&proxy, "POST", "/nowhere", &[], "").json();
    assert_eq!((status, &error["error"]["code"]), (404, &json!("404")));
}

#[test]
fn a_header_sets_how_often_it_is_tried() {
    let upstream = Upstream::new(|mut peer| {
        if peer.request().is_some() {
            peer.reply(503, &json!({"error": "server not ready"}));
        }
    });
    let proxy = proxy_with(&upstream, json!({"num_retries": 9}), json!({}));
    let body = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    let headers = [("x-mishikallm-num-retries", "0")];
    let mut client = send(&proxy, "POST", "/chat/completions", &headers, body);
    let answer = client.read("POST").unwrap();
    assert_eq!(answer.status, 503);
    assert_eq!(answer.headers["x-mishikallm-attempted-retries"], "0");
}
