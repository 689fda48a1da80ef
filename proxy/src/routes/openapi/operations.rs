//! What each route takes and answers.

use super::super::about::Question;
use super::super::table::Route;
use super::chat::{ChatCompletion, ChatCompletionChunk, ChatRequest};
use super::embeddings::{Embeddings, EmbeddingsRequest};
use super::others::{Health, Model, ModelInfoList, ModelList, Readiness};
use super::parts::{Named, add, answers, of, refers, statuses, text, with_headers};
use super::shared::Error;
use super::text::{TextCompletion, TextRequest};
use mishikallm::openai::Operation as Asked;
use utoipa::openapi::path::{
    Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Content, Required, SecurityRequirement};

/// What the operations are sorted by.
pub(super) const TAGS: [(&str, &str); 8] = [
    ("requests", "Ask a model."),
    (
        "requests by path",
        "The same, with the model's name in the path. It beats the body's, and may have slashes.",
    ),
    ("models", "What models there are."),
    ("keys", "Who may ask what, and how much of it."),
    ("users", "People who have keys."),
    ("teams", "Keys that share limits."),
    ("spend", "What requests cost."),
    ("proxy", "How the proxy fares, and how it is called."),
];

/// All schemas that the operations name, and those that they need.
pub(super) fn schemas() -> Vec<Named> {
    let mut all = Vec::new();
    add::<ChatRequest>(&mut all);
    add::<ChatCompletion>(&mut all);
    add::<ChatCompletionChunk>(&mut all);
    add::<TextRequest>(&mut all);
    add::<TextCompletion>(&mut all);
    add::<EmbeddingsRequest>(&mut all);
    add::<Embeddings>(&mut all);
    add::<ModelList>(&mut all);
    add::<ModelInfoList>(&mut all);
    add::<Health>(&mut all);
    add::<Readiness>(&mut all);
    add::<Error>(&mut all);
    super::manage::schemas(&mut all);
    all
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// A request to a model.
pub(super) fn asks(path: &str, operation: Asked, names_model: bool) -> Operation {
    let (id, summary, request, about, answer, events): (_, _, _, _, _, Option<Content>) =
        match operation {
            Asked::Text => (
                "createCompletion",
                "Text completion",
                of::<TextRequest>(),
                "The texts, whole or in events.",
                of::<TextCompletion>(),
                Some(of::<TextCompletion>()),
            ),
            Asked::Embeddings => (
                "createEmbeddings",
                "Embeddings",
                of::<EmbeddingsRequest>(),
                "The vectors.",
                of::<Embeddings>(),
                None,
            ),
            // The router has no others.
            _ => (
                "createChatCompletion",
                "Chat completion",
                of::<ChatRequest>(),
                "The answer, whole or in events.",
                of::<ChatCompletion>(),
                Some(of::<ChatCompletionChunk>()),
            ),
        };
    let mut response = answers(about, JSON, answer);
    if let Some(events) = events {
        response = response.content(EVENTS, events);
    }
    let builder = OperationBuilder::new()
        .summary(Some(summary))
        .request_body(Some(
            RequestBodyBuilder::new()
                .content(JSON, request)
                .required(Some(Required::True))
                .build(),
        ))
        .response("200", with_headers(response));
    let builder = refers(&statuses()).fold(builder, |builder, (status, error)| {
        builder.response(status, error)
    });
    let parameters = BY_HEADER.map(|(name, about)| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(about))
            .schema(Some(of_type(Type::Number)))
            .build()
    });
    let builder = match names_model {
        false => builder.operation_id(Some(id)).tag(TAGS[0].0),
        true => builder
            .operation_id(Some(by_path(id, path)))
            .tag(TAGS[1].0)
            .parameter(model()),
    };
    parameters
        .into_iter()
        .fold(builder, OperationBuilder::parameter)
        .build()
}

/// Headers that set a field.
const BY_HEADER: [(&str, &str); 3] = [
    (
        "x-mishikallm-timeout",
        "Seconds that one try may take. It beats the body's `timeout`.",
    ),
    ("x-mishikallm-stream-timeout", "The same for a stream."),
    (
        "x-mishikallm-num-retries",
        "Tries after the first. It beats the body's `num_retries`.",
    ),
];

