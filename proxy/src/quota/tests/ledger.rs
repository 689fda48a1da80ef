//! One replica's ledger, step by step.

use super::super::Need;
use super::super::bank::{Deal, portion, turned};
use super::super::ledger::{Ledger, Part, Verdict};
use super::books::{Books, NOON};
use super::*;
use crate::keys::{Every, Time};

const NOW: Time = Time(NOON);

fn ledger(limits: &Limits) -> Ledger {
    Ledger::new("team:a".into(), limits, Time(0))
}

/// Reserves, with all the borrowing that it takes.
fn reserve(ledger: &mut Ledger, books: &mut Books, need: Need, now: Time) -> Verdict {
    loop {
        match ledger.reserve(&need, false, now) {
            Verdict::Deal(deals) => deal(ledger, books, &deals, now),
            verdict => return verdict,
        }
    }
}

fn deal(ledger: &mut Ledger, books: &mut Books, deals: &[Deal], now: Time) {
    let said = books.deal("r", deals);
    for (at, deal) in deals.iter().enumerate() {
        ledger.heard(deal, said.as_ref().ok().map(|answers| &answers[at]), now);
    }
}

fn granted(verdict: Verdict) -> Part {
    match verdict {
        Verdict::Granted(part) => part,
        other => panic!("{other:?}"),
    }
}

fn books() -> Books {
    let mut books = Books::default();
    books.enter("r");
    books
}

#[test]
fn portions_shrink_to_what_is_needed() {
    let deal = |least, most| Deal {
        scope: "team:a".into(),
        kind: Kind::Budget,
        cap: 0,
        back: 0,
        least,
        most,
        is_rest: false,
        from: NOW,
        resets_at: None,
    };
    assert_eq!(portion(1_600, &deal(1, 1_000)), 100);
    assert_eq!(portion(1_600, &deal(1, 20)), 20);
    assert_eq!(portion(100, &deal(60, 240)), 60);
    assert_eq!(portion(60, &deal(60, 240)), 60);
    assert_eq!(portion(59, &deal(60, 240)), 0);
    assert_eq!(portion(59, &deal(0, 0)), 0);
    let rest = Deal {
        is_rest: true,
        ..deal(1, 1)
    };
    assert_eq!(portion(59, &rest), 59);
}

#[test]
fn a_budget_is_spent_to_the_last_part_and_then_refused_for_good() {
    let (mut ledger, mut books) = (ledger(&budget(10)), books());
    for _ in 0..10 {
        let part = granted(reserve(&mut ledger, &mut books, bound(1), NOW));
        ledger.settle(&part, &spent(1));
    }
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(1), NOW),
        Verdict::Refused(Kind::Budget)
    );
    let (limit, used, resets_at) = ledger.of(Kind::Budget);
    assert_eq!((limit, used, resets_at), (10, 10, None));
    // What costs nothing is no matter of money.
    granted(reserve(&mut ledger, &mut books, bound(0), NOW));
}

#[test]
fn what_is_only_reserved_is_waited_for_and_what_cannot_fit_is_not() {
    let (mut ledger, mut books) = (ledger(&budget(10)), books());
    let part = granted(reserve(&mut ledger, &mut books, bound(8), NOW));
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(5), NOW),
        Verdict::Wait
    );
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(11), NOW),
        Verdict::Refused(Kind::Budget)
    );
    ledger.settle(&part, &spent(6));
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(5), NOW),
        Verdict::Refused(Kind::Budget)
    );
    granted(reserve(&mut ledger, &mut books, bound(4), NOW));
}

#[test]
fn a_need_that_nobody_knows_goes_alone_and_is_the_last_one() {
    let (mut ledger, mut books) = (ledger(&budget(10)), books());
    let part = granted(reserve(&mut ledger, &mut books, bound(1), NOW));
    assert_eq!(
        reserve(&mut ledger, &mut books, unbound(50), NOW),
        Verdict::Wait
    );
    ledger.settle(&part, &spent(1));
    let last = granted(reserve(&mut ledger, &mut books, unbound(50), NOW));
    assert_eq!(
        books.of("team:a", Kind::Budget),
        (0, 10),
        "it holds all that is left"
    );
    assert_eq!(
        reserve(&mut ledger, &mut books, unbound(1), NOW),
        Verdict::Wait
    );
    ledger.settle(&last, &spent(30));
    books.apply("r", "team:a", 31);
    ledger.applied(31);
    assert_eq!(books.of("team:a", Kind::Budget), (31, 0));
    assert_eq!(
        reserve(&mut ledger, &mut books, unbound(1), NOW),
        Verdict::Refused(Kind::Budget)
    );
}

