//! How long a request's prompt is, before anything is made of it: an estimate, to choose a deployment by. And what it may take at most.

use crate::json::Fields;
use crate::openai::embedding::Input;
use crate::openai::generation::Generation;
use crate::triton::exchange::Task;
use crate::triton::usage;
use serde_json::Value;

/// What a tokenizer puts around a prompt.
const AROUND: u64 = 8;

/// Of an image that is small as a file and large for the model.
const IMAGE: u64 = 4_096;

/// What ways there are beside `max_tokens` to say how long a text gets, or to say it inside of something else.
const OTHER_WAYS: [&str; 8] = [
    "inputs",
    "max_completion_tokens",
    "max_new_tokens",
    "max_output_tokens",
    "max_tokens",
    "parameters",
    "request_output_len",
    "sampling_parameters",
];

/// What a call takes, as far as can be known beforehand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// No more than this: a token is at least a byte, and around each prompt there are few. Of an image it is a guess.
    pub most_prompt_tokens: u64,
    /// How many texts there will be.
    pub choices: u64,
    /// Tokens of all texts together; `None`: neither the request nor its deployment says how many. The model then decides.
    pub most_completion_tokens: Option<u64>,
}

/// Of all asks of a call, before the first of them.
pub(super) fn bound<'a>(tasks: impl Iterator<Item = &'a Task>) -> Bound {
    let mut bound = Bound {
        most_completion_tokens: Some(0),
        ..Bound::default()
    };
    for task in tasks {
        match task {
            Task::Text(ask) => {
                let most = &mut bound.most_completion_tokens;
                *most = most
                    .zip(most_tokens(&ask.generation))
                    .map(|(a, b)| a.saturating_add(b));
                bound.choices += 1;
                // The prompt of further choices is counted once, as it is in the usage.
                if ask.choice == 0 {
                    let images = ask
                        .images
                        .iter()
                        .map(|image| IMAGE.max(image.url.len() as u64));
                    bound.most_prompt_tokens +=
                        ask.prompt.len() as u64 + AROUND + images.sum::<u64>();
                }
            }
            Task::Embed(ask) => {
                let most: u64 = match &ask.request.input {
                    Input::Texts(texts) => {
                        texts.iter().map(|text| text.len() as u64 + AROUND).sum()
                    }
                    Input::Tokens(rows) => rows.iter().map(|row| row.len() as u64).sum(),
                };
                bound.most_prompt_tokens += most;
            }
        }
    }
    bound
}

fn most_tokens(generation: &Generation) -> Option<u64> {
    let is_said = |key: &&str| {
        generation.params.contains_key(*key) || generation.extra_body.contains_key(*key)
    };
    let is_said_otherwise = OTHER_WAYS.iter().any(is_said);
    generation.max_tokens.filter(|_| !is_said_otherwise)
}

/// Tokens of the messages, the prompt or the input, as far as they are texts.
pub(super) fn estimate(fields: &Fields) -> u64 {
    let parts = ["messages", "prompt", "input"].into_iter();
    parts.filter_map(|key| fields.get(key)).map(tokens).sum()
}

/// Tokens of all texts in a value; of a list of numbers, which are tokens, their count.
fn tokens(value: &Value) -> u64 {
    match value {
        Value::String(text) => usage::estimate(text),
        Value::Number(_) => 1,
        Value::Array(parts) => parts.iter().map(tokens).sum(),
        // Of a message its content, of a part of it its text; an image is no text.
        Value::Object(part) => {
            let texts = ["content", "text"].into_iter();
            texts.filter_map(|key| part.get(key)).map(tokens).sum()
        }
        Value::Null | Value::Bool(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClientConfig;
    use crate::json;
    use crate::openai::Operation;
    use crate::plan::call::{Call, Env, Manner};
    use crate::plan::fleet::Fleet;
    use crate::plan::resources::Nothing;
    use std::sync::Arc;
    use std::time::Instant;

    #[test]
    fn texts_are_counted_wherever_they_stand() {
        let count = |text: &str| estimate(&json::object("request_json", text).unwrap());
        let word = count(r#"{"prompt":"hello"}"#);
        assert!(word > 0);
        assert_eq!(
            count(r#"{"messages":[{"role":"user","content":"hello"}]}"#),
            word
        );
        let parts = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"hello"},{"type":"image_url","image_url":{"url":"data:…"}}]}]}"#;
        assert_eq!(count(parts), word);
        assert_eq!(count(r#"{"input":[[1,2,3],[4]]}"#), 4);
        assert_eq!(count(r#"{"input":["hello","hello"]}"#), 2 * word);
    }

    /// What a call for a model without a template takes at most.
    fn bounds(operation: Operation, request: &str) -> Bound {
        let mut fields = json::object("request_json", request).unwrap();
        fields.set("model", Value::from("triton/m"));
        fields.set("api_base", Value::from("http://h"));
        let env = Env {
            unix_time: 7,
            id: "1".into(),
            random: 1,
            trace: None,
        };
        let fleet = Fleet::new(ClientConfig::default(), Box::new(Nothing)).unwrap();
        let (fleet, now) = (Arc::new(fleet), Instant::now());
        let call = Call::new(operation, fields, &fleet, env, Manner::AsAsked, now);
        call.unwrap().bound()
    }

    #[test]
    fn a_token_is_at_least_a_byte() {
        let bound = bounds(Operation::Text, r#"{"prompt":"héllo","max_tokens":9}"#);
        assert_eq!(bound.most_prompt_tokens, 6 + AROUND);
        let bound = bounds(Operation::Embeddings, r#"{"input":["ab","c"]}"#);
        assert_eq!(bound.most_prompt_tokens, 3 + 2 * AROUND);
        assert_eq!(bound.most_completion_tokens, Some(0));
        let bound = bounds(Operation::Embeddings, r#"{"input":[[1,2],[3]]}"#);
        assert_eq!(bound.most_prompt_tokens, 3);
    }

    #[test]
    fn each_choice_of_each_prompt_may_be_as_long_as_is_allowed() {
        let bound = bounds(
            Operation::Text,
            r#"{"prompt":["ab","cd"],"n":3,"max_tokens":5}"#,
        );
        assert_eq!(bound.most_completion_tokens, Some(30));
        assert_eq!(bound.choices, 6);
        assert_eq!(bound.most_prompt_tokens, 4 + 2 * AROUND);
        let chat = |more: &str| {
            let messages = r#""messages":[{"role":"user","content":"hi"}]"#;
            let request = format!("{{{messages},{more}}}");
            bounds(Operation::Chat, &request).most_completion_tokens
        };
        assert_eq!(chat(r#""max_tokens":5,"max_completion_tokens":7"#), Some(7));
    }

    #[test]
    fn what_nobody_says_or_somebody_says_in_other_words_is_not_known() {
        let most = |more: &str| {
            let request = format!(r#"{{"prompt":"hi"{more}}}"#);
            bounds(Operation::Text, &request).most_completion_tokens
        };
        assert_eq!(most(""), None);
        assert_eq!(most(r#","max_tokens":5"#), Some(5));
        assert_eq!(most(r#","max_tokens":5,"max_new_tokens":9"#), None);
        let inside = r#","max_tokens":5,"extra_body":{"parameters":{"max_tokens":9}}"#;
        assert_eq!(most(inside), None);
        assert_eq!(most(r#","max_tokens":5,"extra_body":{"id":"1"}"#), Some(5));
    }
}
