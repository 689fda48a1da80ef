//! What is brought into the database is there once, and all of it or nothing.

use super::*;
use crate::spend::report::{self, Filter};

async fn a_batch_that_is_brought_again_is_there_once(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let first = batch("r", 0, &[row("a", 1), row("b", 10)]);
    assert_eq!(apply::apply(&store, first.clone()).await, Ok(Applied::Now));
    // The answer was lost, or the process ended before it knew.
    assert_eq!(
        apply::apply(&store, first.clone()).await,
        Ok(Applied::Before(Some(first.to)))
    );
    let second = batch("r", first.to, &[row("c", 100)]);
    assert_eq!(apply::apply(&store, second.clone()).await, Ok(Applied::Now));
    assert_eq!(
        apply::apply(&store, first).await,
        Ok(Applied::Before(Some(second.to)))
    );
    assert_eq!(used(&store, &key_scope()).await, Some(111));
    assert_eq!(used(&store, ALL).await, Some(111));
    assert_eq!(rows(&store).await, 3);
}

async fn all_rows_of_a_batch_are_there_and_as_they_were(base: Base) {
    let store = base.store().await;
    // More than one statement takes, and of each size of them.
    let names: Vec<String> = (0..150).map(|at| format!("r{at:03}")).collect();
    let all = names.iter().enumerate().map(|(at, name)| Row {
        started_at: Time(at as i64),
        first_chunk_at: (at % 2 == 0).then_some(Time(3)),
        end_user: (at % 3 == 0).then(|| format!("é'{at}").into()),
        token: (at % 5 > 0).then(|| Token::of(b"sk-1")),
        prompt_tokens: at as u64,
        ..row(name, at as i64)
    });
    let all: Vec<Row<'_>> = all.collect();
    apply::apply(&store, batch("r", 0, &all)).await.unwrap();
    let logs = store.run(|pool| report::logs(pool, Filter::default(), 1, 1_000));
    let mut found = logs.await.unwrap().rows;
    found.sort_by_key(|row| row.started_at);
    assert_eq!(found, all);
}

async fn two_that_bring_the_same_at_once_bring_it_once(base: Base) {
    let (one, other) = (base.store().await, base.store().await);
    insert_key(&one).await;
    let rows_of_it: Vec<Row<'_>> = (0..50).map(|_| row("a", 1)).collect();
    let mut from = 0;
    for _ in 0..20 {
        let next = batch("r", from, &rows_of_it);
        let both = tokio::join!(
            apply::apply(&one, next.clone()),
            apply::apply(&other, next.clone())
        );
        let both = [both.0.unwrap(), both.1.unwrap()];
        assert_eq!(
            both.iter().filter(|one| **one == Applied::Now).count(),
            1,
            "{both:?}"
        );
        from = next.to;
    }
    assert_eq!(used(&one, &key_scope()).await, Some(1_000));
}

async fn what_fails_in_the_middle_is_not_there_at_all(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let first = batch("r", 0, &[row("a", 1)]);
    apply::apply(&store, first.clone()).await.unwrap();
    // A table is gone that the end of the transaction needs.
    does(&store, "ALTER TABLE holds RENAME TO elsewhere").await;
    let second = batch("r", first.to, &[row("b", 10)]);
    assert!(apply::apply(&store, second.clone()).await.is_err());
    assert_eq!(rows(&store).await, 1);
    assert_eq!(
        apply::reached(&store, "j".to_owned()).await,
        Ok(Some(first.to))
    );
    does(&store, "ALTER TABLE elsewhere RENAME TO holds").await;
    assert_eq!(apply::apply(&store, second).await, Ok(Applied::Now));
    assert_eq!(used(&store, ALL).await, Some(11));
}

