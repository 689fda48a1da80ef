//! What chat and text completions have in common: how much, how random, where to stop, and what is not possible.

use crate::config::Options;
use crate::error::{Error, Result};
use crate::json::{Fields, kind};
use crate::limits;
use serde_json::{Map, Value};

/// Asks for text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generation {
    /// Most tokens to generate; at least 1.
    pub max_tokens: Option<u64>,
    /// The text ends before the first of these; none is empty.
    pub stop: Vec<String>,
    /// Whether the caller wants chunks.
    pub stream: bool,
    /// Whether the last chunk of a stream tells the usage.
    pub include_usage: bool,
    /// Everything for the model, under its own name: sampling parameters and whatever else the caller gave.
    pub params: Map<String, Value>,
    /// Keys for the top level of a generate body.
    pub extra_body: Map<String, Value>,
}

/// Takes the prompts of a text completion: a string, or a list of strings, each answered by a choice of its own.
pub fn take_prompts(fields: &mut Fields) -> Result<Vec<String>> {
    let wrong = |place: &str, got: &str| {
        let expected = match place {
            "prompt" => "a string or a list of strings",
            _ => "a string",
        };
        Err(Error::argument(
            "prompt",
            format!("{place}: expected {expected}, got {got}"),
        ))
    };
    match fields.take("prompt") {
        None => wrong("prompt", "nothing"),
        Some(Value::String(prompt)) => Ok(vec![prompt]),
        Some(Value::Array(items)) if !items.is_empty() => {
            if items.len() > limits::PROMPTS {
                return wrong(
                    "prompt",
                    &format!("{} prompts, more than {}", items.len(), limits::PROMPTS),
                );
            }
            let mut prompts = Vec::with_capacity(items.len());
            for (i, item) in items.into_iter().enumerate() {
                match item {
                    Value::String(prompt) => prompts.push(prompt),
                    Value::Number(_) => return wrong("prompt", "token ids"),
                    Value::Array(_) => return wrong(&format!("prompt[{i}]"), "token ids"),
                    other => return wrong(&format!("prompt[{i}]"), &kind(&other)),
                }
            }
            Ok(prompts)
        }
        Some(other) => wrong("prompt", &kind(&other)),
    }
}

/// OpenAI's parameters that no Triton model takes as they are. A value that asks for nothing is harmless.
const UNSUPPORTED: [&str; 20] = [
    "audio",
    "best_of",
    "echo",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "modalities",
    "n",
    "parallel_tool_calls",
    "prediction",
    "reasoning_effort",
    "response_format",
    "suffix",
    "thinking",
    "tool_choice",
    "tools",
    "top_logprobs",
    "verbosity",
    "web_search_options",
];

/// OpenAI's parameters that change nothing for the model: accepted, and not forwarded.
const HARMLESS: [&str; 7] = [
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "user",
];

/// What the harmless ones are, where OpenAI says it.
const HARMLESS_STRINGS: [&str; 4] = [
    "user",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
];

/// Sampling parameters whose type is known.
const NUMBERS: [&str; 7] = [
    "temperature",
    "top_p",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
    "length_penalty",
];
const WHOLE_NUMBERS: [&str; 3] = ["seed", "top_k", "min_tokens"];

impl Generation {
    /// Takes all that is left of a request.
    pub fn take(mut fields: Fields, options: &Options) -> Result<Generation> {
        for key in &options.additional_drop_params {
            fields.take(key);
        }
        let max_completion_tokens = fields.whole("max_completion_tokens", 1)?;
        let max_tokens = fields.whole("max_tokens", 1)?;
        let stop = take_stop(&mut fields)?;
        let stream = fields.boolean("stream")?.unwrap_or(false);
        let include_usage = match fields.object("stream_options")? {
            Some(mut o) => o.boolean("include_usage")?.unwrap_or(false),
            None => false,
        };
        for key in NUMBERS {
            fields.check_number(key)?;
        }
        for key in WHOLE_NUMBERS {
            fields.check_whole(key)?;
        }
        let extra_body = fields
            .object("extra_body")?
            .map(Fields::rest)
            .unwrap_or_default();
        for key in HARMLESS_STRINGS {
            fields.check_string(key)?;
        }
        fields.check_boolean("store")?;
        fields.check_boolean("parallel_tool_calls")?;
        fields.check_object("metadata")?;
        refuse_unsupported(&mut fields, options)?;
        for key in HARMLESS {
            if !options.allowed_openai_params.iter().any(|k| k == key) {
                fields.take(key);
            }
        }
        Ok(Generation {
            max_tokens: max_completion_tokens.or(max_tokens),
            stop,
            stream,
            include_usage,
            params: fields.rest(),
            extra_body,
        })
    }
}

fn take_stop(fields: &mut Fields) -> Result<Vec<String>> {
    let stop = fields.strings("stop")?.unwrap_or_default();
    if stop.iter().any(String::is_empty) {
        return Err(Error::argument(
            "stop",
            "stop: expected strings of at least one character, got an empty string",
        ));
    }
    if stop.len() > limits::STOP_SEQUENCES {
        return Err(Error::argument(
            "stop",
            format!(
                "stop: expected at most {} strings, got {}",
                limits::STOP_SEQUENCES,
                stop.len()
            ),
        ));
    }
    Ok(stop)
}

