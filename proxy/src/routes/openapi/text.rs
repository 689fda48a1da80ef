//! Text completions.

use super::parts::constant;
use super::shared::{FinishReason, Routing, Sampling, Usage};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::Object;

/// Texts that a model goes on with.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct TextRequest {
    #[serde(flatten)]
    sampling: Sampling,
    #[serde(flatten)]
    routing: Routing,
    /// A model of `/v1/models`, or a name that the configuration's patterns know.
    #[schema(example = "my-triton-model")]
    model: String,
    /// One text, or several.
    prompt: Prompt,
    /// Whether the answer begins with the prompt.
    #[schema(default = false)]
    echo: Option<bool>,
    /// How many likely tokens are told in the place of each.
    #[schema(minimum = 0, maximum = 20)]
    logprobs: Option<u64>,
}

/// One text, or several: each has an answer of its own, in the same order.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum Prompt {
    One(String),
    Several(Vec<String>),
}

/// An answer, or a part of a stream: the event after the last one is `[DONE]`, and a failure in the middle is an event that holds an error.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct TextCompletion {
    /// Unique; the same in all chunks.
    #[schema(example = "cmpl-0a1b2c")]
    id: String,
    /// Always this.
    #[schema(schema_with = text_completion)]
    object: String,
    /// Seconds since 1970.
    created: u64,
    /// The model as the request named it.
    model: String,
    /// The answers, or what is new in one of them.
    choices: Vec<TextChoice>,
    /// What it took; of a stream only where `stream_options.include_usage` asks for it.
    usage: Option<Usage>,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct TextChoice {
    /// Counted from 0.
    index: u64,
    /// The text.
    text: String,
    /// The tokens' probabilities, where they were asked for.
    #[schema(required)]
    logprobs: Option<TextLogprobs>,
    /// Why the text ends; `null` in a stream before its end.
    #[schema(required)]
    finish_reason: Option<FinishReason>,
}

/// How likely the tokens of a text were; the lists have a place for each token.
#[derive(ToSchema)]
#[allow(dead_code)]
struct TextLogprobs {
    /// Their texts.
    tokens: Vec<String>,
    /// The natural logarithms of their probabilities.
    token_logprobs: Vec<f64>,
    /// The likeliest tokens in the place of each.
    #[schema(required)]
    top_logprobs: Option<Vec<BTreeMap<String, f64>>>,
    /// Where each begins in the text, in characters.
    text_offset: Vec<u64>,
}

fn text_completion() -> Object {
    constant("text_completion")
}
