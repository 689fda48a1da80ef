//! Messages as templates expect them: what OpenAI's JSON has in another form is brought into the form that the template
//! takes. The rest stays as it is, in its order.

use crate::error::{Error, Result};
use crate::json::kind;
use serde_json::{Map, Value};

/// What a template makes of a message's content. Templates of text models take a text, some of models that see images
/// take a list of parts alone, and many take both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Lists of text parts are joined, with nothing between, to one text.
    Text,
    /// Texts become a list of one part.
    Parts,
    /// All stays as it is.
    Either,
}

/// What a template makes of a tool call's `arguments`, which are a text of JSON at OpenAI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// The JSON's value; most templates write it by `tojson`.
    Value,
    /// The text as it is; some templates join it with other texts.
    Text,
}

/// The names that a message's reasoning goes by, the first the one that templates read.
const REASONING: [&str; 3] = ["reasoning_content", "thinking", "reasoning"];

/// The messages in the form that the template takes. As transformers does, fields that are null are left out, and an empty
/// list of tool calls; reasoning is there under the names `reasoning_content` and `thinking`.
///
/// # Errors
/// Argument errors that name the place: a message that is no object, content that the template cannot take.
pub fn prepare(messages: &[Value], content: Content, arguments: Arguments) -> Result<Vec<Value>> {
    messages
        .iter()
        .enumerate()
        .map(|(i, message)| {
            let Value::Object(fields) = message else {
                return Err(wrong(
                    &format!("messages[{i}]"),
                    "an object",
                    &kind(message),
                ));
            };
            let mut fields: Map<String, Value> = fields
                .iter()
                .filter(|(name, value)| !value.is_null() && !is_no_calls(name, value))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            if let Some(value) = fields.get_mut("content") {
                fit_content(i, value, content)?;
            }
            let calls = fields.get_mut("tool_calls");
            if let (Arguments::Value, Some(Value::Array(calls))) = (arguments, calls) {
                calls.iter_mut().for_each(read_arguments);
            }
            Ok(Value::Object(with_reasoning(fields)))
        })
        .collect()
}

fn wrong(place: &str, expected: &str, got: &str) -> Error {
    Error::argument(
        "messages",
        format!("{place}: expected {expected}, got {got}"),
    )
}

fn fit_content(i: usize, value: &mut Value, content: Content) -> Result<()> {
    match (content, &*value) {
        (Content::Text, Value::Array(parts)) => {
            let mut text = String::new();
            for (k, part) in parts.iter().enumerate() {
                match part_text(part) {
                    Some(words) => text.push_str(words),
                    None => {
                        return Err(wrong(
                            &format!("messages[{i}].content[{k}]"),
                            "a part of type \"text\" (the chat template takes text only)",
                            "another part",
                        ));
                    }
                }
            }
            *value = Value::String(text);
        }
        (Content::Parts, Value::String(text)) => {
            *value = serde_json::json!([{"type": "text", "text": text}]);
        }
        _ => {}
    }
    Ok(())
}

fn part_text(part: &Value) -> Option<&str> {
    match part {
        Value::String(text) => Some(text),
        Value::Object(fields) => match fields.get("type").and_then(Value::as_str) {
            Some("text") | None => fields.get("text").and_then(Value::as_str),
            Some(_) => None,
        },
        _ => None,
    }
}

/// Clients that keep what an answer held give `tool_calls` as an empty list; templates ask whether there is such a field.
fn is_no_calls(name: &str, value: &Value) -> bool {
    name == "tool_calls" && value.as_array().is_some_and(Vec::is_empty)
}

/// A text that is no JSON stays a text: a model wrote it, and it is the caller's history.
fn read_arguments(call: &mut Value) {
    let Some(Value::Object(function)) = call.get_mut("function") else {
        return;
    };
    let Some(Value::String(text)) = function.get("arguments") else {
        return;
    };
    let read = match text.trim() {
        "" => Value::Object(Map::new()),
        text => match serde_json::from_str(text) {
            Ok(value) => value,
            Err(_) => return,
        },
    };
    function.insert("arguments".to_owned(), read);
}

