//! Work in one transaction.

use super::{Base, GIVE_UP, key, on_both};
use crate::keys::{Time, Token};
use crate::store::{Change, Failure, Store, Tx, within};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Barrier, Notify};
use tokio::time::timeout;

on_both! {
    all_of_it_is_done_or_nothing
    changes_at_the_same_time_are_all_kept
    work_goes_on_when_nobody_waits_for_it
    work_that_ends_in_a_panic_changes_nothing
    a_store_is_asked_from_any_runtime
}

async fn block(tx: &mut Tx, token: &Token) -> sqlx::Result<()> {
    within!(tx, db => {
        let query = sqlx::query("UPDATE keys SET blocked = $1 WHERE token = $2");
        query.bind(false).bind(token.to_string()).execute(db).await.map(drop)
    })
}

async fn all_of_it_is_done_or_nothing(base: Base) {
    let store = base.store().await;
    store.insert_key(key("a")).await.unwrap();
    let token = key("a").token;
    let failed = store.write(token, |tx, token| {
        Box::pin(async move {
            block(tx, token).await?;
            within!(tx, db => sqlx::query("SELECT * FROM nowhere").execute(db).await.map(drop))
        })
    });
    assert!(matches!(failed.await, Err(Failure::Broken(_))));
    assert_eq!(store.key(token).await, Ok(Some(key("a"))));
    store
        .write(token, |tx, token| Box::pin(block(tx, token)))
        .await
        .unwrap();
    assert!(!store.key(token).await.unwrap().unwrap().blocked);
}

async fn changes_at_the_same_time_are_all_kept(base: Base) {
    // As two replicas.
    let stores = [base.store().await, base.store().await];
    let mut counter = key("a");
    counter.metadata.clear();
    stores[0].insert_key(counter.clone()).await.unwrap();
    let each = async |store: &Store| {
        for _ in 0..10 {
            let counted = store.change_key(counter.token, |key| {
                let now = key.metadata.get("n").and_then(|n| n.as_u64()).unwrap_or(0);
                key.metadata.insert("n".to_owned(), json!(now + 1));
            });
            counted.await.unwrap();
        }
    };
    tokio::join!(
        each(&stores[0]),
        each(&stores[1]),
        each(&stores[0]),
        each(&stores[1])
    );
    let counted = stores[0].key(counter.token).await.unwrap().unwrap();
    assert_eq!(counted.metadata["n"], 40);
}

async fn work_goes_on_when_nobody_waits_for_it(base: Base) {
    let store = base.store().await;
    store.insert_key(key("a")).await.unwrap();
    let mut changes = store.changes();
    let gates = Arc::new((Notify::new(), Notify::new()));
    let work = {
        let (store, gates) = (store.clone(), gates.clone());
        tokio::spawn(async move {
            let work = store.write(gates, |tx, gates| {
                Box::pin(async move {
                    let token = key("a").token;
                    block(tx, &token).await?;
                    gates.0.notify_one();
                    gates.1.notified().await;
                    tx.tell(Change::Team("done".to_owned())).await
                })
            });
            work.await
        })
    };
    gates.0.notified().await;
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    gates.1.notify_one();
    // The key's own change is told before, and on a server once more.
    let done = Change::Team("done".to_owned());
    let told = async { while changes.recv().await.unwrap() != done {} };
    timeout(GIVE_UP, told).await.expect("it is done");
    assert!(!store.key(key("a").token).await.unwrap().unwrap().blocked);
}

async fn work_that_ends_in_a_panic_changes_nothing(base: Base) {
    let store = base.store().await;
    store.insert_key(key("a")).await.unwrap();
    let done = store.write(key("a").token, |tx, token| {
        Box::pin(async move {
            block(tx, token).await?;
            panic!("a fault of ours")
        })
    });
    let done: Result<(), Failure> = done.await;
    assert!(matches!(done, Err(Failure::Broken(_))));
    assert_eq!(store.key(key("a").token).await, Ok(Some(key("a"))));
    // Nothing is locked by it.
    store
        .change_key(key("a").token, |key| key.updated_at = Time(9))
        .await
        .unwrap();
}

async fn a_store_is_asked_from_any_runtime(base: Base) {
    let store = base.store().await;
    let threads = (0..3).map(|n: u32| {
        let store = store.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(store.insert_key(key(&n.to_string())))
        })
    });
    // All of them run before one is waited for.
    let threads: Vec<_> = threads.collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Ok(()));
    }
    let tokens = (0..3).map(|n: u32| Token::of(n.to_string().as_bytes()));
    assert_eq!(store.keys(tokens.collect()).await.unwrap().len(), 3);
}

#[tokio::test]
async fn of_two_that_wait_for_each_other_one_begins_again() {
    let base = Base::server();
    let store = base.store().await;
    for name in ["a", "b"] {
        store.insert_key(key(name)).await.unwrap();
    }
    let meeting = Arc::new(Barrier::new(2));
    let begun = Arc::new(AtomicUsize::new(0));
    let lock = |first: &'static str, second: &'static str| {
        store.write(
            (meeting.clone(), begun.clone()),
            move |tx, (meeting, begun)| {
                Box::pin(async move {
                    block(tx, &key(first).token).await?;
                    // The third time the other one is over.
                    if begun.fetch_add(1, Ordering::Relaxed) < 2 {
                        meeting.wait().await;
                    }
                    block(tx, &key(second).token).await
                })
            },
        )
    };
    let (one, other) = tokio::join!(lock("a", "b"), lock("b", "a"));
    assert_eq!((one, other), (Ok(()), Ok(())));
    assert_eq!(begun.load(Ordering::Relaxed), 3);
}
