//! What was spent.

use super::{Base, on_both};
use crate::keys::{Every, Money, Scope, Time, Token};
use crate::store::Spent;

on_both! {
    what_is_spent_counts_until_its_period_is_over
    what_somebody_sets_keeps_a_period_that_is_under_way
    only_those_of_which_anything_was_spent_are_told
}

fn scopes() -> Vec<Scope> {
    vec![
        Scope::Key(Token::of(b"k")),
        Scope::Team("a:b'%".to_owned()),
        Scope::User(String::new()),
    ]
}

async fn what_is_spent_counts_until_its_period_is_over(base: Base) {
    let store = base.store().await;
    let minute = Every::parse("1m");
    for scope in scopes() {
        store
            .set_spend(scope.clone(), Money(7), minute, Time(1_000))
            .await
            .unwrap();
        let resets_at = Some(Time(61_000));
        for (now, spend) in [(1_000, 7), (60_999, 7), (61_000, 0)] {
            let spent = store.spent(vec![scope.clone()], Time(now)).await.unwrap();
            let expected = Spent {
                spend: Money(spend),
                resets_at,
            };
            assert_eq!(spent[&scope], expected, "{scope} at {now}");
        }
    }
}

async fn what_somebody_sets_keeps_a_period_that_is_under_way(base: Base) {
    let store = base.store().await;
    let [scope, ..] = &scopes()[..] else { return };
    let minute = Every::parse("1m");
    let at = async |now| store.spent(vec![scope.clone()], now).await.unwrap()[scope];
    store
        .set_spend(scope.clone(), Money(7), minute, Time(1_000))
        .await
        .unwrap();
    store
        .set_spend(scope.clone(), Money(1), minute, Time(2_000))
        .await
        .unwrap();
    assert_eq!(
        (at(Time(2_000)).await.spend, at(Time(2_000)).await.resets_at),
        (Money(1), Some(Time(61_000)))
    );
    // The period is over: another one begins.
    store
        .set_spend(scope.clone(), Money(2), minute, Time(70_000))
        .await
        .unwrap();
    assert_eq!(
        (
            at(Time(70_000)).await.spend,
            at(Time(70_000)).await.resets_at
        ),
        (Money(2), Some(Time(130_000)))
    );
    // Without periods it is for ever.
    store
        .set_spend(scopes()[1].clone(), Money(3), None, Time(1))
        .await
        .unwrap();
    let spent = store.spent(scopes(), Time(i64::MAX)).await.unwrap();
    assert_eq!(spent[&scopes()[1]].spend, Money(3));
}

async fn only_those_of_which_anything_was_spent_are_told(base: Base) {
    let store = base.store().await;
    store
        .set_spend(scopes()[0].clone(), Money(7), None, Time(1))
        .await
        .unwrap();
    let spent = store.spent(scopes(), Time(2)).await.unwrap();
    assert_eq!(spent.into_keys().collect::<Vec<_>>(), [scopes()[0].clone()]);
    assert!(store.spent(Vec::new(), Time(2)).await.unwrap().is_empty());
}
