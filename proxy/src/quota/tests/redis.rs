//! Limits in a real Redis, which two replicas share.

use super::super::bank::{Answer, Bank, Deal, Trouble};
use super::super::{Accounts, Counter, Desk, Lenders, Refusal, Reservation, reserve};
use super::books::{Books, NOON};
use super::chance::Chance;
use super::*;
use crate::keys::Time;
use crate::redis::{Address, Redis};
use crate::store::{Address as Database, Store};
use running::Folder;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(30);

/// By it no minute ends while a test runs.
fn noon() -> Time {
    Time(NOON)
}

async fn connected(server: &running::redis::Redis) -> Redis {
    let address = Address::parse(&server.url()).expect("a URL");
    let (redis, life) = Redis::new(address);
    tokio::spawn(life);
    timeout(PATIENCE, redis.come()).await.expect("it is there");
    redis
}

/// One that shares Redis, and has a database of its own.
#[derive(Clone)]
struct Replica {
    lenders: Lenders,
    accounts: Arc<Accounts>,
    _folder: Arc<Folder>,
}

impl Replica {
    async fn new(server: &running::redis::Redis, life: Duration, clock: fn() -> Time) -> Replica {
        let folder = Folder::new();
        let store = Store::open(&Database::file(&folder.0.join("keys.db"))).expect("a thread");
        let mut up = store.watch();
        let is_up = timeout(PATIENCE, up.wait_for(|is| *is)).await;
        is_up.expect("it is there").expect("the store lives");
        let lenders = Lenders {
            desk: Desk::by_clock(store, clock),
            counter: Some(Counter::living(connected(server).await, life)),
        };
        Replica {
            lenders,
            accounts: Arc::default(),
            _folder: Arc::new(folder),
        }
    }

    async fn ask(&self, limits: &Limits) -> Result<Reservation, Refusal> {
        let account = self.accounts.of(&team("a"), limits, Time(0));
        reserve(&self.lenders, &[account], bound(1), PATIENCE).await
    }

    fn counter(&self) -> &Counter {
        self.lenders.counter.as_ref().expect("it has one")
    }
}

async fn two(server: &running::redis::Redis, life: Duration, clock: fn() -> Time) -> [Replica; 2] {
    [
        Replica::new(server, life, clock).await,
        Replica::new(server, life, clock).await,
    ]
}

/// How many of two hundred at once are granted, and go on.
async fn of_two_hundred(replicas: &[Replica; 2], limits: &Limits) -> Vec<Reservation> {
    let tasks: Vec<_> = (0..200)
        .map(|at| {
            let (replica, limits) = (replicas[at % 2].clone(), limits.clone());
            tokio::spawn(async move { replica.ask(&limits).await.ok() })
        })
        .collect();
    let mut granted = Vec::new();
    for task in tasks {
        granted.extend(task.await.expect("it does not break"));
    }
    granted
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn each_limit_is_that_of_both_together() {
    let server = running::redis::Redis::start();
    let replicas = two(&server, LONG, noon).await;
    assert_eq!(of_two_hundred(&replicas, &rpm(10)).await.len(), 10);
    assert_eq!(
        server.says(&["HGET", "mishikallm:rpm:team:a", "used"]),
        "10"
    );
    let held = of_two_hundred(&replicas, &parallel(7)).await;
    assert_eq!(held.len(), 7);
    drop(held);
    for replica in &replicas {
        replica.accounts.give_back(&replica.lenders, false).await;
        replica.accounts.give_back(&replica.lenders, false).await;
    }
    let left = server.says(&["EXISTS", "mishikallm:parallel:team:a"]);
    assert_eq!(left, "0", "nobody holds anything");
    // Money is each database's.
    let of_each = [
        of_two_hundred(&replicas, &budget(20)).await.len(),
        server.says(&["KEYS", "mishikallm:budget*"]).len(),
    ];
    assert_eq!(of_each, [40, 0]);
    // Nothing stays for ever.
    for key in server.says(&["KEYS", "*"]).lines() {
        let ends = server.says(&["PTTL", key]).parse::<i64>();
        assert!(ends.is_ok_and(|ends| ends > 0), "{key}");
    }
}

#[tokio::test]
async fn what_a_dead_one_holds_is_free_after_a_while() {
    let server = running::redis::Redis::start();
    let [dead, alive] = two(&server, Duration::from_millis(600), Time::now).await;
    let limits = parallel(2);
    let held = [dead.ask(&limits).await, dead.ask(&limits).await];
    assert!(held.iter().all(Result::is_ok));
    let refusal = alive.ask(&limits).await.expect_err("the other has all");
    assert_eq!(refusal.kind, Kind::Parallel);
    let begun = Instant::now();
    let one = loop {
        if let Ok(one) = alive.ask(&limits).await {
            break one;
        }
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(20)).await;
    };
    // Whoever was thought dead, and is not, holds nothing, and begins anew.
    let epochs = dead.lenders.epochs();
    dead.counter().beat().await.expect("it is there");
    let now = dead.lenders.epochs();
    assert_eq!((now.permits, now.money), (epochs.permits + 1, epochs.money));
    dead.accounts.give_back(&dead.lenders, false).await;
    assert_eq!(dead.ask(&limits).await.unwrap_err().kind, Kind::Parallel);
    drop((one, held));
}

