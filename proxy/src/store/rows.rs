//! Rows of tables, and the records that they are.

use super::list::Table;
use super::records::Row;
use super::{Failure, Result};
use crate::keys::{Every, Key, Limits, Money, Team, Time, Token, User};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::FromRow;

/// A row of `keys`, with its columns in their order.
#[derive(Clone, Debug, FromRow)]
pub(super) struct KeyRow {
    pub token: String,
    pub key_name: String,
    pub key_alias: Option<String>,
    pub team_id: Option<String>,
    pub user_id: Option<String>,
    pub models: String,
    pub aliases: String,
    pub max_budget: Option<i64>,
    pub budget_duration: Option<String>,
    pub rpm_limit: Option<i64>,
    pub tpm_limit: Option<i64>,
    pub max_parallel_requests: Option<i64>,
    pub metadata: String,
    pub allowed_routes: String,
    pub blocked: bool,
    pub expires: Option<i64>,
    pub created_by: String,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A row of `teams`.
#[derive(Clone, Debug, FromRow)]
pub(super) struct TeamRow {
    pub team_id: String,
    pub team_alias: Option<String>,
    pub models: String,
    pub max_budget: Option<i64>,
    pub budget_duration: Option<String>,
    pub rpm_limit: Option<i64>,
    pub tpm_limit: Option<i64>,
    pub max_parallel_requests: Option<i64>,
    pub metadata: String,
    pub members: String,
    pub blocked: bool,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A row of `users`.
#[derive(Clone, Debug, FromRow)]
pub(super) struct UserRow {
    pub user_id: String,
    pub user_alias: Option<String>,
    pub user_email: Option<String>,
    pub email_key: Option<String>,
    pub user_role: Option<String>,
    pub models: String,
    pub max_budget: Option<i64>,
    pub budget_duration: Option<String>,
    pub rpm_limit: Option<i64>,
    pub tpm_limit: Option<i64>,
    pub max_parallel_requests: Option<i64>,
    pub metadata: String,
    pub created_at: i64,
    pub updated_at: i64,
}

/// Binds columns of a row, in this order.
macro_rules! bind {
    ($query:expr, $row:expr, $($column:ident)*) => { $query$(.bind($row.$column.clone()))* };
}

macro_rules! bind_key {
    ($query:expr, $row:expr) => {
        $crate::store::rows::bind!($query, $row, token key_name key_alias team_id user_id models aliases max_budget budget_duration
            rpm_limit tpm_limit max_parallel_requests metadata allowed_routes blocked expires created_by created_at updated_at)
    };
}

macro_rules! bind_team {
    ($query:expr, $row:expr) => {
        $crate::store::rows::bind!($query, $row, team_id team_alias models max_budget budget_duration rpm_limit tpm_limit
            max_parallel_requests metadata members blocked created_at updated_at)
    };
}

macro_rules! bind_user {
    ($query:expr, $row:expr) => {
        $crate::store::rows::bind!($query, $row, user_id user_alias user_email email_key user_role models max_budget budget_duration
            rpm_limit tpm_limit max_parallel_requests metadata created_at updated_at)
    };
}
pub(super) use {bind, bind_key, bind_team, bind_user};

impl KeyRow {
    /// Errors: a text of it cannot be kept.
    pub fn of(key: &Key) -> Result<KeyRow> {
        fits("key_alias", &key.key_alias)?;
        fits("key_name", Some(&key.key_name))?;
        fits("team_id", &key.team_id)?;
        fits("user_id", &key.user_id)?;
        fits("created_by", Some(&key.created_by))?;
        let limits = &key.limits;
        Ok(KeyRow {
            token: key.token.to_string(),
            key_name: key.key_name.clone(),
            key_alias: key.key_alias.clone(),
            team_id: key.team_id.clone(),
            user_id: key.user_id.clone(),
            models: json(&key.models),
            aliases: json(&key.aliases),
            max_budget: limits.max_budget.map(|money| money.0),
            budget_duration: limits.budget_duration.map(|every| every.to_string()),
            rpm_limit: limits.rpm_limit.map(signed),
            tpm_limit: limits.tpm_limit.map(signed),
            max_parallel_requests: limits.max_parallel_requests.map(signed),
            metadata: json(&key.metadata),
            allowed_routes: json(&key.allowed_routes),
            blocked: key.blocked,
            expires: key.expires.map(|time| time.0),
            created_by: key.created_by.clone(),
            created_at: key.created_at.0,
            updated_at: key.updated_at.0,
        })
    }
}

impl Row for KeyRow {
    type Record = Key;

    const TABLE: Table = Table {
        name: "keys",
        id: "token",
        kind: "key:",
    };

