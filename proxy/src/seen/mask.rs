//! What of an exchange may be shown: names, numbers and shapes; texts only if the operator asks for them, keys never.
//!
//! Fields that are harmless are named here, and all others are not shown: a model's own parameter may hold a prompt too.

mod names;
mod secrets;
#[cfg(test)]
mod tests;

use http::HeaderMap;
use mishikallm::limits;
use names::{
    is_harmless_header, is_list_shown, is_open, is_secret, is_shown, is_word, names_a_part,
};
use serde_json::{Map, Value};

pub use secrets::{Secrets, url};

/// The longest text of a body in one line, in bytes; what is beyond it is cut.
pub const LONGEST: usize = 8 << 10;

/// A longer body is told by its length alone: to read it would take longer than to answer it.
const READ: usize = 4 << 20;

const MASKED: &str = "<masked>";

/// How to mask.
#[derive(Clone, Copy, Debug)]
pub struct Mask<'a> {
    /// Prompts and answers are shown.
    pub prompts: bool,
    /// What is shown nowhere, whatever field it is in.
    pub secrets: &'a Secrets,
}

impl Mask<'_> {
    /// A body; with `json_length`, JSON of so many bytes and binary tensors behind it.
    pub fn body(&self, bytes: &[u8], json_length: Option<usize>) -> String {
        let (json, rest) = bytes.split_at(json_length.unwrap_or(bytes.len()).min(bytes.len()));
        let mut text = self.json(json);
        if !rest.is_empty() {
            text += &format!(" and <{} bytes of tensors>", rest.len());
        }
        text
    }

    /// Some bytes of a stream of events. An event that is not whole is told by its length.
    pub fn events(&self, bytes: &[u8]) -> String {
        let lines = bytes
            .split(|b| *b == b'\n')
            .map(<[u8]>::trim_ascii)
            .filter(|line| !line.is_empty())
            .map(
                |line| match line.strip_prefix(b"data:").map(<[u8]>::trim_ascii) {
                    Some(b"[DONE]") => "data: [DONE]".to_owned(),
                    Some(data) => format!("data: {}", self.json(data)),
                    None => self.json(line),
                },
            );
        cut(lines.collect::<Vec<_>>().join(" "))
    }

    /// A request's path, without its query.
    pub fn path(&self, path: &str) -> String {
        cut_to(limits::NAME_BYTES, self.secrets.hide(&url(path)))
    }

    /// What a client calls a model.
    pub fn model(&self, name: &str) -> String {
        cut_to(limits::NAME_BYTES, self.secrets.hide(name))
    }

    /// A line of the library's. A server's name for a model may be in it, and is to be no line of its own.
    pub fn line(&self, line: &str) -> String {
        let mut shown = String::with_capacity(line.len());
        for c in self.secrets.hide(line).chars() {
            match c.is_control() {
                true => shown.extend(c.escape_default()),
                false => shown.push(c),
            }
        }
        shown
    }

    /// Headers, with the values of those that are known to hold no key.
    pub fn headers(&self, headers: &HeaderMap) -> String {
        let shown = headers.iter().map(|(name, value)| {
            let value = match value.to_str() {
                Ok(value) if is_harmless_header(name.as_str()) => self.secrets.hide(value),
                _ => MASKED.to_owned(),
            };
            format!("{name}: {value}")
        });
        cut(shown.collect::<Vec<_>>().join(", "))
    }

    fn json(&self, bytes: &[u8]) -> String {
        if bytes.is_empty() {
            return "<empty>".to_owned();
        }
        if bytes.len() > READ {
            return format!("<{} bytes>", bytes.len());
        }
        match serde_json::from_slice::<Value>(bytes) {
            Ok(value) => cut(self.value("", "", value).to_string()),
            Err(_) => format!("<{} bytes, not JSON>", bytes.len()),
        }
    }

    /// What is shown of the field `name` in an object that is itself the field `parent`.
    fn value(&self, parent: &str, name: &str, value: Value) -> Value {
        if is_secret(name) {
            return match value {
                Value::Null | Value::Bool(_) => value,
                _ => Value::from(MASKED),
            };
        }
        match value {
            Value::Object(fields) if name.ends_with("headers") => Value::Object(
                fields
                    .into_iter()
                    .map(|(key, _)| (self.key(key), Value::from(MASKED)))
                    .collect(),
            ),
            Value::String(text) => self.text(parent, name, &text),
            Value::Array(items) => self.list(parent, name, items),
            Value::Object(fields) if self.prompts || is_open(parent, name) => {
                self.object(name, fields)
            }
            Value::Object(fields) => Value::from(format!("<object, {} fields>", fields.len())),
            other => other,
        }
    }

    fn text(&self, parent: &str, name: &str, text: &str) -> Value {
        let is_shown = is_shown(name) || (name == "name" && names_a_part(parent));
        Value::from(match self.prompts {
            true => self.inner(text),
            false if is_shown && is_word(text) => self.secrets.hide(text),
            false => format!("<text, {} bytes>", text.len()),
        })
    }

    /// A text that is shown. The arguments of a tool's call are an object in a text, and may have a key in it by name.
    fn inner(&self, text: &str) -> String {
        if text.trim_start().starts_with(['{', '[']) {
            if let Ok(value) = serde_json::from_str::<Value>(text) {
                return self.value("", "", value).to_string();
            }
        }
        self.secrets.hide(text)
    }

    fn list(&self, parent: &str, name: &str, items: Vec<Value>) -> Value {
        let is_shown = match items.first() {
            None => true,
            _ if self.prompts => true,
            Some(Value::Object(_)) => is_open(parent, name) && items.iter().all(Value::is_object),
            Some(_) => is_list_shown(name) && !items.iter().any(|i| i.is_object() || i.is_array()),
        };
        match is_shown {
            true => items
                .into_iter()
                .map(|item| self.value(parent, name, item))
                .collect(),
            false => Value::from(format!("<list, {} items>", items.len())),
        }
    }

    fn object(&self, name: &str, fields: Map<String, Value>) -> Value {
        let shown = fields.into_iter().map(|(key, value)| {
            let value = self.value(name, &key, value);
            (self.key(key), value)
        });
        Value::Object(shown.collect())
    }

    /// The name of a field. One that is no name may be a text: what a model said is a key in some lists of probabilities.
    fn key(&self, key: String) -> String {
        match self.prompts || is_word(&key) {
            true => self.secrets.hide(&key),
            false => format!("<name, {} bytes>", key.len()),
        }
    }
}

/// One line, no longer than [`LONGEST`] and a few words.
fn cut(text: String) -> String {
    cut_to(LONGEST, text)
}

fn cut_to(longest: usize, mut text: String) -> String {
    if text.len() > longest {
        let all = text.len();
        let mut end = longest;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text += &format!("… <cut: {all} bytes in all>");
    }
    text
}
