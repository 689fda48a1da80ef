//! `/openapi.json`: the routes' own table, as an OpenAPI 3.1 document. It is made at the first request for it.

mod chat;
mod embeddings;
mod keys;
mod manage;
mod operations;
mod others;
mod owners;
mod parts;
mod shared;
mod spend;
mod text;

use super::manage::table as managed;
use super::place;
use super::table::ROUTES;
use crate::reply::{self, Answer};
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use std::sync::LazyLock;
use utoipa::openapi::path::{HttpMethod, PathItem, PathsBuilder};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, SecurityRequirement, Server,
};

/// What the document says of the whole.
const ABOUT: &str = "OpenAI's HTTP API in front of NVIDIA Triton Inference Server.

Each route is there with and without `/v1`. Those that are read with GET can be asked with HEAD. \
Beside the fields that are named here a request may have others, which go to the model under their own names.

With a master key in the configuration every route but the public ones needs it; without one none does. \
Errors are always `{\"error\": {\"message\", \"type\", \"param\", \"code\"}}`.";

static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| Bytes::from(document().to_json().unwrap_or_default()));

/// The document.
pub fn answer() -> Response<Answer> {
    reply::json(StatusCode::OK, DOCUMENT.clone())
}

fn document() -> OpenApi {
    let mut components = ComponentsBuilder::new();
    let mut paths = PathsBuilder::new();
    for (path, operation, names_model) in place::paths() {
        let operation = operations::asks(&path, operation, names_model);
        paths = paths.path(path, PathItem::new(HttpMethod::Post, operation));
    }
    for (path, route) in &ROUTES {
        let operation = operations::reads(path, route);
        paths = paths.path(*path, PathItem::new(HttpMethod::Get, operation));
    }
    for (path, method, action) in &managed::ROUTES {
        let verb = match *method {
            Method::POST => HttpMethod::Post,
            _ => HttpMethod::Get,
        };
        paths = paths.path(*path, PathItem::new(verb, manage::manages(action)));
    }
    components = components
        .schemas_from_iter(operations::schemas())
        .responses_from_iter(parts::errors());
    for (name, scheme) in schemes() {
        components = components.security_scheme(name, scheme);
    }
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("MishikaLLM")
                .version(mishikallm::VERSION)
                .description(Some(ABOUT))
                .license(Some({
                    let mut license = License::new("MIT OR Apache-2.0");
                    license.identifier = Some("MIT OR Apache-2.0".to_owned());
                    license
                })),
        )
        // Beside this document, wherever a gateway puts it.
        .servers(Some([Server::new("./")]))
        .paths(paths)
        .components(Some(components.build()))
        .security(Some(keys()))
        .tags(Some(operations::TAGS.map(|(name, about)| {
            TagBuilder::new()
                .name(name)
                .description(Some(about))
                .build()
        })))
        .build()
}

/// Where a key may stand.
fn schemes() -> impl Iterator<Item = (&'static str, SecurityScheme)> {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("`Authorization: Bearer KEY`"))
        .build();
    let header = |name| {
        let about = "The key in a header of its own, with or without `Bearer `.";
        let value = ApiKeyValue::with_description(name, about);
        (name, SecurityScheme::ApiKey(ApiKey::Header(value)))
    };
    std::iter::once(("bearer", SecurityScheme::Http(bearer))).chain(
        ["x-api-key", "api-key", "x-mishikallm-api-key"]
            .into_iter()
            .map(header),
    )
}

