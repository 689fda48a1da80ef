//! What holds for every answer: OpenAI's JSON, and nothing of it lost or made up.

use crate::strict::json;
use base64::Engine;
use mishikallm::openai::answer::{self, ChatChoice, Generated, Said, TextChoice};
use mishikallm::openai::embedding::Encoding;
use mishikallm::openai::response::{self, Matrix, Stamp, Usage};
use serde_json::Value;

const STAMP: Stamp<'static> = Stamp {
    id: "7",
    created: 7,
    model: "m",
};

/// A text that was read from a reply, and the answers that are made of it.
pub fn check_generated(generated: &Generated, stop: &[String]) {
    let text = &generated.text;
    for stop in stop {
        assert!(
            !text.contains(stop.as_str()),
            "the text goes on after a stop sequence"
        );
    }
    let logprobs = || Some((generated.logprobs.clone(), 2));
    let choice = ChatChoice {
        said: Said {
            content: Some(text.clone()),
            ..Default::default()
        },
        finish_reason: generated.finish_reason,
        logprobs: logprobs(),
    };
    let chat = answer::chat(&STAMP, &[choice], generated.usage);
    let chat = json("a chat", chat.as_bytes());
    assert_eq!(chat["choices"][0]["message"]["content"], text.as_str());
    check_answer(&chat);
    let choice = || TextChoice {
        text: text.clone(),
        finish_reason: generated.finish_reason,
        logprobs: logprobs(),
    };
    let completion = answer::text(&STAMP, &[choice(), choice()], generated.usage);
    let completion = json("a completion", completion.as_bytes());
    assert_eq!(completion["choices"][1]["text"], text.as_str());
    check_answer(&completion);
}

/// Rows that were read from a reply, and the answers that are made of them.
pub fn check_rows(matrix: &Matrix, rows: usize) {
    assert!(matrix.columns > 0);
    assert_eq!(matrix.values.len(), rows * matrix.columns);
    assert_eq!(matrix.values.first_not_finite(), None);
    for encoding in [Encoding::Float, Encoding::Base64] {
        // The call refuses before that.
        if encoding == Encoding::Base64 && !matrix.values.fits_f32() {
            continue;
        }
        let usage = Usage::embedding(rows as u64, true);
        let text = response::embeddings("m", matrix, encoding, usage);
        let answer = json("embeddings", text.as_bytes());
        check_answer(&answer);
        let data = answer["data"].as_array().unwrap();
        assert_eq!(data.len(), rows);
        for row in data {
            assert_eq!(numbers(&row["embedding"]), matrix.columns);
        }
    }
}

/// An answer of raw access: tensors, or the server's own words, of which nothing is asked but that they are JSON.
pub fn check_raw(text: &str) {
    let answer: Value = serde_json::from_str(text).expect("JSON");
    let tensors = |outputs: &Value| {
        for output in outputs.as_array().into_iter().flatten() {
            check_tensor(output);
        }
    };
    tensors(&answer["outputs"]);
    for response in answer["responses"].as_array().into_iter().flatten() {
        tensors(&response["outputs"]);
    }
}

/// An output fills its shape, flat or nested.
fn check_tensor(output: &Value) {
    let (Some(shape), Some(_)) = (output["shape"].as_array(), output["data"].as_array()) else {
        return;
    };
    let needed = shape
        .iter()
        .try_fold(1u64, |n, d| n.checked_mul(d.as_u64()?));
    assert_eq!(needed, Some(elements(&output["data"])));
}

fn elements(data: &Value) -> u64 {
    match data.as_array() {
        Some(items) => items.iter().map(elements).sum(),
        None => 1,
    }
}

/// An answer of whatever kind, as a caller gets it.
pub fn check_answer(answer: &Value) {
    match answer["object"].as_str() {
        Some("chat.completion") => {
            check_choices(answer, |c| {
                let message = &c["message"];
                message["content"].is_string() || message["tool_calls"].is_array()
            });
        }
        Some("text_completion") => check_choices(answer, |c| c["text"].is_string()),
        Some("health") => assert!(answer["ready"].is_boolean()),
        Some("list") => {
            for entry in answer["data"].as_array().unwrap() {
                match entry["object"].as_str() {
                    Some("embedding") => assert!(numbers(&entry["embedding"]) > 0),
                    Some("model") => assert!(entry["id"].is_string()),
                    other => panic!("an entry of kind {other:?}"),
                }
            }
        }
        other => panic!("an answer of kind {other:?}"),
    }
    let usage = &answer["usage"];
    if !usage.is_null() {
        let count = |key: &str| usage[key].as_u64();
        let prompt = count("prompt_tokens").unwrap();
        let sum = prompt.saturating_add(count("completion_tokens").unwrap_or(0));
        assert_eq!(count("total_tokens"), Some(sum));
    }
}

fn check_choices(answer: &Value, has_text: impl Fn(&Value) -> bool) {
    let choices = answer["choices"].as_array().unwrap();
    assert!(!choices.is_empty());
    for (i, choice) in choices.iter().enumerate() {
        assert_eq!(choice["index"], i);
        assert!(has_text(choice));
        assert!(
            ["stop", "length", "tool_calls"].contains(&choice["finish_reason"].as_str().unwrap())
        );
    }
    assert!(answer["usage"]["completion_tokens"].is_u64());
}

/// The length of an embedding, all of whose numbers are numbers.
fn numbers(embedding: &Value) -> usize {
    let Value::String(text) = embedding else {
        let row = embedding.as_array().unwrap();
        assert!(
            row.iter().all(Value::is_number),
            "an embedding holds no numbers"
        );
        return row.len();
    };
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap();
    let (floats, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty());
    assert!(
        floats.iter().all(|f| f32::from_le_bytes(*f).is_finite()),
        "an embedding in base64 holds an infinite number"
    );
    floats.len()
}
