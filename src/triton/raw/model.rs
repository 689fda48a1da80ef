//! What the server says of a model, and what it does to one: metadata, configuration, statistics, loading, unloading.
//!
//! Sources: KServe v2 "Model Metadata", and Triton's extensions "Model Configuration", "Statistics" and "Model Repository".
//! Answers are Triton's own JSON; loading and unloading, which it answers with nothing, give
//! `{"model_name","loaded": true or false}`.

use super::{WHERE_AND_HOW, json_of};
use crate::error::{Error, Result};
use crate::json::{Fields, kind};
use crate::operation::Operation;
use crate::triton::Request;
use crate::triton::endpoint::Route;
use crate::triton::reply::Reply;
use serde_json::{Map, Value, json};

/// One of these questions.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// `GET …/v2/models/M`
    Metadata,
    /// `GET …/v2/models/M/config`
    Config,
    /// `GET …/v2/models/M/stats`, or `…/v2/models/stats` for all.
    Statistics {
        /// Of one model.
        of_one: bool,
    },
    /// `POST …/v2/repository/models/M/load`, with these parameters.
    Load(Map<String, Value>),
    /// `POST …/v2/repository/models/M/unload`, with these parameters.
    Unload(Map<String, Value>),
}

impl Question {
    /// Takes its fields.
    pub fn take(operation: Operation, fields: &mut Fields, names_model: bool) -> Result<Question> {
        Ok(match operation {
            Operation::ModelMetadata => Question::Metadata,
            Operation::ModelConfig => Question::Config,
            Operation::ModelStatistics => Question::Statistics {
                of_one: names_model,
            },
            Operation::ModelLoad => {
                let mut parameters = take_parameters(fields)?;
                // Triton wants the configuration as JSON in a string.
                if let Some(config @ Value::Object(_)) = parameters.get_mut("config") {
                    *config = Value::String(config.to_string());
                }
                for (key, value) in &parameters {
                    let is_text = key == "config" || key.starts_with("file:");
                    if is_text && !value.is_string() {
                        let expected = match key.as_str() {
                            "config" => {
                                "a model configuration as an object, or its JSON in a string"
                            }
                            _ => "the file's content in base64, a string",
                        };
                        let place = format!("parameters.{key}");
                        let why = format!("{place}: expected {expected}, got {}", kind(value));
                        return Err(Error::argument(&place, why));
                    }
                }
                Question::Load(parameters)
            }
            Operation::ModelUnload => {
                let with_dependents = fields.boolean("unload_dependents")?;
                let mut parameters = take_parameters(fields)?;
                if let Some(with) = with_dependents {
                    parameters.insert("unload_dependents".to_owned(), with.into());
                }
                Question::Unload(parameters)
            }
            other => {
                let why = format!(
                    "operation: {} is none that is done to a model",
                    other.name()
                );
                return Err(Error::argument("operation", why));
            }
        })
    }

    /// The fields of its request, for a message.
    pub(super) fn known(&self) -> String {
        let own = match self {
            Question::Load(_) => "model, parameters",
            Question::Unload(_) => "model, unload_dependents, parameters",
            _ => "model",
        };
        format!("{own}, {WHERE_AND_HOW}")
    }

    /// Whether the model is another one afterwards.
    pub fn changes_model(&self) -> bool {
        matches!(self, Question::Load(_) | Question::Unload(_))
    }

    /// What to send.
    pub fn request(&self, route: &Route) -> Result<Request> {
        let repository = |word: &str, parameters: &Map<String, Value>| -> Result<Request> {
            let name = route.model_segment().unwrap_or_default();
            let url = route.server_url(&format!("/v2/repository/models/{name}/{word}"))?;
            let body = match parameters.is_empty() {
                true => json!({}),
                false => json!({ "parameters": parameters }),
            };
            Ok(Request::post(url, body.to_string().into_bytes()))
        };
        Ok(match self {
            Question::Metadata => Request::get(route.below_model("")?),
            Question::Config => Request::get(route.below_model("/config")?),
            Question::Statistics { of_one: true } => Request::get(route.below_model("/stats")?),
            Question::Statistics { of_one: false } => {
                Request::get(route.server_url("/v2/models/stats")?)
            }
            Question::Load(parameters) => repository("load", parameters)?,
            Question::Unload(parameters) => repository("unload", parameters)?,
        })
    }

    /// The answer's JSON.
    pub fn answer(&self, reply: &Reply, route: &Route) -> Result<String> {
        let loaded = match self {
            Question::Load(_) => true,
            Question::Unload(_) => false,
            _ => return json_of(reply).map(str::to_owned),
        };
        // Triton says nothing more; an error would be told in words.
        if !reply.ok()?.trim_ascii().is_empty() {
            json_of(reply)?;
        }
        let name = route.model_segment().map(unescape).unwrap_or_default();
        Ok(json!({"model_name": name, "loaded": loaded}).to_string())
    }
}

