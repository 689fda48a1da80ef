//! Answers in full: choices, log probabilities, echoes, JSON, of every dialect that gives them.

use super::streamed::chunks;
use super::{asks, chat, content, invoke, server};
use serde_json::{Value, json};

const QUESTION: &str = "What is an inference server?";

fn complete(model: &str, more: Value) -> Result<Value, Value> {
    let mut request =
        json!({"model": format!("triton/{model}"), "api_base": server(), "prompt": QUESTION});
    let fields = request.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    invoke("completions", request)
}

/// The texts of all choices of a chat.
fn contents(answer: &Value) -> Vec<&str> {
    let choices = answer["choices"].as_array().unwrap();
    choices
        .iter()
        .enumerate()
        .map(|(i, choice)| {
            assert_eq!(choice["index"], i);
            choice["message"]["content"].as_str().unwrap()
        })
        .collect()
}

#[test]
fn several_choices_differ_and_their_prompt_is_counted_once() {
    for model in [
        "tiny_llm",
        "vllm_shape",
        "trtllm_ensemble",
        "trtllm_bls",
        "llmapi_shape",
    ] {
        let more =
            json!({"n": 4, "max_tokens": 12, "temperature": 1.5, "top_p": 1.0, "delay_ms": 0});
        let answer =
            chat(model, "Tell me about ships.", more).unwrap_or_else(|e| panic!("{model}: {e}"));
        let texts = contents(&answer);
        assert_eq!(texts.len(), 4, "{model}");
        assert!(
            texts.iter().any(|text| *text != texts[0]),
            "{model}: {texts:?}"
        );
        if answer["usage"]["estimated"].is_null() {
            assert_eq!(answer["usage"]["prompt_tokens"], 5, "{model}");
            assert!(
                answer["usage"]["completion_tokens"].as_u64().unwrap() > 12,
                "{model}: {answer}"
            );
        }
    }
}

#[test]
fn several_choices_with_a_seed_repeat() {
    let ask = || {
        let more = json!({"n": 3, "max_tokens": 12, "temperature": 1.5, "seed": 7, "delay_ms": 0});
        chat("vllm_shape", "Tell me about ships.", more).unwrap()
    };
    assert_eq!(contents(&ask()), contents(&ask()));
}

#[test]
fn several_choices_are_streamed_and_their_usage_is_one() {
    let more = json!({"n": 3, "max_tokens": 5, "temperature": 1.0, "stream_options": {"include_usage": true}});
    let chunks = chunks("chat.completions", asks("vllm_shape", QUESTION, more));
    for index in 0..3 {
        let of = chunks.iter().filter(|c| c["choices"][0]["index"] == index);
        let last = of.clone().next_back().unwrap();
        assert_eq!(last["choices"][0]["finish_reason"], "length", "{index}");
        assert_eq!(of.count(), 6, "five tokens and an end");
    }
    let usage = &chunks.last().unwrap()["usage"];
    assert_eq!(
        *usage,
        json!({"prompt_tokens": 6, "completion_tokens": 15, "total_tokens": 21})
    );
}

#[test]
fn each_prompt_has_as_many_choices() {
    let more =
        json!({"prompt": ["A ship", "The weather"], "n": 2, "max_tokens": 3, "temperature": 0});
    let answer = complete("vllm_shape", more).unwrap();
    let choices = answer["choices"].as_array().unwrap();
    let texts: Vec<&str> = choices
        .iter()
        .map(|c| c["text"].as_str().unwrap())
        .collect();
    assert!(
        texts[0] == texts[1] && texts[2] == texts[3] && texts[0] != texts[2],
        "{texts:?}"
    );
}

#[test]
fn vllm_tells_how_likely_its_tokens_were() {
    let more = json!({"max_tokens": 6, "temperature": 0, "logprobs": true, "top_logprobs": 2});
    let answer = chat("vllm_shape", QUESTION, more.clone()).unwrap();
    let tokens = answer["choices"][0]["logprobs"]["content"]
        .as_array()
        .unwrap();
    assert_eq!(tokens.len(), 6);
    let text: String = tokens
        .iter()
        .map(|t| t["token"].as_str().unwrap())
        .collect();
    assert_eq!(text.trim(), content(&answer).trim());
    for token in tokens {
        let top = token["top_logprobs"].as_array().unwrap();
        assert!((1..=2).contains(&top.len()), "{token}");
        // Greedy: the chosen one is the likeliest.
        assert_eq!(
            (&top[0]["token"], &top[0]["logprob"]),
            (&token["token"], &token["logprob"])
        );
        assert_eq!(
            token["bytes"][0],
            token["token"].as_str().unwrap().as_bytes()[0]
        );
    }
    // Streamed, each token comes with its text.
    let chunks = chunks("chat.completions", asks("vllm_shape", QUESTION, more));
    let streamed: Vec<&Value> = chunks
        .iter()
        .filter_map(|c| c["choices"][0]["logprobs"]["content"].as_array())
        .flatten()
        .collect();
    assert_eq!(streamed, tokens.iter().collect::<Vec<_>>());
}

