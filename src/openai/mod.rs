//! OpenAI's wire: what a request may hold, and what an answer looks like.
//!
//! Source of the shapes: OpenAI's API reference for chat completions, completions, embeddings and models. Pure: no
//! sockets, no clocks, nothing of Triton.

pub mod chunk;
pub mod embedding;
pub mod floats;
pub mod generation;
pub mod message;
pub mod numbers;
pub mod response;
pub mod rows;

use crate::error::{Error, Result};
use crate::json::Fields;

/// What can be asked for; the names are those of `mishikallm_invoke`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `chat.completions`
    Chat,
    /// `completions`
    Text,
    /// `embeddings`
    Embeddings,
    /// `models`: what the server's repository has ready
    Models,
    /// `health`: whether the server, and a model, are ready
    Health,
}

impl Operation {
    /// All of them.
    pub const ALL: [Operation; 5] = [
        Operation::Chat,
        Operation::Text,
        Operation::Embeddings,
        Operation::Models,
        Operation::Health,
    ];

    /// The name, as the ABI writes it.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Chat => "chat.completions",
            Operation::Text => "completions",
            Operation::Embeddings => "embeddings",
            Operation::Models => "models",
            Operation::Health => "health",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Result<Operation> {
        Operation::ALL
            .into_iter()
            .find(|op| op.name() == name)
            .ok_or_else(|| {
                let known: Vec<_> = Operation::ALL.iter().map(|op| op.name()).collect();
                // An operation is a short word; anything else is not repeated.
                let got = if name.len() <= 32 && name.bytes().all(|b| b.is_ascii_graphic()) {
                    format!("\"{name}\"")
                } else {
                    "another string".to_owned()
                };
                Error::argument(
                    "operation",
                    format!("operation: expected one of {}, got {got}", known.join(", ")),
                )
            })
    }
}

/// Takes `model`: a name that is not empty.
pub fn take_model(fields: &mut Fields) -> Result<String> {
    match fields.string("model")? {
        Some(model) if !model.trim().is_empty() => Ok(model),
        Some(_) => Err(Error::argument(
            "model",
            "model: expected a name such as triton/llama, got an empty string",
        )),
        None => Err(Error::argument(
            "model",
            "model: expected a name such as triton/llama, got nothing",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_name() {
        for op in Operation::ALL {
            assert_eq!(Operation::parse(op.name()), Ok(op));
        }
        let e = Operation::parse("chat").unwrap_err();
        assert!(e.message().contains("chat.completions") && e.message().contains("\"chat\""));
    }
}
