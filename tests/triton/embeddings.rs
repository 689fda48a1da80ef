//! Embeddings, of every shape of model.

use super::{embed, invoke, rows, server};
use base64::Engine;
use serde_json::{Value, json};
use std::process::Command;

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn assert_close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    for (x, y) in a.iter().zip(b) {
        assert!((x - y).abs() <= tolerance, "{x} {y}");
    }
}

#[test]
fn minilm_means_what_it_should() {
    let answer = embed(
        "minilm",
        json!([
            "This is an example sentence",
            "Each sentence is converted",
            "A man is eating food.",
            "A man is eating a piece of bread."
        ]),
    )
    .unwrap();
    let rows = rows(&answer);
    assert_eq!((rows.len(), rows[0].len()), (4, 384));
    // The published values of sentence-transformers/all-MiniLM-L6-v2.
    assert_close(&rows[0][..4], &[0.0677, 0.0635, 0.0487, 0.0793], 1e-4);
    assert_close(&rows[1][..3], &[0.0864, 0.1028, 0.0054], 1e-4);
    assert!(cosine(&rows[2], &rows[3]) > 0.7 && cosine(&rows[0], &rows[2]) < 0.3);
}

/// What a plain curl of the same Triton gives.
fn curl(model: &str, texts: &[&str]) -> Value {
    let shape = [texts.len(), 1];
    let body =
        json!({"inputs": [{"name": "text", "shape": shape, "datatype": "BYTES", "data": texts}]});
    let output = Command::new("curl")
        .args([
            "-sS",
            "--noproxy",
            "*",
            "-d",
            &body.to_string(),
            &format!("{}/v2/models/{model}/infer", server()),
        ])
        .output()
        .expect("curl is needed for this test: apt-get install curl");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_rows_are_those_of_a_plain_curl() {
    let texts = [
        "good morning from mishikallm",
        "A ship sails across the sea.",
    ];
    let ours = rows(&embed("minilm", json!(texts)).unwrap());
    let theirs = curl("minilm", &texts);
    let theirs: Vec<f64> = theirs["outputs"][0]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect();
    assert_close(&ours.concat(), &theirs, 1e-5);
}

#[test]
fn every_shape_answers_with_nothing_configured_but_model_and_api_base() {
    let texts = json!(["one", "two", "three"]);
    let reference = rows(&embed("embed_batched", texts.clone()).unwrap());
    // FP16 and BF16 cannot travel as JSON; they are the same numbers with fewer bits.
    for (model, tolerance) in [
        ("embed_flat", 1e-6),
        ("embed_several", 1e-6),
        ("embed_fp16", 1e-3),
        ("embed_bf16", 1e-2),
    ] {
        let rows = rows(&embed(model, texts.clone()).unwrap_or_else(|e| panic!("{model}: {e}")));
        assert_close(&rows.concat(), &reference.concat(), tolerance);
    }
    let ids = rows(&embed("embed_tokens", json!([[1, 2, 3], [4]])).unwrap());
    assert_eq!((ids.len(), ids[0].len()), (2, 16));
}

#[test]
fn binary_and_json_give_the_same_rows() {
    for model in ["minilm", "embed_flat"] {
        let ask = |binary: bool| {
            let request = json!({"model": format!("triton/{model}"), "api_base": server(), "input": ["a", "b"], "triton": {"binary": binary}});
            rows(&invoke("embeddings", request).unwrap()).concat()
        };
        assert_close(&ask(true), &ask(false), 1e-6);
    }
}

#[test]
fn more_inputs_than_the_model_takes_at_once_come_back_in_order() {
    let texts: Vec<String> = (0..20).map(|i| format!("text {i}")).collect();
    let all = rows(&embed("embed_batched", json!(texts)).unwrap());
    assert_eq!(all.len(), 20);
    for i in [0, 7, 8, 19] {
        let one = rows(&embed("embed_batched", json!(texts[i])).unwrap());
        assert_close(&all[i], &one[0], 1e-6);
    }
}

#[test]
fn base64_is_the_same_numbers() {
    let request = |format: &str| json!({"model": "triton/minilm", "api_base": server(), "input": "hello", "encoding_format": format});
    let floats = rows(&invoke("embeddings", request("float")).unwrap()).concat();
    let answer = invoke("embeddings", request("base64")).unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(answer["data"][0]["embedding"].as_str().unwrap())
        .unwrap();
    let decoded: Vec<f64> = bytes
        .chunks_exact(4)
        .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
        .collect();
    assert_close(&decoded, &floats, 1e-7);
}

#[test]
fn of_several_vectors_the_caller_says_which() {
    let error = embed("embed_ambiguous", json!("a")).unwrap_err();
    assert_eq!(error["param"], "triton.output");
    for name in ["embedding", "pooled"] {
        assert!(error["message"].as_str().unwrap().contains(name), "{error}");
    }
    let request = json!({"model": "triton/embed_ambiguous", "api_base": server(), "input": "a", "triton": {"output": "pooled"}});
    assert_eq!(rows(&invoke("embeddings", request).unwrap())[0].len(), 4);
}

#[test]
fn the_plain_format_works_where_the_model_fits_it() {
    // A URL without /v2/models/ is a gateway's; this one is Triton itself behind a path of its own kind.
    let request = json!({"model": "triton/embed_flat", "api_base": server() + "/v2/models/embed_flat/infer", "input": ["a", "b"]});
    assert_eq!(rows(&invoke("embeddings", request).unwrap()).len(), 2);
}
