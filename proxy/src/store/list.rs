//! Pages of a list: which of all, how many at once, and in which order. Orders are of a closed set, so that no text from outside gets into a
//! statement.

use super::rows::{email_key, fits};
use super::{Pool, Result, Tx, on, within};
use crate::keys::{Time, Token};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder};

/// Some of all, and how many they all are.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<T> {
    /// Those of the page.
    pub rows: Vec<T>,
    /// On all pages.
    pub total: u64,
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<O> {
    /// The first is 1.
    pub number: u32,
    /// How many are on it.
    pub size: u32,
    /// What they are sorted by. Those without it are last, and the newest first where it is the same.
    pub order: O,
    /// The greatest first.
    pub is_descending: bool,
}

/// How a text is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// The whole of it.
    Exactly(String),
    /// It is a part, in capitals or not.
    Part(String),
}

/// Which keys; each that is there holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Of this user.
    pub user_id: Option<Match>,
    /// Of this team.
    pub team_id: Option<String>,
    /// Of this hash.
    pub token: Option<Token>,
    /// Of this alias.
    pub key_alias: Option<Match>,
    /// Refused, or not.
    pub blocked: Option<bool>,
}

/// Which teams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TeamFilter {
    /// This one.
    pub team_id: Option<String>,
    /// Of this name.
    pub team_alias: Option<Match>,
    /// That this user is a member of.
    pub member: Option<String>,
}

/// Which users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// This one, or such.
    pub user_id: Option<Match>,
    /// Of this address.
    pub user_email: Option<Match>,
    /// Of this role.
    pub user_role: Option<String>,
}

/// What keys are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyOrder {
    /// When they were made.
    #[default]
    CreatedAt,
    /// When they were changed.
    UpdatedAt,
    /// Their names.
    KeyAlias,
    /// Their hashes.
    Token,
    /// What they may spend.
    MaxBudget,
    /// What they spent in their period.
    Spend,
    /// When they end.
    Expires,
}

/// What teams are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TeamOrder {
    /// When they were made.
    #[default]
    CreatedAt,
    /// Their names.
    TeamAlias,
}

/// What users are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserOrder {
    /// When they were made.
    #[default]
    CreatedAt,
    /// Their ids.
    UserId,
    /// Their names.
    UserAlias,
    /// Their addresses.
    UserEmail,
    /// What they may spend.
    MaxBudget,
    /// What they spent in their period.
    Spend,
}

/// What a row is sorted by; `None`: by what is spent, which is in another table.
pub(super) trait Order {
    fn column(&self) -> Option<&'static str>;
}

impl Order for KeyOrder {
    fn column(&self) -> Option<&'static str> {
        Some(match self {
            KeyOrder::CreatedAt => "created_at",
            KeyOrder::UpdatedAt => "updated_at",
            KeyOrder::KeyAlias => "key_alias",
            KeyOrder::Token => "token",
            KeyOrder::MaxBudget => "max_budget",
            KeyOrder::Expires => "expires",
            KeyOrder::Spend => return None,
        })
    }
}

impl Order for TeamOrder {
    fn column(&self) -> Option<&'static str> {
        Some(match self {
            TeamOrder::CreatedAt => "created_at",
            TeamOrder::TeamAlias => "team_alias",
        })
    }
}

impl Order for UserOrder {
    fn column(&self) -> Option<&'static str> {
        Some(match self {
            UserOrder::CreatedAt => "created_at",
            UserOrder::UserId => "user_id",
            UserOrder::UserAlias => "user_alias",
            UserOrder::UserEmail => "user_email",
            UserOrder::MaxBudget => "max_budget",
            UserOrder::Spend => return None,
        })
    }
}

