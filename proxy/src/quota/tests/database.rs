//! Limits in real databases: with each of them two replicas.

use super::super::bank::{Bank, Deal, Trouble};
use super::super::{Account, Accounts, Desk, Lenders, Refusal, Reservation, reserve};
use super::*;
use crate::keys::Time;
use crate::store::{Address, Store, on, within};
use running::Folder;
use running::postgres::Postgres;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// No minute ends while a test runs.
fn clock() -> Time {
    Time(super::books::NOON)
}

/// Has each of these done on both databases.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(&super::Base::file()).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(&super::Base::server()).await; })*
        }
    };
}

on_both! {
    two_hundred_on_a_budget_for_fifty
    ten_requests_in_a_minute_wherever_they_come
    what_is_given_back_is_there_for_the_other
    several_kinds_and_accounts_at_once
    what_a_dead_one_holds_is_given_back
    who_was_thought_dead_begins_anew
    who_leaves_holds_nothing
    a_period_that_is_over_begins_anew
    a_scope_that_is_gone_stays_gone
}

struct Base {
    address: Address,
    _folder: Option<Folder>,
}

impl Base {
    fn file() -> Base {
        let folder = Folder::new();
        Base {
            address: Address::file(&folder.0.join("keys.db")),
            _folder: Some(folder),
        }
    }

    fn server() -> Base {
        let url = Postgres::shared().database();
        Base {
            address: Address::parse(&url).expect("a URL"),
            _folder: None,
        }
    }

    async fn replica(&self) -> Replica {
        let store = Store::open(&self.address).expect("a thread");
        let mut up = store.watch();
        let is_up = timeout(PATIENCE, up.wait_for(|is| *is)).await;
        is_up.expect("it is there").expect("the store lives");
        Replica {
            desk: Desk::by_clock(store.clone(), clock),
            accounts: Arc::default(),
            store,
        }
    }
}

#[derive(Clone)]
struct Replica {
    store: Store,
    desk: Desk,
    accounts: Arc<Accounts>,
}

impl Replica {
    fn account(&self, limits: &Limits) -> Arc<Account> {
        self.accounts.of(&team("a"), limits, Time(0))
    }

    async fn ask(&self, limits: &Limits, need: Need) -> Result<Reservation, Refusal> {
        reserve(&self.desk, &[self.account(limits)], need, PATIENCE).await
    }

    /// Settled, and brought in as the head of the room tells it of the journal.
    async fn settle(&self, one: Reservation, cost: i64) {
        one.settle(spent(cost));
        let name = self.desk.replica().name();
        let apply = self.store.write(name, move |tx, name| {
            Box::pin(async move {
                let sql = "UPDATE quotas SET used = used + $1 WHERE scope = 'team:a' AND kind = 'budget'";
                within!(tx, db => sqlx::query(sql).bind(cost).execute(db).await.map(drop))?;
                let sql = "SELECT amount FROM holds WHERE replica = $1 AND scope = 'team:a' AND kind = 'budget'";
                let hold: Option<(i64,)> = within!(tx, db => sqlx::query_as(sql).bind(&**name).fetch_optional(db).await)?;
                let held = hold.map_or(0, |(hold,)| hold.min(cost));
                let sql = "UPDATE quotas SET held = held - $1 WHERE scope = 'team:a' AND kind = 'budget'";
                within!(tx, db => sqlx::query(sql).bind(held).execute(db).await.map(drop))?;
                let sql = "UPDATE holds SET amount = amount - $2 WHERE replica = $1 AND scope = 'team:a' AND kind = 'budget'";
                within!(tx, db => sqlx::query(sql).bind(&**name).bind(held).execute(db).await.map(drop))
            })
        });
        apply.await.expect("the database is there");
        self.accounts.applied(&team("a"), Money(cost));
    }

    async fn give_back(&self) {
        for _ in 0..2 {
            self.accounts.give_back(&self.desk, true).await;
        }
    }

    /// Used, and held, and what the rows of `holds` come to.
    async fn written(&self, kind: Kind) -> (i64, i64, i64) {
        let of = kind.name();
        let written = self.store.run(move |pool| async move {
            let sql = "SELECT used, held, (SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM holds WHERE kind = $1) \
                       FROM quotas WHERE scope = 'team:a' AND kind = $1";
            on!(&pool, db => sqlx::query_as(sql).bind(of).fetch_one(db).await)
        });
        written.await.expect("there is a row")
    }
}

