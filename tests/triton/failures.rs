//! What goes wrong on a real server, and what the caller is told.

use super::{chat, embed, invoke, server};
use serde_json::{Value, json};

fn message(error: &Value) -> &str {
    error["message"].as_str().unwrap()
}

#[test]
fn a_models_own_error_keeps_its_words() {
    let error = chat("fails_before", "x", json!({})).unwrap_err();
    assert_eq!(error["type"], "internal_server_error");
    assert!(message(&error).contains("fails_before"), "{error}");
    let error = chat("fails_slowly", "x", json!({"delay_ms": 50})).unwrap_err();
    assert!(message(&error).contains("fails_slowly"), "{error}");
}

#[test]
fn an_error_hidden_in_a_success_is_found() {
    for model in ["fails_midway", "several_responses", "no_response"] {
        let error = chat(model, "x", json!({})).unwrap_err();
        assert_eq!(error["status"], 500, "{model}: {error}");
        assert!(
            message(&error).contains("exactly 1 response"),
            "{model}: {error}"
        );
    }
}

#[test]
fn a_model_that_is_not_there() {
    let error = chat("no_such_model", "x", json!({})).unwrap_err();
    assert_eq!(error["status"], 404);
    assert!(message(&error).contains("no_such_model"), "{error}");
}

#[test]
fn a_model_of_the_wrong_kind_says_what_it_is() {
    let error = chat("minilm", "x", json!({})).unwrap_err();
    assert_eq!(
        (error["status"].as_u64(), error["param"].as_str()),
        (Some(400), Some("model"))
    );
    assert!(message(&error).contains("embedding FP32[384]"), "{error}");
    for model in [
        "tiny_llm",
        "vllm_shape",
        "trtllm_ensemble",
        "trtllm_bls",
        "llmapi_shape",
        "infer_only",
    ] {
        let error = embed(model, json!("x")).unwrap_err();
        assert_eq!(error["status"], 400, "{model}");
        assert!(
            message(&error).contains("gives no embeddings"),
            "{model}: {error}"
        );
    }
    let error = embed("embed_tokens", json!("text")).unwrap_err();
    assert!(message(&error).contains("takes no text"), "{error}");
    let error = embed("minilm", json!([[1, 2]])).unwrap_err();
    assert_eq!(error["param"], "input");
}

#[test]
fn nan_is_told_and_never_passed_on() {
    let error = embed("embed_nan", json!(["fine", "nan"])).unwrap_err();
    assert_eq!(error["status"], 502);
    assert!(message(&error).contains("row 1"), "{error}");
    assert!(embed("embed_nan", json!(["fine"])).is_ok());
    // As JSON, Triton writes a bare NaN, which is no JSON.
    let request = json!({"model": "triton/embed_nan", "api_base": server(), "input": "nan", "triton": {"binary": false}});
    assert_eq!(invoke("embeddings", request).unwrap_err()["status"], 502);
}

#[test]
fn a_slow_model_meets_the_timeout() {
    let began = std::time::Instant::now();
    let error = chat(
        "fails_slowly",
        "x",
        json!({"delay_ms": 5000, "timeout": 0.5}),
    )
    .unwrap_err();
    assert_eq!(
        (error["status"].as_u64(), error["type"].as_str()),
        (Some(408), Some("invalid_request_error"))
    );
    assert!(message(&error).contains("0.5 s"), "{error}");
    assert!(began.elapsed().as_secs_f64() < 3.0);
}

#[test]
fn a_value_that_the_model_refuses() {
    let error = chat("vllm_shape", "x", json!({"sampling_parameters": "no json"})).unwrap_err();
    assert_eq!(
        error["status"].as_u64().map(|s| s / 100),
        Some(4),
        "{error}"
    );
}

#[test]
fn text_that_a_model_takes_as_a_parameter_is_no_list() {
    let error = chat("infer_batched", "x", json!({"unknown_list": [1]})).unwrap_err();
    assert_eq!(error["param"], "unknown_list");
    assert!(message(&error).contains("infer_batched"), "{error}");
}
