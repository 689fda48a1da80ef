//! What holds for every request that is sent: a URL, and a body that Triton reads as it was meant.

use crate::numbers;
use crate::strict::json;
use mishikallm::triton::tensor::{Datatype, numbers_from_bytes, texts_from_bytes};
use mishikallm::triton::{Method, Request};
use serde_json::Value;
use std::collections::HashSet;

/// Looks at a request. `is_raw`: its tensors are the caller's, who may well send what is no number.
pub fn check(request: &Request, is_raw: bool) {
    let uri: http::Uri = request.url.parse().expect("the URL is one");
    assert!(matches!(uri.scheme_str(), Some("http" | "https")), "{uri}");
    assert!(
        uri.authority().is_some_and(|a| !a.host().is_empty()),
        "{uri}"
    );
    match request.method {
        Method::Get => assert!(request.body.is_empty() && request.json_length.is_none()),
        Method::Post => check_tensors(&request.body, request.json_length, is_infer(&uri), is_raw),
    }
}

/// A body, of which the first `json_length` bytes are JSON and the rest is raw tensors.
pub fn check_body(body: &[u8], json_length: Option<usize>, is_infer: bool) {
    check_tensors(body, json_length, is_infer, false);
}

fn check_tensors(body: &[u8], json_length: Option<usize>, is_infer: bool, is_raw: bool) {
    let (text, mut raw) = body.split_at(json_length.unwrap_or(body.len()));
    let json = json("a body", text);
    assert!(json.is_object());
    if !is_infer {
        return assert!(raw.is_empty());
    }
    let inputs = json["inputs"].as_array().expect("a list of inputs");
    let mut names = HashSet::new();
    for input in inputs {
        let name = input["name"].as_str().unwrap();
        assert!(names.insert(name), "input '{name}' is there twice");
        raw = &raw[check_input(name, input, raw, is_raw)..];
    }
    assert!(raw.is_empty(), "more raw data than tensors");
}

/// Gives the length of the input's own part of the raw data.
fn check_input(name: &str, input: &Value, raw: &[u8], is_raw: bool) -> usize {
    let datatype = Datatype::parse(input["datatype"].as_str().unwrap()).unwrap();
    let shape = input["shape"].as_array().unwrap();
    let elements = shape
        .iter()
        .try_fold(1u64, |n, d| n.checked_mul(d.as_u64()?))
        .expect("a possible shape");
    if let Some(length) = input["parameters"]["binary_data_size"].as_u64() {
        assert!(input.get("data").is_none());
        if is_raw && datatype == Datatype::Bytes {
            let texts = texts_from_bytes(&raw[..length as usize]).expect("texts");
            assert_eq!(elements, texts.len() as u64, "input '{name}'");
            return length as usize;
        }
        let needed = elements.checked_mul(datatype.size() as u64);
        assert_eq!(
            needed,
            Some(length),
            "input '{name}' does not fill {shape:?}"
        );
        let own = &raw[..length as usize];
        let numbers = numbers_from_bytes(datatype, own).expect("numbers");
        assert!(
            is_raw || numbers.first_not_finite().is_none(),
            "input '{name}'"
        );
        return own.len();
    }
    let data = input["data"].as_array().unwrap();
    assert_eq!(
        elements,
        data.len() as u64,
        "input '{name}' does not fill {shape:?}"
    );
    for element in data {
        let fitted = datatype.fit(element);
        assert_eq!(fitted.as_ref(), Some(element), "input '{name}'");
        assert!(
            !datatype.is_float() || numbers::fit(datatype, element),
            "input '{name}'"
        );
    }
    0
}

fn is_infer(uri: &http::Uri) -> bool {
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    matches!(last, "infer" | "embeddings")
}
