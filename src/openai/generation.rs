//! What chat and text completions have in common: how much, how random, where to stop, and what is not possible.

use super::Operation;
use super::format::{Format, take_format};
use super::tools::{Choice, Tools};
use crate::config::Options;
use crate::error::{Error, Result};
use crate::json::{Fields, kind};
use crate::limits;
use serde_json::{Map, Value};

/// Asks for text.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// Most tokens to generate; at least 1.
    pub max_tokens: Option<u64>,
    /// The text ends before the first of these; none is empty.
    pub stop: Vec<String>,
    /// Whether the caller wants chunks.
    pub stream: bool,
    /// Whether the last chunk of a stream tells the usage.
    pub include_usage: bool,
    /// It is for a chat; else for a text completion.
    pub chat: bool,
    /// Choices for each prompt; at least 1.
    pub n: usize,
    /// How likely the tokens were is to be told, with so many alternatives of each.
    pub logprobs: Option<usize>,
    /// The prompt is to stand before the text.
    pub echo: bool,
    /// What the text has to be.
    pub format: Option<Format>,
    /// What the model may call.
    pub tools: Option<Tools>,
    /// What ends the text beside `stop`: the marks of a turn's end in the chat template, which a server may leave in the text. Never sent.
    pub ends: Vec<String>,
    /// Marks such as `[TOOL_CALLS]` are to stay in the text: an engine leaves them out as special tokens otherwise.
    pub keep_marks: bool,
    /// What was asked for and no model does, or not for this request.
    pub impossible: Vec<&'static str>,
    /// Chance, for a seed where the backend would take the same each time.
    pub chance: u64,
    /// Everything for the model, under its own name: sampling parameters and whatever else the caller gave.
    pub params: Map<String, Value>,
    /// Keys for the top level of a generate body.
    pub extra_body: Map<String, Value>,
}

