//! Chat completions.

use super::parts::constant;
use super::shared::{FinishReason, Routing, Sampling, Usage};
use utoipa::ToSchema;
use utoipa::openapi::Object;

/// A conversation that a model goes on with.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct ChatRequest {
    #[serde(flatten)]
    sampling: Sampling,
    #[serde(flatten)]
    routing: Routing,
    /// A model of `/v1/models`, or a name that the configuration's patterns know.
    #[schema(example = "my-triton-model")]
    model: String,
    /// The conversation so far.
    #[schema(min_items = 1)]
    messages: Vec<ChatMessage>,
    /// Functions that the model may call.
    #[schema(max_items = 128)]
    tools: Option<Vec<Tool>>,
    /// Whether it may, or has to.
    tool_choice: Option<ToolChoice>,
    /// Whether it may make several calls at once.
    #[schema(default = true)]
    parallel_tool_calls: Option<bool>,
    /// What the text has to be.
    response_format: Option<ResponseFormat>,
    /// Whether the tokens' probabilities are told.
    #[schema(default = false)]
    logprobs: Option<bool>,
    /// How many likely tokens are told in the place of each.
    #[schema(minimum = 0, maximum = 20)]
    top_logprobs: Option<u64>,
}

/// One message of a conversation.
#[derive(ToSchema)]
#[allow(dead_code)]
struct ChatMessage {
    /// Who says it.
    role: Role,
    /// What is said.
    content: Option<Content>,
    /// Who of several of that role.
    name: Option<String>,
    /// Of an assistant: the calls that it made.
    tool_calls: Option<Vec<ToolCall>>,
    /// Of a tool: the call that this is the answer to.
    tool_call_id: Option<String>,
    /// Of an assistant: what it thought, for templates that take it.
    reasoning_content: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code)]
enum Role {
    Developer,
    System,
    User,
    Assistant,
    Tool,
    Function,
}

