//! Schemas that several routes have.

use utoipa::ToSchema;

/// How the tokens are chosen, and how many.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Sampling {
    /// Tokens that the answer may have at most. The model's default where it is absent.
    #[schema(minimum = 1)]
    max_tokens: Option<u64>,
    /// The same; it beats `max_tokens`.
    #[schema(minimum = 1)]
    max_completion_tokens: Option<u64>,
    /// 0 always takes the likeliest token.
    #[schema(minimum = 0, example = 0.7)]
    temperature: Option<f64>,
    /// Tokens are chosen among the likeliest ones that together have this probability.
    #[schema(minimum = 0, maximum = 1)]
    top_p: Option<f64>,
    /// Tokens are chosen among so many of the likeliest.
    top_k: Option<i64>,
    /// Tokens that are less likely than this part of the likeliest one are not chosen.
    #[schema(minimum = 0, maximum = 1)]
    min_p: Option<f64>,
    /// The same seed and request give the same text, as far as the model can.
    seed: Option<i64>,
    /// The text ends before the first of these.
    stop: Option<Stop>,
    /// Above 0: tokens that were there already become less likely.
    presence_penalty: Option<f64>,
    /// Above 0: tokens become less likely each time they are there.
    frequency_penalty: Option<f64>,
    /// Above 1: tokens that were there already become less likely.
    repetition_penalty: Option<f64>,
    /// How many answers are wanted.
    #[schema(minimum = 1, maximum = 128, default = 1)]
    n: Option<u64>,
    /// Whether the answer comes in events, as it is generated.
    #[schema(default = false)]
    stream: Option<bool>,
    /// For streams.
    stream_options: Option<StreamOptions>,
    /// Who asks; not sent to the model.
    user: Option<String>,
}

/// One string, or several.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
pub(super) enum Stop {
    One(String),
    Several(Vec<String>),
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct StreamOptions {
    /// Whether one more chunk at the end, without choices, tells the usage.
    #[schema(default = false)]
    include_usage: Option<bool>,
}

/// Where a request goes, and how often it is tried.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Routing {
    /// Seconds that one try may take.
    #[schema(exclusive_minimum = 0)]
    timeout: Option<f64>,
    /// The same for a stream.
    #[schema(exclusive_minimum = 0)]
    stream_timeout: Option<f64>,
    /// Tries after the first, as long as nothing was answered yet.
    #[schema(minimum = 0, maximum = 32)]
    num_retries: Option<u32>,
    /// Models that are asked in turn when this one fails.
    fallbacks: Option<Vec<Fallback>>,
    /// Leave out what the model cannot do, instead of refusing the request.
    drop_params: Option<bool>,
    /// OpenAI's parameters that are sent to the model as they are, though it does not declare them.
    allowed_openai_params: Option<Vec<String>>,
    /// Fields that are left out.
    additional_drop_params: Option<Vec<String>>,
}

/// A model's name, or fields that replace those of the request, `model` among them.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
pub(super) enum Fallback {
    Name(String),
    Fields(serde_json::Map<String, serde_json::Value>),
}

/// Why a text ends: it is complete or met a stop string, it is as long as it may be, or the model calls tools.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code)]
pub(super) enum FinishReason {
    Stop,
    Length,
    ToolCalls,
}

/// What a request took.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Usage {
    /// Tokens of the prompt.
    prompt_tokens: u64,
    /// Tokens of the answer; embeddings have none.
    #[schema(nullable = false)]
    completion_tokens: Option<u64>,
    /// Their sum.
    total_tokens: u64,
    /// Set where the numbers are guessed from the text's length, because the model told none.
    #[schema(nullable = false)]
    estimated: Option<bool>,
}

/// An error.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Error {
    /// What is wrong.
    error: ErrorFields,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct ErrorFields {
    /// In words: the field, what was expected, what came.
    message: String,
    /// Its kind.
    r#type: ErrorKind,
    /// The request's field that is wrong.
    #[schema(required)]
    param: Option<String>,
    /// The HTTP status, or a name such as `model_not_found`.
    code: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
// OpenAI's names.
#[allow(dead_code, clippy::enum_variant_names)]
enum ErrorKind {
    InvalidRequestError,
    AuthError,
    AuthenticationError,
    PermissionError,
    ThrottlingError,
    ServiceUnavailableError,
    InternalServerError,
}
