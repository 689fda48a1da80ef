//! Triton's generate extension: a request's body, and what its reply, or one event of it, holds.
//!
//! Source: Triton's "Generate Extension": a key of the body or of `parameters` that is a declared input becomes that
//! tensor, any other becomes a request parameter; outputs stand in the reply by name, a single element bare.

use super::reply::Reply;
use super::usage::Told;
use crate::error::{Error, Result};
use crate::json::{Pairs, kind};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};
use std::fmt;

/// The bytes of a request: `top` at the top level, `parameters`, if there are any, in their object.
pub fn encode<P: Serialize>(mut top: Pairs<'_>, parameters: Option<&P>) -> Vec<u8> {
    struct Body<'a, P>(Pairs<'a>, Option<&'a P>);
    impl<P: Serialize> Serialize for Body<'_, P> {
        fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            for (key, value) in self.0.iter() {
                map.serialize_entry(key, value)?;
            }
            if let Some(parameters) = self.1 {
                map.serialize_entry(PARAMETERS, parameters)?;
            }
            map.end()
        }
    }
    if parameters.is_some() {
        top.remove(PARAMETERS);
    }
    // Nothing here has a key that is no string, the only thing that could fail.
    serde_json::to_vec(&Body(top, parameters)).unwrap_or_default()
}

const PARAMETERS: &str = "parameters";

/// A reply, or one event of a stream of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The output's elements, joined; `None`: the output is missing.
    pub text: Option<String>,
    /// What it tells beside the text.
    pub told: Told,
    /// Whether it tells anything beside the text.
    pub tells: bool,
    /// Which version of the model answered, where that is wanted.
    pub model_version: Option<String>,
    /// What the output of log probabilities holds, where it was asked for.
    pub logprobs: Option<Value>,
}

/// What is wanted of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The tensor that the caller needs: where it is missing, an `error` beside it is the answer.
    pub output: &'a str,
    /// The output of log probabilities.
    pub logprobs: Option<&'a str>,
    /// The version of the model.
    pub version: bool,
}

/// Reads a reply's or an event's JSON.
///
/// Written straight into what is wanted: an event is read for every token of every stream.
pub fn decode(json: &[u8], wanted: Wanted<'_>) -> Result<Answer> {
    let mut error = None;
    let mut wrong = None;
    let mut answer = Answer::default();
    let seed = Whole {
        wanted,
        answer: &mut answer,
        error: &mut error,
        wrong: &mut wrong,
    };
    let not_json = "is not JSON (a gateway in between, or a wrong api_base?)";
    let no_answer =
        |why: &str| Error::protocol(format!("the answer of Triton's generate endpoint {why}"));
    // Once for all of it, not for each string in it.
    let json = std::str::from_utf8(json).map_err(|_| no_answer(not_json))?;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = seed
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end());
    if let Err(e) = read {
        return Err(match e.classify() {
            serde_json::error::Category::Data => no_answer("is no JSON object"),
            _ => no_answer(not_json),
        });
    }
    match (&answer.text, wrong, error) {
        (Some(_), None, _) => Ok(answer),
        (_, Some(value), _) => Err(Error::protocol(format!(
            "the answer of Triton has {} as {}, where a string was expected",
            wanted.output,
            kind(&value)
        ))),
        (None, None, Some(error)) => Err(Reply::hidden_error(&error)),
        (None, None, None) => Ok(answer),
    }
}

/// What is said of an answer without the output that was needed.
pub fn missing(json: &[u8], output: &str) -> Error {
    let answer: Map<String, Value> = serde_json::from_slice(json).unwrap_or_default();
    let names: Vec<&str> = answer.keys().map(String::as_str).take(16).collect();
    Error::protocol(format!(
        "the answer of Triton has no {output}; it has {}",
        if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(", ")
        }
    ))
}

