//! OpenAI's wire: what a request may hold, and what an answer looks like.
//!
//! Source of the shapes: OpenAI's API reference for chat completions, completions, embeddings and models. Pure: no
//! sockets, no clocks, nothing of Triton.

pub mod answer;
pub mod chunk;
pub mod embedding;
pub mod floats;
pub mod format;
pub mod generation;
pub mod logprobs;
pub mod message;
pub mod numbers;
pub mod response;
pub mod rows;
pub mod tools;

use crate::error::{Error, Result};
use crate::json::Fields;
pub use crate::operation::Operation;

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