/// A text, or parts.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part of a message.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(dead_code)]
enum Part {
    /// A text.
    Text {
        /// It.
        text: String,
    },
    /// An image, for models that take one.
    ImageUrl {
        /// It.
        image_url: ImageUrl,
    },
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct ImageUrl {
    /// A `data:` URL, or what else the model takes.
    url: String,
}

/// A function that the model may call.
#[derive(ToSchema)]
#[allow(dead_code)]
struct Tool {
    /// Always this.
    #[schema(schema_with = function)]
    r#type: String,
    /// Its description.
    function: FunctionFields,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct FunctionFields {
    /// Its name.
    name: String,
    /// What it is for.
    description: Option<String>,
    /// Its arguments, as a JSON schema.
    #[schema(value_type = Option<Object>)]
    parameters: Option<()>,
}

/// `none`, `auto`, `required`, or one function.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum ToolChoice {
    Mode(ToolMode),
    Named(NamedTool),
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code)]
enum ToolMode {
    None,
    Auto,
    Required,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct NamedTool {
    /// Always this.
    #[schema(schema_with = function)]
    r#type: String,
    /// Which one.
    function: FunctionName,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct FunctionName {
    /// The name of one of the tools.
    name: String,
}

/// What a text has to be. `json_object` and `json_schema` need a model that can be held to it.
#[derive(ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[allow(dead_code)]
enum ResponseFormat {
    /// Any text.
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON that keeps to a schema.
    JsonSchema {
        /// The schema.
        json_schema: NamedSchema,
    },
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct NamedSchema {
    /// Its name.
    name: Option<String>,
    /// A JSON schema.
    #[schema(value_type = Object)]
    schema: (),
    /// Accepted: the text is always held to it.
    strict: Option<bool>,
}

/// A function call that a model made.
#[derive(ToSchema)]
#[allow(dead_code)]
struct ToolCall {
    /// What the answer names as `tool_call_id`.
    id: String,
    /// Always this.
    #[schema(schema_with = function)]
    r#type: String,
    /// The call.
    function: Called,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct Called {
    /// The function's name.
    name: String,
    /// Its arguments, as a JSON text that the model wrote.
    arguments: String,
}

/// A whole answer.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct ChatCompletion {
    /// Unique.
    #[schema(example = "chatcmpl-0a1b2c")]
    id: String,
    /// Always this.
    #[schema(schema_with = chat_completion)]
    object: String,
    /// Seconds since 1970.
    created: u64,
    /// The model as the request named it.
    model: String,
    /// The answers: one, unless the request wanted more.
    choices: Vec<ChatChoice>,
    /// What it took.
    usage: Usage,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct ChatChoice {
    /// Counted from 0.
    index: u64,
    /// What the model said.
    message: AssistantMessage,
    /// The tokens' probabilities, where they were asked for.
    #[schema(required)]
    logprobs: Option<ChatLogprobs>,
    /// Why the text ends.
    finish_reason: FinishReason,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct AssistantMessage {
    /// Always this.
    #[schema(schema_with = assistant)]
    role: String,
    /// The text; `null` beside calls.
    #[schema(required)]
    content: Option<String>,
    /// Always `null`: models on Triton have no field for it.
    #[schema(required)]
    refusal: Option<String>,
    /// What the model thought before, where that is told apart.
    #[schema(nullable = false)]
    reasoning_content: Option<String>,
    /// The calls that it makes.
    #[schema(nullable = false)]
    tool_calls: Option<Vec<ToolCall>>,
}

/// How likely the tokens of a chat were.
#[derive(ToSchema)]
#[allow(dead_code)]
struct ChatLogprobs {
    /// Each token.
    content: Vec<TokenLogprob>,
    /// Always `null`.
    #[schema(required)]
    refusal: Option<Vec<TokenLogprob>>,
}

/// How likely a token was.
#[derive(ToSchema)]
#[allow(dead_code)]
struct TokenLogprob {
    /// Its text.
    token: String,
    /// The natural logarithm of its probability.
    logprob: f64,
    /// Its text in UTF-8.
    #[schema(value_type = Vec<u32>)]
    bytes: Vec<u32>,
    /// The likeliest tokens in its place.
    top_logprobs: Vec<Alternative>,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct Alternative {
    /// Its text.
    token: String,
    /// The natural logarithm of its probability.
    logprob: f64,
    /// Its text in UTF-8.
    bytes: Vec<u32>,
}

/// A part of a stream. The event after the last one is `[DONE]`. A failure in the middle is an event that holds an error.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct ChatCompletionChunk {
    /// The same in all chunks.
    id: String,
    /// Always this.
    #[schema(schema_with = chunk)]
    object: String,
    /// Seconds since 1970.
    created: u64,
    /// The model as the request named it.
    model: String,
    /// What is new in one of the answers; empty in the chunk that tells the usage.
    choices: Vec<ChunkChoice>,
    /// Where `stream_options.include_usage` asks for it: `null` but in the last chunk.
    usage: Option<Usage>,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct ChunkChoice {
    /// Which answer.
    index: u64,
    /// What is new.
    delta: Delta,
    /// Of the new tokens, where they were asked for.
    #[schema(required)]
    logprobs: Option<ChatLogprobs>,
    /// In an answer's last chunk.
    #[schema(required)]
    finish_reason: Option<FinishReason>,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct Delta {
    /// In the first chunk.
    #[schema(schema_with = assistant)]
    role: Option<String>,
    /// More text.
    content: Option<String>,
    /// More of what the model thinks.
    #[schema(nullable = false)]
    reasoning_content: Option<String>,
    /// More of calls.
    #[schema(nullable = false)]
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct CallDelta {
    /// Which call.
    index: u64,
    /// In its first part.
    #[schema(nullable = false)]
    id: Option<String>,
    /// In its first part.
    #[schema(schema_with = function)]
    r#type: Option<String>,
    /// What is new of it.
    function: FunctionDelta,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct FunctionDelta {
    /// In its first part.
    #[schema(nullable = false)]
    name: Option<String>,
    /// More of its arguments.
    arguments: String,
}

fn chat_completion() -> Object {
    constant("chat.completion")
}

fn chunk() -> Object {
    constant("chat.completion.chunk")
}

fn assistant() -> Object {
    constant("assistant")
}

fn function() -> Object {
    constant("function")
}
