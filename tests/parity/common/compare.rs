//! JSON against JSON. What is different is told by path, one text per difference.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::placeholders::{ESTIMATED, ID, INTEGER};

/// How strictly two values are compared.
#[derive(Clone, Copy)]
pub struct Rules {
    /// Keys of objects that may be there though the expectation has not got them.
    pub extra: fn(&str) -> bool,
    /// A missing key and one with `null` are equal.
    pub null_is_missing: bool,
    /// Numbers are those of a tensor: equal within FP32.
    pub tensor: bool,
}

/// For what is sent to Triton: nothing more and nothing less.
pub const SENT: Rules = Rules {
    extra: |_| false,
    null_is_missing: false,
    tensor: false,
};
/// For what the caller gets.
pub const ANSWER: Rules = Rules {
    extra: may_be_added,
    null_is_missing: true,
    tensor: false,
};

fn may_be_added(key: &str) -> bool {
    matches!(key, "id" | "created" | "system_fingerprint" | "logprobs") || key.ends_with("_details")
}

/// Adds every difference between `got` and `want` to `problems`.
pub fn values(path: &str, want: &Value, got: &Value, rules: Rules, problems: &mut Vec<String>) {
    match (want, got) {
        (Value::String(name), got) if name == ESTIMATED => estimated(path, got, problems),
        (Value::String(name), Value::String(text)) if name == ID && !text.is_empty() => {}
        (Value::String(name), Value::Number(number))
            if name == INTEGER && (number.is_i64() || number.is_u64()) => {}
        (Value::Object(want), Value::Object(got)) => objects(path, want, got, rules, problems),
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
            for (index, (want, got)) in want.iter().zip(got).enumerate() {
                values(&format!("{path}[{index}]"), want, got, rules, problems);
            }
        }
        (Value::Number(_), Value::Number(_)) if same_number(want, got, rules.tensor) => {}
        _ if want == got => {}
        _ => problems.push(differs(path, want, got)),
    }
}

fn objects(
    path: &str,
    want: &Map<String, Value>,
    got: &Map<String, Value>,
    rules: Rules,
    problems: &mut Vec<String>,
) {
    for (key, want) in want {
        let here = format!("{path}.{key}");
        match got.get(key) {
            Some(got) => member(&here, key, want, got, rules, problems),
            None if rules.null_is_missing && want.is_null() => {}
            None => problems.push(format!("{here}: missing, expected {}", short(want))),
        }
    }
    for (key, got) in got {
        let missing = rules.null_is_missing && got.is_null();
        if !want.contains_key(key) && !missing && !(rules.extra)(key) {
            problems.push(format!("{path}.{key}: not expected, got {}", short(got)));
        }
    }
}

/// Some members have rules of their own.
fn member(
    path: &str,
    key: &str,
    want: &Value,
    got: &Value,
    rules: Rules,
    problems: &mut Vec<String>,
) {
    match (key, want, got) {
        ("inputs", Value::Array(want), Value::Array(got)) => {
            tensors(path, want, got, rules, problems)
        }
        ("data" | "embedding", _, _) => values(
            path,
            want,
            got,
            Rules {
                tensor: true,
                ..rules
            },
            problems,
        ),
        ("usage", Value::Object(_), Value::Object(told)) => {
            // Counts that the upstream sent are no estimate.
            let mut told = told.clone();
            if told.get("estimated") == Some(&Value::Bool(false)) {
                told.remove("estimated");
            }
            values(path, want, &Value::Object(told), rules, problems);
        }
        _ => values(path, want, got, rules, problems),
    }
}

/// The inputs of an infer request: a set by name.
fn tensors(path: &str, want: &[Value], got: &[Value], rules: Rules, problems: &mut Vec<String>) {
    let got = by_name(path, got, problems);
    let want = by_name(path, want, problems);
    let list =
        |names: &BTreeMap<String, &Value>| names.keys().cloned().collect::<Vec<_>>().join(", ");
    if !got.keys().eq(want.keys()) {
        problems.push(format!(
            "{path}: expected the tensors {}, got {}",
            list(&want),
            list(&got)
        ));
    }
    for (name, want) in want {
        if let Some(got) = got.get(&name) {
            values(&format!("{path}.{name}"), want, got, rules, problems);
        }
    }
}

fn by_name<'a>(
    path: &str,
    list: &'a [Value],
    problems: &mut Vec<String>,
) -> BTreeMap<String, &'a Value> {
    let mut named = BTreeMap::new();
    for tensor in list {
        let name = tensor["name"].as_str().unwrap_or("(no name)").to_string();
        if named.insert(name.clone(), tensor).is_some() {
            problems.push(format!("{path}: the tensor {name} is there twice"));
        }
    }
    named
}

/// A usage that is guessed and says so.
fn estimated(path: &str, got: &Value, problems: &mut Vec<String>) {
    let whole = |key: &str| {
        got[key]
            .as_f64()
            .filter(|number| *number >= 0.0 && number.fract() == 0.0)
    };
    let completion = if got["completion_tokens"].is_null() {
        Some(0.0)
    } else {
        whole("completion_tokens")
    };
    let adds_up = match (whole("prompt_tokens"), completion, whole("total_tokens")) {
        (Some(prompt), Some(completion), Some(total)) => prompt + completion == total,
        _ => false,
    };
    let counts = [
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "estimated",
    ];
    let known = |key: &String| counts.contains(&key.as_str()) || key.ends_with("_details");
    let only_known = got.as_object().is_some_and(|map| map.keys().all(known));
    if !adds_up || !only_known || got["estimated"] != true {
        let want = "whole numbers that add up and \"estimated\": true";
        problems.push(format!("{path}: expected {want}, got {}", short(got)));
    }
}

fn same_number(want: &Value, got: &Value, tensor: bool) -> bool {
    if let (Some(want), Some(got)) = (want.as_i64(), got.as_i64()) {
        return want == got;
    }
    let (Some(want), Some(got)) = (want.as_f64(), got.as_f64()) else {
        return false;
    };
    let rounded = tensor && (want.fract() != 0.0 || got.fract() != 0.0);
    want == got || (rounded && (want - got).abs() <= 1e-6 * want.abs().max(got.abs()))
}

/// The elements of a tensor's data, whatever its nesting.
pub fn flat(data: &Value) -> Value {
    fn collect(data: &Value, into: &mut Vec<Value>) {
        match data {
            Value::Array(list) => list.iter().for_each(|item| collect(item, into)),
            item => into.push(item.clone()),
        }
    }
    let mut all = Vec::new();
    collect(data, &mut all);
    Value::Array(all)
}

pub fn differs(path: &str, want: &Value, got: &Value) -> String {
    format!("{path}: expected {}, got {}", short(want), short(got))
}

/// A value on one line, cut when it is long.
pub fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
