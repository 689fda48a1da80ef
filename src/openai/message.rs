//! Chat messages: the texts in them, and what cannot be text.

use crate::error::{Error, Result};
use crate::json::{Fields, kind};
use serde_json::{Map, Value};

/// One message of a chat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// `system`, `user`, `assistant`, `tool` …
    pub role: String,
    /// The text: parts concatenated with nothing between; empty where there is none.
    pub content: String,
    /// The content as it was given, where it was no text: a list of parts, or `null`.
    pub given: Option<Value>,
    /// The images among the parts.
    pub images: Vec<Image>,
    /// All else the message holds, such as `name` and `tool_calls`.
    pub rest: Map<String, Value>,
}

/// An image of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Where it stands, such as `messages[0].content[1]`.
    pub place: String,
    /// Its address: `data:image/png;base64,…` or `https://…`
    pub url: String,
}

impl Message {
    /// The message as a chat template wants it: with its role and its content beside the rest.
    pub fn to_value(&self) -> Value {
        let content = match &self.given {
            Some(given) => given.clone(),
            None => Value::String(self.content.clone()),
        };
        let mut message = Map::with_capacity(self.rest.len() + 2);
        message.insert("role".to_owned(), Value::String(self.role.clone()));
        message.insert("content".to_owned(), content);
        message.extend(self.rest.clone());
        Value::Object(message)
    }
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
    let role = match rest.shift_remove("role") {
        Some(Value::String(role)) => role,
        other => {
            let got = other.map_or_else(|| "nothing".to_owned(), |v| kind(&v));
            return Err(wrong(&place(".role"), "a string", &got));
        }
    };
    let mut message = Message {
        role,
        ..Default::default()
    };
    match rest.shift_remove("content") {
        None | Some(Value::Null) => message.given = Some(Value::Null),
        Some(Value::String(text)) => message.content = text,
        Some(Value::Array(parts)) => {
            for (k, part) in parts.iter().enumerate() {
                match read_part(&place(&format!(".content[{k}]")), part)? {
                    Part::Text(text) => message.content.push_str(text),
                    Part::Image(image) => message.images.push(image),
                }
            }
            message.given = Some(Value::Array(parts));
        }
        Some(other) => {
            return Err(wrong(
                &place(".content"),
                "a string or a list of parts",
                &kind(&other),
            ));
        }
    }
    message.rest = rest;
    Ok(message)
}

enum Part<'a> {
    Text(&'a str),
    Image(Image),
}

/// What is said of a part that a model cannot be given.
pub fn refuse_part(place: &str, what: &str) -> Error {
    wrong(
        place,
        "a part of type \"text\" (the model takes text only)",
        what,
    )
}

fn read_part<'a>(place: &str, part: &'a Value) -> Result<Part<'a>> {
    let got = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), kind);
    match part {
        Value::String(text) => Ok(Part::Text(text)),
        Value::Object(part) => match part.get("type") {
            Some(Value::String(t)) if t == "text" => match part.get("text") {
                Some(Value::String(text)) => Ok(Part::Text(text)),
                other => Err(wrong(&format!("{place}.text"), "a string", &got(other))),
            },
            Some(Value::String(t)) if t == "image_url" || t == "input_image" => {
                // OpenAI's two APIs: an object with the URL, and the URL itself.
                let url = match part.get("image_url") {
                    Some(Value::Object(image)) => image.get("url"),
                    bare => bare,
                };
                match url {
                    Some(Value::String(url)) => Ok(Part::Image(Image {
                        place: place.to_owned(),
                        url: url.clone(),
                    })),
                    other => Err(wrong(
                        &format!("{place}.image_url.url"),
                        "a string",
                        &got(other),
                    )),
                }
            }
            // The type is one of OpenAI's few words; a longer one is not repeated.
            Some(Value::String(t)) => Err(refuse_part(
                place,
                match t.as_str() {
                    "input_audio" => "audio",
                    "file" | "input_file" => "a file",
                    "refusal" => "a refusal",
                    _ => "a part of another type",
                },
            )),
            other => Err(wrong(&format!("{place}.type"), "a string", &got(other))),
        },
        other => Err(wrong(place, "a content part", &kind(other))),
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
        let audio = r#"{"messages":[{"role":"user","content":[{"type":"input_audio"}]}]}"#;
        assert!(
            message(audio).contains("messages[0].content[0]: expected a part of type \"text\"")
        );
        let image =
            r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}"#;
        assert!(message(image).starts_with("messages[0].content[0].image_url.url:"));
    }

    #[test]
    fn images_are_kept_beside_the_text() {
        let request = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"what is "},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}},{"type":"text","text":"this?"}]}]}"#;
        let message = messages(request).unwrap().remove(0);
        assert_eq!(message.content, "what is this?");
        assert_eq!(message.images[0].url, "data:image/png;base64,AA==");
        assert_eq!(message.images[0].place, "messages[0].content[1]");
        assert_eq!(message.to_value()["content"][1]["type"], "image_url");
    }
}
