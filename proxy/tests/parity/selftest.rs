//! The comparison itself: each kind of mistake must be found.

use serde_json::{Value, json};

use crate::events;
use crate::judge::{self, Seen};
use crate::stage;
use crate::told;
use crate::vector::{Task, Vector};
use crate::yaml;
use running::common::http::Response as Got;
use running::common::reply::{Reply, Script};

fn got(status: u16, body: &str) -> Got {
    Got {
        status,
        headers: [("content-type".to_string(), "application/json".to_string())].into(),
        body: body.as_bytes().to_vec(),
    }
}

fn vector(response: Value) -> Value {
    json!({
        "id": "t", "category": "t", "kind": "match",
        "config": {"model_list": [{"model_name": "m", "mishikallm_params": {"model": "triton/m", "api_key": "sk-up"}}]},
        "request": {"method": "POST", "path": "/v1/chat/completions", "headers": {}, "body": {}},
        "response": response,
    })
}

fn told(response: Value, got: &Got) -> Vec<String> {
    let vector = Vector::read(&vector(response)).expect("the test's own vector");
    let Task::Http(http) = vector.task else {
        panic!("the test's own vector is a request")
    };
    let mut problems = Vec::new();
    told::check(&http.response, got, &mut problems);
    problems
}

#[test]
fn errors_have_their_form_status_and_words() {
    let want = json!({
        "status": 400, "headers": {"content-type": "application/json"},
        "body": {"error": {"message_contains": ["tools"], "type": "invalid_request_error", "code": "400"}},
    });
    let right = r#"{"error":{"message":"no tools here","type":"invalid_request_error","param":null,"code":"400"}}"#;
    assert_eq!(told(want.clone(), &got(400, right)), [""; 0]);
    for (from, to) in [
        ("tools", "them"),
        ("\"400\"", "400"),
        ("invalid_request_error", "auth_error"),
        ("\"param\":null,", ""),
        ("no tools", "<html>tools"),
        ("}}", "},\"detail\":1}"),
    ] {
        let wrong = right.replacen(from, to, 1);
        assert_ne!(told(want.clone(), &got(400, &wrong)), [""; 0], "{wrong}");
    }
    assert_ne!(told(want.clone(), &got(500, right)), [""; 0]);
    let other = Got {
        headers: [("content-type".to_string(), "text/plain".to_string())].into(),
        ..got(400, right)
    };
    assert_ne!(told(want, &other), [""; 0]);
}

