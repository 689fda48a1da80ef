//! Keys, as requests and answers have them.

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What a key, a team or a user may use. Absent in a change: as it was; `null`: without limit.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Limits {
    /// Dollars, in each period.
    #[schema(minimum = 0, maximum = 9_000_000, example = 10.0)]
    max_budget: Option<f64>,
    /// The period: a number with s, m, h, d, w or mo. Without one the budget is for ever.
    #[schema(example = "30d")]
    budget_duration: Option<String>,
    /// Requests in each minute.
    #[schema(minimum = 0)]
    rpm_limit: Option<u64>,
    /// Tokens in each minute, of prompts and answers.
    #[schema(minimum = 0)]
    tpm_limit: Option<u64>,
    /// Requests at once.
    #[schema(minimum = 0)]
    max_parallel_requests: Option<u64>,
}

/// What a key may be given.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct KeyFields {
    #[serde(flatten)]
    limits: Limits,
    /// The owner's name for it, of which there is no other.
    #[schema(max_length = 256, example = "my-key")]
    key_alias: Option<String>,
    /// The team's limits hold too, and its models.
    team_id: Option<String>,
    /// Where there is no team, the user's limits hold too.
    user_id: Option<String>,
    /// Models that it may ask: names, aliases, and patterns with a `*`; none: all. `all-team-models` are its team's.
    models: Option<Vec<String>>,
    /// Other names for models, of this key alone: name → model.
    aliases: Option<Map<String, Value>>,
    /// The owner's own, at most 16384 bytes.
    metadata: Option<Map<String, Value>>,
    /// The owner's own; kept as `metadata.tags`.
    tags: Option<Vec<String>>,
    /// Paths that it may call, and groups of them: `llm_api_routes`, `management_routes`, `info_routes`. None: those that ask models.
    allowed_routes: Option<Vec<String>>,
    /// Whether it is refused.
    blocked: Option<bool>,
    /// How long it lives from now on; `null` or `-1`: for ever.
    #[schema(example = "30d")]
    duration: Option<String>,
}

/// A new key.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct GenerateKey {
    #[serde(flatten)]
    fields: KeyFields,
    /// The key, where it is not to be made here: `sk-` and more, at least 16 characters.
    key: Option<String>,
    /// What it may call, by one word. It beats `allowed_routes`.
    key_type: Option<KeyType>,
}

/// Models, managing keys, or looking things up.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[allow(dead_code)]
enum KeyType {
    LlmApi,
    Management,
    ReadOnly,
    Default,
}

/// A change of a key. What is absent stays as it is.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct UpdateKey {
    #[serde(flatten)]
    fields: KeyFields,
    /// The key, or its hash.
    key: String,
}

/// Another secret for a key, and changes of it maybe.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct RegenerateKey {
    #[serde(flatten)]
    fields: KeyFields,
    /// The key, or its hash, where the path does not say it.
    key: Option<String>,
    /// The new one, where it is not to be made here.
    new_key: Option<String>,
}

/// One key.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct OneKey {
    /// The key, or its hash.
    key: String,
}

/// Some keys, by one of these.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct SomeKeys {
    /// Keys, or their hashes.
    keys: Option<Vec<String>>,
    /// Their owner's names for them.
    key_aliases: Option<Vec<String>>,
}

/// A budget's present period.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Budget {
    /// Dollars that were spent in it.
    spend: f64,
    /// When the next one begins.
    budget_reset_at: Option<String>,
}

/// What the reference tells of a key besides. There is nothing of it here.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Nothing {
    config: Map<String, Value>,
    permissions: Map<String, Value>,
    model_spend: Map<String, Value>,
    model_max_budget: Map<String, Value>,
    allowed_cache_controls: Vec<String>,
    budget_id: Option<String>,
    organization_id: Option<String>,
}

/// A key, without the key itself.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Key {
    #[serde(flatten)]
    limits: Limits,
    #[serde(flatten)]
    budget: Budget,
    #[serde(flatten)]
    nothing: Nothing,
    /// Its hash, where the answer has no other place for it.
    #[schema(nullable = false)]
    token: Option<String>,
    /// What is shown of it.
    #[schema(example = "sk-...aB3d")]
    key_name: String,
    /// The owner's name for it.
    key_alias: Option<String>,
    /// When it ends to be taken.
    expires: Option<String>,
    /// Models that it may ask; none: all.
    models: Vec<String>,
    /// Other names for models.
    aliases: Map<String, Value>,
    /// Its team.
    team_id: Option<String>,
    /// Its user.
    user_id: Option<String>,
    /// The owner's own.
    metadata: Map<String, Value>,
    /// Whether it is refused.
    blocked: bool,
    /// Paths that it may call; none: those that ask models.
    allowed_routes: Vec<String>,
    /// When it was made.
    created_at: String,
    /// Who made it.
    created_by: String,
    /// When it was last changed.
    updated_at: String,
}

/// A key that was just made: this is the one time that it is told.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct NewKey {
    #[serde(flatten)]
    fields: Key,
    /// The key.
    #[schema(example = "sk-Q5cW1mX0…")]
    key: String,
    /// Its hash.
    token_id: String,
}

/// A key and its hash.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct KeyInfo {
    /// Its hash.
    key: String,
    /// It.
    info: Key,
}

/// A key as it is now, and its hash.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct ChangedKey {
    #[serde(flatten)]
    fields: Key,
    /// Its hash.
    key: String,
}

/// Some of the keys.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct KeyList {
    /// Those of the page.
    keys: Vec<HashOrKey>,
    /// How many there are.
    total_count: u64,
    /// The page, from 1 on.
    current_page: u64,
    /// How many pages there are.
    total_pages: u64,
}

/// A hash, or the whole where `return_full_object` asks for it.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum HashOrKey {
    Hash(String),
    Key(Box<Key>),
}

/// Keys that are no more.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct DeletedKeys {
    /// Their hashes, or the names that they were deleted by.
    deleted_keys: Vec<String>,
}
