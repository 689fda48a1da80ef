//! `response_format`: text that has to be JSON.
//!
//! Source: OpenAI's API reference, "Structured outputs" and "JSON mode".

use crate::error::{Error, Result};
use crate::json::{Fields, kind};
use serde_json::Value;

/// What the text has to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// Any JSON object.
    Json,
    /// JSON that keeps to a schema.
    Schema(Value),
}

/// Takes `response_format`; `None`: any text will do.
pub fn take_format(fields: &mut Fields) -> Result<Option<Format>> {
    let wrong = |place: &str, expected: &str, got: String| {
        Err(Error::argument(
            "response_format",
            format!("response_format{place}: expected {expected}, got {got}"),
        ))
    };
    let format = match fields.take("response_format") {
        None => return Ok(None),
        Some(Value::Object(format)) => format,
        Some(other) => return wrong("", "an object with a type", kind(&other)),
    };
    let got = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), kind);
    let types = "\"text\", \"json_object\" or \"json_schema\"";
    match format.get("type") {
        Some(Value::String(t)) => match t.as_str() {
            "text" => Ok(None),
            "json_object" => Ok(Some(Format::Json)),
            "json_schema" => match format.get("json_schema").map(|s| s.get("schema")) {
                Some(Some(schema @ Value::Object(_))) => Ok(Some(Format::Schema(schema.clone()))),
                Some(other) => wrong(".json_schema.schema", "an object", got(other)),
                None => wrong(".json_schema", "an object with a schema", got(None)),
            },
            _ => wrong(".type", types, "another string".to_owned()),
        },
        other => wrong(".type", types, got(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use serde_json::json;

    fn take(text: &str) -> Result<Option<Format>> {
        let mut fields = json::object("request_json", text)?;
        take_format(&mut fields)
    }

    #[test]
    fn formats() {
        assert_eq!(take("{}").unwrap(), None);
        assert_eq!(
            take(r#"{"response_format":{"type":"text"}}"#).unwrap(),
            None
        );
        assert_eq!(
            take(r#"{"response_format":{"type":"json_object"}}"#).unwrap(),
            Some(Format::Json)
        );
        let schema = r#"{"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object"}}}}"#;
        assert_eq!(
            take(schema).unwrap(),
            Some(Format::Schema(json!({"type":"object"})))
        );
    }

    #[test]
    fn mistakes_name_their_place() {
        for (text, place) in [
            (r#""json""#, "response_format: expected an object"),
            (r#"{"type":"xml"}"#, "response_format.type: expected"),
            (
                r#"{"type":"json_schema"}"#,
                "response_format.json_schema: expected",
            ),
            (
                r#"{"type":"json_schema","json_schema":{"name":"x"}}"#,
                "response_format.json_schema.schema: expected an object, got nothing",
            ),
        ] {
            let e = take(&format!(r#"{{"response_format":{text}}}"#)).unwrap_err();
            assert!(e.message().starts_with(place), "{text}: {e}");
        }
    }
}