#[test]
fn frames_are_compared_in_order_with_one_id() {
    let chunk = |id: &str, text: &str| {
        json!({"id": id, "object": "chat.completion.chunk", "model": "m", "created": 1,
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
    };
    let body = |frames: &[Value]| {
        let mut body: String = frames
            .iter()
            .map(|frame| format!("data: {frame}\n\n"))
            .collect();
        body += "data: [DONE]\n\n";
        got(200, &body)
    };
    let nameless = |text: &str| {
        let mut frame = chunk("", text);
        frame.as_object_mut().map(|map| map.remove("id"));
        frame
    };
    let want = json!({"frames": [nameless("a"), nameless("b"), "[DONE]"]});
    let (a, b) = (chunk("chatcmpl-1", "a"), chunk("chatcmpl-1", "b"));
    assert_eq!(told(want.clone(), &body(&[a.clone(), b.clone()])), [""; 0]);
    let mut counted = b.clone();
    counted["usage"] = json!({"total_tokens": 1});
    for wrong in [
        vec![a.clone()],
        vec![b.clone(), a.clone()],
        vec![a.clone(), chunk("chatcmpl-2", "b")],
        vec![chunk("x", "a"), chunk("x", "b")],
        vec![a.clone(), counted],
    ] {
        assert_ne!(told(want.clone(), &body(&wrong)), [""; 0], "{wrong:?}");
    }
    assert!(events::read("data: {}\n").is_err());
    assert!(events::read("event: x\ndata: {}\n\n").is_err());
}

#[test]
fn lists_are_sets_whose_entries_may_say_more() {
    let want = json!({"body": {"object": "list", "data": [{"id": "a"}, {"id": "b"}]}});
    let entries = |text: &str| got(200, &format!(r#"{{"object":"list","data":[{text}]}}"#));
    let right = r#"{"id":"b","owned_by":"x"},{"id":"a"}"#;
    assert_eq!(told(want.clone(), &entries(right)), [""; 0]);
    for wrong in [
        r#"{"id":"a"}"#,
        r#"{"id":"a"},{"id":"a"}"#,
        r#"{"id":"a"},{"id":"b"},{"id":"c"}"#,
    ] {
        assert_ne!(told(want.clone(), &entries(wrong)), [""; 0], "{wrong}");
    }
}

#[test]
fn leaks_are_found_wherever_they_are() {
    let vector = Vector::read(&vector(json!({"status": 200}))).expect("the test's own vector");
    let Task::Http(http) = &vector.task else {
        panic!("the test's own vector is a request")
    };
    let secrets = judge::secrets(vector.config.as_ref(), "sk-master");
    let found = |answer: &Got, log: &str| {
        let seen = Seen {
            answers: std::slice::from_ref(answer),
            posts: &[],
            last_posts: 0,
            secrets: &secrets,
            internal: &["127.0.0.1:9".to_string()],
            log,
        };
        judge::problems(&vector, http, &seen)
    };
    assert_eq!(found(&got(200, "{}"), "quiet"), [""; 0]);
    for body in ["sk-up", "sk-master", "http://127.0.0.1:9/v2", "LiteLLM"] {
        assert_ne!(found(&got(200, body), ""), [""; 0], "{body}");
    }
    assert_ne!(found(&got(200, "{}"), "key sk-master"), [""; 0]);
    let mut header = got(200, "{}");
    header
        .headers
        .insert("x-mishikallm-model-api-base".to_string(), "x".to_string());
    assert_ne!(found(&header, ""), [""; 0]);
}

#[test]
fn vectors_that_are_not_understood_are_refused() {
    let right = vector(json!({"status": 200}));
    assert!(Vector::read(&right).is_ok());
    for (pointer, key) in [("", "odd"), ("/request", "odd"), ("/response", "odd")] {
        let mut wrong = right.clone();
        wrong.pointer_mut(pointer).expect("it is there")[key] = json!(1);
        assert!(Vector::read(&wrong).is_err(), "{pointer}");
    }
    for (key, value) in [
        ("kind", json!("other")),
        ("command", json!(["--model", "x"])),
        ("times", json!(3)),
        ("client_closes_after_seconds", json!(1)),
        ("expect", json!("words")),
        ("upstream", json!({"*": []})),
        (
            "request",
            json!({"method": "GET", "path": "/<odd>", "headers": {}}),
        ),
    ] {
        let mut wrong = right.clone();
        wrong[key] = value;
        assert!(Vector::read(&wrong).is_err(), "{key}");
    }
    assert_eq!(stage::load().len(), 123);
}

#[test]
fn replies_are_told_apart_by_path() {
    let text = |body: &str| json!([{"status": 200, "body": body}]);
    let replies = json!({
        "*": text("any"),
        "/a": [{"status": 200, "body": "first"}, {"status": 503, "body": "second"}],
    });
    let script = Script::by_path(replies.as_object().expect("an object")).expect("replies");
    let status = |paths: &[&str]| match script.to_last(paths) {
        Some(Reply::Answer(answer)) => answer.status,
        _ => 0,
    };
    assert_eq!(status(&["/a"]), 200);
    assert_eq!(status(&["/a", "/b"]), 200);
    assert_eq!(status(&["/a", "/b", "/a"]), 503);
    assert_eq!(status(&["/a", "/a", "/a"]), 503);
}

#[test]
fn configurations_are_yaml_in_blocks() {
    let config = json!({"list": [{"name": "*", "of": {"n": 2, "on": true}}], "none": []});
    let text = "list:\n  -\n    name: \"*\"\n    of:\n      n: 2\n      on: true\nnone: []\n";
    assert_eq!(yaml::write(&config), text);
}