/// Whether a value asks for nothing beyond what happens anyway.
fn asks_for_nothing(key: &str, value: &Value) -> bool {
    match (key, value) {
        ("n" | "best_of", v) => crate::json::as_whole(v) == Some(1),
        ("response_format", Value::Object(o)) => o.get("type").is_some_and(|t| t == "text"),
        ("tool_choice" | "function_call", Value::String(s)) => s == "none",
        ("modalities", Value::Array(a)) => a.iter().all(|m| m == "text"),
        ("suffix", Value::String(s)) => s.is_empty(),
        ("top_logprobs", v) => crate::json::as_whole(v) == Some(0),
        (_, Value::Bool(b)) => !b,
        (_, Value::Array(a)) => a.is_empty(),
        (_, Value::Object(o)) => o.is_empty(),
        _ => false,
    }
}

/// Refuses what cannot be done, all of it in one message; with `drop_params` leaves it out.
fn refuse_unsupported(fields: &mut Fields, options: &Options) -> Result<()> {
    let mut offenders = Vec::new();
    // Without tools it says nothing about anything.
    if fields
        .get("tools")
        .is_none_or(|tools| asks_for_nothing("tools", tools))
    {
        fields.take("parallel_tool_calls");
    }
    for key in UNSUPPORTED {
        if options.allowed_openai_params.iter().any(|k| k == key) {
            continue;
        }
        if key == "n" || key == "best_of" {
            // A count of something else than 1 is not possible; no count at all is a mistake.
            if let Some(n) = fields.whole(key, 1)? {
                if n != 1 {
                    offenders.push(key);
                }
            }
            continue;
        }
        if let Some(value) = fields.take(key) {
            if !asks_for_nothing(key, &value) {
                offenders.push(key);
            }
        }
    }
    if offenders.is_empty() || options.drop_params == Some(true) {
        return Ok(());
    }
    Err(Error::argument(
        offenders[0],
        format!(
            "not supported for Triton models: {}; leave out, or set drop_params to true to have them dropped",
            offenders.join(", ")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn generation(json: &str) -> Result<Generation> {
        let mut fields = json::object("request_json", json)?;
        let options = Options::take(&mut fields)?;
        Generation::take(fields, &options)
    }

    #[test]
    fn max_completion_tokens_wins() {
        let g = generation(r#"{"max_tokens":7,"max_completion_tokens":9}"#).unwrap();
        assert_eq!(g.max_tokens, Some(9));
        assert!(g.params.is_empty());
    }

    #[test]
    fn all_offenders_are_named_at_once() {
        let e = generation(
            r#"{"tools":[{"type":"function"}],"tool_choice":"auto","n":3,"logprobs":true}"#,
        )
        .unwrap_err();
        for name in ["tools", "tool_choice", "n", "logprobs"] {
            assert!(e.message().contains(name), "{name} in {e}");
        }
    }

    #[test]
    fn what_asks_for_nothing_is_accepted() {
        let g = generation(
            r#"{"n":1,"tools":[],"tool_choice":"none","logprobs":false,"response_format":{"type":"text"},
                "parallel_tool_calls":true,"user":"u","store":true,"metadata":{"a":"b"}}"#,
        )
        .unwrap();
        assert!(g.params.is_empty(), "{:?}", g.params);
    }

    #[test]
    fn drop_params_drops_only_what_cannot_be_done() {
        let g = generation(r#"{"n":2,"seed":9,"temperature":0.1,"drop_params":true}"#).unwrap();
        let names: Vec<_> = g.params.keys().collect();
        assert_eq!(names, ["seed", "temperature"]);
    }

    #[test]
    fn named_parameters_are_forwarded_or_left_out() {
        let g =
            generation(r#"{"logit_bias":{"1":2},"allowed_openai_params":["logit_bias"]}"#).unwrap();
        assert!(g.params.contains_key("logit_bias"));
        let g = generation(r#"{"top_k":3,"additional_drop_params":["top_k"]}"#).unwrap();
        assert!(g.params.is_empty());
    }

    #[test]
    fn wrong_types_name_their_field() {
        for (json, field) in [
            (r#"{"max_tokens":"12"}"#, "max_tokens"),
            (r#"{"max_tokens":true}"#, "max_tokens"),
            (r#"{"temperature":"hot"}"#, "temperature"),
            (r#"{"seed":1.5}"#, "seed"),
            (r#"{"stop":5}"#, "stop"),
            (r#"{"stop":[""]}"#, "stop"),
            (r#"{"stop":["a",1]}"#, "stop[1]"),
            (r#"{"stream":"yes"}"#, "stream"),
            (r#"{"n":"2"}"#, "n"),
            (r#"{"stream_options":[]}"#, "stream_options"),
            (r#"{"user":5}"#, "user"),
            (r#"{"store":"yes"}"#, "store"),
            (r#"{"metadata":"x"}"#, "metadata"),
        ] {
            let e = generation(json).unwrap_err();
            assert_eq!(e.param(), Some(field), "{json}: {e}");
            assert!(e.message().contains(field), "{json}: {e}");
        }
    }

    #[test]
    fn prompts_are_strings() {
        let prompts = |json: &str| take_prompts(&mut json::object("request_json", json).unwrap());
        assert_eq!(prompts(r#"{"prompt":"a"}"#).unwrap(), ["a"]);
        assert_eq!(prompts(r#"{"prompt":["a","b"]}"#).unwrap(), ["a", "b"]);
        for bad in [
            r#"{}"#,
            r#"{"prompt":[]}"#,
            r#"{"prompt":[1,2]}"#,
            r#"{"prompt":[[1],[2]]}"#,
            r#"{"prompt":5}"#,
        ] {
            let e = prompts(bad).unwrap_err();
            assert_eq!(e.param(), Some("prompt"), "{bad}");
        }
        assert!(
            prompts(r#"{"prompt":[[1,2]]}"#)
                .unwrap_err()
                .message()
                .contains("token ids")
        );
    }
}
