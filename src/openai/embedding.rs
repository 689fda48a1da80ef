//! What an embeddings request may hold.

use crate::config::Options;
use crate::error::{Error, Result};
use crate::json::{Fields, kind};
use crate::limits;
use serde_json::{Map, Value};

/// Asks for vectors, one for each input.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingRequest {
    /// What to embed; at least one.
    pub input: Input,
    /// How the vectors are written.
    pub encoding: Encoding,
    /// OpenAI's `dimensions`: only for a model that takes it.
    pub dimensions: Option<u64>,
    /// Keys for the top level of the infer request.
    pub extra_body: Map<String, Value>,
    /// Everything else, for the model.
    pub params: Map<String, Value>,
}

/// What is embedded.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Texts.
    Texts(Vec<String>),
    /// Token ids, for models that take integers.
    Tokens(Vec<Vec<i64>>),
}

impl Input {
    /// How many vectors there will be.
    pub fn len(&self) -> usize {
        match self {
            Input::Texts(t) => t.len(),
            Input::Tokens(t) => t.len(),
        }
    }

    /// Never: a request without input is refused.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How vectors are written in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// A list of numbers.
    Float,
    /// Little-endian 32-bit floats in base64.
    Base64,
}

impl EmbeddingRequest {
    /// Takes all that is left of a request.
    pub fn take(mut fields: Fields, options: &Options) -> Result<EmbeddingRequest> {
        for key in &options.additional_drop_params {
            fields.take(key);
        }
        let input = take_input(&mut fields)?;
        let encoding = match fields.string("encoding_format")?.as_deref() {
            None | Some("float") => Encoding::Float,
            Some("base64") => Encoding::Base64,
            Some(_) => {
                return Err(Error::argument(
                    "encoding_format",
                    "encoding_format: expected \"float\" or \"base64\", got another string",
                ));
            }
        };
        let dimensions = fields.whole("dimensions", 1)?;
        if !options.allowed_openai_params.iter().any(|k| k == "user") {
            if let Some(user) = fields.take("user") {
                if !user.is_string() {
                    return Err(Error::argument(
                        "user",
                        format!("user: expected a string, got {}", kind(&user)),
                    ));
                }
            }
        }
        let extra_body = fields
            .object("extra_body")?
            .map(Fields::rest)
            .unwrap_or_default();
        Ok(EmbeddingRequest {
            extra_body,
            input,
            encoding,
            dimensions,
            params: fields.rest(),
        })
    }
}

fn wrong(place: &str, expected: &str, got: &str) -> Error {
    Error::argument("input", format!("{place}: expected {expected}, got {got}"))
}

fn take_input(fields: &mut Fields) -> Result<Input> {
    let expected = "a string or a list of at least one string";
    let items = match fields.take("input") {
        None => return Err(wrong("input", expected, "nothing")),
        Some(Value::String(text)) => return Ok(Input::Texts(vec![text])),
        Some(Value::Array(items)) if !items.is_empty() => items,
        Some(other) => return Err(wrong("input", expected, &kind(&other))),
    };
    if items.len() > limits::EMBEDDING_INPUTS && !items[0].is_number() {
        return Err(wrong(
            "input",
            &format!("at most {} inputs", limits::EMBEDDING_INPUTS),
            &items.len().to_string(),
        ));
    }
    match &items[0] {
        Value::String(_) => items
            .into_iter()
            .enumerate()
            .map(|(i, item)| match item {
                Value::String(text) => Ok(text),
                other => Err(wrong(
                    &format!("input[{i}]"),
                    "a string as before it",
                    &kind(&other),
                )),
            })
            .collect::<Result<_>>()
            .map(Input::Texts),
        Value::Number(_) => Ok(Input::Tokens(vec![token_ids("input", items)?])),
        Value::Array(_) => items
            .into_iter()
            .enumerate()
            .map(|(i, item)| match item {
                Value::Array(ids) if !ids.is_empty() => token_ids(&format!("input[{i}]"), ids),
                other => Err(wrong(
                    &format!("input[{i}]"),
                    "a list of token ids",
                    &kind(&other),
                )),
            })
            .collect::<Result<_>>()
            .map(Input::Tokens),
        other => Err(wrong("input[0]", "a string", &kind(other))),
    }
}

fn token_ids(place: &str, items: Vec<Value>) -> Result<Vec<i64>> {
    items
        .iter()
        .enumerate()
        .map(|(i, item)| {
            item.as_i64()
                .ok_or_else(|| wrong(&format!("{place}[{i}]"), "a token id", &kind(item)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn request(json: &str) -> Result<EmbeddingRequest> {
        EmbeddingRequest::take(json::object("request_json", json)?, &Options::default())
    }

    #[test]
    fn a_string_is_one_text() {
        assert_eq!(
            request(r#"{"input":"a"}"#).unwrap().input,
            Input::Texts(vec!["a".into()])
        );
        assert_eq!(
            request(r#"{"input":[1,2]}"#).unwrap().input,
            Input::Tokens(vec![vec![1, 2]])
        );
        assert_eq!(request(r#"{"input":[[1],[2,3]]}"#).unwrap().input.len(), 2);
    }

    #[test]
    fn mistakes_name_input() {
        for bad in [
            r#"{}"#,
            r#"{"input":[]}"#,
            r#"{"input":["a",1]}"#,
            r#"{"input":[1,"a"]}"#,
            r#"{"input":[[]]}"#,
            r#"{"input":{}}"#,
            r#"{"input":[null]}"#,
        ] {
            assert_eq!(request(bad).unwrap_err().param(), Some("input"), "{bad}");
        }
    }

    #[test]
    fn encodings() {
        assert_eq!(
            request(r#"{"input":"a","encoding_format":"base64"}"#)
                .unwrap()
                .encoding,
            Encoding::Base64
        );
        let e = request(r#"{"input":"a","encoding_format":"int8"}"#).unwrap_err();
        assert_eq!(e.param(), Some("encoding_format"));
    }
}
