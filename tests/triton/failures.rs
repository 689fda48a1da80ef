//! What goes wrong on a real server, and what the caller is told.

use super::relay::Relay;
use super::streamed::{begun, chunk, client, ends_with, stream};
use super::{asks, chat, embed, invoke, invoke_on, server};
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

/// With a URL that names generate, Triton takes exactly one response.
#[test]
fn an_error_hidden_in_a_success_is_found() {
    for model in ["fails_midway", "several_responses", "no_response"] {
        let base = format!("{}/v2/models/{model}/generate", server());
        let error = chat(model, "x", json!({"api_base": base})).unwrap_err();
        assert_eq!(error["status"], 500, "{model}: {error}");
        assert!(
            message(&error).contains("exactly 1 response"),
            "{model}: {error}"
        );
    }
}

/// Read as a stream, as it is where the URL leaves the choice, the error is the model's own.
#[test]
fn an_error_after_some_tokens_is_the_whole_calls() {
    let error = chat("fails_midway", "x", json!({})).unwrap_err();
    assert_eq!(error["status"], 500, "{error}");
    assert!(
        message(&error).contains("fails after two tokens"),
        "{error}"
    );
}

#[test]
fn an_error_comes_after_the_chunks_that_came_before_it() {
    let streamed = stream("fails_midway", "x", json!({}));
    assert_eq!(streamed.deltas(), ["Half", " an"]);
    let error = streamed.end.unwrap_err();
    assert_eq!(error["status"], 500, "{error}");
    assert!(
        message(&error).contains("fails after two tokens"),
        "{error}"
    );
}

#[test]
fn an_error_before_any_token_is_the_streams_first_word() {
    for (model, path) in [
        ("fails_before", ""),
        ("fails_before", "/v2/models/fails_before/generate_stream"),
        ("fails_slowly", ""),
        ("fails_slowly", "/v2/models/fails_slowly/generate"),
    ] {
        let more = json!({"api_base": server() + path, "delay_ms": 50});
        let streamed = stream(model, "x", more);
        assert!(streamed.chunks.is_empty(), "{streamed:?}");
        let error = streamed.end.unwrap_err();
        assert!(message(&error).contains(model), "{model} {path}: {error}");
    }
}

#[test]
fn a_fallback_helps_until_the_first_chunk() {
    let fallbacks = json!([{"model": "triton/several_responses"}]);
    let streamed = stream("fails_before", "x", json!({"fallbacks": fallbacks}));
    assert_eq!(
        (streamed.text().as_str(), streamed.end),
        ("One, two, three", Ok(()))
    );
    // What was said cannot be unsaid.
    let streamed = stream("fails_midway", "x", json!({"fallbacks": fallbacks}));
    assert_eq!(streamed.text(), "Half an");
    assert!(message(&streamed.end.unwrap_err()).contains("fails after two tokens"));
}

/// Half an answer looks like a whole one.
#[test]
fn a_stream_whose_connection_breaks_is_not_over() {
    let relay = Relay::start();
    let more = json!({"api_base": relay.url, "delay_ms": 50});
    let stream = begun("tiny_llm", "Tell me a story about the sea.", more);
    chunk(&stream);
    relay.cut();
    let error = ends_with(&stream);
    assert_eq!(error.http_status(), 502, "{error}");
    assert!(
        error.message().contains("before its answer was whole"),
        "{error}"
    );
}

#[test]
fn no_response_is_no_answer_but_an_empty_stream() {
    let error = chat("no_response", "x", json!({})).unwrap_err();
    assert_eq!(
        (error["status"].as_u64(), message(&error)),
        (Some(502), "the model gave no response")
    );
    let streamed = stream("no_response", "x", json!({}));
    assert_eq!(
        (streamed.end.as_ref(), streamed.finish_reason()),
        (Ok(&()), "stop")
    );
    assert!(streamed.deltas().is_empty());
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
    assert!(
        message(&error).contains("takes token ids, not text"),
        "{error}"
    );
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
        json!({"delay_ms": 4000, "timeout": 0.5}),
    )
    .unwrap_err();
    assert_eq!(
        (error["status"].as_u64(), error["type"].as_str()),
        (Some(408), Some("invalid_request_error"))
    );
    assert!(message(&error).contains("0.5 s"), "{error}");
    // Not when the model is done.
    assert!(began.elapsed().as_secs_f64() < 4.0);
}

/// Who has no time to wait for the look-up of a model has learnt nothing about it, and spoils it for nobody.
#[test]
fn a_hasty_caller_does_not_spoil_the_look_up_for_others() {
    let relay = Relay::start();
    let client = client();
    // Asked in the plain format this model answers with an error.
    let request = asks(
        "infer_only",
        "x",
        json!({"api_base": relay.url, "max_tokens": 3}),
    );
    let mut hasty = request.clone();
    hasty["timeout"] = json!(0.2);
    let held = relay.hold();
    let error = invoke_on(&client, "chat.completions", hasty).unwrap_err();
    assert_eq!(error["status"], 408, "{error}");
    drop(held);
    invoke_on(&client, "chat.completions", request).unwrap();
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
