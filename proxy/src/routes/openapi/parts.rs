//! What operations are made of.

use super::shared::Error;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Content, Header, Object, Ref, RefOr, Response, ResponseBuilder, Schema};

/// A schema and its name.
pub(super) type Named = (String, RefOr<Schema>);

/// Adds a schema, and those that it needs.
pub(super) fn add<T: ToSchema>(to: &mut Vec<Named>) {
    to.push((T::name().into_owned(), T::schema()));
    T::schemas(to);
}

/// A field that has but one value.
pub(super) fn constant(value: &'static str) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some([value]))
        .description(Some("Always this."))
        .build()
}

/// A body that is a `T`.
pub(super) fn of<T: ToSchema>() -> Content {
    let schema = Ref::from_schema_name(T::name());
    ContentBuilder::new().schema(Some(schema)).build()
}

/// A body that is a list of them.
pub(super) fn list_of<T: ToSchema>() -> Content {
    let schema = ArrayBuilder::new().items(Ref::from_schema_name(T::name()));
    ContentBuilder::new().schema(Some(schema)).build()
}

/// A body that is a text.
pub(super) fn text() -> Content {
    let schema = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    ContentBuilder::new().schema(Some(schema)).build()
}

/// What a route answers when it does.
pub(super) fn answers(about: &str, kind: &str, content: Content) -> ResponseBuilder {
    ResponseBuilder::new()
        .description(about)
        .content(kind, content)
}

/// Errors that a request may have, and what they mean.
const ERRORS: [(&str, &str, &str); 11] = [
    (
        "400",
        "BadRequest",
        "The request is wrong, or the model cannot do what it asks for.",
    ),
    ("401", "Unauthorized", "There is no key, or another one."),
    ("403", "Forbidden", "The key may not do this."),
    ("404", "NotFound", "There is none."),
    (
        "408",
        "Timeout",
        "The model took longer than the request may.",
    ),
    ("409", "Conflict", "There is one already."),
    (
        "413",
        "TooLarge",
        "The request's body is longer than the configuration allows.",
    ),
    (
        "429",
        "TooManyRequests",
        "The model takes no more requests at present.",
    ),
    ("500", "Failed", "The model failed."),
    (
        "502",
        "BadGateway",
        "The model's answer cannot be understood.",
    ),
    (
        "503",
        "Unavailable",
        "The model's server does not answer, or no deployment is left.",
    ),
];

/// References to those with these statuses.
pub(super) fn refers(statuses: &[&str]) -> impl Iterator<Item = (&'static str, Ref)> {
    ERRORS
        .into_iter()
        .filter(|(status, ..)| statuses.contains(status))
        .map(|(status, name, _)| (status, Ref::from_response_name(name)))
}

/// Statuses of all errors of a request to a model.
pub(super) fn statuses() -> Vec<&'static str> {
    let all = ERRORS.iter().map(|(status, ..)| *status);
    all.filter(|status| *status != "409").collect()
}

/// The errors themselves.
pub(super) fn errors() -> impl Iterator<Item = (&'static str, Response)> {
    ERRORS.into_iter().map(|(status, name, about)| {
        let mut response = answers(about, "application/json", of::<Error>());
        if matches!(status, "429" | "503") {
            let about = "Seconds after which another try may do, where that is known.";
            response = response.header("retry-after", header(about, Type::Integer));
        }
        (name, response.build())
    })
}

/// Headers of answers of models.
const HEADERS: [(&str, &str, Type); 8] = [
    (
        "x-mishikallm-call-id",
        "The call's id, as the log has it.",
        Type::String,
    ),
    ("x-mishikallm-version", "The proxy's version.", Type::String),
    (
        "x-mishikallm-model-id",
        "The id of the deployment that answered.",
        Type::String,
    ),
    (
        "x-mishikallm-model-group",
        "The name of the model list's entry that it belongs to.",
        Type::String,
    ),
    (
        "x-mishikallm-attempted-retries",
        "Tries after the first.",
        Type::Integer,
    ),
    (
        "x-mishikallm-attempted-fallbacks",
        "How often another model was asked instead.",
        Type::Integer,
    ),
    (
        "x-mishikallm-response-duration-ms",
        "Milliseconds from the request to the answer, or to a stream's first chunk.",
        Type::Number,
    ),
    (
        "x-mishikallm-overhead-duration-ms",
        "Milliseconds of them that the proxy did not wait for the model's server.",
        Type::Number,
    ),
];

/// Adds them.
pub(super) fn with_headers(response: ResponseBuilder) -> ResponseBuilder {
    HEADERS
        .into_iter()
        .fold(response, |response, (name, about, kind)| {
            response.header(name, header(about, kind))
        })
}

fn header(about: &str, kind: Type) -> Header {
    let schema = ObjectBuilder::new().schema_type(SchemaType::Type(kind));
    HeaderBuilder::new()
        .schema(schema)
        .description(Some(about))
        .build()
}
