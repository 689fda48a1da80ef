//! What was spent: single requests, and sums. Each is work for [`crate::store::Store::run`].

use super::row::{ALL, Row};
use crate::keys::{Money, Time, Token};
use crate::store::{Pool, on};
use sqlx::AssertSqlSafe;
use std::borrow::Cow;
use std::fmt::Write;

/// Which requests. What is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// The call's id.
    pub request_id: Option<String>,
    /// The key; of the master key see `of_master`.
    pub token: Option<Token>,
    /// Of the master key alone.
    pub of_master: bool,
    /// The key's team.
    pub team_id: Option<String>,
    /// The key's user.
    pub user_id: Option<String>,
    /// The request's own field `user`.
    pub end_user: Option<String>,
    /// The configuration's name.
    pub model_group: Option<String>,
    /// Begun then, or later.
    pub start: Option<Time>,
    /// Begun before.
    pub end: Option<Time>,
    /// Answered whole, or not.
    pub has_failed: Option<bool>,
}

/// Some of the requests, the newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Logs {
    /// Those of the page.
    pub rows: Vec<Row<'static>>,
    /// How many there are in all.
    pub total: u64,
}

/// What requests have in common that are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The day in UTC, as `2026-01-31`.
    Day,
    /// The hash of the key; empty: the master key.
    Key,
    /// The configuration's name of the model.
    Model,
    /// The key's user; empty: none.
    User,
}

/// Requests that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// What they have in common, for each that was asked for.
    pub of: Vec<String>,
    /// How many they are.
    pub requests: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// What they cost.
    pub spend: Money,
}

/// What a key has spent of its budget: in its present period, where it has some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpend {
    /// Its hash.
    pub token: String,
    /// What is shown of it.
    pub key_name: String,
    /// The owner's name for it.
    pub key_alias: Option<String>,
    /// Its team.
    pub team_id: Option<String>,
    /// Its user.
    pub user_id: Option<String>,
    /// What it has spent.
    pub spend: Money,
}

/// A sum of money is wider than the database's whole numbers: its millionths of a dollar, and their millionths.
const SPEND: &str = "CAST(COALESCE(SUM(spend / 1000000), 0) AS BIGINT), CAST(COALESCE(SUM(spend % 1000000), 0) AS BIGINT)";

/// Milliseconds.
const DAY: i64 = 86_400_000;

/// A value of a statement.
enum Value<'a> {
    Number(i64),
    Text(Cow<'a, str>),
}

/// Binds values in their order.
macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Number(number) => query.bind(*number),
                Value::Text(text) => query.bind(text.to_string()),
            };
        }
        query
    }};
}

impl Filter {
    /// The condition, whose words are ours, and its values.
    fn sql(&self) -> (String, Vec<Value<'_>>) {
        let mut sql = "WHERE 1 = 1".to_owned();
        let mut values = Vec::new();
        let mut add = |condition: &str, value: Value<'_>| {
            values.push(match value {
                Value::Number(number) => Value::Number(number),
                Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            });
            let _ = write!(sql, " AND {condition} ${}", values.len());
        };
        let token = match self.of_master {
            true => Some(String::new()),
            false => self.token.map(|token| token.to_string()),
        };
        for (column, value) in [
            ("request_id", self.request_id.as_deref()),
            ("token", token.as_deref()),
            ("team_id", self.team_id.as_deref()),
            ("user_id", self.user_id.as_deref()),
            ("end_user", self.end_user.as_deref()),
            ("model_group", self.model_group.as_deref()),
        ] {
            if let Some(value) = value {
                add(&format!("{column} ="), Value::Text(value.into()));
            }
        }
        if let Some(start) = self.start {
            add("started_at >=", Value::Number(start.0));
        }
        if let Some(end) = self.end {
            add("started_at <", Value::Number(end.0));
        }
        match self.has_failed {
            Some(true) => add("status >=", Value::Number(400)),
            Some(false) => add("status <", Value::Number(400)),
            None => {}
        }
        (sql, values)
    }
}

type Columns = (
    String,
    i64,
    Option<i64>,
    i64,
    String,
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    String,
    String,
    i64,
    i64,
    i64,
    i64,
);

const COLUMNS: &str = "request_id, started_at, first_chunk_at, ended_at, call_type, token, team_id, user_id, end_user, model, model_group, \
     model_id, prompt_tokens, completion_tokens, spend, status";