impl Default for Generation {
    fn default() -> Generation {
        Generation {
            max_tokens: None,
            stop: Vec::new(),
            stream: false,
            include_usage: false,
            chat: false,
            n: 1,
            logprobs: None,
            echo: false,
            format: None,
            tools: None,
            ends: Vec::new(),
            keep_marks: false,
            impossible: Vec::new(),
            chance: 0,
            params: Map::new(),
            extra_body: Map::new(),
        }
    }
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

/// OpenAI's parameters that no Triton model takes. A value that asks for nothing is harmless.
const IMPOSSIBLE: [&str; 12] = [
    "audio",
    "best_of",
    "function_call",
    "functions",
    "logit_bias",
    "modalities",
    "prediction",
    "reasoning_effort",
    "suffix",
    "thinking",
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
    /// Takes all that is left of a request for a chat or a text completion.
    pub fn take(mut fields: Fields, options: &Options, operation: Operation) -> Result<Generation> {
        for key in &options.additional_drop_params {
            fields.take(key);
        }
        let is_chat = operation == Operation::Chat;
        let max_completion_tokens = fields.whole("max_completion_tokens", 1)?;
        let max_tokens = fields.whole("max_tokens", 1)?;
        let insists = |key: &str| options.allowed_openai_params.iter().any(|k| k == key);
        // Enforced here all the same: who gets it may not know it.
        let insisted_stop = fields.get("stop").filter(|_| insists("stop")).cloned();
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
        fields.check_object("metadata")?;
        // What the caller insists on goes to the model as it is.
        let insisted = options.allowed_openai_params.iter();
        let insisted: Vec<_> = insisted
            .filter_map(|key| Some((key.clone(), fields.take(key)?)))
            .collect();
        let n = take_n(&mut fields)?;
        let mut generation = Generation {
            max_tokens: max_completion_tokens.or(max_tokens),
            stop,
            stream,
            include_usage,
            chat: is_chat,
            n,
            logprobs: take_logprobs(&mut fields, is_chat)?,
            echo: fields.boolean("echo")?.unwrap_or(false),
            format: take_format(&mut fields)?,
            tools: Tools::take(&mut fields)?,
            impossible: take_impossible(&mut fields, n)?,
            ..Default::default()
        };
        if is_chat && std::mem::take(&mut generation.echo) {
            generation.cannot("echo");
        }
        if generation.echo && generation.logprobs.is_some() {
            if options.drop_params != Some(true) {
                return Err(Error::argument(
                    "echo",
                    "echo: no model tells how likely the prompt's tokens were; leave out echo or logprobs",
                ));
            }
            generation.logprobs = None;
        }
        if !is_chat && generation.tools.take().is_some() {
            generation.cannot("tools");
        }
        for key in HARMLESS {
            fields.take(key);
        }
        generation.params = fields.rest();
        generation.params.extend(insisted);
        if let Some(stop) = insisted_stop {
            generation.params.insert("stop".to_owned(), stop);
        }
        generation.extra_body = extra_body;
        Ok(generation)
    }

    /// What the text is held to: the call of a tool that has to be made, or the format.
    pub fn guide(&self) -> Option<Format> {
        let call = self.tools.as_ref().and_then(Tools::schema);
        call.map(Format::Schema).or_else(|| self.format.clone())
    }

    /// Notes what cannot be done for this request.
    pub fn cannot(&mut self, name: &'static str) {
        self.impossible.push(name);
    }

    /// Refuses what cannot be done, all of it in one message; with `drop_params` nothing is refused, and what cannot be done is
    /// left out. `whose` says, for that message, whose abilities they are.
    pub fn check(
        &self,
        abilities: &Abilities,
        options: &Options,
        whose: impl FnOnce() -> String,
    ) -> Result<()> {
        if options.drop_params == Some(true) {
            return Ok(());
        }
        let mut offenders = self.impossible.clone();
        let mut unless = |able: bool, name| {
            if !able {
                offenders.push(name);
            }
        };
        unless(self.n == 1 || abilities.n, "n");
        if let Some(top) = self.logprobs {
            unless(abilities.logprobs.is_some(), "logprobs");
            // Of a text completion 1 alternative is the token itself.
            let most = abilities.logprobs.unwrap_or(0).max(usize::from(!self.chat));
            unless(
                most >= top,
                if self.chat {
                    "top_logprobs"
                } else {
                    "logprobs"
                },
            );
        }
        unless(self.format.is_none() || abilities.guided, "response_format");
        let is_bound = self
            .tools
            .as_ref()
            .is_some_and(|t| t.choice != Choice::Auto);
        unless(!is_bound || abilities.guided, "tool_choice");
        offenders.sort_unstable();
        offenders.dedup();
        match offenders.first() {
            None => Ok(()),
            Some(first) => Err(Error::argument(
                first,
                format!(
                    "not supported for {}: {}; leave out, or set drop_params to true to have them dropped{}",
                    whose(),
                    offenders.join(", "),
                    hint(&offenders)
                ),
            )),
        }
    }
}

/// What a model, asked in its dialect, can do beyond text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// More than one choice.
    pub n: bool,
    /// Log probabilities, with up to so many alternatives.
    pub logprobs: Option<usize>,
    /// Text that has to be JSON.
    pub guided: bool,
}

/// What would help.
fn hint(offenders: &[&str]) -> &'static str {
    match offenders.contains(&"tools") {
        true => " (tools need a chat_template that knows them)",
        false => "",
    }
}

fn take_n(fields: &mut Fields) -> Result<usize> {
    match fields.whole("n", 1)? {
        None => Ok(1),
        Some(n) if n <= limits::CHOICES as u64 => Ok(n as usize),
        Some(n) => Err(Error::argument(
            "n",
            format!("n: expected at most {}, got {n}", limits::CHOICES),
        )),
    }
}

/// Of a chat `logprobs` is a boolean and `top_logprobs` the number of alternatives; of a text completion `logprobs` is that number.
fn take_logprobs(fields: &mut Fields, is_chat: bool) -> Result<Option<usize>> {
    let bounded = |key: &str, n: Option<u64>| match n {
        Some(n) if n > limits::TOP_LOGPROBS as u64 => Err(Error::argument(
            key,
            format!("{key}: expected at most {}, got {n}", limits::TOP_LOGPROBS),
        )),
        n => Ok(n.map(|n| n as usize)),
    };
    let top = fields.whole("top_logprobs", 0)?;
    let top = bounded("top_logprobs", top)?;
    if is_chat {
        return match (fields.boolean("logprobs")?.unwrap_or(false), top) {
            (true, top) => Ok(Some(top.unwrap_or(0))),
            (false, None | Some(0)) => Ok(None),
            (false, Some(_)) => Err(Error::argument(
                "logprobs",
                "logprobs: expected true beside top_logprobs, got nothing or false",
            )),
        };
    }
    // Who writes chats too may say no with a boolean.
    if fields.get("logprobs") == Some(&Value::Bool(false)) {
        fields.take("logprobs");
    }
    let logprobs = fields.whole("logprobs", 0)?;
    bounded("logprobs", logprobs)
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
        ("function_call", Value::String(s)) => s == "none",
        ("modalities", Value::Array(a)) => a.iter().all(|m| m == "text"),
        ("suffix", Value::String(s)) => s.is_empty(),
        (_, Value::Bool(b)) => !b,
        (_, Value::Array(a)) => a.is_empty(),
        (_, Value::Object(o)) => o.is_empty(),
        _ => false,
    }
}

