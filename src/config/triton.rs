//! The `triton` object of a request, a deployment or a client.

use super::{object, over};
use crate::error::{Error, Result};
use crate::json::{Fields, kind};
use serde_json::{Map, Value};

/// The `triton` object: for models whose tensors cannot be found out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TritonOptions {
    /// Name of the input tensor that takes the prompt or the texts.
    pub input: Option<String>,
    /// Name of the output tensor that holds the text or the embedding.
    pub output: Option<String>,
    /// `generate` or `infer`.
    pub endpoint: Option<EndpointKind>,
    /// Model version.
    pub version: Option<String>,
    /// Ask for embeddings as binary tensor data. Default: where the metadata is known.
    pub binary: Option<bool>,
    /// How the model is spoken to, where its inputs mislead.
    pub dialect: Option<DialectName>,
    /// Inputs by name, with their values; `null` leaves one out that would be sent. They beat what the request says. Of embeddings they
    /// stand beside the one that takes the texts, the same for each row.
    pub inputs: Map<String, Value>,
    /// Request parameters, likewise.
    pub parameters: Map<String, Value>,
    /// How the vectors of an input's tokens become one.
    pub pooling: Option<Pooling>,
    /// Give embeddings the length 1.
    pub normalize: Option<bool>,
    /// Cut embeddings to `dimensions` here, and give them the length 1, where the model does not take `dimensions`.
    pub truncate_dimensions: Option<bool>,
}

/// The dialects that `triton.dialect` names; see [`crate::triton::dialect`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialectName {
    /// `vllm`
    Vllm,
    /// `tensorrtllm`: `ensemble` and `tensorrt_llm_bls`
    TensorrtLlm,
    /// `llmapi`: TensorRT-LLM's LLM-API model
    LlmApi,
    /// `general`: any other
    General,
}

impl DialectName {
    fn parse(word: &str) -> Option<DialectName> {
        match word {
            "vllm" => Some(DialectName::Vllm),
            "tensorrtllm" => Some(DialectName::TensorrtLlm),
            "llmapi" => Some(DialectName::LlmApi),
            "general" => Some(DialectName::General),
            _ => None,
        }
    }
}

/// How the vectors of an input's tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// Their mean, padding left out.
    Mean,
    /// The first token's.
    Cls,
    /// The last token's, padding left out.
    Last,
}

/// Which of Triton's two extensions to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointKind {
    /// `…/generate`
    Generate,
    /// `…/infer`
    Infer,
}

impl TritonOptions {
    pub(super) fn read(mut fields: Fields) -> Result<TritonOptions> {
        let version = match fields.take("version") {
            None => None,
            Some(Value::String(s)) => Some(s),
            Some(Value::Number(n)) if n.is_u64() => Some(n.to_string()),
            Some(other) => {
                return Err(Error::argument(
                    "triton.version",
                    format!(
                        "triton.version: expected a version number, got {}",
                        kind(&other)
                    ),
                ));
            }
        };
        if let Some(v) = &version {
            if v.is_empty() || !v.bytes().all(|b| b.is_ascii_digit()) {
                return Err(Error::argument(
                    "triton.version",
                    "triton.version: expected a version number, such as 1",
                ));
            }
        }
        let tensor = |fields: &mut Fields, key: &str| match fields.string(key)? {
            Some(name) if name.is_empty() => Err(Error::argument(
                &format!("triton.{key}"),
                format!("triton.{key}: expected a tensor's name, got an empty string"),
            )),
            name => Ok(name),
        };
        let options = TritonOptions {
            input: tensor(&mut fields, "input")?,
            output: tensor(&mut fields, "output")?,
            endpoint: match fields.string("endpoint")?.as_deref() {
                None => None,
                Some("generate") => Some(EndpointKind::Generate),
                Some("infer") => Some(EndpointKind::Infer),
                Some(_) => {
                    return Err(Error::argument(
                        "triton.endpoint",
                        "triton.endpoint: expected \"generate\" or \"infer\", got another string",
                    ));
                }
            },
            version,
            binary: fields.boolean("binary")?,
            dialect: match fields.string("dialect")? {
                None => None,
                Some(word) => Some(DialectName::parse(&word).ok_or_else(|| {
                    Error::argument(
                        "triton.dialect",
                        "triton.dialect: expected \"vllm\", \"tensorrtllm\", \"llmapi\" or \"general\", got another string",
                    )
                })?),
            },
            // Taken as they are: a null in them says something.
            inputs: object(&mut fields, "inputs")?,
            parameters: object(&mut fields, "parameters")?,
            pooling: match fields.string("pooling")?.as_deref() {
                None => None,
                Some("mean") => Some(Pooling::Mean),
                Some("cls") => Some(Pooling::Cls),
                Some("last") => Some(Pooling::Last),
                Some(_) => {
                    return Err(Error::argument(
                        "triton.pooling",
                        "triton.pooling: expected \"mean\", \"cls\" or \"last\", got another string",
                    ));
                }
            },
            normalize: fields.boolean("normalize")?,
            truncate_dimensions: fields.boolean("truncate_dimensions")?,
        };
        fields.no_more(
            "input, output, endpoint, version, binary, dialect, inputs, parameters, pooling, normalize, truncate_dimensions",
        )?;
        Ok(options)
    }

    /// Fills what the request left open from the client's configuration.
    pub(super) fn or(self, defaults: &TritonOptions) -> TritonOptions {
        TritonOptions {
            input: self.input.or_else(|| defaults.input.clone()),
            output: self.output.or_else(|| defaults.output.clone()),
            endpoint: self.endpoint.or(defaults.endpoint),
            version: self.version.or_else(|| defaults.version.clone()),
            binary: self.binary.or(defaults.binary),
            dialect: self.dialect.or(defaults.dialect),
            inputs: over(&defaults.inputs, self.inputs),
            parameters: over(&defaults.parameters, self.parameters),
            pooling: self.pooling.or(defaults.pooling),
            normalize: self.normalize.or(defaults.normalize),
            truncate_dimensions: self.truncate_dimensions.or(defaults.truncate_dimensions),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn options(json: &str) -> Result<TritonOptions> {
        let mut fields = json::object("request_json", json)?;
        TritonOptions::read(fields.object("triton")?.unwrap_or_default())
    }

    #[test]
    fn inputs_of_a_request_and_of_a_client_go_together() {
        let client =
            options(r#"{"triton":{"inputs":{"a":1,"b":2},"pooling":"mean","normalize":true}}"#)
                .unwrap();
        let own = options(r#"{"triton":{"inputs":{"b":null,"c":[3]},"pooling":"cls"}}"#).unwrap();
        let both = own.or(&client);
        let inputs = serde_json::json!({"a":1,"b":null,"c":[3]});
        assert_eq!(Value::Object(both.inputs), inputs);
        assert_eq!(
            (both.pooling, both.normalize),
            (Some(Pooling::Cls), Some(true))
        );
    }

    #[test]
    fn mistakes_name_the_field() {
        for (json, param) in [
            (r#"{"triton":{"pooling":"max"}}"#, "triton.pooling"),
            (r#"{"triton":{"normalize":1}}"#, "triton.normalize"),
            (r#"{"triton":{"inputs":[]}}"#, "triton.inputs"),
            (r#"{"triton":{"truncate":true}}"#, "triton.truncate"),
            (r#"{"triton":{"version":"x"}}"#, "triton.version"),
        ] {
            assert_eq!(options(json).unwrap_err().param(), Some(param), "{json}");
        }
    }
}
