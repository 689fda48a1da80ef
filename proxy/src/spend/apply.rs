//! A batch into the database, in one transaction: once, whoever tries it how often.

use super::batch::Batch;
use super::insert::insert;
use super::row::ALL;
use crate::keys::{Money, Scope, Time};
use crate::store::pool::Connection;
use crate::store::{self, Store, Tx, on, within};
use serde_json::json;
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is in the database now.
    Now,
    /// It was there before, or a part of it, or more: so many bytes of its journal are. `None`: nothing is known of the journal.
    Before(Option<u64>),
}

/// A statement that takes a list in JSON, `$1`, as a table `list` with a column `value`. Its words are ours.
struct Sql {
    sqlite: Arc<String>,
    postgres: Arc<String>,
}

impl Sql {
    /// Of the name of that table, and of what locks the rows that are read. (SQLite has one writer anyway.)
    fn new(sql: impl Fn(&str, &str) -> String) -> Sql {
        Sql {
            // With a limit it is no part of the whole statement, which would make a value anew for each column that is read of it.
            sqlite: Arc::new(sql(
                "(SELECT value FROM jsonb_each($1) LIMIT -1) AS list",
                "",
            )),
            postgres: Arc::new(sql("jsonb_array_elements($1::jsonb) AS list", "FOR UPDATE")),
        }
    }

    fn of(&self, tx: &mut Tx) -> AssertSqlSafe<Arc<String>> {
        AssertSqlSafe(match tx.connection() {
            Connection::Sqlite(_) => self.sqlite.clone(),
            Connection::Postgres(_) => self.postgres.clone(),
        })
    }
}

/// In the order in which all lock them.
static QUOTAS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::new(|list, lock| {
        let order = if lock.is_empty() { "" } else { "COLLATE \"C\"" };
        format!(
            "SELECT scope, period, used, held FROM quotas \
             WHERE kind = 'budget' AND scope IN (SELECT list.value ->> 0 FROM {list}) ORDER BY scope {order} {lock}"
        )
    })
});

static HOLDS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::new(|list, lock| {
        format!(
            "SELECT scope, amount FROM holds \
             WHERE replica = $2 AND kind = 'budget' AND amount > 0 AND scope IN (SELECT list.value ->> 0 FROM {list}) {lock}"
        )
    })
});

static USE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::new(|list, _| {
        format!(
            "UPDATE quotas SET used = used + CAST(list.value ->> 1 AS BIGINT), held = held - CAST(list.value ->> 2 AS BIGINT) \
             FROM {list} WHERE quotas.scope = list.value ->> 0 AND quotas.kind = 'budget'"
        )
    })
});

static TAKE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::new(|list, _| {
        format!(
            "UPDATE holds SET amount = amount - CAST(list.value ->> 3 AS BIGINT) \
             FROM {list} WHERE holds.scope = list.value ->> 0 AND holds.replica = $2 AND holds.kind = 'budget'"
        )
    })
});

/// Brings a batch into the database. After [`store::Failure::Away`] it may be there or not, and is to be brought again as it is.
pub async fn apply(store: &Store, batch: Arc<Batch>) -> store::Result<Applied> {
    let journal = batch.journal.clone();
    let with = (batch, Time::now());
    let applied = store.write(with, |tx, (batch, now)| {
        Box::pin(async move {
            if !mark(tx, batch, *now).await? {
                return Ok(false);
            }
            if let Some(rows) = &batch.rows {
                insert(tx, rows).await?;
            }
            charge(tx, batch).await?;
            Ok(true)
        })
    });
    match applied.await? {
        true => Ok(Applied::Now),
        false => Ok(Applied::Before(reached(store, journal).await?)),
    }
}

/// How far a journal is in the database; `None`: nothing is known of it.
pub async fn reached(store: &Store, journal: String) -> store::Result<Option<u64>> {
    let sql = "SELECT applied FROM journals WHERE journal = $1";
    let applied: Option<i64> = store
        .run(move |pool| async move {
            on!(&pool, db => sqlx::query_scalar(sql).bind(journal).fetch_optional(db).await)
        })
        .await?;
    Ok(applied.and_then(|bytes| u64::try_from(bytes).ok()))
}

/// Lets a journal begin in the middle, where nothing is known of it.
pub async fn begin_at(store: &Store, journal: String, from: u64) -> store::Result<()> {
    let sql = "INSERT INTO journals (journal, applied, updated_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let (from, now) = (position(from), Time::now());
    store
        .run(move |pool| async move {
            on!(&pool, db => {
                let query = sqlx::query(sql).bind(journal).bind(from).bind(now.0);
                query.execute(db).await.map(drop)
            })
        })
        .await
}

/// Forgets a journal that is no more.
pub async fn forget(store: &Store, journal: String) -> store::Result<()> {
    let sql = "DELETE FROM journals WHERE journal = $1";
    store
        .run(move |pool| async move {
            on!(&pool, db => sqlx::query(sql).bind(journal).execute(db).await.map(drop))
        })
        .await
}

