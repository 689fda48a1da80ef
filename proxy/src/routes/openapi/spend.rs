//! What was spent, as answers tell it.

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A request, and what it cost.
#[derive(ToSchema)]
#[allow(dead_code, non_snake_case)]
pub(super) struct SpendLog {
    /// Of `x-mishikallm-call-id`.
    request_id: String,
    /// What was asked.
    call_type: String,
    /// The hash of its key, or `mishikallm_proxy_master_key`.
    api_key: String,
    /// Dollars.
    spend: f64,
    /// Tokens of the prompt and of the answer.
    total_tokens: u64,
    /// Tokens of the prompt.
    prompt_tokens: u64,
    /// Tokens of the answer.
    completion_tokens: u64,
    /// When it came.
    startTime: String,
    /// When it was over.
    endTime: String,
    /// When a stream's first chunk went out.
    completionStartTime: Option<String>,
    /// The model as the request named it.
    model: String,
    /// The configuration's name of the model.
    model_group: String,
    /// The deployment's id.
    model_id: String,
    /// The key's user.
    user: Option<String>,
    /// The key's team.
    team_id: Option<String>,
    /// The request's own field `user`.
    end_user: Option<String>,
    /// `success` or `failure`.
    status: String,
    /// Its HTTP status, as `status_code`.
    metadata: Map<String, Value>,
}

/// A day in UTC. Beside these fields each key has one of its own, which is called as its hash.
#[derive(ToSchema)]
#[allow(dead_code, non_snake_case)]
pub(super) struct SpendDay {
    /// The day.
    #[schema(example = "2026-01-31")]
    startTime: String,
    /// Dollars.
    spend: f64,
    /// Dollars of each user.
    users: Map<String, Value>,
    /// Dollars of each model.
    models: Map<String, Value>,
}

/// A request, or a day.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
pub(super) enum LogOrDay {
    Log(Box<SpendLog>),
    Day(SpendDay),
}

/// Some of the requests, the newest first.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct SpendPage {
    /// Those of the page.
    data: Vec<SpendLog>,
    /// How many there are.
    total: u64,
    /// The page, from 1 on.
    page: u64,
    /// Requests of a page.
    page_size: u64,
    /// How many pages there are.
    total_pages: u64,
}

/// What a key spent of its budget.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct KeySpend {
    /// Its hash.
    token: String,
    /// What is shown of it.
    key_name: String,
    /// The owner's name for it.
    key_alias: Option<String>,
    /// Its team.
    team_id: Option<String>,
    /// Its user.
    user_id: Option<String>,
    /// Dollars.
    spend: f64,
}

/// What was ever spent.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct GlobalSpend {
    /// Dollars.
    spend: f64,
    /// Always 0: there is no limit for all together.
    max_budget: f64,
}
