//! What was spent, asked for.

use super::*;
use crate::spend::report::{self, By, Filter, Sum};

const DAY: i64 = 86_400_000;

/// Some requests of three days.
async fn requests(base: &Base) -> Store {
    let store = base.store().await;
    insert_key(&store).await;
    let of = |id: &'static str, at: i64, spend, model: &'static str| Row {
        started_at: Time(at),
        model_group: model.into(),
        team_id: Some("t".into()),
        ..row(id, spend)
    };
    let master = Row {
        token: None,
        team_id: None,
        user_id: Some("u".into()),
        end_user: Some("e".into()),
        status: 499,
        ..of("d", 2 * DAY, 1_000, "llm")
    };
    let all = [
        of("a", 1, 1, "llm"),
        of("b", 2, 10, "embed"),
        of("c", DAY, 100, "llm"),
        master,
    ];
    apply::apply(&store, batch("r", 0, &all)).await.unwrap();
    store
}

async fn requests_are_found_by_what_they_are(base: Base) {
    let store = requests(&base).await;
    let found = async |filter: Filter| {
        let logs = store
            .run(move |pool| report::logs(pool, filter, 1, 10))
            .await
            .unwrap();
        assert_eq!(logs.total, logs.rows.len() as u64);
        logs.rows
            .iter()
            .map(|row| row.request_id.to_string())
            .collect::<String>()
    };
    let all = Filter::default();
    // The newest first.
    assert_eq!(found(all.clone()).await, "dcba");
    let by = |change: &dyn Fn(&mut Filter)| {
        let mut filter = all.clone();
        change(&mut filter);
        filter
    };
    assert_eq!(found(by(&|f| f.request_id = Some("b".into()))).await, "b");
    assert_eq!(
        found(by(&|f| f.token = Some(Token::of(b"sk-1")))).await,
        "cba"
    );
    assert_eq!(found(by(&|f| f.of_master = true)).await, "d");
    assert_eq!(found(by(&|f| f.team_id = Some("t".into()))).await, "cba");
    assert_eq!(found(by(&|f| f.user_id = Some("u".into()))).await, "d");
    assert_eq!(
        found(by(&|f| f.end_user = Some("e' OR 1 = 1 --".into()))).await,
        ""
    );
    assert_eq!(
        found(by(&|f| f.model_group = Some("embed".into()))).await,
        "b"
    );
    assert_eq!(found(by(&|f| f.has_failed = Some(true))).await, "d");
    assert_eq!(found(by(&|f| f.has_failed = Some(false))).await, "cba");
    let some = by(&|f| {
        f.start = Some(Time(2));
        f.end = Some(Time(2 * DAY));
        f.token = Some(Token::of(b"sk-1"));
    });
    assert_eq!(found(some).await, "cb");
}

async fn requests_come_in_pages_and_as_they_were_written(base: Base) {
    let store = requests(&base).await;
    let page = async |page| {
        let logs = store
            .run(move |pool| report::logs(pool, Filter::default(), page, 3))
            .await
            .unwrap();
        assert_eq!(logs.total, 4);
        logs.rows
    };
    let (first, second) = (page(1).await, page(2).await);
    assert_eq!((first.len(), second.len(), page(3).await.len()), (3, 1, 0));
    let expected = Row {
        started_at: Time(1),
        team_id: Some("t".into()),
        ..row("a", 1)
    };
    assert_eq!(second, [expected]);
}

async fn sums_are_by_what_requests_have_in_common(base: Base) {
    let store = requests(&base).await;
    let sums = async |by: Vec<By>| {
        let sums = store
            .run(move |pool| report::sums(pool, Filter::default(), by))
            .await
            .unwrap();
        let told = |sum: Sum| format!("{}={}x{}", sum.of.join("/"), sum.spend.0, sum.requests);
        sums.into_iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(
        sums(vec![By::Day]).await,
        ["1970-01-01=11x2", "1970-01-02=100x1", "1970-01-03=1000x1"]
    );
    assert_eq!(sums(vec![By::Model]).await, ["embed=10x1", "llm=1101x3"]);
    assert_eq!(
        sums(vec![By::User, By::Model]).await,
        ["/embed=10x1", "/llm=101x2", "u/llm=1000x1"]
    );
    assert_eq!(sums(vec![By::User]).await, ["=111x3", "u=1000x1"]);
    let key = Token::of(b"sk-1").to_string();
    assert_eq!(
        sums(vec![By::Key]).await,
        ["=1000x1".to_owned(), format!("{key}=111x3")]
    );
    assert_eq!(sums(vec![]).await, ["=1111x4"]);
    let none = Filter {
        end: Some(Time(0)),
        ..Filter::default()
    };
    let none = store
        .run(move |pool| report::sums(pool, none, vec![By::Day]))
        .await
        .unwrap();
    assert!(none.is_empty());
}

async fn a_sum_is_wider_than_what_one_row_can_cost(base: Base) {
    let store = base.store().await;
    let much = i64::MAX / 2 - 1;
    let all = [row("a", much), row("b", much), row("c", 3)];
    apply::apply(&store, batch("r", 0, &all)).await.unwrap();
    let sums = store
        .run(move |pool| report::sums(pool, Filter::default(), vec![]))
        .await
        .unwrap();
    assert_eq!(
        (sums[0].spend, sums[0].prompt_tokens),
        (Money(2 * much + 3), 21)
    );
}

async fn what_keys_and_all_together_have_spent(base: Base) {
    let store = requests(&base).await;
    assert_eq!(store.run(report::total).await, Ok(Money(1_111)));
    let keys = async |now| {
        let keys = store
            .run(move |pool| report::keys(pool, Time(now), 10))
            .await
            .unwrap();
        keys.into_iter()
            .map(|key| (key.key_name, key.spend.0))
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(0).await, [("sk-...1".to_owned(), 111)]);
    // Its period is over, and nobody has begun the next.
    does(&store, "UPDATE quotas SET resets_at = 9").await;
    assert_eq!(keys(8).await, [("sk-...1".to_owned(), 111)]);
    assert_eq!(keys(9).await, [("sk-...1".to_owned(), 0)]);
}

on_both! {
    requests_are_found_by_what_they_are
    requests_come_in_pages_and_as_they_were_written
    sums_are_by_what_requests_have_in_common
    a_sum_is_wider_than_what_one_row_can_cost
    what_keys_and_all_together_have_spent
}
