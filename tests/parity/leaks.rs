//! What belongs to the client and must not reach the server, and the keys that nobody may be told.

use serde_json::Value;

use crate::http::Request;
use crate::sent;
use crate::vector::Vector;

/// Fields of a request that are for the client. No name of a sent body, unless the model declares such an input or the
/// caller asked for it to be forwarded.
const FOR_THE_CLIENT: &[&str] = &[
    "model",
    "messages",
    "prompt",
    "input",
    "api_base",
    "base_url",
    "api_key",
    "api_version",
    "organization",
    "timeout",
    "request_timeout",
    "stream_timeout",
    "num_retries",
    "max_retries",
    "fallbacks",
    "headers",
    "extra_headers",
    "extra_body",
    "drop_params",
    "additional_drop_params",
    "allowed_openai_params",
    "ssl_verify",
    "mock_response",
    "max_completion_tokens",
    "stop",
    "n",
    "user",
    "metadata",
    "store",
    "service_tier",
    "parallel_tool_calls",
    "stream_options",
    "tools",
    "tool_choice",
    "functions",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "response_format",
    "modalities",
    "prediction",
    "web_search_options",
    "reasoning_effort",
    "thinking",
    "encoding_format",
    "dimensions",
    "chat_template",
    "triton",
];

pub fn check(vector: &Vector, posts: &[Request], problems: &mut Vec<String>) {
    let request = &vector.request;
    let keys = secrets(request);
    let asked = |name: &str| {
        request["allowed_openai_params"]
            .as_array()
            .is_some_and(|list| list.iter().any(|item| item == name))
    };
    let merged = |name: &str| request["extra_body"].get(name).is_some();
    for post in posts {
        if post.headers.get("content-type").map(String::as_str) != Some("application/json") {
            problems.push(format!(
                "sent: content-type is {:?}",
                post.headers.get("content-type")
            ));
        }
        let names = sent::body(post)
            .map(|body| sent::names(&body))
            .unwrap_or_default();
        for name in FOR_THE_CLIENT {
            let forwarded = request.get(name).is_some() && names.iter().any(|sent| sent == name);
            if forwarded && !asked(name) && !merged(name) && !vector.declares(name) {
                problems.push(format!("leak: {name} in the sent body"));
            }
        }
        let body = String::from_utf8_lossy(&post.body);
        if let Some(key) = keys.iter().find(|key| body.contains(key.as_str())) {
            problems.push(format!("leak: the key {key} in the sent body"));
        }
        headers(request, &keys, post, problems);
    }
}

/// The headers that the caller gave may say anything; the others must not repeat the request.
fn headers(request: &Value, keys: &[String], post: &Request, problems: &mut Vec<String>) {
    for (name, value) in &post.headers {
        if given_headers(request).any(|(given, _)| given.eq_ignore_ascii_case(name)) {
            continue;
        }
        if name == "authorization" && keys.iter().any(|key| *value == format!("Bearer {key}")) {
            continue;
        }
        let has_key = keys.iter().any(|key| value.contains(key.as_str()));
        let named = FOR_THE_CLIENT.iter().find(|field| {
            let dashed = field.replace('_', "-");
            request.get(field).is_some()
                && (*name == dashed || name.ends_with(&format!("-{dashed}")))
        });
        let repeated = FOR_THE_CLIENT.iter().find(|field| {
            request[**field]
                .as_str()
                .is_some_and(|text| repeats(value, text))
        });
        if has_key || name == "authorization" || named.is_some() || repeated.is_some() {
            problems.push(format!("leak: the header {name}: {value}"));
        }
    }
}

/// A short text may stand in a header by chance, as a part of another word.
fn repeats(header: &str, text: &str) -> bool {
    !text.is_empty() && (header == text || (text.len() >= 6 && header.contains(text)))
}

/// Every credential of a request: its `api_key`s, also those of fallbacks, and credentials among its headers.
pub fn secrets(request: &Value) -> Vec<String> {
    let mut keys = Vec::new();
    collect(request, &mut keys);
    for (name, value) in given_headers(request) {
        if ["authorization", "x-api-key", "api-key"].contains(&name.to_ascii_lowercase().as_str()) {
            keys.extend(
                value
                    .as_str()
                    .and_then(|text| text.split(' ').next_back())
                    .map(str::to_string),
            );
        }
    }
    keys.retain(|key| !key.is_empty());
    keys
}

fn collect(value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|item| collect(item, keys)),
        Value::Object(map) => {
            keys.extend(
                map.get("api_key")
                    .and_then(Value::as_str)
                    .map(str::to_string),
            );
            map.values().for_each(|item| collect(item, keys));
        }
        _ => {}
    }
}

fn given_headers(request: &Value) -> impl Iterator<Item = (&String, &Value)> {
    ["headers", "extra_headers"]
        .into_iter()
        .filter_map(|key| request[key].as_object())
        .flatten()
}