/// Takes what no model does, and names what of it asks for something.
fn take_impossible(fields: &mut Fields, n: usize) -> Result<Vec<&'static str>> {
    let mut impossible = Vec::new();
    for key in IMPOSSIBLE {
        if key == "best_of" {
            // The best of as many as are wanted are all of them; no count at all is a mistake.
            if fields.whole(key, 1)?.is_some_and(|best| best != n as u64) {
                impossible.push(key);
            }
        } else if fields
            .take(key)
            .is_some_and(|value| !asks_for_nothing(key, &value))
        {
            impossible.push(key);
        }
    }
    Ok(impossible)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    /// A chat's, for a model that nobody describes.
    fn generation(json: &str) -> Result<Generation> {
        of(json, Operation::Chat, &Abilities::default())
    }

    fn of(json: &str, operation: Operation, abilities: &Abilities) -> Result<Generation> {
        let mut fields = json::object("request_json", json)?;
        let options = Options::take(&mut fields)?;
        let generation = Generation::take(fields, &options, operation)?;
        generation.check(abilities, &options, String::new)?;
        Ok(generation)
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
            r#"{"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required","n":3,"logprobs":true,
                "top_logprobs":2,"modalities":["audio"],"response_format":{"type":"json_object"}}"#,
        )
        .unwrap_err();
        let names = "modalities, n, response_format, tool_choice, top_logprobs";
        assert!(
            e.message().contains("logprobs, ") && e.message().contains(names),
            "{e}"
        );
    }

    #[test]
    fn what_can_be_done_is_the_models_matter() {
        let able = Abilities {
            n: true,
            logprobs: Some(20),
            guided: true,
        };
        let g = of(
            r#"{"n":3,"logprobs":true,"top_logprobs":2,"response_format":{"type":"json_object"}}"#,
            Operation::Chat,
            &able,
        )
        .unwrap();
        assert_eq!(
            (g.n, g.logprobs, g.format),
            (3, Some(2), Some(Format::Json))
        );
        // Probabilities of the tokens alone: one alternative of a text completion is the token.
        let numbers = Abilities {
            logprobs: Some(0),
            ..Default::default()
        };
        let text = |request: &str| of(request, Operation::Text, &numbers);
        assert_eq!(text(r#"{"logprobs":1}"#).unwrap().logprobs, Some(1));
        assert!(text(r#"{"logprobs":2}"#).is_err());
        assert_eq!(text(r#"{"logprobs":false}"#).unwrap().logprobs, None);
    }

    #[test]
    fn an_echo_is_for_text_completions_and_without_probabilities() {
        let text = |request: &str| of(request, Operation::Text, &Abilities::default());
        assert!(text(r#"{"echo":true}"#).unwrap().echo);
        let able = Abilities {
            logprobs: Some(5),
            ..Default::default()
        };
        let e = of(r#"{"echo":true,"logprobs":1}"#, Operation::Text, &able).unwrap_err();
        assert_eq!(e.param(), Some("echo"));
        assert!(generation(r#"{"echo":true}"#).is_err());
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
        let g = generation(r#"{"stop":["x"],"allowed_openai_params":["stop"]}"#).unwrap();
        assert_eq!(g.params["stop"], serde_json::json!(["x"]));
        assert_eq!(g.stop, ["x"]);
        let g = generation(r#"{"stop":null,"allowed_openai_params":["stop"]}"#).unwrap();
        assert!(g.params.is_empty());
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
            (r#"{"n":1000}"#, "n"),
            (r#"{"logprobs":2}"#, "logprobs"),
            (r#"{"top_logprobs":3}"#, "logprobs"),
            (r#"{"logprobs":true,"top_logprobs":30}"#, "top_logprobs"),
            (r#"{"echo":1}"#, "echo"),
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
