//! `general_settings.allow_client_side_credentials`: whether a request may say where to, and with which key.

use super::*;
use running::common::reply::Script;
use running::common::server::Bound;
use serde_json::Map;

/// Fields with which a request would go elsewhere, or as somebody else.
fn fields(elsewhere: &str) -> [(&'static str, Value); 5] {
    [
        ("api_base", json!(elsewhere)),
        ("base_url", json!(elsewhere)),
        ("api_key", json!("sk-the-callers")),
        ("extra_headers", json!({"x-one": "two"})),
        ("headers", json!({"x-one": "two"})),
    ]
}

#[test]
fn by_default_a_request_that_says_where_to_is_refused() {
    let (upstream, other) = (saying("the configuration's"), saying("the caller's"));
    for settings in [
        json!({}),
        json!({"general_settings": {"allow_client_side_credentials": false}}),
    ] {
        let proxy = proxy(one(&upstream), settings, &[]);
        for (field, value) in fields(&other.at("/x/generate")) {
            for (path, request) in [
                (CHAT, json!({field: value})),
                ("/v1/completions", json!({"prompt": "hi", field: value})),
                ("/v1/embeddings", json!({"input": "hi", field: value})),
                (CHAT, json!({"fallbacks": [{"model": "m", field: value}]})),
            ] {
                let answer =
                    ask(&proxy.host, "POST", path, &[], &body(&request)).expect("an answer");
                assert_eq!(answer.status, 400, "{field}: {}", answer.text());
                let error = &json_of(&answer)["error"];
                let param = error["param"].as_str().expect("a field's name");
                assert!(param.ends_with(field), "{error}");
                let message = error["message"].as_str().expect("a message");
                assert!(message.contains("allow_client_side_credentials"), "{error}");
                assert!(
                    !message.contains("sk-the") && !message.contains("127.0.0.1"),
                    "{error}"
                );
            }
        }
        assert_eq!(said(&chat(&proxy, &json!({}))), "the configuration's");
    }
}

#[test]
fn where_it_is_allowed_a_request_may_say_where_to_and_with_which_key() {
    let upstream = saying("the configuration's");
    let replies = json!({"*": [{"status": 200, "body": {"text_output": "the caller's"}}]});
    let script = Script::by_path(replies.as_object().expect("an object")).expect("replies");
    let other = Bound::new().serve(script, Map::new());
    let mut list = one(&upstream);
    list[0]["mishikallm_params"]["api_key"] = json!("sk-the-configurations");
    let allowed = json!({"general_settings": {"allow_client_side_credentials": true}});
    let proxy = proxy(list, allowed, &[]);
    assert_eq!(said(&chat(&proxy, &json!({}))), "the configuration's");
    let elsewhere = format!("http://{}/x/generate", other.host);
    for request in [
        json!({"api_base": elsewhere, "api_key": "sk-the-callers"}),
        json!({"api_base": elsewhere}),
    ] {
        assert_eq!(said(&chat(&proxy, &request)), "the caller's");
    }
    // A name that the list does not have is nobody's, wherever it is to go.
    let unlisted = json!({"model": "triton/unlisted", "api_base": elsewhere});
    assert_eq!(chat(&proxy, &unlisted).status, 404);
    // The configuration's key goes to the configuration's server alone.
    let keys: Vec<Option<String>> = other
        .posts()
        .iter()
        .map(|post| post.headers.get("authorization").cloned())
        .collect();
    assert_eq!(keys, [Some("Bearer sk-the-callers".to_owned()), None]);
    // What names files stays the configuration's.
    let answer = chat(
        &proxy,
        &json!({"api_base": elsewhere, "chat_template": "/etc/passwd"}),
    );
    assert_eq!(json_of(&answer)["error"]["param"], "chat_template");
}
