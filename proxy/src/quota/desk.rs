//! The database as a bank, for this replica.

use super::Kind;
use super::bank::{Answer, Bank, Deal, Epochs, Row, Said, Trouble, settle, to_all};
use super::replica::Replica;
use crate::keys::Time;
use crate::store::{Failure, Result, Store, Tx, on, within};
use std::fmt;
use std::sync::Arc;
use tracing::warn;

/// Given back of a dead replica in one transaction.
const SWEEP: i64 = 100;

/// Where this replica borrows.
#[derive(Clone)]
pub struct Desk {
    store: Store,
    replica: Arc<Replica>,
    clock: fn() -> Time,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Desk").field(&self.replica).finish()
    }
}

impl Desk {
    /// Of a new replica.
    pub fn new(store: Store) -> Desk {
        Desk::by_clock(store, Time::now)
    }

    pub(super) fn by_clock(store: Store, clock: fn() -> Time) -> Desk {
        Desk {
            store,
            replica: Arc::new(Replica::default()),
            clock,
        }
    }

    /// Who it is to the database: the journal takes what was spent from what is held by that name.
    pub fn replica(&self) -> &Arc<Replica> {
        &self.replica
    }

    /// It is alive. Where the others thought that it was not, it begins anew.
    pub async fn beat(&self) -> Result<()> {
        let (name, now) = (self.replica.name(), (self.clock)().0);
        let of = name.clone();
        let beat = self.store.run(move |pool| async move {
            let sql = "UPDATE replicas SET seen_at = $2 WHERE replica = $1";
            on!(&pool, db => sqlx::query(sql).bind(&*of).bind(now).execute(db).await.map(|done| done.rows_affected()))
        });
        if beat.await? == 0 && self.replica.is_registered() {
            self.replica.renew(&name);
        }
        self.register().await
    }

    async fn register(&self) -> Result<()> {
        if self.replica.is_registered() {
            return Ok(());
        }
        let (name, now) = (self.replica.name(), (self.clock)().0);
        let of = name.clone();
        let register = self.store.run(move |pool| async move {
            let sql = "INSERT INTO replicas (replica, seen_at) VALUES ($1, $2) ON CONFLICT (replica) DO NOTHING";
            on!(&pool, db => sqlx::query(sql).bind(&*of).bind(now).execute(db).await.map(drop))
        });
        register.await?;
        self.replica.registered(&name);
        Ok(())
    }

    /// Who is there, with the time that they were there last by their own clock; those that hold something and are not there with none.
    pub async fn replicas(&self) -> Result<Vec<(String, Time)>> {
        let all = self.store.run(|pool| async move {
            let sql = "SELECT replica, seen_at FROM replicas UNION \
                       SELECT replica, 0 FROM holds WHERE replica NOT IN (SELECT replica FROM replicas)";
            on!(&pool, db => sqlx::query_as::<_, (String, i64)>(sql).fetch_all(db).await)
        });
        let all = all.await?.into_iter();
        let mine = self.replica.name();
        let others = all.filter(|(name, _)| **name != *mine);
        Ok(others.map(|(name, seen)| (name, Time(seen))).collect())
    }

    /// Gives back all that a replica holds, and forgets it.
    pub async fn sweep(&self, replica: &str) -> Result<()> {
        let name: Arc<str> = replica.into();
        loop {
            let some = self
                .store
                .write(name.clone(), |tx, name| Box::pin(sweep(tx, name)));
            if some.await? < SWEEP as usize {
                return Ok(());
            }
        }
    }

    async fn lend(&self, deals: Arc<[Deal]>) -> std::result::Result<Vec<Answer>, Trouble> {
        let away = |failure| {
            if let Failure::Broken(words) = failure {
                warn!("limits of keys: the database does not lend: {words}");
            }
            Trouble::Away
        };
        self.register().await.map_err(away)?;
        let name = self.replica.name();
        let with = (name.clone(), deals);
        let made = self
            .store
            .write(with, |tx, (name, deals)| Box::pin(make(tx, name, deals)));
        match made.await.map_err(away)? {
            Some(answers) => Ok(answers),
            None => {
                self.replica.renew(&name);
                Err(Trouble::Void)
            }
        }
    }

    /// Gives back all that this one holds: when nothing is under way any more, and the journal is in the database.
    pub async fn leave(&self) -> Result<()> {
        self.sweep(&self.replica.name()).await
    }
}

impl Bank for Desk {
    fn deal(&self, deals: Arc<[Deal]>) -> impl Future<Output = Said> + Send + 'static {
        let desk = self.clone();
        async move { to_all(&deals, desk.lend(deals.clone()).await) }
    }

    fn now(&self) -> Time {
        (self.clock)()
    }

    fn epochs(&self) -> Epochs {
        let epoch = self.replica.epoch();
        Epochs {
            money: epoch,
            permits: epoch,
        }
    }
}

/// `None`: the replica is not there.
async fn make(tx: &mut Tx, replica: &str, deals: &[Deal]) -> sqlx::Result<Option<Vec<Answer>>> {
    let mut answers = Vec::with_capacity(deals.len());
    for deal in deals {
        // From here on nobody else reads it.
        let Some(mut before) = lock(tx, deal).await? else {
            answers.push(Answer::default());
            continue;
        };
        if deal.kind.is_held() {
            let (hold, is_there) = hold(tx, replica, deal).await?;
            if !is_there {
                return Ok(None);
            }
            before.hold = hold;
        }
        let (after, answer) = settle(deal, before);
        write(tx, replica, deal, before, after).await?;
        answers.push(answer);
    }
    Ok(Some(answers))
}

