//! What is PostgreSQL's alone.

use super::{Base, becomes, key};
use crate::store::{Address, Store, alive};
use running::postgres::Postgres;

#[tokio::test]
async fn replicas_that_begin_at_once_make_the_tables_once() {
    let url = Postgres::shared().database();
    let address = Address::parse(&url).unwrap();
    let stores: Vec<Store> = (0..4).map(|_| Store::open(&address).unwrap()).collect();
    for store in &stores {
        becomes(store, true).await;
    }
    let (_, database) = url.rsplit_once('/').unwrap();
    let count = "SELECT count(*) FROM _sqlx_migrations";
    assert_eq!(Postgres::shared().sql(database, count), "1");
}

#[tokio::test]
async fn a_database_of_a_newer_version_serves_this_one() {
    let url = Postgres::shared().database();
    let address = Address::parse(&url).unwrap();
    let store = Store::open(&address).unwrap();
    becomes(&store, true).await;
    store.close().await;
    let (_, database) = url.rsplit_once('/').unwrap();
    let newer = "ALTER TABLE keys ADD COLUMN new TEXT NOT NULL DEFAULT 'x'; \
        INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, '', true, '', 0)";
    Postgres::shared().sql(database, newer);
    let store = Store::open(&address).unwrap();
    becomes(&store, true).await;
    store.insert_key(key("a")).await.unwrap();
    assert_eq!(store.key(key("a").token).await, Ok(Some(key("a"))));
}

#[tokio::test]
async fn a_database_of_another_version_is_left_alone() {
    let url = Postgres::shared().database();
    let address = Address::parse(&url).unwrap();
    let store = Store::open(&address).unwrap();
    becomes(&store, true).await;
    store.close().await;
    let (_, database) = url.rsplit_once('/').unwrap();
    // What is in it is not what this version would have made.
    Postgres::shared().sql(database, "UPDATE _sqlx_migrations SET checksum = ''");
    let Address::Postgres(options) = address else {
        panic!("a server");
    };
    let why = alive::reach(&options).await.err();
    let expected = "it was made by another version: start that one, or name another database";
    assert_eq!(why.as_deref(), Some(expected));
    // Others are not kept from looking at it. Databases of other tests have locks of their own.
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' \
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let until = std::time::Instant::now() + super::GIVE_UP;
    while Postgres::shared().sql(database, locks) != "0" {
        assert!(std::time::Instant::now() < until, "the lock is kept");
    }
}

#[tokio::test]
async fn tables_are_where_the_url_says() {
    let url = Postgres::shared().database();
    let (_, database) = url.rsplit_once('/').unwrap();
    Postgres::shared().sql(database, "CREATE SCHEMA mine");
    let address = Address::parse(&format!("{url}?schema=mine&connection_limit=3")).unwrap();
    let base = Base {
        address,
        _folder: None,
    };
    base.store()
        .await
        .insert_key(super::key("a"))
        .await
        .unwrap();
    assert_eq!(
        Postgres::shared().sql(database, "SELECT count(*) FROM mine.keys"),
        "1"
    );
}
