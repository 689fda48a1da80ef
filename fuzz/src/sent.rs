//! What holds for every request that is sent: a URL, and a body that Triton reads as it was meant.

use crate::numbers;
use crate::strict::json;
use mishikallm::triton::tensor::{Datatype, numbers_from_bytes};
use mishikallm::triton::{Method, Request};
use serde_json::Value;
use std::collections::HashSet;

/// Looks at a request.
pub fn check(request: &Request) {
    let uri: http::Uri = request.url.parse().expect("the URL is one");
    assert!(matches!(uri.scheme_str(), Some("http" | "https")), "{uri}");
    assert!(
        uri.authority().is_some_and(|a| !a.host().is_empty()),
        "{uri}"
    );
    match request.method {
        Method::Get => assert!(request.body.is_empty() && request.json_length.is_none()),
        Method::Post => check_body(&request.body, request.json_length, is_infer(&uri)),
    }
}

/// A body, of which the first `json_length` bytes are JSON and the rest is raw tensors.
pub fn check_body(body: &[u8], json_length: Option<usize>, is_infer: bool) {
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
        raw = &raw[check_input(name, input, raw)..];
    }
    assert!(raw.is_empty(), "more raw data than tensors");
}

/// Gives the length of the input's own part of the raw data.
fn check_input(name: &str, input: &Value, raw: &[u8]) -> usize {
    let datatype = Datatype::parse(input["datatype"].as_str().unwrap()).unwrap();
    let shape = input["shape"].as_array().unwrap();
    let elements = shape
        .iter()
        .try_fold(1u64, |n, d| n.checked_mul(d.as_u64()?))
        .expect("a possible shape");
    if let Some(length) = input["parameters"]["binary_data_size"].as_u64() {
        assert!(input.get("data").is_none());
        let needed = elements.checked_mul(datatype.size() as u64);
        assert_eq!(
            needed,
            Some(length),
            "input '{name}' does not fill {shape:?}"
        );
        let own = &raw[..length as usize];
        let numbers = numbers_from_bytes(datatype, own).expect("numbers");
        assert_eq!(numbers.first_not_finite(), None, "input '{name}'");
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
