//! Requests that wait: for what is borrowed, and for each other. Time is the test's.

use super::super::bank::Bank;
use super::super::{Account, Refusal, Reservation, reserve};
use super::books::Branch;
use super::*;
use crate::keys::Time;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(10);

fn account(limits: &Limits) -> Arc<Account> {
    Arc::new(Account::new(team("a"), limits, Time(0)))
}

async fn ask(branch: &Branch, account: &Arc<Account>, need: Need) -> Result<Reservation, Refusal> {
    reserve(branch, std::slice::from_ref(account), need, PATIENCE).await
}

/// The same, while the test goes on; it is on its way when this is over.
async fn asking(
    branch: &Branch,
    account: &Arc<Account>,
    need: Need,
) -> JoinHandle<Result<Reservation, Refusal>> {
    let (branch, account) = (branch.clone(), account.clone());
    let task = tokio::spawn(async move { ask(&branch, &account, need).await });
    for _ in 0..20 {
        yield_now().await;
    }
    task
}

#[tokio::test(start_paused = true)]
async fn who_comes_first_is_served_first() {
    let (branch, account) = (Branch::new("r"), account(&budget(10)));
    let all = ask(&branch, &account, bound(10)).await.unwrap();
    let first = asking(&branch, &account, bound(10)).await;
    let second = asking(&branch, &account, bound(10)).await;
    drop(all);
    let first = first.await.unwrap().unwrap();
    assert!(!second.is_finished());
    drop(first);
    second.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_passes_by_who_waits() {
    let (branch, account) = (Branch::new("r"), account(&budget(10)));
    let some = ask(&branch, &account, bound(5)).await.unwrap();
    let large = asking(&branch, &account, bound(8)).await;
    let small = asking(&branch, &account, bound(2)).await;
    assert!(!large.is_finished() && !small.is_finished());
    some.settle(spent(0));
    large.await.unwrap().unwrap().settle(spent(8));
    small.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_ever() {
    let (branch, account) = (Branch::new("r"), account(&budget(10)));
    let _all = ask(&branch, &account, bound(10)).await.unwrap();
    let began = Instant::now();
    let first = asking(&branch, &account, bound(1)).await;
    let behind = asking(&branch, &account, bound(1)).await;
    for waits in [first, behind] {
        let refusal = waits.await.unwrap().unwrap_err();
        assert_eq!(refusal.kind, Kind::Budget);
        assert!(refusal.retry_after.is_some(), "it may come back");
    }
    assert_eq!(began.elapsed().as_secs(), PATIENCE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_is_waited_for_no_more() {
    let (branch, account) = (Branch::new("r"), account(&budget(10)));
    let all = ask(&branch, &account, bound(10)).await.unwrap();
    let first = asking(&branch, &account, bound(10)).await;
    let second = asking(&branch, &account, bound(10)).await;
    first.abort();
    drop(all);
    second.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_borrowed_for_somebody_who_hung_up_is_there_for_the_next() {
    let (branch, account) = (Branch::new("r"), account(&budget(10)));
    branch.passes.forget_permits(usize::MAX);
    let first = asking(&branch, &account, bound(10)).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    branch.passes.add_permits(1);
    ask(&branch, &account, bound(10)).await.unwrap();
    assert_eq!(branch.books().asked, 1);
}

#[tokio::test(start_paused = true)]
async fn one_borrows_and_the_others_wait_for_it() {
    let (branch, account) = (Branch::new("r"), account(&budget(1_000_000)));
    branch.passes.forget_permits(usize::MAX);
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(asking(&branch, &account, bound(1)).await);
    }
    assert!(all.iter().all(|one| !one.is_finished()));
    branch.passes.add_permits(1);
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert_eq!(branch.books().asked, 1);
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_refused_requests_asks_the_database_seldom() {
    let limits = [budget(1), rpm(1), parallel(1), tpm(1)];
    for limits in limits {
        let (branch, account) = (Branch::new("r"), account(&limits));
        let one = ask(&branch, &account, bound(1)).await.unwrap();
        let one = match limits.max_budget {
            Some(_) => {
                one.settle(spent(1));
                None
            }
            None => Some(one),
        };
        for _ in 0..1_000 {
            let refusal = ask(&branch, &account, bound(1)).await.unwrap_err();
            assert_eq!(refusal.left(), 0);
        }
        assert!(
            branch.books().asked <= 2,
            "{limits:?}: {}",
            branch.books().asked
        );
        drop(one);
    }
}

#[tokio::test(start_paused = true)]
async fn all_accounts_or_none() {
    let branch = Branch::new("r");
    let limits = Limits {
        max_budget: Some(Money(10)),
        max_parallel_requests: Some(1),
        tpm_limit: Some(10),
        ..rpm(1)
    };
    let key = account(&limits);
    let of = Arc::new(Account::new(team("b"), &rpm(1), Time(0)));
    let only_of = reserve(&branch, std::slice::from_ref(&of), bound(1), PATIENCE).await;
    let both = [key.clone(), of];
    let refusal = reserve(&branch, &both, bound(10), PATIENCE)
        .await
        .unwrap_err();
    assert_eq!((refusal.scope, refusal.kind), (team("b"), Kind::Rpm));
    drop(only_of);
    // Nothing of the key is gone by it, and the request was none.
    let one = ask(&branch, &key, bound(10)).await.unwrap();
    assert_eq!(one.standing().requests.unwrap().remaining, 0);
    drop(one);
    let refusal = ask(&branch, &key, bound(10)).await.unwrap_err();
    assert_eq!(refusal.kind, Kind::Rpm, "this one was one");
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(30)));
}

#[tokio::test(start_paused = true)]
async fn headers_tell_of_the_account_with_the_least_left() {
    let branch = Branch::new("r");
    let both = [
        account(&rpm(10)),
        Arc::new(Account::new(team("b"), &tpm(100), Time(0))),
    ];
    both[1].set_limits(
        &Limits {
            rpm_limit: Some(3),
            ..tpm(100)
        },
        Time(0),
    );
    let one = reserve(&branch, &both, bound(40), PATIENCE).await.unwrap();
    let (requests, tokens) = (
        one.standing().requests.unwrap(),
        one.standing().tokens.unwrap(),
    );
    assert_eq!((requests.limit, requests.remaining), (3, 2));
    assert_eq!((tokens.limit, tokens.remaining), (100, 60));
    assert_eq!(requests.reset, Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn without_limits_nobody_is_asked() {
    let (branch, account) = (Branch::new("r"), account(&Limits::default()));
    let one = ask(&branch, &account, unbound(1_000)).await.unwrap();
    one.settle(spent(2_000));
    assert_eq!(branch.books().asked, 0);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_raised_lets_those_who_wait_go_on() {
    let (branch, account) = (Branch::new("r"), account(&budget(10)));
    let _all = ask(&branch, &account, bound(10)).await.unwrap();
    let waits = asking(&branch, &account, bound(5)).await;
    let began = Instant::now();
    account.set_limits(&budget(15), Time(0));
    waits.await.unwrap().unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_database_goes_and_comes_and_requests_go_on() {
    let (branch, account) = (Branch::new("r"), account(&budget(100)));
    ask(&branch, &account, bound(10))
        .await
        .unwrap()
        .settle(spent(10));
    branch.books().is_away = true;
    ask(&branch, &account, bound(80))
        .await
        .unwrap()
        .settle(spent(80));
    let refusal = ask(&branch, &account, bound(20)).await.unwrap_err();
    assert_eq!(
        (refusal.limit, refusal.used, refusal.retry_after),
        (100, 90, None)
    );
    branch.books().is_away = false;
    sleep(Duration::from_secs(1)).await;
    branch.books().apply("r", "team:a", 90);
    account.applied(Money(90));
    ask(&branch, &account, bound(10)).await.unwrap();
    assert_eq!(branch.books().of("team:a", Kind::Budget), (90, 10));
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_was_thought_dead_begins_anew() {
    let (branch, account) = (Branch::new("r"), account(&budget(160)));
    ask(&branch, &account, bound(1))
        .await
        .unwrap()
        .settle(spent(1));
    assert_eq!(branch.books().of("team:a", Kind::Budget), (0, 4));
    branch.books().sweep("r");
    let larger = ask(&branch, &account, bound(10)).await.unwrap();
    assert_eq!(branch.epochs().money, 1);
    drop(larger);
}

#[tokio::test(start_paused = true)]
async fn refusals_say_whose_limit_it_is_and_what_is_used() {
    let branch = Branch::new("r");
    let account = account(&budget(1_000_000_000));
    ask(&branch, &account, bound(900_000_000))
        .await
        .unwrap()
        .settle(spent(900_000_000));
    let refusal = ask(&branch, &account, bound(200_000_000))
        .await
        .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "Budget has been exceeded! Current cost: 0.0009, Max budget: 0.001. This request may cost up to 0.0002. \
         It is the budget of the team (max_budget)"
    );
    let account = Arc::new(Account::new(team("b"), &rpm(1), Time(0)));
    ask(&branch, &account, bound(1)).await.unwrap();
    let refusal = ask(&branch, &account, bound(1)).await.unwrap_err();
    let at = refusal.resets_at.unwrap().text();
    assert_eq!(
        refusal.to_string(),
        format!(
            "Rate limit exceeded for team. Limit type: requests. Current limit: 1, Remaining: 0. Limit resets at: {at}. \
             It is the limit of the team (rpm_limit)"
        )
    );
}
