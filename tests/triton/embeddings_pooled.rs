//! Shapes of outputs, and what options make of them: pooling, normalize, dimensions.

use super::{embed, invoke, rows, server};
use serde_json::{Value, json};

fn ask(model: &str, input: Value, more: Value) -> Result<Value, Value> {
    let mut request =
        json!({"model": format!("triton/{model}"), "api_base": server(), "input": input});
    let fields = request.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    invoke("embeddings", request)
}

fn message(answer: Result<Value, Value>) -> String {
    answer.unwrap_err()["message"].as_str().unwrap().to_owned()
}

fn assert_close(a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(b) {
        assert!((x - y).abs() <= 1e-6, "{x} {y}");
    }
}

#[test]
fn a_dimension_of_one_is_no_dimension_and_four_are_no_embedding() {
    let texts = json!(["one", "two"]);
    let three = rows(&embed("embed_three", texts.clone()).unwrap());
    assert_eq!(three, rows(&embed("embed_batched", texts.clone()).unwrap()));
    for more in [json!({}), json!({"triton": {"pooling": "mean"}})] {
        let words = message(ask("embed_four", texts.clone(), more));
        assert!(
            words.contains("[2, 4, 2, 2]") && words.contains("[inputs,tokens,numbers]"),
            "{words}"
        );
    }
}

/// What the model's vector for a token id is.
fn token(id: u32) -> Vec<f64> {
    rows(&embed("embed_batched", json!(id.to_string())).unwrap()).remove(0)
}

#[test]
fn vectors_of_tokens_are_pooled_as_asked_and_padding_does_not_count() {
    let input = json!([[7, 8, 9], [7]]);
    let error = embed("embed_per_token", input.clone()).unwrap_err();
    assert_eq!(error["param"], "triton.pooling");
    let pooled = |how: &str| {
        rows(
            &ask(
                "embed_per_token",
                input.clone(),
                json!({"triton": {"pooling": how}}),
            )
            .unwrap(),
        )
    };
    let (first, second, third) = (token(7), token(8), token(9));
    let mean: Vec<f64> = (0..first.len())
        .map(|i| (first[i] + second[i] + third[i]) / 3.0)
        .collect();
    assert_close(&pooled("mean")[0], &mean);
    assert_close(&pooled("cls")[0], &first);
    assert_close(&pooled("last")[0], &third);
    // The second row was padded, with vectors of a million.
    for how in ["mean", "cls", "last"] {
        assert_close(&pooled(how)[1], &first);
    }
}

#[test]
fn padding_of_the_models_own_does_not_count_either() {
    let input = json!(["7 8 9", "7"]);
    let pooled = |how: &str| {
        rows(
            &ask(
                "embed_text_tokens",
                input.clone(),
                json!({"triton": {"pooling": how}}),
            )
            .unwrap(),
        )
    };
    for how in ["mean", "cls", "last"] {
        assert_close(&pooled(how)[1], &token(7));
    }
    assert_close(&pooled("last")[0], &token(9));
}

#[test]
fn rows_are_given_the_length_one_when_asked_so() {
    let length = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>().sqrt();
    let plain = rows(&embed("embed_int8", json!(["a"])).unwrap());
    assert!(length(&plain[0]) > 100.0);
    let unit = rows(
        &ask(
            "embed_int8",
            json!(["a"]),
            json!({"triton": {"normalize": true}}),
        )
        .unwrap(),
    );
    assert!((length(&unit[0]) - 1.0).abs() < 1e-6);
}

#[test]
fn dimensions_are_the_models_or_cut_here_when_asked_so() {
    let own = rows(
        &ask(
            "embed_dimensions",
            json!(["a", "b"]),
            json!({"dimensions": 5}),
        )
        .unwrap(),
    );
    assert_eq!((own.len(), own[0].len()), (2, 5));
    let cut = json!({"dimensions": 4, "triton": {"truncate_dimensions": true}});
    let short = rows(&ask("embed_batched", json!(["a"]), cut).unwrap());
    let long = rows(&embed("embed_batched", json!(["a"])).unwrap());
    let length = long[0][..4].iter().map(|x| x * x).sum::<f64>().sqrt();
    let expected: Vec<f64> = long[0][..4].iter().map(|x| x / length).collect();
    assert_close(&short[0], &expected);
    // Not by itself, and never more than there are.
    let words = message(ask("embed_batched", json!("a"), json!({"dimensions": 4})));
    assert!(words.contains("triton.truncate_dimensions"), "{words}");
    let more = json!({"dimensions": 17, "triton": {"truncate_dimensions": true}});
    let words = message(ask("embed_batched", json!("a"), more));
    assert!(words.contains("at most 16"), "{words}");
}

#[test]
fn further_inputs_are_the_same_for_each_row() {
    let documents = json!(["a ship on the sea", "a sea", "a tree"]);
    let triton = |inputs: Value| json!({"triton": {"input": "document", "inputs": inputs, "output": "score"}});
    let scores = rows(
        &ask(
            "reranker",
            documents.clone(),
            triton(json!({"query": "ship sea"})),
        )
        .unwrap(),
    );
    assert_eq!(scores, [[1.0], [0.5], [0.0]]);
    // More documents than the model takes at once.
    let many = json!(vec!["sea"; 20]);
    let scores = rows(&ask("reranker", many, triton(json!({"query": "sea"}))).unwrap());
    assert_eq!(scores, vec![[1.0]; 20]);
    let error = ask("reranker", documents, triton(json!({"querry": "x"}))).unwrap_err();
    assert_eq!(error["param"], "triton.inputs.querry");
}
