//! How long a request's prompt is, before anything is made of it: an estimate, to choose a deployment by.

use crate::json::Fields;
use crate::triton::usage;
use serde_json::Value;

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
    use crate::json;

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
}