/// What holds for a row.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// A column is this.
    Is(&'static str, String),
    /// It is a flag, and so.
    Flag(&'static str, bool),
    /// It has this in it, to the letter.
    Has(&'static str, String),
    /// It has this in it, in capitals or not.
    Part(&'static str, String),
}

impl Condition {
    /// Errors: no text of a database is like that.
    fn of(column: &'static str, wanted: Option<Match>) -> Result<Option<Condition>> {
        Ok(match wanted {
            Some(Match::Exactly(text)) => Condition::is(column, Some(text))?,
            Some(Match::Part(text)) => {
                fits(column, Some(&text))?;
                Some(Condition::Part(column, text))
            }
            None => None,
        })
    }

    fn is(column: &'static str, text: Option<String>) -> Result<Option<Condition>> {
        fits(column, &text)?;
        Ok(text.map(|text| Condition::Is(column, text)))
    }
}

/// All that hold.
pub(super) type Conditions = Vec<Condition>;

impl KeyFilter {
    pub(super) fn conditions(self) -> Result<Conditions> {
        let all = [
            Condition::of("user_id", self.user_id)?,
            Condition::is("team_id", self.team_id)?,
            Condition::is("token", self.token.map(|token| token.to_string()))?,
            Condition::of("key_alias", self.key_alias)?,
            self.blocked.map(|is| Condition::Flag("blocked", is)),
        ];
        Ok(all.into_iter().flatten().collect())
    }
}

impl TeamFilter {
    pub(super) fn conditions(self) -> Result<Conditions> {
        fits("user_id", &self.member)?;
        let all = [
            Condition::is("team_id", self.team_id)?,
            Condition::of("team_alias", self.team_alias)?,
            self.member
                .map(|id| Condition::Has("members", as_member(&id))),
        ];
        Ok(all.into_iter().flatten().collect())
    }
}

impl UserFilter {
    pub(super) fn conditions(self) -> Result<Conditions> {
        let email = match self.user_email {
            // As it is unique.
            Some(Match::Exactly(text)) => {
                fits("user_email", Some(&text))?;
                let key = email_key(&text).unwrap_or_default();
                Some(Condition::Is("email_key", key))
            }
            part => Condition::of("user_email", part)?,
        };
        let all = [
            Condition::of("user_id", self.user_id)?,
            email,
            Condition::is("user_role", self.user_role)?,
        ];
        Ok(all.into_iter().flatten().collect())
    }
}

/// As a team's members are written. A quote in a text of them is written otherwise, so that this is found nowhere else.
fn as_member(user_id: &str) -> String {
    format!("\"user_id\":{}", serde_json::Value::from(user_id))
}

/// Of the teams that somebody is in.
pub(super) async fn ids_of_teams_with(tx: &mut Tx, user_id: &str) -> sqlx::Result<Vec<String>> {
    let member = as_member(user_id);
    within!(tx, db => {
        let query = "SELECT team_id FROM teams WHERE replace(members, $1, '') <> members";
        sqlx::query_scalar(query).bind(member).fetch_all(db).await
    })
}

/// Where the records of one kind are.
pub(super) struct Table {
    pub name: &'static str,
    pub id: &'static str,
    /// Before the id, in a scope.
    pub kind: &'static str,
}

/// How many rows there are, and those of the page.
pub(super) async fn find<R, O>(
    pool: &Pool,
    table: &Table,
    conditions: &Conditions,
    page: Page<O>,
    now: Time,
) -> sqlx::Result<(u64, Vec<R>)>
where
    R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    O: Order,
{
    let Table { name, id, kind } = table;
    let position = match pool {
        Pool::Sqlite(..) => "instr(",
        Pool::Postgres(_) => "strpos(",
    };
    macro_rules! narrow {
        ($query:expr) => {
            for (nth, condition) in conditions.iter().enumerate() {
                $query.push(if nth == 0 { " WHERE " } else { " AND " });
                match condition {
                    Condition::Is(column, text) => {
                        $query
                            .push("t.")
                            .push(column)
                            .push(" = ")
                            .push_bind(text.clone());
                    }
                    Condition::Flag(column, is) => {
                        $query.push("t.").push(column).push(" = ").push_bind(*is);
                    }
                    Condition::Has(column, text) => {
                        $query.push(position).push("t.").push(column).push(", ");
                        $query.push_bind(text.clone()).push(") > 0");
                    }
                    Condition::Part(column, text) => {
                        $query
                            .push(position)
                            .push("lower(t.")
                            .push(column)
                            .push("), lower(");
                        $query.push_bind(text.clone()).push(")) > 0");
                    }
                }
            }
        };
    }
    let direction = match page.is_descending {
        true => " DESC",
        false => " ASC",
    };
    let size = i64::from(page.size);
    let offset = size.saturating_mul(i64::from(page.number.saturating_sub(1)));
    on!(pool, db => {
        let mut count = QueryBuilder::new("SELECT COUNT(*) FROM ");
        count.push(name).push(" t");
        narrow!(count);
        let total: i64 = count.build_query_scalar().fetch_one(db).await?;
        let mut query = QueryBuilder::new("SELECT t.* FROM ");
        query.push(name).push(" t");
        let column = page.order.column();
        if column.is_none() {
            query.push(" LEFT JOIN quotas q ON q.kind = 'budget' AND q.scope = '").push(kind);
            query.push("' || t.").push(id);
        }
        narrow!(query);
        query.push(" ORDER BY ");
        match column {
            Some(column) => query.push("t.").push(column),
            // What is spent in a period that is over counts no more.
            None => {
                query.push("CASE WHEN q.resets_at <= ").push_bind(now.0);
                query.push(" THEN 0 ELSE COALESCE(q.used, 0) END")
            }
        };
        query.push(direction).push(" NULLS LAST, t.created_at DESC, t.").push(id);
        query.push(" LIMIT ").push_bind(size).push(" OFFSET ").push_bind(offset);
        let rows = query.build_query_as().fetch_all(db).await?;
        Ok((u64::try_from(total).unwrap_or(0), rows))
    })
}
