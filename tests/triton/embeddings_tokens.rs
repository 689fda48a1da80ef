//! Token ids, and texts for models that take token ids.

use super::{embed, invoke, rows, server};
use mishikallm::Client;
use serde_json::{Value, json};

/// The folder of all-MiniLM-L6-v2's tokenizer.json.
fn tokenizer() -> String {
    std::env::var("TRITON_TOKENIZER")
        .expect("TRITON_TOKENIZER is not set: `tests/triton/triton run` sets it")
}

fn ask(model: &str, input: Value, more: Value) -> Result<Value, Value> {
    let mut request =
        json!({"model": format!("triton/{model}"), "api_base": server(), "input": input});
    let fields = request.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    invoke("embeddings", request)
}

fn assert_close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(b) {
        assert!((x - y).abs() <= tolerance, "{x} {y}");
    }
}

#[test]
fn tokenised_here_pooled_here_it_is_the_same_model() {
    let texts = json!([
        "This is an example sentence",
        "Each sentence is converted",
        "A man is eating a piece of bread, and is not in a hurry at all.",
        "Zoë mag Käse. 日本語も。",
        ""
    ]);
    let theirs = rows(&embed("minilm", texts.clone()).unwrap());
    let triton = json!({"pooling": "mean", "normalize": true});
    let file = tokenizer() + "/tokenizer.json";
    for path in [tokenizer(), file] {
        let more = json!({"tokenizer": path, "triton": triton});
        let ours = rows(&ask("minilm_ids", texts.clone(), more).unwrap());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_close(ours, theirs, 1e-5);
        }
    }
    let error = ask("minilm_ids", texts, json!({"triton": triton})).unwrap_err();
    assert_eq!(error["param"], "tokenizer");
}

#[test]
fn a_tokenizer_counts_exactly() {
    // With [CLS] and [SEP].
    let usage = |answer: Value| answer["usage"].clone();
    let input = json!(["hello world", "ships"]);
    let counted = usage(ask("minilm", input.clone(), json!({"tokenizer": tokenizer()})).unwrap());
    assert_eq!(counted, json!({"prompt_tokens": 7, "total_tokens": 7}));
    let guessed = usage(embed("minilm", input).unwrap());
    assert_eq!(guessed["estimated"], true);
    let ids = usage(embed("embed_tokens", json!([[1, 2, 3], [4]])).unwrap());
    assert_eq!(ids, json!({"prompt_tokens": 4, "total_tokens": 4}));
}

#[test]
fn rows_of_different_lengths_go_together_and_mean_the_same_alone() {
    let input = json!([[1, 2, 3], [4], [5, 6], [7, 8, 9, 10]]);
    let all = rows(&embed("embed_tokens", input.clone()).unwrap());
    for (row, ids) in all.iter().zip(input.as_array().unwrap()) {
        let alone = rows(&embed("embed_tokens", json!([ids])).unwrap());
        assert_close(row, &alone[0], 1e-7);
    }
}

#[test]
fn a_text_tower_of_one_length_is_filled() {
    let more = json!({"tokenizer": tokenizer()});
    let two = rows(&ask("clip_text", json!(["a ship", "a ship sails"]), more.clone()).unwrap());
    assert_eq!(two[0].len(), 16);
    assert_ne!(two[0], two[1]);
    let one = rows(&ask("clip_text", json!("a ship"), more.clone()).unwrap());
    assert_close(&two[0], &one[0], 1e-7);
    let long = vec!["ship"; 90].join(" ");
    let error = ask("clip_text", json!(["a", long]), more).unwrap_err();
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with("input[1]: 92 tokens, more than the 77"),
        "{error}"
    );
}

#[test]
fn a_client_or_a_deployment_may_name_the_tokenizer() {
    let config = json!({"api_base": server(), "model_list": [{"model_name": "ids", "mishikallm_params": {
        "model": "triton/minilm_ids", "tokenizer": tokenizer(), "triton": {"pooling": "mean", "normalize": true}}}]});
    let client = Client::new(&config.to_string()).unwrap();
    let answer = client
        .invoke("embeddings", r#"{"model":"ids","input":"hello"}"#)
        .unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["model"], "ids");
    let text = rows(&embed("minilm", json!("hello")).unwrap());
    assert_close(&rows(&answer)[0], &text[0], 1e-5);
}