async fn what_is_spent_is_taken_off_what_its_replica_holds(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let scope = key_scope();
    apply::apply(&store, batch("r", 0, &[row("a", 5)]))
        .await
        .unwrap();
    does(&store, "UPDATE quotas SET held = 30 WHERE scope <> 'proxy'").await;
    for replica in ["r", "other"] {
        let (replica, scope) = (replica.to_owned(), scope.clone());
        let sql = "INSERT INTO holds (replica, scope, kind, amount) VALUES ($1, $2, 'budget', 15)";
        let done = store.run(move |pool| async move {
            on!(&pool, db => sqlx::query(sql).bind(replica).bind(scope).execute(db).await.map(drop))
        });
        done.await.unwrap();
    }
    let hold = |replica: &'static str| {
        number(
            &store,
            "SELECT amount FROM holds WHERE replica = $1",
            replica,
        )
    };
    let from = apply::reached(&store, "j".to_owned())
        .await
        .unwrap()
        .unwrap();
    let next = batch("r", from, &[row("b", 4), row("c", 6)]);
    apply::apply(&store, next.clone()).await.unwrap();
    assert_eq!(
        (used(&store, &scope).await, held(&store, &scope).await),
        (Some(15), Some(20))
    );
    assert_eq!((hold("r").await, hold("other").await), (Some(5), Some(15)));
    // More than it holds: what is left of it, and no more.
    apply::apply(&store, batch("r", next.to, &[row("d", 100)]))
        .await
        .unwrap();
    assert_eq!(
        (used(&store, &scope).await, held(&store, &scope).await),
        (Some(115), Some(15))
    );
    assert_eq!((hold("r").await, hold("other").await), (Some(0), Some(15)));
}

async fn what_ended_before_a_period_is_not_used_in_it_and_yet_not_held(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    apply::apply(&store, batch("r", 0, &[row("a", 1)]))
        .await
        .unwrap();
    does(
        &store,
        "UPDATE quotas SET used = 0, held = 50, period = 5000 WHERE scope <> 'proxy'",
    )
    .await;
    does(
        &store,
        "INSERT INTO holds (replica, scope, kind, amount) SELECT 'r', scope, kind, 50 FROM quotas WHERE scope <> 'proxy'",
    )
    .await;
    let ended = |id: &'static str, at: i64, spend| Row {
        ended_at: Time(at),
        ..row(id, spend)
    };
    let from = apply::reached(&store, "j".to_owned())
        .await
        .unwrap()
        .unwrap();
    let next = batch("r", from, &[ended("b", 4_999, 10), ended("c", 5_000, 20)]);
    apply::apply(&store, next).await.unwrap();
    let scope = key_scope();
    assert_eq!(
        (used(&store, &scope).await, held(&store, &scope).await),
        (Some(20), Some(20))
    );
    // All together has no periods.
    assert_eq!(used(&store, ALL).await, Some(31));
}

async fn of_a_key_that_is_deleted_the_row_is_kept_and_no_sum(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let first = batch("r", 0, &[row("a", 1)]);
    apply::apply(&store, first.clone()).await.unwrap();
    store.delete_keys(vec![Token::of(b"sk-1")]).await.unwrap();
    let master = Row {
        token: None,
        ..row("c", 100)
    };
    let second = batch("r", first.to, &[row("b", 10), master]);
    apply::apply(&store, second).await.unwrap();
    assert_eq!(used(&store, &key_scope()).await, None);
    assert_eq!(
        (used(&store, ALL).await, rows(&store).await),
        (Some(111), 3)
    );
}

async fn a_sum_stays_at_the_most(base: Base) {
    let store = base.store().await;
    insert_key(&store).await;
    let first = batch("r", 0, &[row("a", i64::MAX - 5)]);
    apply::apply(&store, first.clone()).await.unwrap();
    apply::apply(&store, batch("r", first.to, &[row("b", 10)]))
        .await
        .unwrap();
    assert_eq!(used(&store, &key_scope()).await, Some(i64::MAX));
}

on_both! {
    all_rows_of_a_batch_are_there_and_as_they_were
    a_batch_that_is_brought_again_is_there_once
    two_that_bring_the_same_at_once_bring_it_once
    what_fails_in_the_middle_is_not_there_at_all
    what_is_spent_is_taken_off_what_its_replica_holds
    what_ended_before_a_period_is_not_used_in_it_and_yet_not_held
    of_a_key_that_is_deleted_the_row_is_kept_and_no_sum
    a_sum_stays_at_the_most
}