#[test]
fn log_probabilities_end_where_a_stop_sequence_cuts_the_text() {
    let more = json!({"max_tokens": 30, "temperature": 0, "logprobs": true, "stop": "memory"});
    let answer = chat("vllm_shape", QUESTION, more).unwrap();
    let tokens = answer["choices"][0]["logprobs"]["content"]
        .as_array()
        .unwrap();
    let text: String = tokens
        .iter()
        .map(|t| t["token"].as_str().unwrap())
        .collect();
    assert!(
        !text.contains("memory") && text.trim().ends_with("models in"),
        "{text}"
    );
}

#[test]
fn a_text_completions_log_probabilities_have_their_own_form() {
    let more = json!({"max_tokens": 4, "temperature": 0, "logprobs": 3});
    let answer = complete("vllm_shape", more).unwrap();
    let logprobs = &answer["choices"][0]["logprobs"];
    assert_eq!(logprobs["tokens"].as_array().unwrap().len(), 4);
    assert_eq!(logprobs["text_offset"][0], 0);
    let first = logprobs["tokens"][0].as_str().unwrap();
    assert_eq!(
        logprobs["top_logprobs"][0][first],
        logprobs["token_logprobs"][0]
    );
    assert_eq!(logprobs["text_offset"][1], first.chars().count());
}

/// A part of a token that may begin a stop sequence goes out before the rest of it.
#[test]
fn a_streams_tokens_begin_where_those_of_a_whole_answer_do() {
    for stop in [json!(null), json!("server!"), json!("ference serverX")] {
        let more = json!({"max_tokens": 8, "temperature": 0, "logprobs": 1, "stop": stop});
        let whole = complete("vllm_shape", more.clone()).unwrap();
        let mut request =
            json!({"model": "triton/vllm_shape", "api_base": server(), "prompt": QUESTION});
        let fields = request.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let chunks = chunks("completions", request);
        for key in ["tokens", "text_offset"] {
            let of = |chunk: &Value| chunk["choices"][0]["logprobs"][key].as_array().cloned();
            let streamed: Vec<Value> = chunks.iter().filter_map(of).flatten().collect();
            let whole = &whole["choices"][0]["logprobs"][key];
            assert_eq!(json!(streamed), *whole, "{key} with {stop}");
        }
    }
}

#[test]
fn tensorrt_llm_tells_the_probabilities_of_its_tokens_and_of_no_others() {
    let more = json!({"max_tokens": 5, "temperature": 0, "logprobs": true});
    let answer = chat("trtllm_bls", QUESTION, more).unwrap();
    let tokens = answer["choices"][0]["logprobs"]["content"]
        .as_array()
        .unwrap();
    assert_eq!(tokens.len(), 5, "{answer}");
    assert!(
        tokens.iter().all(|t| t["logprob"].as_f64().unwrap() < 0.0),
        "{answer}"
    );
    let error = chat(
        "trtllm_bls",
        QUESTION,
        json!({"logprobs": true, "top_logprobs": 2}),
    )
    .unwrap_err();
    assert_eq!(
        (&error["param"], &error["status"]),
        (&json!("top_logprobs"), &json!(400))
    );
}

#[test]
fn what_a_model_cannot_do_is_said_before_it_runs() {
    for (model, more, param) in [
        ("tiny_llm", json!({"logprobs": true}), "logprobs"),
        (
            "llmapi_shape",
            json!({"response_format": {"type": "json_object"}}),
            "response_format",
        ),
        (
            "infer_only",
            json!({"tools": [{"type": "function", "function": {"name": "f"}}]}),
            "tools",
        ),
        ("vllm_shape", json!({"logit_bias": {"1": 5}}), "logit_bias"),
    ] {
        let error = chat(model, QUESTION, more.clone()).unwrap_err();
        assert_eq!(
            (&error["param"], &error["status"]),
            (&json!(param), &json!(400)),
            "{model}"
        );
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(model), "{message}");
        let mut dropped = more;
        dropped["drop_params"] = json!(true);
        dropped["max_tokens"] = json!(3);
        let answer = chat(model, QUESTION, dropped).unwrap_or_else(|e| panic!("{model}: {e}"));
        assert_eq!(answer["choices"][0]["logprobs"], Value::Null, "{model}");
    }
}

