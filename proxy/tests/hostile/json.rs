//! Bodies that are no JSON, or JSON that nobody would send.

use serde_json::{Value, json};

use crate::stage::{Stage, good};

#[test]
fn what_is_no_json_is_a_400() {
    let stage = Stage::new();
    for body in [
        &b""[..],
        b"{",
        b"}",
        b"null",
        b"5",
        b"\"text\"",
        b"[]",
        b"[{}]",
        b"{}{}",
        b"{\"model\": \"llm\" \"messages\": []}",
        b"{\"model\": \"llm\", \"messages\": NaN}",
        b"\xef\xbb\xbf",
        b"{\"model\": \"\xff\xfe\"}",
        b"{\"model\": \"llm\", \"messages\": [{\"role\": \"user\", \"content\": \"\xc3\x28\"}]}",
        b"{\"model\": \"llm\", \"messages\": [{\"role\": \"user\", \"content\": \"\\ud800\"}]}",
        b"model=llm&messages=hi",
        &[0; 4096],
    ] {
        stage.refuses(body, 400);
    }
    assert!(
        stage
            .upstream
            .posts()
            .iter()
            .all(|post| !post.body.is_empty())
    );
}

#[test]
fn json_that_is_too_deep_is_a_400() {
    let stage = Stage::new();
    for depth in [200, 10_000, 1_000_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            stage.refuses(deep.as_bytes(), 400);
            let field = format!(
                r#"{{"model": "llm", "messages": [{{"role": "user", "content": "hi"}}], "metadata": {deep}}}"#
            );
            stage.refuses(field.as_bytes(), 400);
            stage.refuses(open.repeat(depth).as_bytes(), 400);
        }
    }
}

/// A repeated key is either refused or read as one; what is checked is what is sent.
#[test]
fn a_key_that_comes_twice_is_read_once() {
    let stage = Stage::new();
    let twice = br#"{"model": "nope", "messages": [{"role": "user", "content": "hi"}], "model": "llm", "max_tokens": 1, "max_tokens": 2}"#;
    let answer = stage.chat(twice);
    let posts = stage.upstream.posts();
    match answer.status {
        400 | 404 => assert!(posts.is_empty()),
        200 => {
            let text = String::from_utf8(posts[0].body.clone()).expect("UTF-8");
            assert_eq!(text.matches("max_tokens").count(), 1, "{text}");
        }
        other => panic!("{other}: {}", answer.text()),
    }
    stage.still_answers();
}

#[test]
fn fields_of_another_kind_are_a_400() {
    let stage = Stage::new();
    for (field, value) in [
        ("model", json!(5)),
        ("model", json!(["llm"])),
        ("model", json!("")),
        ("messages", json!("hi")),
        ("messages", json!({})),
        ("messages", json!([5])),
        ("messages", json!([{"role": "user", "content": 5}])),
        ("max_tokens", json!(-1)),
        ("max_tokens", json!(1e300)),
        ("stream", json!("yes")),
        ("stream", json!(1)),
        ("timeout", json!("soon")),
        ("timeout", json!(-1)),
        ("num_retries", json!(-1)),
        ("num_retries", json!("many")),
        ("fallbacks", json!(5)),
        ("api_key", json!("sk-mine")),
        ("api_base", json!("http://127.0.0.1:1/generate")),
        ("extra_headers", json!(["x"])),
    ] {
        let mut body: Value = serde_json::from_slice(&good()).expect("JSON");
        body[field] = value;
        let status = stage.chat(body.to_string().as_bytes()).status;
        assert_eq!(status, 400, "{body}");
    }
    assert_eq!(stage.upstream.posts().len(), 0);
    stage.still_answers();
}

/// Who may only ask may not say where to.
#[test]
fn a_body_cannot_add_headers_that_break_the_request() {
    let stage = Stage::new();
    let mut body: Value = serde_json::from_slice(&good()).expect("JSON");
    body["extra_headers"] = json!({"x-one": "a\r\nx-two: b", "host": "elsewhere"});
    let answer = stage.chat(body.to_string().as_bytes());
    assert!([200, 400].contains(&answer.status), "{}", answer.text());
    for post in stage.upstream.posts() {
        assert!(!post.headers.contains_key("x-two"), "{:?}", post.headers);
        assert_ne!(post.headers["host"], "elsewhere");
    }
    stage.still_answers();
}

#[test]
fn long_texts_are_no_problem() {
    let stage = Stage::new();
    let body =
        json!({"model": "llm", "messages": [{"role": "user", "content": "x".repeat(1 << 20)}]});
    assert_eq!(stage.chat(body.to_string().as_bytes()).status, 200);
    let name =
        json!({"model": "m".repeat(1 << 20), "messages": [{"role": "user", "content": "hi"}]});
    let answer = stage.chat(name.to_string().as_bytes());
    assert_eq!(answer.status, 404);
    // What it did not know is not said back at that length.
    assert!(answer.body.len() < 8192, "{} bytes", answer.body.len());
    stage.still_answers();
}
