//! What was sent: counted, compared, and searched for what must not be in it.

use serde_json::{Value, json};

use super::*;

#[test]
fn posts_are_counted() {
    let (posts, answer) = right();
    finds(
        "expected 1 POST, got 0",
        judged(&chat(), &[], &answered(&answer)),
    );
    finds(
        "expected 1 POST, got 2",
        judged(
            &chat(),
            &[posts[0].clone(), posts[0].clone()],
            &answered(&answer),
        ),
    );
    let mut nothing = chat();
    nothing["sent"] = Value::Null;
    finds(
        "expected 0 POST, got 1",
        judged(&nothing, &posts, &answered(&answer)),
    );
    let mut list = chat();
    list["sent"] = json!([chat()["sent"], chat()["sent"]]);
    list["sent"][1]["path"] = json!("/other");
    finds(
        "sent[1].path",
        judged(
            &list,
            &[posts[0].clone(), posts[0].clone()],
            &answered(&answer),
        ),
    );
}

#[test]
fn bodies_are_compared() {
    wrong_body("sent.body.text_input", |body| {
        body["text_input"] = json!("ho")
    });
    wrong_body("sent.body.parameters.max_tokens: expected 20", |body| {
        body["parameters"]["max_tokens"] = json!(2000)
    });
    wrong_body("sent.body.parameters.max_tokens", |body| {
        body["parameters"]["max_tokens"] = json!("20")
    });
    wrong_body("sent.body.parameters.temperature", |body| {
        body["parameters"]["temperature"] = json!(0.200_000_003)
    });
    wrong_body("sent.body.id: not expected", |body| {
        body["id"] = Value::Null
    });
    wrong_body("sent.body.stream: missing", |body| {
        drop(body.as_object_mut().map(|map| map.remove("stream")))
    });
    let (mut posts, answer) = right();
    posts[0].body = b"hi".to_vec();
    finds(
        "sent.body: expected \"JSON\"",
        judged(&chat(), &posts, &answered(&answer)),
    );
}

#[test]
fn headers_are_compared() {
    wrong_header(
        "sent.headers.Authorization",
        "authorization",
        "Bearer other",
    );
    wrong_header("content-type", "content-type", "text/plain");
    wrong_header("the header openai-organization", "openai-organization", "o");
    wrong_header("the header x-who", "x-who", "org-123");
    wrong_header("the header x-timeout", "x-timeout", "30");
    wrong_header("the header x-api-key", "x-api-key", "sk-secret");
    let (mut posts, answer) = right();
    posts[0].headers.remove("authorization");
    finds(
        "sent.headers.Authorization",
        judged(&chat(), &posts, &answered(&answer)),
    );
}

#[test]
fn infer_tensors_are_a_set_within_fp32() {
    let tensor = |name: &str, data: Value| json!({"name": name, "shape": [1], "datatype": "FP32", "data": data});
    let mut vector = chat();
    vector["sent"]["body"] =
        json!({"inputs": [tensor("a", json!([0.1])), tensor("b", json!([1]))]});
    let judge = |inputs: Value| {
        judged(
            &vector,
            &[post(
                "/v2/models/llm/generate",
                &json!({"inputs": inputs}),
                true,
            )],
            &answered(&right().1),
        )
    };
    assert_eq!(
        judge(json!([
            tensor("b", json!([1.0])),
            tensor("a", json!([0.100_000_001_490_116]))
        ])),
        [""; 0]
    );
    finds(
        "inputs.a.data[0]",
        judge(json!([
            tensor("b", json!([1])),
            tensor("a", json!([0.1001]))
        ])),
    );
    finds(
        "expected the tensors a, b, got a",
        judge(json!([tensor("a", json!([0.1]))])),
    );
    finds(
        "there twice",
        judge(json!([
            tensor("a", json!([0.1])),
            tensor("b", json!([1])),
            tensor("b", json!([1]))
        ])),
    );
    finds(
        "inputs.b.data",
        judge(json!([
            tensor("a", json!([0.1])),
            tensor("b", json!([[1]]))
        ])),
    );
}

#[test]
fn sent_includes_is_checked() {
    let mut vector = chat();
    vector.as_object_mut().expect("an object").remove("sent");
    vector["sent_any"] = json!(true);
    vector["sent_includes"] = json!({
        "path": "/p", "inputs": [{"name": "a", "shape": [1, 1], "datatype": "BYTES", "data": ["x"]}], "values": {"k": ["y"]},
        "without": ["max_tokens"],
    });
    let judge = |path: &str, body: Value| {
        judged(&vector, &[post(path, &body, true)], &answered(&right().1))
    };
    let right_body = json!({
        "inputs": [{"name": "a", "shape": [1, 1], "datatype": "BYTES", "data": [["x"]]}, {"name": "b"}], "parameters": {"k": ["y"]},
    });
    assert_eq!(judge("/p", right_body.clone()), [""; 0]);
    finds("sent.path", judge("/q", right_body.clone()));
    let changed = |change: fn(&mut Value)| {
        let mut body = right_body.clone();
        change(&mut body);
        judge("/p", body)
    };
    finds(
        "inputs.a.shape",
        changed(|body| body["inputs"][0]["shape"] = json!([1])),
    );
    finds("there 0 times", changed(|body| body["inputs"] = json!([])));
    finds(
        "sent.body.k",
        changed(|body| body["parameters"]["k"] = json!("y")),
    );
    finds(
        "must be nowhere",
        changed(|body| body["inputs"][1]["name"] = json!("max_tokens")),
    );
    finds(
        "must be nowhere",
        changed(|body| body["parameters"]["max_tokens"] = json!(1)),
    );
    finds(
        "no POST arrived",
        judged(&vector, &[], &answered(&right().1)),
    );
}
