//! What was used of limits, as far as records and those who look at them need it.

use super::records::AT_ONCE;
use super::{Change, Result, Store, Tx, on, within};
use crate::keys::{Limits, Money, Scope, Time};
use sqlx::QueryBuilder;
use std::collections::HashMap;

/// What was spent of a budget, in its period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// So much; none: the period is over.
    pub spend: Money,
    /// When the period is over, or was; `None`: never.
    pub resets_at: Option<Time>,
}

impl Store {
    /// What of these was spent until now, of which anything ever was.
    pub async fn spent(&self, of: Vec<Scope>, now: Time) -> Result<HashMap<Scope, Spent>> {
        self.run(move |pool| async move {
            let mut all = HashMap::new();
            for some in of.chunks(AT_ONCE) {
                let rows: Vec<(String, i64, Option<i64>)> = on!(&pool, db => {
                    let text = "SELECT scope, used, resets_at FROM quotas WHERE kind = 'budget' AND scope IN (";
                    let mut query = QueryBuilder::new(text);
                    let mut list = query.separated(", ");
                    for scope in some {
                        list.push_bind(text_of(scope));
                    }
                    query.push(")");
                    query.build_query_as().fetch_all(db).await
                })?;
                for (scope, used, resets_at) in rows {
                    let is_over = resets_at.is_some_and(|at| at <= now.0);
                    let spent = Spent {
                        spend: Money(if is_over { 0 } else { used }),
                        resets_at: resets_at.map(Time),
                    };
                    all.extend(Scope::parse(&scope).map(|scope| (scope, spent)));
                }
            }
            Ok(all)
        })
        .await
    }
}

/// Sets what was spent, as somebody says; in the period that is now, where none is under way. `period`: the record's limits, and when it
/// was made, for periods begin there.
pub(super) async fn set(
    tx: &mut Tx,
    of: &Scope,
    spend: Money,
    (limits, since): (&Limits, Time),
    now: Time,
) -> sqlx::Result<()> {
    let resets_at = limits.budget_duration.map(|every| every.next(since, now).0);
    let text = "INSERT INTO quotas (scope, kind, period, resets_at, used, held) VALUES ($1, 'budget', $2, $3, $4, 0) \
        ON CONFLICT (scope, kind) DO UPDATE SET used = $4, \
        period = CASE WHEN quotas.resets_at <= $2 THEN $2 ELSE quotas.period END, \
        resets_at = CASE WHEN quotas.resets_at <= $2 THEN $3 ELSE quotas.resets_at END";
    within!(tx, db => {
        let query = sqlx::query(text).bind(text_of(of)).bind(now.0).bind(resets_at);
        query.bind(spend.0).execute(db).await.map(drop)
    })?;
    tx.tell(change(of)).await
}

/// Nothing was ever used of it.
pub(super) async fn forget(tx: &mut Tx, scope: &Scope) -> sqlx::Result<()> {
    for text in [
        "DELETE FROM quotas WHERE scope = $1",
        "DELETE FROM holds WHERE scope = $1",
    ] {
        within!(tx, db => sqlx::query(text).bind(text_of(scope)).execute(db).await.map(drop))?;
    }
    Ok(())
}

/// What was used of the one was used of the other. What replicas hold of the old one they give back under its name, which is none any more:
/// of the new one nothing is held yet.
pub(super) async fn rename(tx: &mut Tx, old: &Scope, new: &Scope) -> sqlx::Result<()> {
    forget(tx, new).await?;
    within!(tx, db => {
        let query = sqlx::query("UPDATE quotas SET scope = $1, held = 0 WHERE scope = $2");
        query.bind(text_of(new)).bind(text_of(old)).execute(db).await.map(drop)
    })?;
    forget(tx, old).await
}

/// Texts with NUL are of nobody, and PostgreSQL does not hear them.
fn text_of(scope: &Scope) -> String {
    scope.to_string().replace('\0', "\u{fffd}")
}

fn change(scope: &Scope) -> Change {
    match scope {
        Scope::Key(token) => Change::Key(*token),
        Scope::Team(id) => Change::Team(id.clone()),
        Scope::User(id) => Change::User(id.clone()),
    }
}
