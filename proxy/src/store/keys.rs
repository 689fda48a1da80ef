//! Keys in the database.

use super::list::{Found, KeyFilter, KeyOrder, Page};
use super::records::{Row, in_order, lock, take, take_where};
use super::rows::{KeyRow, bind_key, fits};
use super::together::{Beside, beside};
use super::{Change, Result, Store, Tx, on, scopes, within};
use crate::keys::{Key, Scope, Time, Token};

const INSERT: &str = "INSERT INTO keys (token, key_name, key_alias, team_id, user_id, models, aliases, max_budget, budget_duration, \
    rpm_limit, tpm_limit, max_parallel_requests, metadata, allowed_routes, blocked, expires, created_by, created_at, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";

const UPDATE: &str = "UPDATE keys SET token = $1, key_name = $2, key_alias = $3, team_id = $4, user_id = $5, models = $6, aliases = $7, \
    max_budget = $8, budget_duration = $9, rpm_limit = $10, tpm_limit = $11, max_parallel_requests = $12, metadata = $13, \
    allowed_routes = $14, blocked = $15, expires = $16, created_by = $17, created_at = $18, updated_at = $19 WHERE token = $20";

impl Store {
    /// The key with this hash.
    pub async fn key(&self, token: Token) -> Result<Option<Key>> {
        Ok(self.keys(vec![token]).await?.pop())
    }

    /// Those with these hashes, as far as there are some, in no order.
    pub async fn keys(&self, tokens: Vec<Token>) -> Result<Vec<Key>> {
        let tokens = tokens.iter().map(Token::to_string);
        self.rows::<KeyRow>(tokens.collect()).await
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
        self.change_key_beside(token, Beside::default(), change)
            .await
    }

    /// The same, with what is to happen beside it, or not at all.
    pub async fn change_key_beside<C>(
        &self,
        token: Token,
        with: Beside,
        change: C,
    ) -> Result<Option<Key>>
    where
        C: Fn(&mut Key) + Send + Sync + 'static,
    {
        let done = self.write((token, with, change), |tx, (token, with, change)| {
            Box::pin(async move {
                with.hold(tx).await?;
                let Some(mut key) = lock::<KeyRow>(tx, &token.to_string()).await? else {
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
                let scope = Scope::Key(key.token);
                if key.token != *token {
                    scopes::rename(tx, &Scope::Key(*token), &scope).await?;
                    tx.tell(Change::Gone(Scope::Key(*token))).await?;
                }
                beside(tx, with, &scope, (&key.limits, key.created_at)).await?;
                tx.tell(told(&key)).await?;
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
        self.page::<KeyRow, _>(conditions, page, now).await
    }
}

/// One that there is not yet.
pub(super) async fn insert(tx: &mut Tx, token: Token, row: &KeyRow) -> sqlx::Result<()> {
    scopes::forget(tx, &Scope::Key(token)).await?;
    within!(tx, db => bind_key!(sqlx::query(INSERT), row).execute(db).await.map(drop))?;
    tx.tell(Change::Key(token)).await
}

/// What a change of one means for those who remember it.
fn told(key: &Key) -> Change {
    match key.blocked {
        true => Change::Gone(Scope::Key(key.token)),
        false => Change::Key(key.token),
    }
}

async fn delete(tx: &mut Tx, tokens: &[Token]) -> sqlx::Result<Vec<Key>> {
    let mut gone = Vec::new();
    for token in in_order(tokens) {
        if let Some(key) = take::<KeyRow>(tx, &token.to_string()).await? {
            forgotten(tx, &key).await?;
            gone.push(key);
        }
    }
    Ok(gone)
}

/// Deletes the keys of which each of these columns has this value.
pub(super) async fn delete_of(tx: &mut Tx, columns: &[(&'static str, &str)]) -> sqlx::Result<()> {
    let mut keys = take_where::<KeyRow>(tx, columns).await?;
    keys.sort_by_key(|key| key.token);
    for key in keys {
        forgotten(tx, &key).await?;
    }
    Ok(())
}

/// One that is deleted now.
async fn forgotten(tx: &mut Tx, key: &Key) -> sqlx::Result<()> {
    let scope = Scope::Key(key.token);
    scopes::forget(tx, &scope).await?;
    tx.tell(Change::Gone(scope)).await
}