#[test]
fn a_debt_that_the_journal_has_brought_in_is_none_any_more() {
    let (mut ledger, mut books) = (ledger(&budget(100)), books());
    let part = granted(reserve(&mut ledger, &mut books, unbound(90), NOW));
    ledger.settle(&part, &spent(95));
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(6), NOW),
        Verdict::Wait,
        "not known yet"
    );
    books.apply("r", "team:a", 95);
    ledger.applied(95);
    ledger.forget();
    granted(reserve(&mut ledger, &mut books, bound(5), NOW));
    assert_eq!(books.of("team:a", Kind::Budget), (95, 5));
}

#[test]
fn what_lies_idle_is_given_back() {
    let (mut ledger, mut books) = (ledger(&budget(1_000)), books());
    let part = granted(reserve(&mut ledger, &mut books, bound(10), NOW));
    assert_eq!(
        books.of("team:a", Kind::Budget),
        (0, 40),
        "a few requests' worth"
    );
    ledger.settle(&part, &spent(10));
    assert_eq!(
        ledger.idle(true, NOW),
        [],
        "something was done with it just now"
    );
    let back = ledger.idle(true, NOW);
    assert_eq!(back[0].back, 30);
    deal(&mut ledger, &mut books, &back, NOW);
    assert_eq!(
        books.of("team:a", Kind::Budget),
        (0, 10),
        "it is spent, though not written yet"
    );
    assert_eq!(ledger.idle(true, NOW), []);
    books.apply("r", "team:a", 10);
    ledger.applied(10);
    assert_eq!(books.of("team:a", Kind::Budget), (10, 0));
    assert!(ledger.is_empty(NOW));
}

#[test]
fn whoever_borrows_often_borrows_more() {
    let (mut ledger, mut books) = (ledger(&budget(1_000_000)), books());
    for _ in 0..1_000 {
        granted(reserve(&mut ledger, &mut books, bound(1), NOW));
    }
    assert!(books.asked <= 10, "{}", books.asked);
}

#[test]
fn a_lower_limit_calls_back_what_was_lent() {
    let (mut ledger, mut books) = (ledger(&budget(1_600)), books());
    let part = granted(reserve(&mut ledger, &mut books, bound(20), NOW));
    ledger.settle(&part, &spent(20));
    assert!(books.of("team:a", Kind::Budget).1 > 20);
    ledger.set(&budget(30), Time(0));
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(20), NOW),
        Verdict::Refused(Kind::Budget)
    );
    granted(reserve(&mut ledger, &mut books, bound(10), NOW));
    ledger.set(&budget(50), Time(0));
    granted(reserve(&mut ledger, &mut books, bound(20), NOW));
    ledger.set(&Limits::default(), Time(0));
    assert!(ledger.is_unlimited());
}

#[test]
fn a_period_that_is_over_begins_anew() {
    let limits = Limits {
        budget_duration: Every::parse("1d"),
        ..budget(10)
    };
    let (mut ledger, mut books) = (ledger(&limits), books());
    let part = granted(reserve(&mut ledger, &mut books, bound(10), NOW));
    ledger.settle(&part, &spent(10));
    books.apply("r", "team:a", 10);
    ledger.applied(10);
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(1), NOW),
        Verdict::Refused(Kind::Budget)
    );
    let over = ledger.of(Kind::Budget).2.unwrap();
    assert_eq!(over, Every::parse("1d").unwrap().next(Time(0), NOW));
    granted(reserve(&mut ledger, &mut books, bound(10), over));
    assert_eq!(books.of("team:a", Kind::Budget), (0, 10));
}

