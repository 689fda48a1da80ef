//! A server that goes away, and comes back.

use super::{Base, GIVE_UP, becomes, key};
use crate::keys::Time;
use crate::store::{Address, Change, Failure, Store, alive};
use running::postgres::{PASSWORD, Postgres};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::timeout;

/// A server of the test's own, and a database of it.
fn server() -> (Postgres, Address) {
    let server = Postgres::start();
    let address = Address::parse(&server.database()).expect("a URL");
    (server, address)
}

#[tokio::test]
async fn a_server_that_stops_is_away_until_it_is_there_again() {
    let (server, address) = server();
    let store = Store::open(&address).unwrap();
    becomes(&store, true).await;
    store.insert_key(key("a")).await.unwrap();
    let token = key("a").token;
    for _ in 0..2 {
        let mut changes = store.changes();
        server.stop();
        // Before anybody asks it.
        becomes(&store, false).await;
        assert_eq!(store.key(token).await, Err(Failure::Away));
        assert_eq!(store.insert_key(key("b")).await, Err(Failure::Away));
        server.restart();
        becomes(&store, true).await;
        // What was written before may be heard late.
        while changes.recv().await.unwrap() != Change::All {}
        assert_eq!(store.key(token).await, Ok(Some(key("a"))));
    }
    store.insert_key(key("b")).await.unwrap();
    assert_eq!(store.key(key("b").token).await, Ok(Some(key("b"))));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_away_until_it_goes_on() {
    let (server, address) = server();
    let store = Store::open(&address).unwrap();
    becomes(&store, true).await;
    store.insert_key(key("a")).await.unwrap();
    server.freeze();
    assert_eq!(store.key(key("a").token).await, Err(Failure::Away));
    becomes(&store, false).await;
    server.resume();
    becomes(&store, true).await;
    assert_eq!(store.key(key("a").token).await, Ok(Some(key("a"))));
}

#[tokio::test]
async fn a_store_is_there_before_its_server() {
    let (server, address) = server();
    server.stop();
    let store = Store::open(&address).unwrap();
    assert!(!store.is_up());
    assert_eq!(store.key(key("a").token).await, Err(Failure::Away));
    server.restart();
    becomes(&store, true).await;
    store.insert_key(key("a")).await.unwrap();
}

#[tokio::test]
async fn what_is_under_way_when_it_stops_is_away_and_not_done() {
    let (server, address) = server();
    let store = Store::open(&address).unwrap();
    becomes(&store, true).await;
    store.insert_key(key("a")).await.unwrap();
    let gates = Arc::new((Notify::new(), Notify::new()));
    let work = store.write(gates.clone(), |tx, gates| {
        Box::pin(async move {
            let told = tx.tell(Change::All).await;
            gates.0.notify_one();
            gates.1.notified().await;
            told
        })
    });
    let stop = async {
        gates.0.notified().await;
        server.stop();
        gates.1.notify_one();
    };
    let (done, ()) = tokio::join!(work, stop);
    assert_eq!(done, Err(Failure::Away));
}

#[tokio::test]
async fn closing_waits_for_what_is_under_way() {
    let base = Base::server();
    let store = base.store().await;
    store.insert_key(key("a")).await.unwrap();
    let gates = Arc::new((Notify::new(), Notify::new()));
    let work = store.write(gates.clone(), |tx, gates| {
        Box::pin(async move {
            gates.0.notify_one();
            gates.1.notified().await;
            tx.tell(Change::All).await
        })
    });
    let close = async {
        gates.0.notified().await;
        let (closed, ()) = tokio::join!(store.close(), async { gates.1.notify_one() });
        closed
    };
    let (done, ()) = tokio::join!(work, close);
    assert_eq!(done, Ok(()));
    assert!(!store.is_up());
    assert_eq!(store.key(key("a").token).await, Err(Failure::Away));
    // Once more does nothing.
    timeout(GIVE_UP, store.close()).await.expect("it is closed");
    let again = base.store().await;
    let changed = again
        .change_key(key("a").token, |key| key.updated_at = Time(9))
        .await;
    assert!(changed.unwrap().is_some());
}

#[tokio::test]
async fn why_it_is_away_tells_no_password() {
    let server = Postgres::shared();
    let url = server.database();
    let (_, rest) = url.split_once('@').unwrap();
    let nowhere = url.rsplit_once('/').unwrap().0;
    for (url, expected) in [
        (
            format!("postgresql://postgres:secret@{rest}"),
            "password authentication failed",
        ),
        (format!("{nowhere}/nowhere"), "does not exist"),
        ("postgresql://u:secret@127.0.0.1:1/d".to_owned(), "refused"),
        (
            "postgresql://u:secret@no.such.host.invalid/d".to_owned(),
            "",
        ),
    ] {
        let Some(Address::Postgres(options)) = Address::parse(&url) else {
            panic!("a URL");
        };
        let why = alive::reach(&options).await.expect_err("it is not there");
        assert!(why.contains(expected), "{why}");
        assert!(!why.contains("secret") && !why.contains(PASSWORD), "{why}");
        assert!(!format!("{options:?}").is_empty());
    }
}
