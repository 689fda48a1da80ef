//! Chats and text completions, of every shape of model.

use super::{chat, content, invoke, server};
use serde_json::json;

const QUESTION: &str = "What is an inference server?";

/// All language models here are one model in different clothes: greedy, they give the same words.
const WORDS: &str = "An inference server keeps trained models in memory";

#[test]
fn every_shape_answers_with_nothing_configured_but_model_and_api_base() {
    for model in [
        "tiny_llm",
        "vllm_shape",
        "trtllm_ensemble",
        "trtllm_bls",
        "llmapi_shape",
        "infer_only",
        "infer_batched",
    ] {
        let answer = chat(model, QUESTION, json!({"max_tokens": 12, "temperature": 0}))
            .unwrap_or_else(|e| panic!("{model}: {e}"));
        assert!(
            content(&answer).trim_start().starts_with(WORDS),
            "{model}: {answer}"
        );
        assert_eq!(answer["model"], model);
        assert_eq!(answer["object"], "chat.completion");
    }
}

#[test]
fn the_prompt_is_not_echoed() {
    for model in ["vllm_shape", "trtllm_ensemble", "llmapi_shape"] {
        let answer = chat(model, QUESTION, json!({"max_tokens": 5, "temperature": 0})).unwrap();
        assert!(!content(&answer).contains(QUESTION), "{model}: {answer}");
    }
}

#[test]
fn counts_and_finish_reasons_are_the_models() {
    for model in ["tiny_llm", "vllm_shape", "trtllm_ensemble", "trtllm_bls"] {
        let answer = chat(model, QUESTION, json!({"max_tokens": 12, "temperature": 0})).unwrap();
        assert_eq!(
            answer["usage"],
            json!({"prompt_tokens": 6, "completion_tokens": 12, "total_tokens": 18}),
            "{model}"
        );
        assert_eq!(answer["choices"][0]["finish_reason"], "length", "{model}");
    }
    let whole = chat("tiny_llm", QUESTION, json!({})).unwrap();
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    let uncounted = chat("infer_batched", QUESTION, json!({"max_tokens": 3})).unwrap();
    assert_eq!(uncounted["usage"]["estimated"], true);
}

#[test]
fn every_form_of_api_base_reaches_the_model() {
    let forms = [
        "",
        "/",
        "/v2",
        "/v2/",
        "/v2/models/tiny_llm",
        "/v2/models/tiny_llm/",
        "/v2/models/tiny_llm/versions/1",
        "/v2/models/tiny_llm/generate",
        "/v2/models/tiny_llm/generate/",
        "/v2/models/tiny_llm/GENERATE",
        "/v2/models/tiny_llm/generate_stream",
        "/v2/models/tiny_llm/versions/1/generate",
        "/v2/models/tiny_llm/generate?x=1",
        // A decoupled model is never asked through infer, whatever the URL says.
        "/v2/models/tiny_llm/infer",
    ];
    for form in forms {
        let request = json!({"model": "triton/tiny_llm", "api_base": server() + form, "max_tokens": 5,
            "messages": [{"role": "user", "content": QUESTION}]});
        let answer = invoke("chat.completions", request).unwrap_or_else(|e| panic!("{form}: {e}"));
        assert_eq!(answer["usage"]["completion_tokens"], 5, "{form}");
    }
}

#[test]
fn a_version_that_is_not_there_is_the_servers_error() {
    let request = json!({"model": "triton/tiny_llm", "api_base": server(), "prompt": "x", "triton": {"version": 9}});
    let error = invoke("completions", request).unwrap_err();
    assert!(
        matches!(error["status"].as_u64(), Some(400 | 404)),
        "{error}"
    );
}

#[test]
fn each_prompt_has_its_choice() {
    let request = json!({"model": "triton/tiny_llm", "api_base": server(), "prompt": ["A ship", "The weather"], "max_tokens": 4});
    let answer = invoke("completions", request).unwrap();
    assert_eq!(answer["object"], "text_completion");
    assert_eq!(answer["choices"].as_array().unwrap().len(), 2);
    assert_eq!(answer["choices"][1]["index"], 1);
    assert_eq!(answer["usage"]["completion_tokens"], 8);
}

#[test]
fn a_seed_repeats() {
    let ask = |model: &str, seed: u64| {
        let answer = chat(
            model,
            "Tell me about ships.",
            json!({"max_tokens": 20, "temperature": 1.5, "seed": seed, "delay_ms": 0}),
        )
        .unwrap();
        content(&answer).to_owned()
    };
    for model in ["tiny_llm", "vllm_shape"] {
        assert_eq!(ask(model, 7), ask(model, 7), "{model}");
        let others: Vec<String> = (0..5).map(|seed| ask(model, seed)).collect();
        assert!(
            others.iter().any(|o| *o != others[0]),
            "{model}: the seed plays no part"
        );
    }
}

#[test]
fn stop_sequences_end_the_text_on_every_model() {
    for model in [
        "tiny_llm",
        "vllm_shape",
        "trtllm_ensemble",
        "trtllm_bls",
        "llmapi_shape",
        "infer_only",
        "infer_batched",
    ] {
        let answer = chat(
            model,
            QUESTION,
            json!({"max_tokens": 30, "temperature": 0, "stop": ["memory", "never"]}),
        )
        .unwrap();
        assert_eq!(
            content(&answer).trim(),
            "An inference server keeps trained models in",
            "{model}"
        );
        assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{model}");
    }
}

#[test]
fn parameters_are_given_the_type_their_input_has() {
    // An int for a float input, a whole float for an int input: Triton itself would refuse both.
    let answer = chat(
        "tiny_llm",
        QUESTION,
        json!({"max_tokens": 4.0, "temperature": 0, "seed": 1}),
    )
    .unwrap();
    assert_eq!(answer["usage"]["completion_tokens"], 4);
    let error = chat("tiny_llm", QUESTION, json!({"stop_words": [1]})).unwrap_err();
    assert_eq!(error["param"], "stop_words");
}

#[test]
fn words_of_other_alphabets_go_both_ways() {
    let answer = chat(
        "tiny_llm",
        "Say hello in other languages. 你好 🙂 \"quoted\"\n\ttab",
        json!({"max_tokens": 30}),
    )
    .unwrap();
    assert!(!content(&answer).is_empty());
}
