//! Keys, teams and users, as they are kept.

use super::duration::Every;
use super::money::Money;
use super::time::Time;
use super::token::Token;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a key, a team or a user may use; `None` is without limit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// Money, in each period.
    pub max_budget: Option<Money>,
    /// The period; `None`: the budget is for ever.
    pub budget_duration: Option<Every>,
    /// Requests in each minute.
    pub rpm_limit: Option<u64>,
    /// Tokens in each minute, of prompts and answers.
    pub tpm_limit: Option<u64>,
    /// Requests at once.
    pub max_parallel_requests: Option<u64>,
}

/// A key. The key itself is not kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Its hash, and its id.
    pub token: Token,
    /// What is shown of it: see [`super::token::name`].
    pub key_name: String,
    /// The owner's name for it, of which there is no other.
    pub key_alias: Option<String>,
    /// Its limits hold too.
    pub team_id: Option<String>,
    /// Where there is no team, the user's limits hold too.
    pub user_id: Option<String>,
    /// Names of models, aliases, and patterns with a `*`; none: all.
    pub models: Vec<String>,
    /// Other names for models, of this key alone: name → model.
    pub aliases: Map<String, Value>,
    /// Of this key alone.
    pub limits: Limits,
    /// The owner's own.
    pub metadata: Map<String, Value>,
    /// Paths and groups of paths; none: those that models are asked by.
    pub allowed_routes: Vec<String>,
    /// It is refused.
    pub blocked: bool,
    /// It is refused from then on.
    pub expires: Option<Time>,
    /// Who made it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed by somebody.
    pub updated_at: Time,
}

/// Keys that share limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Team {
    /// Its id.
    pub team_id: String,
    /// Its name.
    pub team_alias: Option<String>,
    /// What its keys may ask; none: all.
    pub models: Vec<String>,
    /// Of all its keys together.
    pub limits: Limits,
    /// The owner's own.
    pub metadata: Map<String, Value>,
    /// Who is in it.
    pub members: Vec<Member>,
    /// All its keys are refused.
    pub blocked: bool,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed by somebody.
    pub updated_at: Time,
}

/// One of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user.
    pub user_id: String,
    /// `admin` or `user`.
    pub role: String,
}

/// Somebody who has keys.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Their id.
    pub user_id: String,
    /// Their name.
    pub user_alias: Option<String>,
    /// Their address.
    pub user_email: Option<String>,
    /// The reference's name for what they may do; kept and told, and of no effect here.
    pub user_role: Option<String>,
    /// What their keys may ask that are of no team; none: all.
    pub models: Vec<String>,
    /// Of all their keys together that are of no team.
    pub limits: Limits,
    /// The owner's own.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed by somebody.
    pub updated_at: Time,
}
