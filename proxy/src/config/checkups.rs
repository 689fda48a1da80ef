//! What `model_info` says of how a deployment is checked. The library only tells it.

use super::Problems;
use super::place::Places;
use super::yaml::under;
use mishikallm::json::kind;
use serde_json::{Map, Value};

/// The longest wait for one deployment, in seconds.
pub(super) const MOST_SECONDS: f64 = 3_600.0;

/// Finds values that are none.
pub(super) fn check(places: &Places<'_>, top: &Map<String, Value>, problems: &mut Problems) {
    let Some(Value::Array(entries)) = top.get("model_list") else {
        return;
    };
    for (i, entry) in entries.iter().enumerate() {
        let path = format!("model_list[{i}].model_info");
        let Some(info) = entry.get("model_info") else {
            continue;
        };
        let model = entry["mishikallm_params"]["model"].as_str();
        for (key, expected) in [
            ("mode", mode(&info["mode"])),
            (
                "health_check_timeout",
                seconds(&info["health_check_timeout"]),
            ),
            (
                "health_check_max_tokens",
                tokens(&info["health_check_max_tokens"]),
            ),
            (
                "health_check_model",
                one_of_many(&info["health_check_model"], model.unwrap_or("triton/*")),
            ),
        ] {
            if let Some(expected) = expected.filter(|_| !info[key].is_null()) {
                let wrong = format!("expected {expected}, got {}", kind(&info[key]));
                let path = under(&path, key);
                problems.errors.push(places.problem(&path, &wrong));
            }
        }
    }
}

/// Each tells what it expects, where a value is something else.
fn mode(value: &Value) -> Option<String> {
    let expected = "the kind of the model: chat, completion, embedding or another";
    (!value.is_string()).then(|| expected.to_owned())
}

fn seconds(value: &Value) -> Option<String> {
    let is_right = value.as_f64().is_some_and(|n| n > 0.0 && n <= MOST_SECONDS);
    (!is_right).then(|| format!("a number of seconds above 0, at most {MOST_SECONDS}"))
}

fn tokens(value: &Value) -> Option<String> {
    let is_right = value.as_u64().is_some_and(|n| n > 0);
    (!is_right).then(|| "a whole number of at least 1".to_owned())
}

/// `pattern`: the deployment's own model.
fn one_of_many(value: &Value, pattern: &str) -> Option<String> {
    let (before, after) = pattern.split_once('*').unwrap_or((pattern, ""));
    let is_covered = |model: &str| {
        let rest = model
            .strip_prefix(before)
            .and_then(|m| m.strip_suffix(after));
        match pattern.contains('*') {
            true => rest.is_some_and(|star| !star.is_empty() && !star.contains('*')),
            false => model == pattern,
        }
    };
    let is_right = value.as_str().is_some_and(is_covered);
    (!is_right).then(|| format!("a model that {pattern} stands for"))
}
