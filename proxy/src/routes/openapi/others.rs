//! What the routes say that ask no model.

use super::parts::constant;
use utoipa::ToSchema;
use utoipa::openapi::Object;

/// The models that a request may name.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct ModelList {
    /// Always this.
    #[schema(schema_with = list)]
    object: String,
    /// Each model.
    data: Vec<Model>,
}

/// A model.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Model {
    /// What a request names as `model`.
    id: String,
    /// Always this.
    #[schema(schema_with = model)]
    object: String,
    /// Seconds since 1970; 0 where that is not known.
    created: u64,
    /// Whose it is.
    owned_by: String,
}

/// The deployments, without keys and addresses.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct ModelInfoList {
    /// Each deployment, in the configuration's order.
    data: Vec<Deployment>,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct Deployment {
    /// The name that requests give it.
    model_name: String,
    /// Triton's model and its parameters.
    mishikallm_params: Params,
    /// Its `id`, and what the configuration's `model_info` says.
    model_info: Info,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct Params {
    /// `triton/` and the name of Triton's model.
    model: String,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct Info {
    /// The deployment's id, as in `x-mishikallm-model-id`.
    id: String,
    /// What it is for.
    #[schema(nullable = false)]
    mode: Option<String>,
}

/// Which deployments answer.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Health {
    /// Those that did.
    healthy_endpoints: Vec<Endpoint>,
    /// Those that did not.
    unhealthy_endpoints: Vec<Endpoint>,
    /// How many did.
    healthy_count: u64,
    /// How many did not.
    unhealthy_count: u64,
}

#[derive(ToSchema)]
#[allow(dead_code)]
struct Endpoint {
    /// `triton/` and the name of Triton's model.
    model: String,
    /// The name that requests give it.
    model_name: String,
    /// Its id.
    model_id: String,
    /// What is wrong.
    #[schema(nullable = false)]
    error: Option<String>,
    /// The HTTP status that says the same.
    #[schema(nullable = false)]
    status: Option<u16>,
}

/// Whether the proxy takes requests.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Readiness {
    /// `healthy` when it does.
    #[schema(example = "healthy")]
    status: String,
    /// Whether the database of keys is there: `connected` or `Not connected`. Absent where there is none.
    #[schema(nullable = false, example = "connected")]
    db: Option<String>,
    /// The same of Redis.
    #[schema(nullable = false, example = "connected")]
    redis: Option<String>,
}

fn model() -> Object {
    constant("model")
}

fn list() -> Object {
    constant("list")
}
