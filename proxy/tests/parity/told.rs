//! What the client was told: an answer's status, headers, and body or frames.

use serde_json::{Map, Value, json};

use crate::events;
use crate::vector::Response;
use running::common::compare::{ANSWER, Rules, differs, short, values};
use running::common::failure;
use running::common::http::Response as Got;
use running::common::placeholders::INTEGER;

/// The answers of routes that are not OpenAI's, or that say more than is recorded, may have more keys.
const OPEN: Rules = Rules {
    extra: |_| true,
    ..ANSWER
};

pub fn check(want: &Response, got: &Got, problems: &mut Vec<String>) {
    status(want.status.as_ref(), got, problems);
    headers(&want.headers, got, problems);
    let text = got.text();
    if let Some(body) = &want.body {
        match serde_json::from_str::<Value>(&text) {
            Ok(got) => whole("body", body, &got, problems),
            Err(_) => problems.push(differs("body", &json!("JSON"), &json!(text))),
        }
    }
    if let Some(frames) = &want.frames {
        match events::read(&text) {
            Ok(got) => stream(frames, &got, problems),
            Err(problem) => problems.push(format!("frames: {problem}")),
        }
    }
    for excluded in want
        .text_excludes
        .iter()
        .filter(|part| text.contains(*part))
    {
        problems.push(format!("body: must not hold {excluded:?}: {text}"));
    }
}

pub fn status(want: Option<&Value>, got: &Got, problems: &mut Vec<String>) {
    if let Some(want) = want.filter(|want| !any_of(want, &json!(got.status))) {
        problems.push(format!(
            "{} ({})",
            differs("status", want, &json!(got.status)),
            short(&json!(got.text()))
        ));
    }
}

pub fn headers(want: &Map<String, Value>, got: &Got, problems: &mut Vec<String>) {
    for (name, want) in want {
        let value = got.headers.get(&name.to_ascii_lowercase());
        let number = || value.is_some_and(|value| value.parse::<u64>().is_ok());
        if *want != json!(value) && !(want == INTEGER && number()) {
            problems.push(differs(&format!("headers.{name}"), want, &json!(value)));
        }
    }
}

/// One JSON value: an answer, an error, or a frame of a stream.
fn whole(path: &str, want: &Value, got: &Value, problems: &mut Vec<String>) {
    if let Some(error) = want.get("error") {
        return failed(path, error, got, problems);
    }
    let object = want["object"].as_str().unwrap_or_default();
    let listed = object == "list" && want["model"].is_null();
    if listed || want["data"].is_array() && object.is_empty() {
        return sets(path, &["data"], want, got, problems);
    }
    if want["healthy_endpoints"].is_array() {
        return sets(
            path,
            &["healthy_endpoints", "unhealthy_endpoints"],
            want,
            got,
            problems,
        );
    }
    let prefix = match object {
        "chat.completion" | "chat.completion.chunk" => "chatcmpl-",
        "text_completion" => "cmpl-",
        "list" => "",
        _ => return values(path, want, got, OPEN, problems),
    };
    let id = got["id"].as_str().unwrap_or_default();
    if !prefix.is_empty() && id.strip_prefix(prefix).is_none_or(str::is_empty) {
        problems.push(format!("{path}.id: expected {prefix}…, got {id:?}"));
    }
    let mut got = got.clone();
    let open: &[&str] = match object {
        // A usage where none is expected is wrong in a stream.
        "chat.completion.chunk" => &["model"],
        _ => &["model", "usage"],
    };
    for key in open.iter().filter(|key| want.get(**key).is_none()) {
        got.as_object_mut().and_then(|map| map.remove(*key));
    }
    values(path, want, &got, ANSWER, problems);
}

fn stream(want: &[Value], got: &[Value], problems: &mut Vec<String>) {
    if want.len() != got.len() {
        problems.push(format!(
            "frames: expected {}, got {}: {}",
            want.len(),
            got.len(),
            short(&json!(got))
        ));
    }
    for (index, (want, got)) in want.iter().zip(got).enumerate() {
        let path = format!("frames[{index}]");
        match want {
            Value::String(_) if want == got => {}
            Value::Object(_) => whole(&path, want, got, problems),
            _ => problems.push(differs(&path, want, got)),
        }
    }
    let ids: Vec<&Value> = got.iter().filter_map(|frame| frame.get("id")).collect();
    if ids.windows(2).any(|pair| pair[0] != pair[1]) {
        problems.push(format!("frames: the id changes: {}", short(&json!(ids))));
    }
}

/// `{"error":{message,type,param,code}}`, and nothing beside it.
fn failed(path: &str, want: &Value, got: &Value, problems: &mut Vec<String>) {
    let error = &got["error"];
    let message = error["message"].as_str().unwrap_or_default();
    let keys = ["message", "type", "param", "code"];
    let formed = error.as_object().is_some_and(|map| {
        keys.iter().all(|key| map.contains_key(*key))
            && map["type"].is_string()
            && map["code"].is_string()
    });
    if message.is_empty() || !formed || got.as_object().is_none_or(|map| map.len() != 1) {
        problems.push(format!(
            "{path}: expected {{\"error\":{{message,type,param,code}}}}, got {}",
            short(got)
        ));
    }
    for key in ["type", "code", "param"] {
        if let Some(want) = want.get(key).filter(|want| !any_of(want, &error[key])) {
            problems.push(format!(
                "{} ({})",
                differs(&format!("{path}.error.{key}"), want, &error[key]),
                short(&error["message"])
            ));
        }
    }
    failure::said(want, message, problems);
}

fn any_of(want: &Value, got: &Value) -> bool {
    match want {
        Value::Array(any) => any.contains(got),
        one => one == got,
    }
}

/// Lists whose order is free; their entries may say more.
fn sets(path: &str, lists: &[&str], want: &Value, got: &Value, problems: &mut Vec<String>) {
    for key in lists {
        let at = format!("{path}.{key}");
        let empty = Vec::new();
        let want = want[*key].as_array().unwrap_or(&empty);
        let Some(got) = got[*key].as_array() else {
            problems.push(differs(&at, &json!("a list"), &got[*key]));
            continue;
        };
        if want.len() != got.len() {
            problems.push(differs(&at, &json!(want), &json!(got)));
        }
        let mut left: Vec<&Value> = got.iter().collect();
        for entry in want {
            let same = |got: &&Value| {
                let mut different = Vec::new();
                values("", entry, got, OPEN, &mut different);
                different.is_empty()
            };
            match left.iter().position(same) {
                Some(index) => drop(left.remove(index)),
                None => problems.push(format!(
                    "{at}: no {} in {}",
                    short(entry),
                    short(&json!(left))
                )),
            }
        }
    }
    let without = |value: &Value| {
        let mut value = value.clone();
        if let Some(map) = value.as_object_mut() {
            lists.iter().for_each(|key| drop(map.remove(*key)));
        }
        value
    };
    values(path, &without(want), &without(got), OPEN, problems);
}