/// How many of two hundred at once get what they need, of two replicas with a thread each.
async fn of_two_hundred(base: &Base, limits: &Limits) -> (usize, Replica) {
    let replicas = [base.replica().await, base.replica().await];
    let threads = replicas.clone().map(|replica| {
        let limits = limits.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .expect("a runtime")
                .block_on(a_hundred(replica, limits))
        })
    });
    let granted = threads
        .map(|thread| thread.join().expect("it does not break"))
        .iter()
        .sum();
    let [first, _] = replicas;
    (granted, first)
}

async fn a_hundred(replica: Replica, limits: Limits) -> usize {
    let keeper = replica.clone();
    let keeper = tokio::spawn(async move {
        loop {
            keeper.accounts.give_back(&keeper.desk, true).await;
            tokio::task::yield_now().await;
        }
    });
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (replica, limits) = (replica.clone(), limits.clone());
            tokio::spawn(async move {
                let one = replica.ask(&limits, bound(1)).await.ok();
                let is_granted = one.is_some();
                if let Some(one) = one {
                    replica.settle(one, 1).await;
                }
                is_granted
            })
        })
        .collect();
    let mut granted = 0;
    for task in tasks {
        granted += usize::from(task.await.expect("it does not break"));
    }
    keeper.abort();
    granted
}

async fn two_hundred_on_a_budget_for_fifty(base: &Base) {
    let (granted, replica) = of_two_hundred(base, &budget(50)).await;
    assert_eq!(granted, 50);
    assert_eq!(replica.written(Kind::Budget).await, (50, 0, 0));
}

async fn ten_requests_in_a_minute_wherever_they_come(base: &Base) {
    let (granted, replica) = of_two_hundred(base, &rpm(10)).await;
    assert_eq!(granted, 10);
    assert_eq!(replica.written(Kind::Rpm).await, (10, 0, 0));
}

async fn what_is_given_back_is_there_for_the_other(base: &Base) {
    let [first, second] = [base.replica().await, base.replica().await];
    let limits = Limits {
        max_parallel_requests: Some(1),
        ..budget(1_600)
    };
    let one = first.ask(&limits, bound(10)).await.expect("it fits");
    assert_eq!(first.written(Kind::Budget).await, (0, 40, 40));
    assert_eq!(
        second.ask(&limits, bound(10)).await.unwrap_err().kind,
        Kind::Parallel
    );
    first.settle(one, 7).await;
    assert_eq!(first.written(Kind::Budget).await, (7, 33 + 40, 33 + 40));
    first.give_back().await;
    assert_eq!(
        first.written(Kind::Budget).await,
        (7, 40, 40),
        "the other's, who was refused"
    );
    second.give_back().await;
    assert_eq!(first.written(Kind::Budget).await, (7, 0, 0));
    assert_eq!(first.written(Kind::Parallel).await, (0, 0, 0));
    let third = base.replica().await;
    third
        .ask(&limits, bound(1_593))
        .await
        .expect("all that is left");
}

async fn several_kinds_and_accounts_at_once(base: &Base) {
    let replica = base.replica().await;
    let limits = Limits {
        max_budget: Some(Money(100)),
        rpm_limit: Some(5),
        tpm_limit: Some(100),
        max_parallel_requests: Some(3),
        ..Limits::default()
    };
    let user = Scope::User("u".to_owned());
    let both = [
        replica.account(&limits),
        replica.accounts.of(&user, &limits, Time(0)),
    ];
    let one = reserve(&replica.desk, &both, bound(30), PATIENCE)
        .await
        .expect("it fits");
    assert_eq!(replica.written(Kind::Budget).await, (0, 30, 30 * 2));
    assert_eq!(replica.written(Kind::Rpm).await, (1, 0, 0));
    assert_eq!(replica.written(Kind::Tpm).await, (30, 0, 0));
    assert_eq!(replica.written(Kind::Parallel).await, (0, 1, 2));
    drop(one);
    // All of both accounts goes back in one transaction.
    replica.give_back().await;
    assert_eq!(replica.written(Kind::Budget).await, (0, 0, 0));
    assert_eq!(replica.written(Kind::Tpm).await, (0, 0, 0));
    assert_eq!(
        replica.written(Kind::Rpm).await,
        (1, 0, 0),
        "it was a request"
    );
}

