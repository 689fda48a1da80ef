//! What is SQLite's alone: the file.

use super::{Base, becomes, key, team};
use crate::store::{Address, Failure, Store, alive, on};
use running::Folder;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn address(path: &Path, pragma: Option<(&'static str, &'static str)>) -> Address {
    match (Address::file(path), pragma) {
        (Address::Sqlite(options), Some((name, value))) => {
            Address::Sqlite(Box::new(options.pragma(name, value)))
        }
        (address, _) => address,
    }
}

#[tokio::test]
async fn nobody_else_reads_a_file_that_is_made() {
    let folder = Folder::new();
    let path = folder.0.join("a/b/keys.db");
    let outside = mode(&folder.0);
    let store = Store::open(&Address::file(&path)).unwrap();
    becomes(&store, true).await;
    store.insert_key(key("a")).await.unwrap();
    assert_eq!(mode(&folder.0), outside);
    for inside in ["a", "a/b"] {
        assert_eq!(mode(&folder.0.join(inside)), 0o700);
    }
    for name in ["keys.db", "keys.db-wal", "keys.db-shm"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_is_closed_is_whole_and_alone() {
    let folder = Folder::new();
    let path = folder.0.join("keys.db");
    let store = Store::open(&Address::file(&path)).unwrap();
    becomes(&store, true).await;
    store.insert_key(key("a")).await.unwrap();
    assert!(path.with_file_name("keys.db-wal").exists());
    store.close().await;
    assert!(!path.with_file_name("keys.db-wal").exists());
    assert!(!store.is_up());
    assert_eq!(store.key(key("a").token).await, Err(Failure::Away));
    store.close().await;
    let copy = folder.0.join("copy.db");
    fs::copy(&path, &copy).unwrap();
    let store = Store::open(&Address::file(&copy)).unwrap();
    becomes(&store, true).await;
    assert_eq!(store.key(key("a").token).await, Ok(Some(key("a"))));
}

#[tokio::test]
async fn a_store_that_nobody_has_any_more_is_closed() {
    let base = Base::file();
    let store = base.store().await;
    store.insert_key(key("a")).await.unwrap();
    let mut up = store.watch();
    drop(store);
    super::timeout(super::GIVE_UP, async {
        while up.changed().await.is_ok() {}
    })
    .await
    .expect("its thread ends");
    let Address::Sqlite(options) = &base.address else {
        panic!("a file");
    };
    assert!(
        !options
            .get_filename()
            .with_file_name("keys.db-wal")
            .exists()
    );
}

#[tokio::test]
async fn two_processes_that_begin_at_once_make_the_tables_once() {
    let folder = Folder::new();
    let address = Address::file(&folder.0.join("keys.db"));
    let stores: Vec<Store> = (0..4).map(|_| Store::open(&address).unwrap()).collect();
    for store in &stores {
        becomes(store, true).await;
    }
    stores[0].insert_key(key("a")).await.unwrap();
    assert_eq!(stores[3].key(key("a").token).await, Ok(Some(key("a"))));
}

#[tokio::test]
async fn a_file_that_is_full_can_be_read_and_is_written_when_there_is_room() {
    let folder = Folder::new();
    let address = address(&folder.0.join("keys.db"), Some(("max_page_count", "60")));
    let store = Store::open(&address).unwrap();
    becomes(&store, true).await;
    store.insert_key(key("a")).await.unwrap();
    store.insert_team(team("t")).await.unwrap();
    let mut large = key("large");
    large.created_by = "x".repeat(4_096 * 60);
    // On each of its connections.
    for _ in 0..5 {
        assert_eq!(store.insert_key(large.clone()).await, Err(Failure::Away));
    }
    assert_eq!(store.key(large.token).await, Ok(None));
    assert_eq!(store.key(key("a").token).await, Ok(Some(key("a"))));
    store.insert_key(key("b")).await.unwrap();
}

/// Statements without end, as a sum over too many rows seems to be.
const ENDLESS: &str =
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT COUNT(*) FROM n";

#[tokio::test]
async fn what_takes_too_long_gives_its_connection_back() {
    let base = Base::file();
    let store = base.store().await;
    store.insert_key(key("a")).await.unwrap();
    let endless = || {
        store.run(|pool| async move {
            on!(&pool, db => sqlx::query_scalar::<_, i64>(ENDLESS).fetch_one(db).await)
        })
    };
    // On each of its connections.
    let done = futures_util::future::join_all([endless(), endless(), endless()]).await;
    assert!(done.iter().all(|done| done.is_err()), "{done:?}");
    assert_eq!(store.key(key("a").token).await, Ok(Some(key("a"))));
    store.insert_key(key("b")).await.unwrap();
}

#[tokio::test]
async fn reports_leave_others_a_connection() {
    let base = Base::file();
    let store = base.store().await;
    store.insert_key(key("a")).await.unwrap();
    let endless = || {
        store.report(|pool| async move {
            on!(&pool, db => sqlx::query_scalar::<_, i64>(ENDLESS).fetch_one(db).await)
        })
    };
    let reports = futures_util::future::join_all([endless(), endless(), endless(), endless()]);
    let looked_up = async {
        // The reports are under way.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let began = std::time::Instant::now();
        assert_eq!(store.key(key("a").token).await, Ok(Some(key("a"))));
        began.elapsed()
    };
    let (_, took) = tokio::join!(reports, looked_up);
    assert!(took.as_secs() < 3, "{took:?}");
}

#[tokio::test]
async fn why_a_file_is_away_is_told() {
    let folder = Folder::new();
    let damaged = folder.0.join("damaged.db");
    let other = "nothing that SQLite wrote, and long enough for it to see that".repeat(100);
    fs::write(&damaged, &other).unwrap();
    let kept = folder.0.join("kept.db");
    let store = Store::open(&Address::file(&kept)).unwrap();
    becomes(&store, true).await;
    store.close().await;
    fs::write(folder.0.join("file"), "").unwrap();
    let read_only = match Address::file(&kept) {
        Address::Sqlite(options) => Address::Sqlite(Box::new(options.read_only(true))),
        other => other,
    };
    for (address, expected) in [
        (Address::file(&damaged), "file is not a database"),
        (Address::file(&folder.0.join("file/keys.db")), "File exists"),
        (Address::file(&folder.0), "unable to open database file"),
        (read_only, "readonly database"),
    ] {
        let why = alive::look(&address).await.err();
        assert!(
            why.as_ref().is_some_and(|why| why.contains(expected)),
            "{why:?}"
        );
        let store = Store::open(&address).unwrap();
        assert_eq!(store.key(key("a").token).await, Err(Failure::Away));
        assert!(!store.is_up());
    }
    assert_eq!(fs::read_to_string(damaged).unwrap(), other);
}