#[test]
fn text_is_held_to_a_schema_where_the_backend_can() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "rank": {"type": "integer"}}});
    for model in ["vllm_shape", "trtllm_ensemble", "trtllm_bls"] {
        let format =
            json!({"type": "json_schema", "json_schema": {"name": "place", "schema": schema}});
        let answer = chat(
            model,
            QUESTION,
            json!({"max_tokens": 100, "response_format": format}),
        )
        .unwrap_or_else(|e| panic!("{model}: {e}"));
        let value: Value = serde_json::from_str(content(&answer)).unwrap();
        assert!(
            value["city"].is_string() && value["rank"].is_u64(),
            "{model}: {value}"
        );
        let any = json!({"max_tokens": 100, "response_format": {"type": "json_object"}});
        let answer = chat(model, QUESTION, any).unwrap();
        let value: Value = serde_json::from_str(content(&answer)).unwrap();
        assert!(value.is_object(), "{model}");
    }
}

#[test]
fn tokens_that_a_guide_rules_out_are_told_as_openai_tells_them() {
    let more = json!({"max_tokens": 30, "logprobs": true, "top_logprobs": 2, "response_format": {"type": "json_object"}});
    let answer = chat("vllm_shape", QUESTION, more.clone()).unwrap();
    let first = &answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"];
    assert_eq!(
        (&first[0]["logprob"], &first[1]["logprob"]),
        (&json!(0.0), &json!(-9999.0))
    );
    let chunks = chunks("chat.completions", asks("vllm_shape", QUESTION, more));
    assert_eq!(
        &chunks[0]["choices"][0]["logprobs"]["content"][0]["top_logprobs"],
        first
    );
}

/// Triton refuses an input that stands in a request twice.
#[test]
fn an_input_that_the_caller_gives_under_its_own_name_is_sent_once() {
    for (model, more) in [
        (
            "trtllm_ensemble",
            json!({"response_format": {"type": "json_object"}, "guided_decoding_guide_type": "json"}),
        ),
        (
            "vllm_shape",
            json!({"logprobs": true, "return_logprobs": true}),
        ),
    ] {
        let mut request = more;
        request["max_tokens"] = json!(30);
        chat(model, QUESTION, request).unwrap_or_else(|e| panic!("{model}: {e}"));
    }
}

#[test]
fn an_echo_stands_before_the_text() {
    for model in ["tiny_llm", "vllm_shape", "trtllm_ensemble", "infer_only"] {
        let more = json!({"echo": true, "max_tokens": 5, "temperature": 0});
        let answer = complete(model, more).unwrap();
        let text = answer["choices"][0]["text"].as_str().unwrap();
        let rest = text
            .strip_prefix(QUESTION)
            .unwrap_or_else(|| panic!("{model}: {text}"));
        assert!(
            rest.contains("inference server keeps") && !rest.contains(QUESTION),
            "{model}: {text}"
        );
    }
    let request = json!({"model": "triton/tiny_llm", "api_base": server(), "prompt": QUESTION, "echo": true, "max_tokens": 3});
    let chunks = chunks("completions", request);
    assert_eq!(chunks[0]["choices"][0]["text"], QUESTION);
}

#[test]
fn temperature_zero_is_greedy_and_a_temperature_is_not_on_tensorrt_llm() {
    for model in ["trtllm_ensemble", "trtllm_bls"] {
        let ask = |more: Value| {
            let mut request = json!({"max_tokens": 20, "delay_ms": 0});
            request
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            let answer = chat(model, "Tell me about ships.", request).unwrap();
            content(&answer).to_owned()
        };
        let greedy = ask(json!({"temperature": 0}));
        assert_eq!(
            greedy,
            ask(json!({"temperature": 0, "top_p": 0.9})),
            "{model}"
        );
        // Without a seed the backend would give one text again and again.
        let hot: Vec<String> = (0..6).map(|_| ask(json!({"temperature": 1.8}))).collect();
        assert!(hot.iter().any(|text| *text != hot[0]), "{model}: {hot:?}");
        assert_eq!(
            ask(json!({"temperature": 1.8, "seed": 5})),
            ask(json!({"temperature": 1.8, "seed": 5})),
            "{model}"
        );
    }
}