async fn what_a_dead_one_holds_is_given_back(base: &Base) {
    let [dead, alive] = [base.replica().await, base.replica().await];
    dead.ask(&budget(100), bound(90)).await.expect("it fits");
    let name = dead.desk.replica().name();
    drop(dead);
    alive.desk.beat().await.expect("it is there");
    let others = alive.desk.replicas().await.expect("it is there");
    assert_eq!(others, [(name.to_string(), clock())]);
    alive.desk.sweep(&name).await.expect("it is there");
    assert_eq!(alive.desk.replicas().await.expect("it is there"), []);
    assert_eq!(alive.written(Kind::Budget).await, (0, 0, 0));
    alive
        .ask(&budget(100), bound(100))
        .await
        .expect("all of it");
}

async fn who_was_thought_dead_begins_anew(base: &Base) {
    let [first, other] = [base.replica().await, base.replica().await];
    let one = first.ask(&budget(1_600), bound(10)).await.expect("it fits");
    let old = first.desk.replica().name();
    other.desk.sweep(&old).await.expect("it is there");
    let deal = Deal {
        scope: "team:a".into(),
        kind: Kind::Budget,
        cap: 1_600,
        back: 0,
        least: 1,
        most: 1,
        is_rest: false,
        from: clock(),
        resets_at: None,
    };
    let said = first.desk.deal([deal].into()).await;
    assert_eq!(said, [Err(Trouble::Void)]);
    assert_ne!(first.desk.replica().name(), old);
    // What is under way is covered anew, before more is granted.
    first.accounts.give_back(&first.desk, false).await;
    let two = first.ask(&budget(1_600), bound(10)).await.expect("it fits");
    let (_, held, holds) = first.written(Kind::Budget).await;
    assert!(held >= 20 && held == holds, "{held} {holds}");
    first.settle(one, 10).await;
    first.settle(two, 10).await;
    // The same by a sign of life.
    other
        .desk
        .sweep(&first.desk.replica().name())
        .await
        .expect("it is there");
    let old = first.desk.replica().name();
    first.desk.beat().await.expect("it is there");
    assert_ne!(first.desk.replica().name(), old);
    assert_eq!(first.written(Kind::Budget).await, (20, 0, 0));
}

async fn who_leaves_holds_nothing(base: &Base) {
    let replica = base.replica().await;
    let one = replica
        .ask(&budget(1_600), bound(10))
        .await
        .expect("it fits");
    replica.settle(one, 10).await;
    let lenders = Lenders {
        desk: replica.desk.clone(),
        counter: None,
    };
    super::super::keep(lenders, &replica.accounts, async {}).await;
    assert_eq!(replica.written(Kind::Budget).await, (10, 0, 0));
    assert_eq!(
        base.replica()
            .await
            .desk
            .replicas()
            .await
            .expect("it is there"),
        []
    );
}

async fn a_period_that_is_over_begins_anew(base: &Base) {
    let mut replica = base.replica().await;
    let limits = Limits {
        budget_duration: crate::keys::Every::parse("1h"),
        ..budget(10)
    };
    let one = replica.ask(&limits, bound(10)).await.expect("it fits");
    replica.settle(one, 10).await;
    let refusal = replica.ask(&limits, bound(1)).await.unwrap_err();
    let over = refusal.resets_at.expect("it has periods");
    assert_eq!(over, limits.budget_duration.unwrap().next(Time(0), clock()));
    assert_eq!(refusal.retry_after, Some(clock().until(over)));
    assert_eq!((refusal.limit, refusal.used), (10, 10));
    replica.desk = Desk::by_clock(replica.store.clone(), || Time(clock().0 + 3_600_000));
    replica
        .ask(&limits, bound(10))
        .await
        .expect("it is a new one");
    assert_eq!(replica.written(Kind::Budget).await, (0, 10, 10));
}

async fn a_scope_that_is_gone_stays_gone(base: &Base) {
    let replica = base.replica().await;
    let one = replica
        .ask(&budget(1_600), bound(10))
        .await
        .expect("it fits");
    let gone = replica.store.run(|pool| async move {
        on!(&pool, db => sqlx::query("DELETE FROM quotas").execute(db).await.map(drop))?;
        on!(&pool, db => sqlx::query("DELETE FROM holds").execute(db).await.map(drop))
    });
    gone.await.expect("it is there");
    drop(one);
    replica.give_back().await;
    let rows = replica.store.run(|pool| async move {
        let sql = "SELECT (SELECT COUNT(*) FROM quotas), (SELECT COUNT(*) FROM holds)";
        on!(&pool, db => sqlx::query_as::<_, (i64, i64)>(sql).fetch_one(db).await)
    });
    assert_eq!(rows.await.expect("it is there"), (0, 0));
}