/// An id of its own: `createEmbeddingsByEngines`.
fn by_path(id: &str, path: &str) -> String {
    let first = path
        .trim_start_matches('/')
        .split('/')
        .next()
        .unwrap_or_default();
    let (head, rest) = first.split_at(first.len().min(1));
    [id, "By", &head.to_ascii_uppercase(), rest].concat()
}

fn model() -> Parameter {
    ParameterBuilder::new()
        .name("model")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(
            "The model's name; slashes in it may stand as they are.",
        ))
        .schema(Some(of_type(Type::String)))
        .build()
}

fn of_type(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(kind))
}

pub(super) fn in_query(name: &str, about: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(of_type(Type::String)))
        .build()
}

/// A route that asks no model.
pub(super) fn reads(path: &str, route: &Route) -> Operation {
    let builder = OperationBuilder::new();
    let (id, tag, summary, about, kind, answer, errors): (_, _, _, _, _, _, &[&str]) = match route {
        Route::About(Question::Models) => (
            "listModels",
            TAGS[2].0,
            "The models that a request may name",
            "The models.",
            JSON,
            of::<ModelList>(),
            &["401"],
        ),
        Route::About(Question::Model(_)) => (
            "retrieveModel",
            TAGS[2].0,
            "One model",
            "It.",
            JSON,
            of::<Model>(),
            &["401", "404", "503"],
        ),
        Route::About(Question::Info) => (
            "listDeployments",
            TAGS[2].0,
            "The deployments behind the models",
            "Without keys and addresses.",
            JSON,
            of::<ModelInfoList>(),
            &["401", "404"],
        ),
        Route::About(Question::Health) => (
            "checkHealth",
            TAGS[7].0,
            "Calls each deployment, and tells which ones answer",
            "At least one answers, or there is none.",
            JSON,
            of::<Health>(),
            &["401", "404"],
        ),
        Route::About(Question::Alive) => (
            match path.ends_with("liveness") {
                true => "checkLiveness",
                false => "checkLiveliness",
            },
            TAGS[7].0,
            "Whether the proxy lives",
            "It does.",
            JSON,
            text(),
            &[],
        ),
        Route::About(Question::Ready) => (
            "checkReadiness",
            TAGS[7].0,
            "Whether the proxy takes requests",
            "It does.",
            JSON,
            of::<Readiness>(),
            &[],
        ),
        Route::Metrics => (
            "readMetrics",
            TAGS[7].0,
            "Figures for Prometheus",
            "In Prometheus' text format.",
            "text/plain",
            text(),
            &["401"],
        ),
        Route::OpenApi => (
            "readOpenApi",
            TAGS[7].0,
            "This document",
            "OpenAPI 3.1.",
            JSON,
            utoipa::openapi::content::ContentBuilder::new()
                .schema(Some(of_type(Type::Object)))
                .build(),
            &[],
        ),
        Route::Page => (
            "readPage",
            TAGS[7].0,
            "A page to try the models in a browser",
            "The page.",
            "text/html",
            text(),
            &[],
        ),
    };
    let mut builder = builder
        .operation_id(Some(id))
        .tag(tag)
        .summary(Some(summary))
        .response("200", answers(about, kind, answer));
    match route {
        Route::About(Question::Model(_)) => builder = builder.parameter(model()),
        Route::About(Question::Health) => {
            let about = "None answers.";
            builder = builder
                .response("503", answers(about, JSON, of::<Health>()))
                .parameter(in_query("model", "Only the deployments of this model."))
                .parameter(in_query("model_id", "Only the deployment of this id."));
        }
        Route::About(Question::Info) => {
            builder = builder.parameter(in_query("model_id", "Only the deployment of this id."));
        }
        _ => {}
    }
    builder = refers(errors).fold(builder, |builder, (status, error)| {
        builder.response(status, error)
    });
    if errors.is_empty() {
        builder = builder.securities(Some([] as [SecurityRequirement; 0]));
    }
    builder.build()
}
