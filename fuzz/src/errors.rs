//! What holds for every error, wherever it comes from.

use mishikallm::config::Options;
use mishikallm::{Error, limits};
use serde_json::Value;

/// The library's own words around somebody else's.
const FRAME: usize = 1024;

/// An error that a caller of the library sees: however long the words of others were, it is not.
pub fn check_final(error: &Error) {
    check(error);
    let most = limits::MESSAGE_BYTES + FRAME;
    let length = error.message().len();
    assert!(
        length <= most,
        "the message has {length} bytes, more than {most}"
    );
    let length = error.param().map_or(0, str::len);
    assert!(length <= most, "param has {length} bytes, more than {most}");
}

/// An error inside the library, not cut yet: no longer than the bytes that it is about.
pub fn check_inner(error: &Error, about: usize) {
    check(error);
    // Twice: a shape is written with blanks after its commas.
    let most = 2 * about + FRAME;
    let length = error.message().len();
    assert!(
        length <= most,
        "the message has {length} bytes, more than {most}"
    );
}

fn check(error: &Error) {
    let message = error.message();
    assert!(!message.trim().is_empty(), "an error without words");
    assert!(
        error.status().as_i32() < 0,
        "an error with a success's status"
    );
    let json = crate::strict::json("an error", error.to_json().as_bytes());
    let body = &json["error"];
    assert_eq!(body["message"], message);
    assert_eq!(body["type"], error.kind());
    assert_eq!(body["status"], error.http_status());
    assert_eq!(body["param"].as_str(), error.param());
    assert!(body["code"].as_str().is_some_and(|code| !code.is_empty()));
    let fields = ["message", "type", "param", "code", "status", "retry_after"];
    let is_known = |key: &String| fields.contains(&key.as_str());
    assert!(body.as_object().is_some_and(|o| o.keys().all(is_known)));
    assert_eq!(json.as_object().map(serde_json::Map::len), Some(1));
    let seconds = error.retry_after().map(|d| d.as_secs_f64());
    assert_eq!(body.get("retry_after").and_then(Value::as_f64), seconds);
}

/// An error of a call holds no key. `said` is all that the caller wrote: what stands there twice is not secret alone.
pub fn check_secret(error: &Error, options: &Options, said: &[&str]) {
    let Some(key) = options.api_key.as_ref().map(|k| k.reveal()) else {
        return;
    };
    // What looks like a key, so that no word of a message is taken for one; stars are what keys are replaced by.
    if !key.starts_with("sk-") || key.len() < 8 || key.contains('*') {
        return;
    }
    if said
        .iter()
        .map(|text| text.matches(key).count())
        .sum::<usize>()
        != 1
    {
        return;
    }
    let param = error.param().unwrap_or_default();
    assert!(
        !error.message().contains(key) && !param.contains(key),
        "the error holds the key"
    );
}
