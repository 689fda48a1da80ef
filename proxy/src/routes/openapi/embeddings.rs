//! Embeddings.

use super::parts::constant;
use super::shared::{Routing, Usage};
use utoipa::ToSchema;
use utoipa::openapi::Object;

/// Texts to be made vectors of.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct EmbeddingsRequest {
    #[serde(flatten)]
    routing: Routing,
    /// A model of `/v1/models`, or a name that the configuration's patterns know.
    #[schema(example = "my-embedding-model")]
    model: String,
    /// One text, or several; token ids for models that take integers.
    input: Input,
    /// How the vectors are written: `base64` is little-endian 32-bit floats.
    encoding_format: Option<Encoding>,
    /// How long the vectors are to be, for models that can choose.
    #[schema(minimum = 1)]
    dimensions: Option<u64>,
    /// Who asks; not sent to the model.
    user: Option<String>,
}

/// What to embed: each has a vector of its own, in the same order.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum Input {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<i64>),
    TokenLists(Vec<Vec<i64>>),
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code)]
enum Encoding {
    Float,
    Base64,
}

/// The vectors.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Embeddings {
    /// Always this.
    #[schema(schema_with = list)]
    object: String,
    /// A vector for each input, in the same order.
    data: Vec<Embedding>,
    /// The model's name.
    model: String,
    /// What it took.
    usage: Usage,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct Embedding {
    /// Always this.
    #[schema(schema_with = embedding)]
    object: String,
    /// Counted from 0.
    index: u64,
    /// The numbers, or the base64 of their bytes.
    embedding: Vector,
}

/// A list of numbers, or base64 where `encoding_format` asks for it.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum Vector {
    Numbers(Vec<f32>),
    Base64(String),
}

fn embedding() -> Object {
    constant("embedding")
}

fn list() -> Object {
    constant("list")
}
