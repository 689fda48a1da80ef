//! Errors: the form, what a vector expects of one, and what no message may ever hold.

use serde_json::Value;

use super::compare::{differs, short};

/// `error` is what the vector expects of `{"error": {…}}`; what it does not name is not checked.
pub fn check(want: &Value, text: &str, secrets: &[String], problems: &mut Vec<String>) {
    let Ok(json) = serde_json::from_str::<Value>(text) else {
        return problems.push(format!("error: not JSON: {text}"));
    };
    let error = &json["error"];
    let message = error["message"].as_str().unwrap_or_default();
    let formed = !message.is_empty() && error["type"].is_string() && error["status"].is_u64();
    if !formed || json.as_object().is_none_or(|map| map.len() != 1) {
        problems.push(format!(
            "error: expected {{\"error\":{{message,type,param,code,status}}}}, got {}",
            short(&json)
        ));
    }
    for key in ["status", "type", "code", "param"] {
        if let Some(want) = want.get(key) {
            let any = want
                .as_array()
                .map_or(std::slice::from_ref(want), Vec::as_slice);
            if !any.contains(&error[key]) {
                problems.push(format!(
                    "{} ({})",
                    differs(&format!("error.{key}"), want, &error[key]),
                    short(&error["message"])
                ));
            }
        }
    }
    said(want, message, problems);
    leaks(text, secrets, problems);
}

/// The words of a message: those expected, those excluded, and what no message may hold.
pub fn said(want: &Value, message: &str, problems: &mut Vec<String>) {
    let texts = |key: &str| {
        want[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
    };
    for part in texts("message_contains")
        .into_iter()
        .filter(|part| !message.contains(part))
    {
        problems.push(format!(
            "error.message: expected {part:?} in it, got {message:?}"
        ));
    }
    for part in texts("message_excludes")
        .into_iter()
        .filter(|part| message.contains(part))
    {
        problems.push(format!(
            "error.message: must not hold {part:?}, got {message:?}"
        ));
    }
    problems.extend(forbidden(message).map(|what| format!("error.message: {what}: {message:?}")));
}

/// No text holds a key or the reference's name.
pub fn leaks(text: &str, secrets: &[String], problems: &mut Vec<String>) {
    // The other fields are part of what the caller is told.
    if let Some(key) = secrets.iter().find(|key| text.contains(key.as_str())) {
        problems.push(format!("leak: the key {key} in the error"));
    }
    if text.to_ascii_lowercase().contains(REFERENCE) {
        problems.push("error: it names the reference".to_string());
    }
}

const REFERENCE: &str = "litellm";
const TRACES: &[&str] = &[
    "traceback (most recent",
    "stack backtrace",
    "rust_backtrace",
    "panicked at",
    ".py\", line ",
    "site-packages",
];
const PAGES: &[&str] = &["<!doctype", "<html", "</html", "<body"];

/// What is wrong with a message, whatever the vector.
fn forbidden(message: &str) -> Option<&'static str> {
    let lower = message.to_ascii_lowercase();
    let dense: String = message
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '\\')
        .collect();
    if TRACES.iter().any(|trace| lower.contains(trace)) || names_a_line(&lower) {
        Some("a stack trace")
    } else if PAGES.iter().any(|page| lower.contains(page)) {
        Some("a page of HTML")
    } else if dense.contains("{\"error\":") {
        Some("the raw error of the upstream")
    } else {
        None
    }
}

/// `….rs:12`, a place in the source.
fn names_a_line(text: &str) -> bool {
    text.split(".rs:")
        .skip(1)
        .any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}
