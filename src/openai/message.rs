//! Chat messages: the texts in them, and what cannot be text.

use crate::error::{Error, Result};
use crate::json::{Fields, kind};
use serde_json::{Map, Value};

/// One message of a chat.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// `system`, `user`, `assistant`, `tool` …
    pub role: String,
    /// The text: parts concatenated with nothing between; empty where there is none.
    pub content: String,
    /// All else the message holds, such as `name` and `tool_calls`.
    pub rest: Map<String, Value>,
}

/// Takes `messages`: a list of at least one message.
pub fn take_messages(fields: &mut Fields) -> Result<Vec<Message>> {
    let wrong = |got: &str| {
        Err(Error::argument(
            "messages",
            format!("messages: expected a list of at least one message, got {got}"),
        ))
    };
    match fields.take("messages") {
        None => wrong("nothing"),
        Some(Value::Array(items)) if !items.is_empty() => items
            .into_iter()
            .enumerate()
            .map(|(i, item)| read_message(i, item))
            .collect(),
        Some(other) => wrong(&kind(&other)),
    }
}

fn wrong(place: &str, expected: &str, got: &str) -> Error {
    Error::argument(
        "messages",
        format!("{place}: expected {expected}, got {got}"),
    )
}

fn read_message(i: usize, item: Value) -> Result<Message> {
    // Places are put into words only where something is wrong with them.
    let place = |field: &str| format!("messages[{i}]{field}");
    let Value::Object(mut rest) = item else {
        return Err(wrong(
            &place(""),
            "an object with role and content",
            &kind(&item),
        ));
    };
    let role = match rest.remove("role") {
        Some(Value::String(role)) => role,
        other => {
            let got = other.map_or_else(|| "nothing".to_owned(), |v| kind(&v));
            return Err(wrong(&place(".role"), "a string", &got));
        }
    };
    let content = match rest.remove("content") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text,
        Some(Value::Array(parts)) => {
            let mut text = String::new();
            for (k, part) in parts.into_iter().enumerate() {
                text.push_str(&read_part(&place(&format!(".content[{k}]")), part)?);
            }
            text
        }
        Some(other) => {
            return Err(wrong(
                &place(".content"),
                "a string or a list of parts",
                &kind(&other),
            ));
        }
    };
    Ok(Message {
        role,
        content,
        rest,
    })
}

fn read_part(place: &str, part: Value) -> Result<String> {
    match part {
        Value::String(text) => Ok(text),
        Value::Object(mut part) => match part.get("type").and_then(Value::as_str) {
            Some("text") => match part.remove("text") {
                Some(Value::String(text)) => Ok(text),
                other => {
                    let got = other.map_or_else(|| "nothing".to_owned(), |v| kind(&v));
                    Err(wrong(&format!("{place}.text"), "a string", &got))
                }
            },
            Some(other) => {
                // The type is one of OpenAI's few words; a longer one is not repeated.
                let what = match other {
                    "image_url" | "input_image" => "an image",
                    "input_audio" => "audio",
                    "file" | "input_file" => "a file",
                    "refusal" => "a refusal",
                    _ => "a part of another type",
                };
                Err(wrong(
                    place,
                    "a part of type \"text\" (the model takes text only)",
                    what,
                ))
            }
            None if part.contains_key("type") => {
                let got = kind(&part["type"]);
                Err(wrong(&format!("{place}.type"), "a string", &got))
            }
            None => Err(wrong(&format!("{place}.type"), "a string", "nothing")),
        },
        other => Err(wrong(place, "a content part", &kind(&other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn messages(json: &str) -> Result<Vec<Message>> {
        take_messages(&mut json::object("request_json", json)?)
    }

    #[test]
    fn parts_are_concatenated_and_null_is_empty() {
        let m = messages(
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
                {"role":"assistant","content":null,"tool_calls":[]},{"role":"user"}]}"#,
        )
        .unwrap();
        assert_eq!(m[0].content, "ab");
        assert_eq!(m[1].content, "");
        assert!(m[1].rest.contains_key("tool_calls"));
        assert_eq!(m[2].content, "");
    }

    #[test]
    fn mistakes_name_their_place() {
        let message = |json: &str| messages(json).unwrap_err().message().to_owned();
        assert!(message("{}").starts_with("messages: expected a list"));
        assert!(message(r#"{"messages":"hi"}"#).ends_with("got a string"));
        assert!(message(r#"{"messages":[]}"#).ends_with("got an empty list"));
        assert!(message(r#"{"messages":[5]}"#).starts_with("messages[0]:"));
        assert!(message(r#"{"messages":[{"role":1}]}"#).starts_with("messages[0].role:"));
        assert!(
            message(r#"{"messages":[{"role":"user","content":{}}]}"#)
                .starts_with("messages[0].content:")
        );
        let image = r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}"#;
        assert!(message(image).contains("an image"));
    }
}