#[tokio::test]
async fn who_leaves_holds_nothing() {
    let server = running::redis::Redis::start();
    let [first, second] = two(&server, LONG, noon).await;
    let _one = first.ask(&parallel(1)).await.expect("it fits");
    first.lenders.leave().await;
    second.ask(&parallel(1)).await.expect("it is free");
}

#[tokio::test]
async fn without_redis_each_counts_for_itself_and_nobody_waits() {
    let server = running::redis::Redis::start();
    let replicas = two(&server, LONG, noon).await;
    let limits = rpm(6);
    assert_eq!(of_two_hundred(&replicas, &limits).await.len(), 6);
    server.stop();
    let away = Instant::now();
    while replicas
        .iter()
        .any(|replica| replica.counter().redis().is_up())
    {
        assert!(away.elapsed() < PATIENCE);
        sleep(Duration::from_millis(10)).await;
    }
    // Of another limit, of which nothing was counted yet.
    let (asked, limits) = (Instant::now(), tpm(6));
    assert_eq!(of_two_hundred(&replicas, &limits).await.len(), 12);
    assert!(asked.elapsed() < Duration::from_secs(1));
    server.restart();
    for replica in &replicas {
        let come = timeout(PATIENCE, replica.counter().redis().come());
        come.await.expect("it is there again");
    }
    // It was emptied: what is counted from now on is counted together again.
    sleep(Duration::from_millis(600)).await;
    assert_eq!(of_two_hundred(&replicas, &parallel(5)).await.len(), 5);
}

#[tokio::test]
async fn stopped_and_started_under_load() {
    let server = running::redis::Redis::start();
    let replicas = two(&server, LONG, Time::now).await;
    let limits = Limits {
        max_parallel_requests: Some(4),
        ..rpm(1_000_000)
    };
    let until = Instant::now() + Duration::from_secs(6);
    let load: Vec<_> = (0..8)
        .map(|at| {
            let (replica, limits) = (replicas[at % 2].clone(), limits.clone());
            tokio::spawn(async move {
                let (mut granted, mut longest) = (0, Duration::ZERO);
                while Instant::now() < until {
                    let asked = Instant::now();
                    granted += usize::from(replica.ask(&limits).await.is_ok());
                    longest = longest.max(asked.elapsed());
                    sleep(Duration::from_millis(1)).await;
                }
                (granted, longest)
            })
        })
        .collect();
    sleep(Duration::from_millis(500)).await;
    server.stop();
    sleep(Duration::from_millis(500)).await;
    server.restart();
    sleep(Duration::from_secs(2)).await;
    server.freeze();
    sleep(Duration::from_millis(1500)).await;
    server.resume();
    for task in load {
        let (granted, longest) = task.await.expect("it does not break");
        assert!(granted > 100, "{granted}");
        assert!(longest < Duration::from_secs(4), "{longest:?}");
    }
    for replica in &replicas {
        let come = timeout(PATIENCE, replica.counter().redis().come());
        come.await.expect("it is there again");
        replica.accounts.give_back(&replica.lenders, true).await;
    }
    sleep(Duration::from_millis(600)).await;
    assert_eq!(of_two_hundred(&replicas, &limits).await.len(), 4);
}

/// Deals by chance, of three replicas: the script does what `settle` does.
#[tokio::test]
async fn the_script_is_settle() {
    let server = running::redis::Redis::start();
    let redis = connected(&server).await;
    let counters: Vec<Counter> = (0..3)
        .map(|_| Counter::living(redis.clone(), LONG))
        .collect();
    let mut books = Books::default();
    for name in ["0", "1", "2"] {
        books.enter(name);
    }
    for seed in 1..=40 {
        let mut chance = Chance(seed << 32 | 0x9E37_79B9);
        let scope: Arc<str> = format!("team:{seed}").into();
        for step in 0..40 {
            let at = chance.below(3);
            let deals: Vec<Deal> = [Kind::Parallel, Kind::Rpm, Kind::Tpm]
                .into_iter()
                .map(|kind| by_chance(&mut chance, scope.clone(), kind, step == 0))
                .collect();
            let said = counters[at].lend(&deals).await;
            let settled = books.deal(&at.to_string(), &deals);
            let same = |answers: Result<Vec<Answer>, Trouble>| {
                answers.map(|answers| {
                    let kinds = answers.into_iter().zip(&deals);
                    let told = kinds.map(|(answer, deal)| match deal.kind {
                        Kind::Parallel => Answer {
                            period: Time(0),
                            ..answer
                        },
                        _ => answer,
                    });
                    told.collect::<Vec<_>>()
                })
            };
            assert_eq!(said, same(settled), "{seed} {step} {deals:?}");
        }
    }
}

fn by_chance(chance: &mut Chance, scope: Arc<str>, kind: Kind, is_first: bool) -> Deal {
    let minute = NOON - 30_000
        + if is_first {
            0
        } else {
            chance.below(3) as i64 * 60_000
        };
    let least = if is_first { 1 } else { chance.below(5) as i64 };
    // Nobody gives back what he has not.
    let back = match kind {
        Kind::Parallel => chance.below(6) as i64,
        _ => chance.below(3) as i64,
    };
    Deal {
        scope,
        kind,
        cap: [0, 7, 40, 1_000, 1 << 52][chance.below(5)],
        back,
        least,
        most: least + chance.below(60) as i64,
        is_rest: false,
        from: Time(minute),
        resets_at: None,
    }
}