#[test]
fn a_slow_clock_does_not_begin_a_period_again() {
    let deal = |from, resets_at| Deal {
        scope: "team:a".into(),
        kind: Kind::Budget,
        cap: 10,
        back: 0,
        least: 1,
        most: 1,
        is_rest: false,
        from: Time(from),
        resets_at: Some(Time(resets_at)),
    };
    // The fast one begins the period of 100 to 200.
    let began = turned(&deal(101, 200), 7, Time(0), Some(Time(100)));
    assert_eq!(began, (0, Time(100), Some(Time(200))));
    // To the slow one the last period is not over.
    let same = turned(&deal(99, 100), 3, Time(100), Some(Time(200)));
    assert_eq!(same, (3, Time(100), Some(Time(200))));
    // A shorter period holds from now on, and what was used stays.
    let shorter = turned(&deal(120, 150), 3, Time(100), Some(Time(200)));
    assert_eq!(shorter, (3, Time(100), Some(Time(150))));
}

#[test]
fn requests_of_a_minute_are_counted_and_a_new_minute_has_its_own() {
    let (mut ledger, mut books) = (ledger(&rpm(3)), books());
    for left in [2, 1, 0] {
        granted(reserve(&mut ledger, &mut books, bound(1), NOW));
        assert_eq!(ledger.standing(NOW).requests.unwrap().remaining, left);
    }
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(1), NOW),
        Verdict::Refused(Kind::Rpm)
    );
    let asked = books.asked;
    for _ in 0..100 {
        assert_eq!(
            reserve(&mut ledger, &mut books, bound(1), NOW),
            Verdict::Refused(Kind::Rpm)
        );
    }
    assert_eq!(books.asked, asked, "what is known is not asked again");
    let (limit, used, reset) = ledger.of(Kind::Rpm);
    assert_eq!((limit, used, reset), (3, 3, Some(Time(NOON + 30_000))));
    granted(reserve(
        &mut ledger,
        &mut books,
        bound(1),
        Time(NOON + 30_000),
    ));
}

#[test]
fn tokens_are_reserved_and_what_came_of_them_is_counted() {
    let (mut ledger, mut books) = (ledger(&tpm(100)), books());
    let part = granted(reserve(&mut ledger, &mut books, unbound(40), NOW));
    ledger.settle(&part, &spent(90));
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(20), NOW),
        Verdict::Refused(Kind::Tpm)
    );
    assert_eq!(ledger.standing(NOW).tokens.unwrap().remaining, 10);
    let part = granted(reserve(&mut ledger, &mut books, bound(10), NOW));
    ledger.settle(&part, &spent(0));
    granted(reserve(&mut ledger, &mut books, bound(10), NOW));
}

#[test]
fn a_request_of_more_tokens_than_a_minute_has_takes_a_whole_one() {
    let (mut ledger, mut books) = (ledger(&tpm(100)), books());
    let part = granted(reserve(&mut ledger, &mut books, bound(1_000), NOW));
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(1), NOW),
        Verdict::Refused(Kind::Tpm)
    );
    // Of the minute before nothing is given back to this one.
    let next = Time(NOON + 60_000);
    granted(reserve(&mut ledger, &mut books, bound(99), next));
    ledger.settle(&part, &spent(10));
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(2), next),
        Verdict::Refused(Kind::Tpm)
    );
}

#[test]
fn a_request_that_was_dropped_counts_as_a_request_and_nothing_else() {
    let limits = Limits {
        rpm_limit: Some(2),
        tpm_limit: Some(10),
        max_parallel_requests: Some(1),
        ..budget(10)
    };
    let (mut ledger, mut books) = (ledger(&limits), books());
    let part = granted(reserve(&mut ledger, &mut books, bound(10), NOW));
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(0), NOW),
        Verdict::Refused(Kind::Parallel)
    );
    ledger.cancel(&part, true);
    let part = granted(reserve(&mut ledger, &mut books, bound(10), NOW));
    ledger.cancel(&part, true);
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(10), NOW),
        Verdict::Refused(Kind::Rpm)
    );
    // Another account refused it: it was none.
    ledger.cancel(&part, false);
}

#[test]
fn permits_go_back_one_by_one() {
    let (mut ledger, mut books) = (ledger(&parallel(16)), books());
    let parts: Vec<Part> = (0..16)
        .map(|_| granted(reserve(&mut ledger, &mut books, bound(1), NOW)))
        .collect();
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(1), NOW),
        Verdict::Refused(Kind::Parallel)
    );
    assert_eq!(ledger.idle(false, NOW), []);
    ledger.settle(&parts[0], &spent(1));
    ledger.idle(false, NOW);
    let back = ledger.idle(false, NOW);
    assert_eq!((back.len(), back[0].back), (1, 1));
    deal(&mut ledger, &mut books, &back, NOW);
    assert_eq!(books.of("team:a", Kind::Parallel), (0, 15));
}

