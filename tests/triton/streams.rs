//! Streams, of every shape of model: the same text, counts and end as the whole answer.

use super::streamed::{client, drain, open, stream};
use super::{alone, asks, chat, content, invoke, server};
use mishikallm::openai::Operation;
use serde_json::{Value, json};

const QUESTION: &str = "What is an inference server?";

/// Models that write token by token, and those that give all of it at once.
const BY_TOKENS: [&str; 6] = [
    "tiny_llm",
    "vllm_shape",
    "trtllm_bls",
    "trtllm_streaming",
    "llmapi_shape",
    "no_stop",
];
const AT_ONCE: [&str; 3] = ["trtllm_ensemble", "infer_only", "infer_batched"];

/// Asks twice, and holds the stream to the whole answer.
#[track_caller]
fn assert_same(model: &str, question: &str, more: Value) -> super::streamed::Streamed {
    let whole = chat(model, question, more.clone()).unwrap_or_else(|e| panic!("{model}: {e}"));
    let streamed = stream(model, question, more);
    assert_eq!(streamed.end, Ok(()), "{model}");
    assert_eq!(streamed.text(), content(&whole), "{model}");
    assert_eq!(*streamed.usage(), whole["usage"], "{model}");
    assert_eq!(
        streamed.finish_reason(),
        whole["choices"][0]["finish_reason"],
        "{model}"
    );
    streamed
}

#[test]
fn every_shape_streams_what_it_answers() {
    for model in BY_TOKENS {
        let streamed = assert_same(
            model,
            QUESTION,
            json!({"max_tokens": 12, "temperature": 0, "delay_ms": 0}),
        );
        assert_eq!(
            streamed.deltas().len(),
            12,
            "{model}: {:?}",
            streamed.deltas()
        );
    }
    for model in AT_ONCE {
        let streamed = assert_same(
            model,
            QUESTION,
            json!({"max_tokens": 12, "temperature": 0, "delay_ms": 0}),
        );
        assert_eq!(
            streamed.deltas().len(),
            1,
            "{model}: {:?}",
            streamed.deltas()
        );
    }
}

#[test]
fn counts_are_the_models_where_it_counts() {
    for model in ["tiny_llm", "vllm_shape", "trtllm_bls", "trtllm_ensemble"] {
        let streamed = stream(
            model,
            QUESTION,
            json!({"max_tokens": 12, "temperature": 0, "delay_ms": 0}),
        );
        let counts = json!({"prompt_tokens": 6, "completion_tokens": 12, "total_tokens": 18});
        assert_eq!(*streamed.usage(), counts, "{model}");
    }
    for model in ["llmapi_shape", "infer_only", "infer_batched", "no_stop"] {
        let streamed = stream(model, QUESTION, json!({"max_tokens": 12, "delay_ms": 0}));
        assert_eq!(streamed.usage()["estimated"], true, "{model}");
    }
}

#[test]
fn a_text_that_was_cut_says_so_and_one_that_is_over_too() {
    for model in ["tiny_llm", "vllm_shape", "trtllm_bls", "llmapi_shape"] {
        let cut = assert_same(
            model,
            QUESTION,
            json!({"max_tokens": 5, "temperature": 0, "delay_ms": 0}),
        );
        assert_eq!(cut.finish_reason(), "length", "{model}");
        let over = assert_same(
            model,
            QUESTION,
            json!({"max_tokens": 200, "temperature": 0, "delay_ms": 0}),
        );
        assert_eq!(over.finish_reason(), "stop", "{model}");
    }
}

#[test]
fn every_form_of_api_base_streams() {
    for model in BY_TOKENS.iter().chain(&AT_ONCE) {
        for form in [
            "",
            "/v2",
            "{}",
            "{}/versions/1",
            "{}/generate",
            "{}/generate_stream",
            // A decoupled model is never asked through infer, whatever the URL says.
            "{}/infer",
        ] {
            let path = form.replace("{}", &format!("/v2/models/{model}"));
            let more = json!({"api_base": server() + &path, "max_tokens": 5, "temperature": 0, "delay_ms": 0});
            let streamed = stream(model, QUESTION, more);
            assert_eq!(streamed.end, Ok(()), "{model} {form}");
            assert_eq!(
                streamed.text().trim_start(),
                "An inference server keeps trained",
                "{model} {form}"
            );
        }
    }
}

#[test]
fn several_responses_are_deltas_of_a_stream_and_one_answer_without() {
    let streamed = assert_same("several_responses", "x", json!({}));
    assert_eq!(streamed.deltas(), ["One", ", two", ", three"]);
}

#[test]
fn each_prompt_has_its_choice() {
    let mut request = json!({"model": "triton/tiny_llm", "api_base": server(), "prompt": ["A ship", "The weather", "A ship"], "max_tokens": 4});
    let whole = invoke("completions", request.clone()).unwrap();
    request["stream_options"] = json!({"include_usage": true});
    let streamed = drain(&open(&client(), Operation::Text, &request));
    assert_eq!((streamed.choices(), streamed.chunks.len()), (3, 3 * 5 + 1));
    for index in 0..3 {
        assert_eq!(
            streamed.text_of(index as u64),
            whole["choices"][index]["text"].as_str().unwrap()
        );
    }
    assert_eq!(*streamed.usage(), whole["usage"]);
}

#[test]
fn words_of_other_alphabets_go_both_ways() {
    let question = "Say hello in other languages. 你好 🙂 \"quoted\"\n\ttab \\ \u{1}";
    for model in BY_TOKENS.iter().chain(&AT_ONCE) {
        let streamed = assert_same(
            model,
            question,
            json!({"max_tokens": 40, "temperature": 0, "delay_ms": 0}),
        );
        assert!(
            streamed.text().contains("こんにちは! 你好! 👋🌍"),
            "{model}: {}",
            streamed.text()
        );
    }
}

#[test]
fn a_long_stream_loses_nothing() {
    let _turn = alone();
    let more = json!({"max_tokens": 500, "temperature": 0, "ignore_eos": true, "delay_ms": 0});
    for model in ["tiny_llm", "vllm_shape"] {
        let streamed = assert_same(model, "Tell me a story about the sea.", more.clone());
        assert_eq!(streamed.usage()["completion_tokens"], 500, "{model}");
        assert_eq!(streamed.deltas().len(), 500, "{model}");
    }
}

#[test]
fn without_being_asked_a_stream_tells_no_usage() {
    let streamed = drain(&open(
        &client(),
        Operation::Chat,
        &asks("tiny_llm", QUESTION, json!({"max_tokens": 3})),
    ));
    assert_eq!(streamed.chunks.len(), 4);
    assert!(
        streamed
            .chunks
            .iter()
            .all(|chunk| chunk.get("usage").is_none())
    );
}
