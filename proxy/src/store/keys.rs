//! Keys in the database.

use super::list::{self, Found, KeyFilter, KeyOrder, Page, Table};
use super::rows::{KeyRow, bind_key, fits};
use super::{Change, Result, Store, Tx, on, scopes, within};
use crate::keys::{Key, Scope, Time, Token};
use sqlx::QueryBuilder;

const TABLE: Table = Table {
    name: "keys",
    id: "token",
    kind: "key:",
};

/// In one statement.
pub(super) const AT_ONCE: usize = 500;

const INSERT: &str = "INSERT INTO keys (token, key_name, key_alias, team_id, user_id, models, aliases, max_budget, budget_duration, \
    rpm_limit, tpm_limit, max_parallel_requests, metadata, allowed_routes, blocked, expires, created_by, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";

const UPDATE: &str = "UPDATE keys SET token = $1, key_name = $2, key_alias = $3, team_id = $4, user_id = $5, models = $6, aliases = $7, \
    max_budget = $8, budget_duration = $9, rpm_limit = $10, tpm_limit = $11, max_parallel_requests = $12, metadata = $13, \
    allowed_routes = $14, blocked = $15, expires = $16, created_by = $17, created_at = $18, updated_at = $19 WHERE token = $20";

impl Store {
    /// Keeps a new key, of which nothing is spent. `Taken("key_alias")` or `Taken("token")`: there is one already.
    pub async fn insert_key(&self, key: Key) -> Result<()> {
        let row = KeyRow::of(&key)?;
        self.write((key.token, row), |tx, (token, row)| {
            Box::pin(async move {
                scopes::forget(tx, &Scope::Key(*token)).await?;
                within!(tx, db => bind_key!(sqlx::query(INSERT), row).execute(db).await.map(drop))?;
                tx.tell(Change::Key(*token)).await
            })
        })
        .await
    }

    /// The key with this hash.
    pub async fn key(&self, token: Token) -> Result<Option<Key>> {
        Ok(self.keys(vec![token]).await?.pop())
    }

    /// Those with these hashes, as far as there are some, in no order.
    pub async fn keys(&self, tokens: Vec<Token>) -> Result<Vec<Key>> {
        self.run(move |pool| async move {
            let mut keys = Vec::new();
            for some in tokens.chunks(AT_ONCE) {
                let rows: Vec<KeyRow> = on!(&pool, db => {
                    let mut query = QueryBuilder::new("SELECT * FROM keys WHERE token IN (");
                    let mut list = query.separated(", ");
                    for token in some {
                        list.push_bind(token.to_string());
                    }
                    query.push(")");
                    query.build_query_as().fetch_all(db).await
                })?;
                keys.extend(records(rows)?);
            }
            Ok(keys)
        })
        .await
    }

    /// The key of this alias.
    pub async fn key_of_alias(&self, alias: String) -> Result<Option<Key>> {
        fits("key_alias", Some(&alias))?;
        self.run(move |pool| async move {
            let row: Option<KeyRow> = on!(&pool, db => {
                let query = sqlx::query_as("SELECT * FROM keys WHERE key_alias = $1");
                query.bind(alias).fetch_optional(db).await
            })?;
            row.map(KeyRow::record).transpose()
        })
        .await
    }

    /// Has one changed, and tells how it is then; `None`: there is none. With another `token` it is another key with the same spend:
    /// the old one is none any more. `change` may be done more than once, and sets `updated_at`.
    pub async fn change_key<C>(&self, token: Token, change: C) -> Result<Option<Key>>
    where
        C: Fn(&mut Key) + Send + Sync + 'static,
    {
        let done = self.write((token, change), |tx, (token, change)| {
            Box::pin(async move {
                let Some(mut key) = lock(tx, *token).await? else {
                    return Ok(Ok(None));
                };
                change(&mut key);
                let row = match KeyRow::of(&key) {
                    Ok(row) => row,
                    Err(failure) => return Ok(Err(failure)),
                };
                within!(tx, db => {
                    let query = bind_key!(sqlx::query(UPDATE), row).bind(token.to_string());
                    query.execute(db).await.map(drop)
                })?;
                if key.token != *token {
                    scopes::rename(tx, &Scope::Key(*token), &Scope::Key(key.token)).await?;
                    tx.tell(Change::Key(key.token)).await?;
                }
                tx.tell(Change::Key(*token)).await?;
                Ok(Ok(Some(key)))
            })
        });
        done.await?
    }

    /// Deletes keys, and tells which there were. What was spent with them stays in the log.
    pub async fn delete_keys(&self, tokens: Vec<Token>) -> Result<Vec<Key>> {
        self.write(tokens, |tx, tokens| Box::pin(delete(tx, tokens)))
            .await
    }

    /// Some of all keys. `now` tells whose spend is of a period that is over, when they are sorted by it.
    pub async fn find_keys(
        &self,
        filter: KeyFilter,
        page: Page<KeyOrder>,
        now: Time,
    ) -> Result<Found<Key>> {
        let conditions = filter.conditions()?;
        self.run(move |pool| async move {
            let (total, rows) = list::find(&pool, &TABLE, &conditions, page, now).await?;
            let rows = records(rows)?;
            Ok(Found { rows, total })
        })
        .await
    }
}

/// One that nobody else changes until this transaction ends.
async fn lock(tx: &mut Tx, token: Token) -> sqlx::Result<Option<Key>> {
    let row: Option<KeyRow> = within!(tx, db => {
        let query = "UPDATE keys SET updated_at = updated_at WHERE token = $1 RETURNING *";
        sqlx::query_as(query).bind(token.to_string()).fetch_optional(db).await
    })?;
    row.map(KeyRow::record).transpose()
}

async fn delete(tx: &mut Tx, tokens: &[Token]) -> sqlx::Result<Vec<Key>> {
    let mut gone = Vec::new();
    for token in in_order(tokens) {
        let row: Option<KeyRow> = within!(tx, db => {
            let query = sqlx::query_as("DELETE FROM keys WHERE token = $1 RETURNING *");
            query.bind(token.to_string()).fetch_optional(db).await
        })?;
        if let Some(row) = row {
            gone.push(forgotten(tx, row).await?);
        }
    }
    Ok(gone)
}

/// Deletes the keys of which a column has this value.
pub(super) async fn delete_of(tx: &mut Tx, delete: &'static str, value: &str) -> sqlx::Result<()> {
    let rows: Vec<KeyRow> =
        within!(tx, db => sqlx::query_as(delete).bind(value.to_owned()).fetch_all(db).await)?;
    for row in rows {
        forgotten(tx, row).await?;
    }
    Ok(())
}

/// One that is deleted now.
async fn forgotten(tx: &mut Tx, row: KeyRow) -> sqlx::Result<Key> {
    let key = row.record()?;
    scopes::forget(tx, &Scope::Key(key.token)).await?;
    tx.tell(Change::Key(key.token)).await?;
    Ok(key)
}

/// Two transactions that lock several come to them in the same order.
pub(super) fn in_order<T: Ord + Clone>(ids: &[T]) -> Vec<T> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    ids
}

fn records(rows: Vec<KeyRow>) -> sqlx::Result<Vec<Key>> {
    rows.into_iter().map(KeyRow::record).collect()
}