#[test]
fn a_database_that_is_away_leaves_what_was_left() {
    let (mut ledger, mut books) = (ledger(&budget(100)), books());
    let part = granted(reserve(&mut ledger, &mut books, bound(10), NOW));
    ledger.settle(&part, &spent(10));
    books.is_away = true;
    for need in [50, 40] {
        let part = granted(reserve(&mut ledger, &mut books, bound(need), NOW));
        ledger.settle(&part, &spent(need));
    }
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(1), NOW),
        Verdict::Refused(Kind::Budget)
    );
    // Back again: the journal says what was spent meanwhile.
    books.is_away = false;
    let later = Time(NOON + 1_000);
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(1), later),
        Verdict::Wait
    );
    books.apply("r", "team:a", 100);
    ledger.applied(100);
    ledger.forget();
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(1), later),
        Verdict::Refused(Kind::Budget)
    );
    ledger.set(&budget(101), Time(0));
    granted(reserve(&mut ledger, &mut books, bound(1), later));
}

#[test]
fn minutes_count_here_alone_while_the_database_is_away() {
    let limits = Limits {
        max_parallel_requests: Some(2),
        ..rpm(3)
    };
    let (mut ledger, mut books) = (ledger(&limits), books());
    books.is_away = true;
    let first = granted(reserve(&mut ledger, &mut books, bound(1), NOW));
    granted(reserve(&mut ledger, &mut books, bound(1), NOW));
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(1), NOW),
        Verdict::Refused(Kind::Parallel)
    );
    ledger.settle(&first, &spent(1));
    granted(reserve(&mut ledger, &mut books, bound(1), NOW));
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(1), NOW),
        Verdict::Refused(Kind::Parallel)
    );
    books.is_away = false;
    let later = Time(NOON + 1_000);
    assert_eq!(
        reserve(&mut ledger, &mut books, bound(1), later),
        Verdict::Refused(Kind::Parallel)
    );
    assert_eq!(books.of("team:a", Kind::Rpm), (0, 0), "it was refused");
}

#[test]
fn an_answer_that_was_lost_is_made_good_by_the_next_one() {
    let (mut ledger, mut books) = (ledger(&budget(1_000)), books());
    let Verdict::Deal(deals) = ledger.reserve(&bound(10), false, NOW) else {
        panic!("nothing is lent yet");
    };
    books.deal("r", &deals).unwrap();
    ledger.heard(&deals[0], None, NOW);
    assert_eq!(books.of("team:a", Kind::Budget), (0, 40));
    assert_eq!(ledger.idle(true, NOW), []);
    let look = ledger.idle(true, NOW);
    assert_eq!((look[0].back, look[0].least), (0, 0));
    deal(&mut ledger, &mut books, &look, NOW);
    ledger.idle(true, NOW);
    let back = ledger.idle(true, NOW);
    deal(&mut ledger, &mut books, &back, NOW);
    assert_eq!(books.of("team:a", Kind::Budget), (0, 0));
}

#[test]
fn numbers_at_the_end_of_what_can_be_counted_are_numbers() {
    let limits = Limits {
        max_budget: Some(Money(i64::MAX)),
        rpm_limit: Some(u64::MAX),
        tpm_limit: Some(u64::MAX),
        max_parallel_requests: Some(u64::MAX),
        ..Limits::default()
    };
    let most = Need {
        tokens: u64::MAX,
        cost: Money(i64::MAX),
        is_bound: true,
    };
    for is_away in [false, true] {
        let (mut ledger, mut books) = (ledger(&limits), books());
        books.is_away = is_away;
        let part = granted(reserve(&mut ledger, &mut books, most, NOW));
        let second = reserve(&mut ledger, &mut books, most, NOW);
        assert!(!matches!(second, Verdict::Granted(_)), "{second:?}");
        let all = Spent {
            tokens: u64::MAX,
            cost: Money(i64::MAX),
        };
        ledger.settle(&part, &all);
        let second = reserve(&mut ledger, &mut books, most, NOW);
        assert!(matches!(second, Verdict::Refused(_)), "{second:?}");
    }
}