#[test]
fn the_callers_own_word_beats_the_dialect() {
    // An input, a parameter, and the dialect itself.
    let more = json!({"max_tokens": 9, "triton": {"inputs": {"max_tokens": 4}}});
    let answer = chat("tiny_llm", QUESTION, more).unwrap();
    assert_eq!(answer["usage"]["completion_tokens"], 4);
    let more = json!({"max_tokens": 5, "triton": {"inputs": {"return_num_output_tokens": null, "return_num_input_tokens": null}}});
    let answer = chat("tiny_llm", QUESTION, more).unwrap();
    assert_eq!(answer["usage"]["estimated"], true);
    let more = json!({"temperature": 0, "triton": {"inputs": {"sampling_parameters": "{\"max_tokens\": 3, \"temperature\": 0}"}}});
    let answer = chat("vllm_shape", QUESTION, more).unwrap();
    assert_eq!(answer["usage"]["completion_tokens"], 3);
    let error = chat(
        "tiny_llm",
        QUESTION,
        json!({"triton": {"inputs": {"nonsense": 1}}}),
    )
    .unwrap_err();
    assert_eq!(error["param"], "triton.inputs.nonsense");
    let error = chat(
        "tiny_llm",
        QUESTION,
        json!({"triton": {"dialect": "klingon"}}),
    )
    .unwrap_err();
    assert_eq!(error["param"], "triton.dialect");
    let general = json!({"max_tokens": 3, "temperature": 0, "triton": {"dialect": "general"}});
    assert!(chat("trtllm_bls", QUESTION, general).is_ok());
}

#[test]
fn what_vllm_says_of_wrong_parameters_is_put_into_words() {
    let error = chat("vllm_shape", QUESTION, json!({"no_such_parameter": 1})).unwrap_err();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("sampling parameters") && message.contains("log"),
        "{message}"
    );
}

#[test]
fn reserved_names_are_never_sent_as_parameters() {
    let error = chat("tiny_llm", QUESTION, json!({"priority": 1})).unwrap_err();
    assert_eq!(
        (&error["param"], &error["status"]),
        (&json!("priority"), &json!(400))
    );
    // `timeout` is ours.
    assert!(
        chat(
            "tiny_llm",
            QUESTION,
            json!({"timeout": 30, "max_tokens": 3})
        )
        .is_ok()
    );
}

#[test]
fn an_image_goes_to_a_model_that_takes_images_and_to_no_other() {
    let parts = |url: &str| {
        json!({"max_tokens": 3, "messages": [{"role": "user", "content": [
            {"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": url}}]}]})
    };
    let inline = "data:image/png;base64,iVBORw0KGgo=";
    assert!(chat("vllm_shape", "", parts(inline)).is_ok());
    let error = chat("tiny_llm", "", parts(inline)).unwrap_err();
    assert!(
        error["message"].as_str().unwrap().contains("an image"),
        "{error}"
    );
    let error = chat("vllm_shape", "", parts("https://host/cat.png")).unwrap_err();
    assert!(
        error["message"].as_str().unwrap().contains("base64"),
        "{error}"
    );
}

#[test]
fn a_tokenizer_tells_whose_the_probabilities_of_an_ensemble_are() {
    // It is not decoupled: all of its numbers come at once, and no token's text.
    let more = json!({"max_tokens": 5, "temperature": 0, "logprobs": true});
    let error = chat("trtllm_ensemble", QUESTION, more.clone()).unwrap_err();
    assert_eq!(error["param"], "logprobs");
    let tokenizer = std::env::var("TRITON_TOKENIZER").unwrap();
    let mut with = more;
    with["tokenizer"] = json!(tokenizer);
    let answer = chat("trtllm_ensemble", QUESTION, with).unwrap();
    let tokens = answer["choices"][0]["logprobs"]["content"]
        .as_array()
        .unwrap();
    let text: String = tokens
        .iter()
        .map(|t| t["token"].as_str().unwrap())
        .collect();
    assert_eq!(text, content(&answer));
    assert!(
        tokens.iter().all(|t| t["logprob"].as_f64().unwrap() < 0.0),
        "{answer}"
    );
}

#[test]
fn a_tokenizer_counts_where_the_model_does_not() {
    let tokenizer = std::env::var("TRITON_TOKENIZER").unwrap();
    let more = json!({"max_tokens": 5, "temperature": 0, "tokenizer": tokenizer});
    let answer = chat("infer_batched", QUESTION, more).unwrap();
    assert_eq!(answer["usage"]["estimated"], Value::Null, "{answer}");
    // Six words, and the two tokens that BERT puts around them.
    assert_eq!(answer["usage"]["prompt_tokens"], 8, "{answer}");
    let error = chat("infer_batched", QUESTION, json!({"tokenizer": "/nowhere"})).unwrap_err();
    assert_eq!(error["param"], "tokenizer");
}