fn take_parameters(fields: &mut Fields) -> Result<Map<String, Value>> {
    Ok(fields
        .object("parameters")?
        .map(Fields::rest)
        .unwrap_or_default())
}

/// A path segment without its percent-encoding.
fn unescape(segment: &str) -> String {
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let mut out = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, after @ ..] = rest {
        match (first, after) {
            (b'%', [high, low, after @ ..]) if digit(*high).is_some() && digit(*low).is_some() => {
                out.push(digit(*high).unwrap_or(0) << 4 | digit(*low).unwrap_or(0));
                rest = after;
            }
            _ => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ask, done, reply, route, sent};
    use super::*;
    use crate::triton::Method;

    #[test]
    fn each_question_has_its_place() {
        let url = |operation, request: &str| {
            sent(ask(operation, request).unwrap().start(&route("http://h/p"))).url
        };
        let one = r#"{"model":"triton/m"}"#;
        assert_eq!(url(Operation::ModelMetadata, one), "http://h/p/v2/models/m");
        assert_eq!(
            url(Operation::ModelConfig, one),
            "http://h/p/v2/models/m/config"
        );
        assert_eq!(
            url(Operation::ModelStatistics, one),
            "http://h/p/v2/models/m/stats"
        );
        assert_eq!(
            url(Operation::ModelStatistics, "{}"),
            "http://h/p/v2/models/stats"
        );
        assert_eq!(
            url(Operation::ModelLoad, one),
            "http://h/p/v2/repository/models/m/load"
        );
        assert_eq!(
            url(Operation::ModelUnload, one),
            "http://h/p/v2/repository/models/m/unload"
        );
    }

    #[test]
    fn answers_are_tritons_own() {
        let text = r#"{"name":"m","inputs":[]}"#;
        let mut metadata = ask(Operation::ModelMetadata, "{}").unwrap();
        sent(metadata.start(&route("http://h")));
        let answer = metadata.replied(&route("http://h"), reply(200, text));
        assert_eq!(answer, Ok(super::super::Step::Done(text.to_owned())));
    }

    #[test]
    fn loading_takes_a_configuration_and_files() {
        let request = r#"{"parameters":{"config":{"max_batch_size":2},"file:1/model.py":"eA=="}}"#;
        let mut load = ask(Operation::ModelLoad, request).unwrap();
        assert!(load.changes_model());
        let request = sent(load.start(&route("http://h")));
        assert_eq!(request.method, Method::Post);
        assert_eq!(
            serde_json::from_slice::<Value>(&request.body).unwrap(),
            json!({"parameters":{"config":"{\"max_batch_size\":2}","file:1/model.py":"eA=="}})
        );
        let answer = done(load.replied(&route("http://h/v2/models/a%20b"), reply(200, "")));
        assert_eq!(answer, json!({"model_name":"a b","loaded":true}));
        let e = ask(Operation::ModelLoad, r#"{"parameters":{"file:1/x":7}}"#).unwrap_err();
        assert_eq!(e.param(), Some("parameters.file:1/x"));
        let e = ask(Operation::ModelLoad, r#"{"parameters":{"config":[]}}"#).unwrap_err();
        assert!(e.message().contains("an empty list"), "{e}");
        let e = ask(Operation::ModelLoad, r#"{"config":{}}"#).unwrap_err();
        assert!(e.message().contains("model, parameters, api_base"), "{e}");
    }

    #[test]
    fn unloading_may_take_the_dependents_along() {
        let mut unload = ask(Operation::ModelUnload, r#"{"unload_dependents":true}"#).unwrap();
        let body = sent(unload.start(&route("http://h"))).body;
        assert_eq!(body, br#"{"parameters":{"unload_dependents":true}}"#);
        let answer = done(unload.replied(&route("http://h"), reply(200, "")));
        assert_eq!(answer, json!({"model_name":"m","loaded":false}));
        sent(unload.start(&route("http://h")));
        let refused = unload.replied(&route("http://h"), reply(400, r#"{"error":"explicit"}"#));
        assert_eq!(refused.unwrap_err().message(), "explicit");
    }

    #[test]
    fn names_are_told_as_they_are() {
        assert_eq!(unescape("a%20b%2Fc%C3%A9"), "a b/cé");
        assert_eq!(unescape("50%"), "50%");
        assert_eq!(unescape("%zz%4"), "%zz%4");
    }
}
