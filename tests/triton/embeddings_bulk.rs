//! Embeddings in bulk: many inputs in one call, batches at once, and numbers without JSON.

use super::log::label;
use super::{alone, embed, invoke, rows, server};
use mishikallm::Client;
use serde_json::{Value, json};

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("text number {i}")).collect()
}

/// The rows of a call for 32-bit floats.
fn floats(request: Value) -> (Vec<Vec<f32>>, Value) {
    let client = Client::new("").unwrap();
    let made = client.embedding_f32(&request.to_string()).unwrap();
    let rows = made.data().chunks_exact(made.columns());
    assert_eq!(rows.len(), made.rows());
    let info = serde_json::from_str(made.info()).unwrap();
    (rows.map(<[f32]>::to_vec).collect(), info)
}

fn assert_close(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(b) {
        assert!((x - y).abs() <= tolerance, "{x} {y}");
    }
}

/// `minilm` takes 64 at once, `embed_batched` 8: 64 and 512 requests.
#[test]
fn four_thousand_texts_in_one_call_come_back_in_order() {
    let _turn = alone();
    let all = texts(4096);
    for (model, tolerance) in [("minilm", 1e-5), ("embed_batched", 0.0)] {
        let ask = |input: Value| json!({"model": format!("triton/{model}"), "api_base": server(), "input": input});
        let (rows, info) = floats(ask(json!(all)));
        assert_eq!((rows.len(), &info["model"]), (4096, &json!(model)));
        for i in [0, 1, 63, 64, 1000, 2047, 4095] {
            let (one, _) = floats(ask(json!(all[i])));
            assert_close(&rows[i], &one[0], tolerance);
        }
    }
}

/// The model fails a request of a batch unless all four are worked on at once.
#[test]
fn batches_are_worked_on_at_once() {
    let ask = |together: u32| {
        let request = json!({"model": "triton/embed_slow", "api_base": server(), "input": texts(16),
            "label": label("at-once"), "together": together});
        invoke("embeddings", request)
    };
    assert_eq!(rows(&ask(4).unwrap()).len(), 16);
    // Were they not, or were they more than there are, the model would say so.
    let error = ask(5).unwrap_err();
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("at once, not 5"),
        "{error}"
    );
}

#[test]
fn numbers_without_json_are_those_with_it() {
    // FP32, FP16, BF16, FP64, INT8, UINT8; without a batch dimension; as JSON from the server.
    for (model, triton) in [
        ("minilm", json!({})),
        ("embed_fp16", json!({})),
        ("embed_bf16", json!({})),
        ("embed_fp64", json!({})),
        ("embed_fp64", json!({"binary": false})),
        ("embed_int8", json!({})),
        ("embed_int8", json!({"binary": false})),
        ("embed_uint8", json!({})),
        ("embed_uint8", json!({"binary": false})),
        ("embed_flat", json!({})),
        ("embed_flat", json!({"binary": false})),
    ] {
        let request = json!({"model": format!("triton/{model}"), "api_base": server(), "input": texts(20), "triton": triton});
        let (floats, info) = floats(request.clone());
        let answer = invoke("embeddings", request).unwrap();
        assert_eq!(
            (&info["model"], &info["usage"]),
            (&answer["model"], &answer["usage"])
        );
        let numbers: Vec<f32> = rows(&answer).concat().iter().map(|x| *x as f32).collect();
        assert_eq!(floats.concat(), numbers, "{model}");
    }
}

#[test]
fn a_failure_is_an_error_and_no_rows() {
    let client = Client::new("").unwrap();
    let request = json!({"model": "triton/embed_nan", "api_base": server(), "input": ["a", "nan"]});
    let error = client.embedding_f32(&request.to_string()).unwrap_err();
    assert!(
        error.message().contains("not finite") && error.message().contains("row 1"),
        "{error}"
    );
}

#[test]
fn quantised_numbers_are_the_models_own() {
    let ints = rows(&embed("embed_int8", json!(["one"])).unwrap());
    let bytes = rows(&embed("embed_uint8", json!(["one"])).unwrap());
    let floats = rows(&embed("embed_batched", json!(["one"])).unwrap());
    for ((int, byte), float) in ints[0].iter().zip(&bytes[0]).zip(&floats[0]) {
        assert_eq!(*int + 128.0, *byte);
        assert!((int - float * 127.0).abs() <= 0.5 + 1e-4);
    }
    let doubles = rows(&embed("embed_fp64", json!(["one"])).unwrap());
    let length: f64 = doubles[0].iter().map(|x| x * x).sum();
    // As exact as only doubles are.
    assert!((length - 1.0).abs() < 1e-14, "{length}");
}