/// One of them; none, where the configuration has no master key.
fn keys() -> Vec<SecurityRequirement> {
    schemes()
        .map(|(name, _)| SecurityRequirement::new(name, [] as [&str; 0]))
        .chain([SecurityRequirement::default()])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{place, table};
    use super::*;
    use crate::auth::Auth;
    use serde_json::Value;
    use std::collections::HashSet;

    fn read() -> Value {
        serde_json::from_slice(&DOCUMENT).unwrap()
    }

    /// The document's paths, with a model's name in the place of its parameter.
    fn paths() -> Vec<(String, String, Value)> {
        let document = read();
        let paths = document["paths"].as_object().unwrap();
        let all = paths.iter().flat_map(|(path, verbs)| {
            verbs
                .as_object()
                .unwrap()
                .iter()
                .map(|(verb, operation)| (path.clone(), verb.clone(), operation.clone()))
        });
        all.collect()
    }

    #[test]
    fn each_path_of_the_document_is_one_that_the_router_knows() {
        for (path, verb, _) in paths() {
            let path = path.replace("{model}", "m").replace("{key}", "k");
            let path = place::unversioned(&path);
            let asks = place::find(path).map(|_| Method::POST);
            let reads = table::find(path).map(|_| Method::GET);
            let manages = managed::find(path).map(|route| route.method.clone());
            let found: Vec<Method> = [asks, reads, manages].into_iter().flatten().collect();
            let method = verb.to_uppercase();
            assert_eq!(found, [method.as_str()], "{verb} {path}");
        }
    }

    #[test]
    fn and_the_other_way_round() {
        let listed: HashSet<String> = paths().into_iter().map(|(path, ..)| path).collect();
        let known = place::paths().map(|(path, ..)| path);
        let known = known.chain(table::ROUTES.iter().map(|(path, _)| (*path).to_owned()));
        let known = known.chain(managed::ROUTES.iter().map(|(path, ..)| (*path).to_owned()));
        assert_eq!(listed, known.collect());
    }

    #[test]
    fn the_public_routes_need_no_key() {
        for (path, _, operation) in paths() {
            let is_public = operation["security"] == serde_json::json!([]);
            assert_eq!(
                is_public,
                Auth::is_public(place::unversioned(&path)),
                "{path}"
            );
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let ids: Vec<String> = paths()
            .iter()
            .map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned())
            .collect();
        let different: HashSet<&String> = ids.iter().collect();
        assert_eq!(different.len(), ids.len(), "{ids:?}");
    }

    /// Each `$ref` is there, and each component is used.
    #[test]
    fn references_lead_somewhere() {
        fn collect(value: &Value, into: &mut HashSet<String>) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(to)) = fields.get("$ref") {
                        into.insert(to.clone());
                    }
                    fields.values().for_each(|v| collect(v, into));
                }
                Value::Array(items) => items.iter().for_each(|v| collect(v, into)),
                _ => {}
            }
        }
        let document = read();
        let mut used = HashSet::new();
        collect(&document, &mut used);
        let mut there = HashSet::new();
        for kind in ["schemas", "responses"] {
            for name in document["components"][kind].as_object().unwrap().keys() {
                there.insert(format!("#/components/{kind}/{name}"));
            }
        }
        assert_eq!(used, there);
    }

    /// Every field says what it is.
    #[test]
    fn fields_are_described() {
        /// What may be null says it beside its reference; a constant says it all.
        fn is_described(field: &Value) -> bool {
            let either = field["oneOf"].as_array().into_iter().flatten();
            field["description"].is_string()
                || field["enum"].as_array().is_some_and(|one| one.len() == 1)
                || either.into_iter().any(is_described)
        }
        fn missing(place: &str, schema: &Value, found: &mut Vec<String>) {
            if let Some(Value::Object(fields)) = schema.get("properties") {
                for (name, field) in fields {
                    let place = format!("{place}.{name}");
                    if !is_described(field) {
                        found.push(place.clone());
                    }
                    missing(&place, field, found);
                }
            }
            for key in ["allOf", "oneOf"] {
                for one in schema[key].as_array().into_iter().flatten() {
                    missing(place, one, found);
                }
            }
        }
        let document = read();
        let mut found = Vec::new();
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            missing(name, schema, &mut found);
        }
        assert_eq!(found, Vec::<String>::new());
    }
}
