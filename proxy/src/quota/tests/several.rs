//! Several replicas, and all of their accounts. Time is the test's.

use super::super::watch::{SILENCE, Watch};
use super::super::{Accounts, Refusal, Reservation, reserve};
use super::books::Branch;
use super::*;
use crate::keys::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const PATIENCE: Duration = Duration::from_secs(10);

/// One of them.
#[derive(Clone)]
struct Replica {
    branch: Branch,
    accounts: Arc<Accounts>,
}

impl Replica {
    fn new(branch: Branch) -> Replica {
        let accounts = Arc::default();
        Replica { branch, accounts }
    }

    async fn ask(&self, limits: &Limits, need: Need) -> Result<Reservation, Refusal> {
        let account = self.accounts.of(&team("a"), limits, Time(0));
        reserve(&self.branch, &[account], need, PATIENCE).await
    }

    /// As the journal does it, at once.
    fn settle(&self, one: Reservation, cost: i64) {
        one.settle(spent(cost));
        self.branch
            .books()
            .apply(&self.branch.name(), "team:a", cost);
        self.accounts.applied(&team("a"), Money(cost));
    }

    /// As in the background.
    async fn give_back_for_ever(self) {
        for count in 0.. {
            self.accounts.give_back(&self.branch, count % 20 == 0).await;
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn two() -> [Replica; 2] {
    let first = Branch::new("r");
    let second = first.other("s");
    [first, second].map(|branch| {
        let replica = Replica::new(branch);
        tokio::spawn(replica.clone().give_back_for_ever());
        replica
    })
}

/// How many of two hundred at once get what they need.
async fn of_two_hundred(limits: &Limits, need: Need, cost: i64) -> (usize, Branch) {
    let replicas = two();
    let granted = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..200)
        .map(|at| {
            let (replica, limits, granted) =
                (replicas[at % 2].clone(), limits.clone(), granted.clone());
            tokio::spawn(async move {
                if let Ok(one) = replica.ask(&limits, need).await {
                    granted.fetch_add(1, Ordering::Relaxed);
                    sleep(Duration::from_millis(at as u64 % 7)).await;
                    replica.settle(one, cost);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    (granted.load(Ordering::Relaxed), replicas[0].branch.clone())
}

#[tokio::test(start_paused = true)]
async fn two_hundred_on_a_budget_for_fifty() {
    let (granted, branch) = of_two_hundred(&budget(50), bound(1), 1).await;
    assert_eq!(granted, 50);
    assert_eq!(branch.books().of("team:a", Kind::Budget), (50, 0));
}

#[tokio::test(start_paused = true)]
async fn two_hundred_that_come_to_less_than_they_reserved() {
    let (granted, branch) = of_two_hundred(&budget(50), bound(10), 1).await;
    // The last ones do not fit, though they would have come to less.
    assert_eq!(granted, 41);
    assert_eq!(branch.books().of("team:a", Kind::Budget).0, 41);
}

#[tokio::test(start_paused = true)]
async fn two_hundred_that_come_to_more_go_over_once() {
    let (granted, branch) = of_two_hundred(&budget(50), unbound(1), 3).await;
    let (used, held) = branch.books().of("team:a", Kind::Budget);
    assert_eq!((used, held), (granted as i64 * 3, 0));
    assert!(
        granted < 50,
        "{granted}: what they came to is seen on the way"
    );
}

#[tokio::test(start_paused = true)]
async fn ten_requests_in_a_minute_wherever_they_come() {
    let (granted, branch) = of_two_hundred(&rpm(10), bound(1), 0).await;
    assert_eq!(granted, 10);
    assert_eq!(branch.books().of("team:a", Kind::Rpm), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn permits_go_from_one_to_the_other() {
    let [first, second] = two();
    let limits = parallel(4);
    let mut held = Vec::new();
    for replica in [&first, &second, &first, &second] {
        held.push(replica.ask(&limits, bound(1)).await.unwrap());
    }
    for replica in [&first, &second] {
        assert_eq!(
            replica.ask(&limits, bound(1)).await.unwrap_err().kind,
            Kind::Parallel
        );
    }
    held.remove(1);
    sleep(Duration::from_millis(200)).await;
    held.push(first.ask(&limits, bound(1)).await.unwrap());
    assert_eq!(
        second.ask(&limits, bound(1)).await.unwrap_err().kind,
        Kind::Parallel
    );
    drop(held);
    sleep(Duration::from_millis(200)).await;
    assert_eq!(first.branch.books().of("team:a", Kind::Parallel), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_one_does_not_need_is_the_others() {
    let [first, second] = two();
    let limits = budget(160);
    let one = first.ask(&limits, bound(1)).await.unwrap();
    first.settle(one, 1);
    assert!(first.branch.books().of("team:a", Kind::Budget).1 > 0);
    second.ask(&limits, bound(159)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn there_is_one_account_for_a_scope_until_nothing_of_it_is_anywhere() {
    let replica = Replica::new(Branch::new("r"));
    let of = |limits: &Limits| replica.accounts.of(&team("a"), limits, Time(0));
    let account = of(&budget(10));
    assert!(Arc::ptr_eq(&account, &of(&budget(100))));
    let one = reserve(&replica.branch, &[account], bound(20), PATIENCE).await;
    let one = one.expect("its limit is the new one");
    for _ in 0..3 {
        replica.accounts.give_back(&replica.branch, true).await;
    }
    replica.settle(one, 20);
    let held = || replica.branch.books().of("team:a", Kind::Budget);
    replica.accounts.give_back(&replica.branch, true).await;
    let before = Arc::downgrade(&of(&budget(100)));
    for _ in 0..3 {
        replica.accounts.give_back(&replica.branch, true).await;
    }
    assert_eq!(held(), (20, 0));
    assert_eq!(before.strong_count(), 0, "nobody needs it");
}

#[tokio::test(start_paused = true)]
async fn what_was_spent_under_an_old_name_comes_in_and_nothing_is_left_over() {
    let replica = Replica::new(Branch::new("r"));
    let limits = budget(160);
    let one = replica.ask(&limits, bound(1)).await.unwrap();
    one.settle(spent(1));
    replica.branch.books().sweep("r");
    let larger = replica.ask(&limits, bound(10)).await.unwrap();
    // What was spent under the old name is a debt until it is in the database.
    assert_eq!(replica.branch.books().of("team:a", Kind::Budget), (0, 11));
    replica.branch.books().apply("r", "team:a", 1);
    replica.accounts.applied(&team("a"), Money(1));
    replica.settle(larger, 10);
    for _ in 0..4 {
        replica.accounts.give_back(&replica.branch, true).await;
    }
    assert_eq!(replica.branch.books().of("team:a", Kind::Budget), (11, 0));
}

#[test]
fn a_replica_is_dead_when_nothing_new_was_seen_of_it_for_a_while() {
    let (mut watch, begin) = (Watch::default(), Instant::now());
    let clock = Time(1_000_000);
    let there = |seen| [("a".to_owned(), Time(seen)), ("b".to_owned(), Time(5_000))];
    let mut dead = |seen, clock, after| watch.dead(&there(seen), clock, begin + after);
    // A clock that is a minute and more behind is another clock.
    let minutes = Time(clock.0 - 700_000 + 100);
    assert!(dead(900_000, minutes, Duration::ZERO).is_empty());
    assert!(dead(900_001, minutes, SILENCE / 2).is_empty());
    assert_eq!(dead(900_002, minutes, SILENCE), ["b"]);
    // What was never there since long ago is not waited for.
    assert_eq!(Watch::default().dead(&there(900_000), clock, begin), ["b"]);
}