/// Reads the object at the top.
struct Whole<'a> {
    wanted: Wanted<'a>,
    answer: &'a mut Answer,
    error: &'a mut Option<Value>,
    /// What stood where the text should be.
    wrong: &'a mut Option<Value>,
}

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Name(self.wanted))? {
            match key {
                Key::Output => {
                    let mut text = String::new();
                    let element = Element(&mut text);
                    match map.next_value_seed(element)? {
                        None => self.answer.text = Some(text),
                        wrong => *self.wrong = wrong,
                    }
                }
                Key::Told(key) => {
                    self.answer.tells = true;
                    self.answer.told.note(key, &map.next_value()?);
                }
                Key::Logprobs => self.answer.logprobs = Some(map.next_value()?),
                Key::Error => *self.error = Some(map.next_value()?),
                Key::Version => {
                    self.answer.model_version = match map.next_value()? {
                        Value::String(version) => Some(version),
                        _ => None,
                    }
                }
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

enum Key {
    Output,
    Told(&'static str),
    Logprobs,
    Error,
    Version,
    Other,
}

/// Reads a key without keeping it.
struct Name<'a>(Wanted<'a>);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> std::result::Result<Key, E> {
        Ok(match key {
            key if key == self.0.output => Key::Output,
            key if Some(key) == self.0.logprobs => Key::Logprobs,
            "error" => Key::Error,
            "model_version" if self.0.version => Key::Version,
            key => Told::name(key).map_or(Key::Other, Key::Told),
        })
    }
}

/// Appends a string, or the strings of a list of any depth; gives back what is neither.
struct Element<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> std::result::Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Self::Value, E> {
        self.0.push_str(text);
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(
        self,
        mut seq: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        let mut wrong = None;
        while let Some(element) = seq.next_element_seed(Element(self.0))? {
            wrong = wrong.or(element);
        }
        Ok(wrong)
    }

    fn visit_map<A: MapAccess<'de>>(
        self,
        mut map: A,
    ) -> std::result::Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Value::Object(Map::new())))
    }

    fn visit_unit<E>(self) -> std::result::Result<Self::Value, E> {
        Ok(Some(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Self::Value, E> {
        Ok(Some(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Self::Value, E> {
        Ok(Some(value.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(output: &str) -> Wanted<'_> {
        Wanted {
            output,
            logprobs: Some("logprobs"),
            version: true,
        }
    }

    fn decode_text(body: &str) -> Result<Answer> {
        decode(body.as_bytes(), wanted("text_output"))
    }

    #[test]
    fn an_error_hidden_in_a_success_is_found() {
        let e = decode_text(r#"{"error":"generate expects model to produce exactly 1 response"}"#)
            .unwrap_err();
        assert_eq!(
            (e.http_status(), e.status()),
            (500, crate::error::Status::Server)
        );
        assert!(e.message().starts_with("generate expects"));
    }

    #[test]
    fn an_output_named_error_is_an_output() {
        assert!(decode_text(r#"{"text_output":"x","error":""}"#).is_ok());
        let named = decode(br#"{"error":"is the text"}"#, wanted("error")).unwrap();
        assert_eq!(named.text.as_deref(), Some("is the text"));
    }

    #[test]
    fn texts_of_any_nesting_are_joined() {
        let text = |body: &str| decode_text(body).unwrap().text;
        assert_eq!(
            text(r#"{"text_output":["a",["b"],[]]}"#).as_deref(),
            Some("ab")
        );
        assert_eq!(text(r#"{"text_output":[]}"#).as_deref(), Some(""));
        assert_eq!(
            text(r#"{"text_output":"\u00e9\n"}"#).as_deref(),
            Some("é\n")
        );
        assert_eq!(
            text(r#"{"x":{"text_output":1},"y":[NaN]}"#.replace("NaN", "0").as_str()),
            None
        );
    }

    #[test]
    fn what_is_no_answer_is_said() {
        for bad in ["", "\"str\"", "<html>", "[1]", "{", "{}x", "5"] {
            assert_eq!(decode_text(bad).unwrap_err().http_status(), 502, "{bad}");
        }
        for bad in ["5", "null", "[1]", "{}", "true", "[\"a\",1.5]"] {
            let e = decode_text(&format!("{{\"text_output\":{bad}}}")).unwrap_err();
            assert!(e.message().contains("a string was expected"), "{e}");
        }
    }
}