fn row(columns: Columns) -> Row<'static> {
    let (request_id, started_at, first_chunk_at, ended_at, call_type, token, team, user, ..) =
        columns;
    let (.., end_user, model, group, id, prompt, completion, spend, status) = columns;
    Row {
        request_id: request_id.into(),
        started_at: Time(started_at),
        first_chunk_at: first_chunk_at.map(Time),
        ended_at: Time(ended_at),
        call_type: call_type.into(),
        token: Token::parse(&token),
        team_id: team.map(Cow::from),
        user_id: user.map(Cow::from),
        end_user: end_user.map(Cow::from),
        model: model.into(),
        model_group: group.into(),
        model_id: id.into(),
        prompt_tokens: count(prompt),
        completion_tokens: count(completion),
        spend: Money(spend),
        status: u16::try_from(status).unwrap_or(0),
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn money(millionths: i64, rest: i64) -> Money {
    let parts = i128::from(millionths) * 1_000_000 + i128::from(rest);
    Money(i64::try_from(parts).unwrap_or(i64::MAX))
}

/// The requests that `filter` lets pass: `size` of them on page `page`, which begins at 1.
pub async fn logs(pool: Pool, filter: Filter, page: u32, size: u32) -> sqlx::Result<Logs> {
    let (condition, values) = filter.sql();
    let skipped = i64::from(page.max(1) - 1) * i64::from(size);
    let rows = format!(
        "SELECT {COLUMNS} FROM spend_logs {condition} ORDER BY started_at DESC, request_id DESC LIMIT {size} OFFSET {skipped}"
    );
    let total = format!("SELECT COUNT(*) FROM spend_logs {condition}");
    on!(&pool, db => {
        let rows = bound!(sqlx::query_as::<_, Columns>(AssertSqlSafe(rows)), &values).fetch_all(db).await?;
        let total: i64 = bound!(sqlx::query_scalar(AssertSqlSafe(total)), &values).fetch_one(db).await?;
        let rows = rows.into_iter().map(row).collect();
        Ok(Logs { rows, total: count(total) })
    })
}

/// Sums over the requests that `filter` lets pass, by up to two things that they have in common, in order of these.
pub async fn sums(pool: Pool, filter: Filter, by: Vec<By>) -> sqlx::Result<Vec<Sum>> {
    let (condition, values) = filter.sql();
    let column = |by: Option<&By>| match by {
        Some(By::Day) => format!("started_at / {DAY}"),
        Some(By::Key) => "token".to_owned(),
        Some(By::Model) => "model_group".to_owned(),
        Some(By::User) => "COALESCE(user_id, '')".to_owned(),
        None => "''".to_owned(),
    };
    let (first, second) = (column(by.first()), column(by.get(1)));
    let sql = format!(
        "SELECT CAST(a AS TEXT), CAST(b AS TEXT), COUNT(*), CAST(SUM(prompt_tokens) AS BIGINT), CAST(SUM(completion_tokens) AS BIGINT), {SPEND} \
         FROM (SELECT {first} AS a, {second} AS b, prompt_tokens, completion_tokens, spend FROM spend_logs {condition}) AS found \
         GROUP BY a, b ORDER BY a, b"
    );
    type Found = (String, String, i64, i64, i64, i64, i64);
    let found = on!(&pool, db => {
        bound!(sqlx::query_as::<_, Found>(AssertSqlSafe(sql)), &values).fetch_all(db).await?
    });
    let name = |by: &By, text: String| match (by, text.parse::<i64>()) {
        (By::Day, Ok(day)) => Time(day.saturating_mul(DAY)).text()[.."2026-01-31".len()].to_owned(),
        _ => text,
    };
    let sum = |(a, b, requests, prompt, completion, millionths, rest): Found| Sum {
        of: by
            .iter()
            .zip([a, b])
            .map(|(by, text)| name(by, text))
            .collect(),
        requests: count(requests),
        prompt_tokens: count(prompt),
        completion_tokens: count(completion),
        spend: money(millionths, rest),
    };
    Ok(found.into_iter().map(sum).collect())
}

/// All that was ever spent, also of rows that are removed by now.
pub async fn total(pool: Pool) -> sqlx::Result<Money> {
    let sql = "SELECT used FROM quotas WHERE scope = $1 AND kind = 'budget'";
    let used: Option<i64> =
        on!(&pool, db => sqlx::query_scalar(sql).bind(ALL).fetch_optional(db).await?);
    Ok(Money(used.unwrap_or(0)))
}

/// Keys that there are, those that spent most first.
pub async fn keys(pool: Pool, now: Time, most: u32) -> sqlx::Result<Vec<KeySpend>> {
    let sql = "SELECT token, key_name, key_alias, team_id, user_id, \
         CASE WHEN resets_at <= $1 THEN 0 ELSE COALESCE(used, 0) END AS spent \
         FROM keys LEFT JOIN quotas ON scope = 'key:' || token AND kind = 'budget' \
         ORDER BY spent DESC, token LIMIT $2";
    type Found = (
        String,
        String,
        Option<String>,
        Option<String>,
        Option<String>,
        i64,
    );
    let found: Vec<Found> = on!(&pool, db => {
        sqlx::query_as(sql).bind(now.0).bind(i64::from(most)).fetch_all(db).await?
    });
    let key = |(token, key_name, key_alias, team_id, user_id, spent): Found| KeySpend {
        token,
        key_name,
        key_alias,
        team_id,
        user_id,
        spend: Money(spent),
    };
    Ok(found.into_iter().map(key).collect())
}
