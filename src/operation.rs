//! What can be asked for, by the names that the ABI gives it.

use crate::error::{Error, Result};

/// What can be asked for; the names are those of `mishikallm_invoke`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `chat.completions`
    Chat,
    /// `completions`
    Text,
    /// `embeddings`
    Embeddings,
    /// `models`: what the server's repository has
    Models,
    /// `health`: whether the server, and a model, are ready
    Health,
    /// `infer`: any tensors in and out
    Infer,
    /// `model.metadata`: what a model takes and gives, in Triton's words
    ModelMetadata,
    /// `model.config`: a model's configuration
    ModelConfig,
    /// `model.statistics`: how often and how long a model, or each of them, has run
    ModelStatistics,
    /// `model.load`: loads a model, or loads it anew
    ModelLoad,
    /// `model.unload`: unloads a model
    ModelUnload,
    /// `server`: what the server is, and how it is
    Server,
}

impl Operation {
    /// All of them.
    pub const ALL: [Operation; 12] = [
        Operation::Chat,
        Operation::Text,
        Operation::Embeddings,
        Operation::Models,
        Operation::Health,
        Operation::Infer,
        Operation::ModelMetadata,
        Operation::ModelConfig,
        Operation::ModelStatistics,
        Operation::ModelLoad,
        Operation::ModelUnload,
        Operation::Server,
    ];

    /// The name, as the ABI writes it.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Chat => "chat.completions",
            Operation::Text => "completions",
            Operation::Embeddings => "embeddings",
            Operation::Models => "models",
            Operation::Health => "health",
            Operation::Infer => "infer",
            Operation::ModelMetadata => "model.metadata",
            Operation::ModelConfig => "model.config",
            Operation::ModelStatistics => "model.statistics",
            Operation::ModelLoad => "model.load",
            Operation::ModelUnload => "model.unload",
            Operation::Server => "server",
        }
    }

    /// Whether it is done to one model, which the request must then name.
    pub fn needs_model(self) -> bool {
        !matches!(
            self,
            Operation::Models | Operation::Health | Operation::ModelStatistics | Operation::Server
        )
    }

    /// Whether it has a model compute: whose deployment's own parameters then hold.
    pub fn is_inference(self) -> bool {
        matches!(
            self,
            Operation::Chat | Operation::Text | Operation::Embeddings
        )
    }

    /// The field of its request that is not to become a tree of values, see [`crate::json::object_with_raw`].
    pub fn raw_field(self) -> Option<&'static str> {
        (self == Operation::Infer).then_some("inputs")
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