async fn lock(tx: &mut Tx, deal: &Deal) -> sqlx::Result<Option<Row>> {
    let asks = "INSERT INTO quotas (scope, kind, period, resets_at, used, held) VALUES ($1, $2, $3, $4, 0, 0) \
                ON CONFLICT (scope, kind) DO UPDATE SET held = quotas.held RETURNING used, held, period, resets_at";
    // Of a scope that is gone nothing is written any more.
    let gives = "UPDATE quotas SET held = held WHERE scope = $1 AND kind = $2 RETURNING used, held, period, resets_at";
    type Found = Option<(i64, i64, i64, Option<i64>)>;
    let (scope, kind) = (&*deal.scope, deal.kind.name());
    // Of a budget that was not there before, what was spent until now counts.
    let from = if deal.kind == Kind::Budget {
        0
    } else {
        deal.from.0
    };
    let over = deal.resets_at.map(|at| at.0);
    let found: Found = match deal.least > 0 {
        true => {
            within!(tx, db => sqlx::query_as(asks).bind(scope).bind(kind).bind(from).bind(over).fetch_optional(db).await)?
        }
        false => {
            within!(tx, db => sqlx::query_as(gives).bind(scope).bind(kind).fetch_optional(db).await)?
        }
    };
    Ok(found.map(|(used, held, period, resets_at)| Row {
        used,
        held,
        period: Time(period),
        resets_at: resets_at.map(Time),
        hold: 0,
    }))
}

/// What the replica holds, and whether it is there.
async fn hold(tx: &mut Tx, replica: &str, deal: &Deal) -> sqlx::Result<(i64, bool)> {
    let sql = "SELECT (SELECT amount FROM holds WHERE replica = $1 AND scope = $2 AND kind = $3), \
               (SELECT COUNT(*) FROM replicas WHERE replica = $1)";
    let (scope, kind) = (&*deal.scope, deal.kind.name());
    let found: (Option<i64>, i64) = within!(tx, db => sqlx::query_as(sql).bind(replica).bind(scope).bind(kind).fetch_one(db).await)?;
    Ok((found.0.unwrap_or(0), found.1 > 0))
}

async fn write(
    tx: &mut Tx,
    replica: &str,
    deal: &Deal,
    before: Row,
    after: Row,
) -> sqlx::Result<()> {
    let (scope, kind) = (&*deal.scope, deal.kind.name());
    if after != before {
        let sql = "UPDATE quotas SET used = $3, held = $4, period = $5, resets_at = $6 WHERE scope = $1 AND kind = $2";
        let over = after.resets_at.map(|at| at.0);
        within!(tx, db => sqlx::query(sql).bind(scope).bind(kind).bind(after.used).bind(after.held)
            .bind(after.period.0).bind(over).execute(db).await.map(drop))?;
    }
    if after.hold == before.hold {
        return Ok(());
    }
    let some = "INSERT INTO holds (replica, scope, kind, amount) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (replica, scope, kind) DO UPDATE SET amount = excluded.amount";
    let none = "DELETE FROM holds WHERE replica = $1 AND scope = $2 AND kind = $3";
    match after.hold {
        0 => {
            within!(tx, db => sqlx::query(none).bind(replica).bind(scope).bind(kind).execute(db).await.map(drop))
        }
        hold => {
            within!(tx, db => sqlx::query(some).bind(replica).bind(scope).bind(kind).bind(hold).execute(db).await.map(drop))
        }
    }
}

/// How many rows there were.
async fn sweep(tx: &mut Tx, replica: &str) -> sqlx::Result<usize> {
    let sql = "DELETE FROM replicas WHERE replica = $1";
    within!(tx, db => sqlx::query(sql).bind(replica).execute(db).await.map(drop))?;
    let sql = "SELECT scope, kind FROM holds WHERE replica = $1 LIMIT $2";
    let mut rows: Vec<(String, String)> =
        within!(tx, db => sqlx::query_as(sql).bind(replica).bind(SWEEP).fetch_all(db).await)?;
    // The order of everybody; a database's own depends on its language.
    rows.sort();
    for (scope, kind) in &rows {
        let lock = "UPDATE quotas SET held = held WHERE scope = $1 AND kind = $2";
        within!(tx, db => sqlx::query(lock).bind(scope).bind(kind).execute(db).await.map(drop))?;
        let take =
            "DELETE FROM holds WHERE replica = $1 AND scope = $2 AND kind = $3 RETURNING amount";
        let held: Option<(i64,)> = within!(tx, db => sqlx::query_as(take).bind(replica).bind(scope).bind(kind).fetch_optional(db).await)?;
        let back = "UPDATE quotas SET held = held - $3 WHERE scope = $1 AND kind = $2";
        let held = held.map_or(0, |(held,)| held);
        within!(tx, db => sqlx::query(back).bind(scope).bind(kind).bind(held).execute(db).await.map(drop))?;
    }
    Ok(rows.len())
}