fn with_reasoning(mut fields: Map<String, Value>) -> Map<String, Value> {
    let Some(reasoning) = REASONING.iter().find_map(|name| fields.get(*name)).cloned() else {
        return fields;
    };
    fields.insert(REASONING[0].to_owned(), reasoning.clone());
    if !fields.contains_key("thinking") {
        fields.insert("thinking".to_owned(), reasoning);
    }
    fields
}

/// The fields that hold the same as this one: reasoning is there under several names.
pub(super) fn same_field<'a>(message: &Map<String, Value>, field: &'a str) -> Vec<&'a str> {
    if !REASONING.contains(&field) {
        return vec![field];
    }
    REASONING
        .into_iter()
        .filter(|name| message.get(*name) == message.get(field))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(message: Value, content: Content, arguments: Arguments) -> Value {
        prepare(&[message], content, arguments).unwrap().remove(0)
    }

    #[test]
    fn content_gets_the_form_that_the_template_takes() {
        let parts =
            json!({"role": "user", "content": [{"type": "text", "text": "a"}, "b", {"text": "c"}]});
        let text = json!({"role": "user", "content": "a"});
        let fit = |message: &Value, content| {
            one(message.clone(), content, Arguments::Value)["content"].clone()
        };
        assert_eq!(fit(&parts, Content::Text), json!("abc"));
        assert_eq!(fit(&parts, Content::Parts), parts["content"]);
        assert_eq!(fit(&parts, Content::Either), parts["content"]);
        assert_eq!(fit(&text, Content::Text), json!("a"));
        assert_eq!(
            fit(&text, Content::Parts),
            json!([{"type": "text", "text": "a"}])
        );
        assert_eq!(fit(&text, Content::Either), json!("a"));
    }

    #[test]
    fn arguments_become_values_where_they_are_json() {
        let call = |arguments: &str| {
            json!({"role": "assistant", "content": null,
                "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": arguments}}]})
        };
        let read = |arguments: &str, form| {
            one(call(arguments), Content::Text, form)["tool_calls"][0]["function"]["arguments"]
                .clone()
        };
        assert_eq!(
            read("{\"b\": 1, \"a\": [2]}", Arguments::Value).to_string(),
            "{\"b\":1,\"a\":[2]}"
        );
        assert_eq!(read("", Arguments::Value), json!({}));
        assert_eq!(read("{\"a\":", Arguments::Value), json!("{\"a\":"));
        assert_eq!(read("{\"a\":1}", Arguments::Text), json!("{\"a\":1}"));
    }

    #[test]
    fn null_fields_are_left_out_and_reasoning_has_both_names() {
        let message =
            json!({"role": "assistant", "content": null, "reasoning": "because", "name": "n"});
        assert_eq!(
            one(message, Content::Text, Arguments::Value),
            json!({"role": "assistant", "reasoning": "because", "name": "n", "reasoning_content": "because",
                "thinking": "because"})
        );
    }

    #[test]
    fn an_empty_list_of_calls_is_no_call() {
        let message = json!({"role": "assistant", "content": "a", "tool_calls": []});
        let family = crate::template::Template::family("llama3.1").unwrap();
        let ask = |message| {
            let messages = [json!({"role": "user", "content": "b"}), message];
            family.render(&messages, None, &Map::new(), 0).unwrap()
        };
        assert_eq!(
            ask(message),
            ask(json!({"role": "assistant", "content": "a"}))
        );
    }

    #[test]
    fn mistakes_name_their_place() {
        let fail = |message: Value| {
            prepare(
                &[json!({"role": "user"}), message],
                Content::Text,
                Arguments::Value,
            )
            .unwrap_err()
            .message()
            .to_owned()
        };
        assert_eq!(
            fail(json!("hi")),
            "messages[1]: expected an object, got a string"
        );
        let image = json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "secret"}}]});
        assert_eq!(
            fail(image),
            "messages[1].content[0]: expected a part of type \"text\" (the chat template takes text only), got another part"
        );
    }
}