    fn record(self) -> sqlx::Result<Key> {
        Ok(Key {
            token: Token::parse(&self.token).ok_or_else(|| unread("keys.token"))?,
            key_name: self.key_name,
            key_alias: self.key_alias,
            team_id: self.team_id,
            user_id: self.user_id,
            models: read("keys.models", &self.models)?,
            aliases: read("keys.aliases", &self.aliases)?,
            limits: Limits {
                max_budget: self.max_budget.map(Money),
                budget_duration: every("keys.budget_duration", self.budget_duration.as_deref())?,
                rpm_limit: self.rpm_limit.map(unsigned),
                tpm_limit: self.tpm_limit.map(unsigned),
                max_parallel_requests: self.max_parallel_requests.map(unsigned),
            },
            metadata: read("keys.metadata", &self.metadata)?,
            allowed_routes: read("keys.allowed_routes", &self.allowed_routes)?,
            blocked: self.blocked,
            expires: self.expires.map(Time),
            created_by: self.created_by,
            created_at: Time(self.created_at),
            updated_at: Time(self.updated_at),
        })
    }
}

impl TeamRow {
    /// Errors: a text of it cannot be kept.
    pub fn of(team: &Team) -> Result<TeamRow> {
        fits("team_id", Some(&team.team_id))?;
        fits("team_alias", &team.team_alias)?;
        let limits = &team.limits;
        Ok(TeamRow {
            team_id: team.team_id.clone(),
            team_alias: team.team_alias.clone(),
            models: json(&team.models),
            max_budget: limits.max_budget.map(|money| money.0),
            budget_duration: limits.budget_duration.map(|every| every.to_string()),
            rpm_limit: limits.rpm_limit.map(signed),
            tpm_limit: limits.tpm_limit.map(signed),
            max_parallel_requests: limits.max_parallel_requests.map(signed),
            metadata: json(&team.metadata),
            members: json(&team.members),
            blocked: team.blocked,
            created_at: team.created_at.0,
            updated_at: team.updated_at.0,
        })
    }
}

impl Row for TeamRow {
    type Record = Team;

    const TABLE: Table = Table {
        name: "teams",
        id: "team_id",
        kind: "team:",
    };

    fn record(self) -> sqlx::Result<Team> {
        Ok(Team {
            team_id: self.team_id,
            team_alias: self.team_alias,
            models: read("teams.models", &self.models)?,
            limits: Limits {
                max_budget: self.max_budget.map(Money),
                budget_duration: every("teams.budget_duration", self.budget_duration.as_deref())?,
                rpm_limit: self.rpm_limit.map(unsigned),
                tpm_limit: self.tpm_limit.map(unsigned),
                max_parallel_requests: self.max_parallel_requests.map(unsigned),
            },
            metadata: read("teams.metadata", &self.metadata)?,
            members: read("teams.members", &self.members)?,
            blocked: self.blocked,
            created_at: Time(self.created_at),
            updated_at: Time(self.updated_at),
        })
    }
}

impl UserRow {
    /// Errors: a text of it cannot be kept.
    pub fn of(user: &User) -> Result<UserRow> {
        fits("user_id", Some(&user.user_id))?;
        fits("user_alias", &user.user_alias)?;
        fits("user_email", &user.user_email)?;
        fits("user_role", &user.user_role)?;
        let limits = &user.limits;
        Ok(UserRow {
            user_id: user.user_id.clone(),
            user_alias: user.user_alias.clone(),
            user_email: user.user_email.clone(),
            email_key: user.user_email.as_deref().and_then(email_key),
            user_role: user.user_role.clone(),
            models: json(&user.models),
            max_budget: limits.max_budget.map(|money| money.0),
            budget_duration: limits.budget_duration.map(|every| every.to_string()),
            rpm_limit: limits.rpm_limit.map(signed),
            tpm_limit: limits.tpm_limit.map(signed),
            max_parallel_requests: limits.max_parallel_requests.map(signed),
            metadata: json(&user.metadata),
            created_at: user.created_at.0,
            updated_at: user.updated_at.0,
        })
    }
}

impl Row for UserRow {
    type Record = User;

    const TABLE: Table = Table {
        name: "users",
        id: "user_id",
        kind: "user:",
    };

    fn record(self) -> sqlx::Result<User> {
        Ok(User {
            user_id: self.user_id,
            user_alias: self.user_alias,
            user_email: self.user_email,
            user_role: self.user_role,
            models: read("users.models", &self.models)?,
            limits: Limits {
                max_budget: self.max_budget.map(Money),
                budget_duration: every("users.budget_duration", self.budget_duration.as_deref())?,
                rpm_limit: self.rpm_limit.map(unsigned),
                tpm_limit: self.tpm_limit.map(unsigned),
                max_parallel_requests: self.max_parallel_requests.map(unsigned),
            },
            metadata: read("users.metadata", &self.metadata)?,
            created_at: Time(self.created_at),
            updated_at: Time(self.updated_at),
        })
    }
}

/// An address as it is compared; `None`: nothing is left of it. Of two that differ in capitals alone one is taken.
pub(super) fn email_key(email: &str) -> Option<String> {
    let key = email.trim().to_lowercase();
    (!key.is_empty()).then_some(key)
}

/// Columns of text hold no NUL: PostgreSQL keeps none. In JSON it is written otherwise.
pub(super) fn fits<'a>(
    column: &'static str,
    text: impl IntoIterator<Item = &'a String>,
) -> Result<()> {
    match text.into_iter().any(|text| text.contains('\0')) {
        true => Err(Failure::Unfit(column)),
        false => Ok(()),
    }
}

/// Lists of texts and objects are always written.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn read<T: DeserializeOwned>(column: &'static str, text: &str) -> sqlx::Result<T> {
    serde_json::from_str(text).map_err(|_| unread(column))
}

fn every(column: &'static str, text: Option<&str>) -> sqlx::Result<Option<Every>> {
    let read = |text| Every::parse(text).ok_or_else(|| unread(column));
    text.map(read).transpose()
}

/// Somebody else wrote it.
fn unread(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column} has what this version does not read").into())
}

/// Nobody reaches such a limit.
fn signed(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn unsigned(limit: i64) -> u64 {
    u64::try_from(limit).unwrap_or(0)
}
