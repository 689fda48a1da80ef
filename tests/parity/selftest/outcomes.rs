//! What came back: answers, errors, streams.

use serde_json::{Value, json};

use super::*;

#[test]
fn what_is_right_is_accepted() {
    let (posts, answer) = right();
    assert_eq!(judged(&chat(), &posts, &answered(&answer)), [""; 0]);
    let want = json!({"status": [400, 404], "type": "invalid_request_error", "message_contains": ["stop"], "message_excludes": ["go"]});
    assert_eq!(refused(want, "stop it"), [""; 0]);
}

#[test]
fn answers_are_compared() {
    wrong_answer("finish_reason: expected \"stop\", got \"length\"", |a| {
        a["choices"][0]["finish_reason"] = json!("length")
    });
    wrong_answer("content", |a| {
        a["choices"][0]["message"]["content"] = json!("x ")
    });
    wrong_answer("returned.model", |a| a["model"] = json!("triton/llm"));
    wrong_answer("returned.id", |a| a["id"] = json!("cmpl-1"));
    wrong_answer("returned.hidden: not expected", |a| a["hidden"] = json!(1));
    wrong_answer("returned.choices", |a| a["choices"] = json!([]));
    wrong_answer("returned.usage", |a| a["usage"]["total_tokens"] = json!(4));
    wrong_answer("returned.usage", |a| a["usage"]["estimated"] = Value::Null);
    wrong_answer("no completion_tokens", |a| {
        a["usage"] = json!({"prompt_tokens": 3, "total_tokens": 3, "estimated": true})
    });
    let (posts, _) = right();
    finds(
        "expected no error",
        judged(&chat(), &posts, &failed("no", 400, "invalid_request_error")),
    );
}

#[test]
fn counts_of_the_upstream_are_no_estimate() {
    let (posts, answer) = right();
    let mut vector = chat();
    vector["returned"]["usage"] =
        json!({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3});
    finds(
        "usage.estimated",
        judged(&vector, &posts, &answered(&answer)),
    );
}

#[test]
fn keys_do_not_leak() {
    wrong_body("leak: the key sk-secret", |body| {
        body["text_input"] = json!("sk-secret")
    });
    wrong_body("leak: organization", |body| {
        body["parameters"]["organization"] = json!("x")
    });
    wrong_body("leak: timeout", |body| {
        body["inputs"] = json!([{"name": "timeout"}])
    });
    wrong_answer("leak: the key sk-secret", |a| {
        a["choices"][0]["message"]["content"] = json!("sk-secret")
    });
    finds(
        "leak: the key sk-secret",
        refused(json!({"status": 400}), "Bearer sk-secret was refused"),
    );
}

#[test]
fn errors_are_compared() {
    finds(
        "error.status: expected 401",
        refused(json!({"status": 401}), "no"),
    );
    finds(
        "error.status: expected [401,403]",
        refused(json!({"status": [401, 403]}), "no"),
    );
    finds(
        "error.type",
        refused(json!({"type": "throttling_error"}), "no"),
    );
    finds(
        "expected \"max_tokens\" in it",
        refused(json!({"message_contains": ["max_tokens"]}), "no"),
    );
    finds(
        "must not hold \"no\"",
        refused(json!({"message_excludes": ["no"]}), "no"),
    );
    let (posts, answer) = right();
    let mut vector = chat();
    vector["error"] = json!({"status": 400});
    vector
        .as_object_mut()
        .expect("an object")
        .remove("returned");
    finds(
        "expected the error",
        judged(&vector, &posts, &answered(&answer)),
    );
    finds(
        "the status of an error is negative",
        judged(
            &vector,
            &posts,
            &Outcome {
                error: Some(("{}".into(), 3)),
                ..Outcome::default()
            },
        ),
    );
}

#[test]
fn messages_are_clean() {
    let said = |message: &str| refused(json!({"status": 400}), message);
    finds("a page of HTML", said("502: <!DOCTYPE html><p>"));
    finds("a page of HTML", said("<HTML><body>"));
    finds("the raw error", said("Triton said { \"error\" : \"no\" }"));
    finds("the raw error", said(r#"Triton said "{\"error\":\"no\"}""#));
    finds(
        "a stack trace",
        said("thread 'main' panicked at src/lib.rs"),
    );
    finds("a stack trace", said("failed in src/plan.rs:12:3"));
    finds("the reference", said("LiteLLM failed"));
    finds("expected {\"error\"", said(""));
}

#[test]
fn time_is_checked() {
    let (posts, answer) = right();
    let mut vector = chat();
    vector["seconds_at_least"] = json!(1);
    finds(
        "expected no less than 1 s",
        judged(&vector, &posts, &answered(&answer)),
    );
}

#[test]
fn streams_are_compared() {
    let chunk = |id: &str, delta: Value, reason: Value| json!({"id": id, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]});
    let mut vector = chat();
    vector
        .as_object_mut()
        .expect("an object")
        .remove("returned");
    vector["request"]["stream"] = json!(true);
    vector["text"] = json!("ab");
    vector["finish_reason"] = json!("stop");
    let judge = |vector: &Value, chunks: &[Value]| {
        let chunks = chunks.iter().map(Value::to_string).collect();
        judged(
            vector,
            &right().0,
            &Outcome {
                chunks,
                ..Outcome::default()
            },
        )
    };
    let (a, b) = (
        chunk("chatcmpl-1", json!({"content": "a"}), Value::Null),
        chunk("chatcmpl-1", json!({"content": "b"}), json!("stop")),
    );
    assert_eq!(judge(&vector, &[a.clone(), b.clone()]), [""; 0]);
    finds(
        "text: expected \"ab\"",
        judge(&vector, std::slice::from_ref(&a)),
    );
    finds(
        "finish_reason: expected \"stop\"",
        judge(&vector, std::slice::from_ref(&a)),
    );
    finds(
        "the id changes",
        judge(
            &vector,
            &[
                a.clone(),
                chunk("chatcmpl-2", json!({"content": "b"}), json!("stop")),
            ],
        ),
    );
    vector["chunks"] =
        json!([{"choices": [{"index": 0, "delta": {"content": "ab"}, "finish_reason": "stop"}]}]);
    finds("chunks: expected", judge(&vector, &[a.clone(), b.clone()]));
    vector["error"] = json!({"status": 500});
    finds("expected the error", judge(&vector, &[a, b]));
}