/// Says how far the journal is then; `false`: it is not where the batch begins.
async fn mark(tx: &mut Tx, batch: &Batch, now: Time) -> sqlx::Result<bool> {
    let sql = match batch.from {
        0 => {
            "INSERT INTO journals (journal, applied, updated_at) VALUES ($1, $2, $3) ON CONFLICT (journal) DO UPDATE \
             SET applied = excluded.applied, updated_at = excluded.updated_at WHERE journals.applied = $4"
        }
        _ => {
            "UPDATE journals SET applied = $2, updated_at = $3 WHERE journal = $1 AND applied = $4"
        }
    };
    let (from, to) = (position(batch.from), position(batch.to));
    let count = within!(tx, db => {
        let query = sqlx::query(sql).bind(&batch.journal).bind(to).bind(now.0).bind(from);
        query.execute(db).await?.rows_affected()
    });
    Ok(count == 1)
}

/// Adds what rows cost to what is used, and takes it off what their replica holds.
async fn charge(tx: &mut Tx, batch: &Batch) -> sqlx::Result<()> {
    if batch.charges.is_empty() {
        return Ok(());
    }
    let scopes: Vec<_> = batch.charges.keys().map(|scope| json!([scope])).collect();
    let scopes = json!(scopes).to_string();
    let mut quotas = quotas(tx, &scopes).await?;
    if quotas.len() < batch.charges.len() {
        let missing = batch
            .charges
            .keys()
            .filter(|scope| !quotas.contains_key(*scope));
        let mut are_more = false;
        for scope in missing {
            are_more |= begin(tx, scope).await?;
        }
        if are_more {
            quotas = self::quotas(tx, &scopes).await?;
        }
    }
    let sql = HOLDS.of(tx);
    let holds: Vec<(String, i64)> = within!(tx, db => {
        sqlx::query_as(sql).bind(&scopes).bind(&batch.replica).fetch_all(db).await?
    });
    let holds: BTreeMap<String, i64> = holds.into_iter().collect();
    let changes = batch.charges.iter().filter_map(|(scope, charge)| {
        let quota = quotas.get(scope)?;
        let used = charge.since(quota.period).min(Money(i64::MAX) - quota.used);
        let taken = holds.get(scope).copied().unwrap_or(0).min(charge.sum.0);
        // Whatever went wrong with it, less than nothing is not held.
        Some(json!([scope, used.0, taken.min(quota.held), taken]))
    });
    let changes = json!(changes.collect::<Vec<_>>()).to_string();
    let sql = USE.of(tx);
    within!(tx, db => sqlx::query(sql).bind(&changes).execute(db).await.map(drop))?;
    if !holds.is_empty() {
        let sql = TAKE.of(tx);
        within!(tx, db => {
            sqlx::query(sql).bind(&changes).bind(&batch.replica).execute(db).await.map(drop)
        })?;
    }
    Ok(())
}

/// What is written of a budget.
struct Quota {
    period: Time,
    used: Money,
    held: i64,
}

async fn quotas(tx: &mut Tx, scopes: &str) -> sqlx::Result<BTreeMap<String, Quota>> {
    let sql = QUOTAS.of(tx);
    let rows: Vec<(String, i64, i64, i64)> = within!(tx, db => {
        sqlx::query_as(sql).bind(scopes).fetch_all(db).await?
    });
    let quota = |(scope, period, used, held)| {
        let quota = Quota {
            period: Time(period),
            used: Money(used),
            held,
        };
        (scope, quota)
    };
    Ok(rows.into_iter().map(quota).collect())
}

/// Begins to count what a key, a team or a user spends. Of one that is deleted nothing is counted any more.
async fn begin(tx: &mut Tx, scope: &str) -> sqlx::Result<bool> {
    let (sql, id) = match Scope::parse(scope) {
        _ if scope == ALL => (
            "INSERT INTO quotas (scope, kind, period, used, held) VALUES ($1, 'budget', 0, 0, 0) ON CONFLICT DO NOTHING",
            None,
        ),
        Some(Scope::Key(token)) => (
            "INSERT INTO quotas (scope, kind, period, used, held) \
             SELECT CAST($1 AS TEXT), 'budget', 0, 0, 0 FROM keys WHERE token = $2 ON CONFLICT DO NOTHING",
            Some(token.to_string()),
        ),
        Some(Scope::Team(id)) => (
            "INSERT INTO quotas (scope, kind, period, used, held) \
             SELECT CAST($1 AS TEXT), 'budget', 0, 0, 0 FROM teams WHERE team_id = $2 ON CONFLICT DO NOTHING",
            Some(id),
        ),
        Some(Scope::User(id)) => (
            "INSERT INTO quotas (scope, kind, period, used, held) \
             SELECT CAST($1 AS TEXT), 'budget', 0, 0, 0 FROM users WHERE user_id = $2 ON CONFLICT DO NOTHING",
            Some(id),
        ),
        None => return Ok(false),
    };
    within!(tx, db => {
        let query = sqlx::query(sql).bind(scope);
        let query = match &id {
            Some(id) => query.bind(id),
            None => query,
        };
        query.execute(db).await.map(drop)
    })?;
    // Whoever began it: it is to be looked at.
    Ok(true)
}

fn position(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
