//! Spend on real databases: each test on SQLite and on PostgreSQL, where it is not about one of them.

mod dead;
mod flushing;
mod once;
mod reports;
mod trouble;

use super::apply::{self, Applied};
use super::batch::Batch;
use super::file::tests::Folder;
use super::row::tests::row;
use super::row::{ALL, Row};
use super::{Flusher, Journal, Policy};
use crate::keys::{Key, Limits, Money, Scope, Time, Token};
use crate::quota::Replica;
use crate::store::{Address, Store, on};
use running::postgres::Postgres;
use serde_json::Map;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Nothing takes this long.
const GIVE_UP: Duration = Duration::from_secs(60);

/// Has each of these done on both databases.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::super::Base::file()).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(super::super::Base::server()).await; })*
        }
    };
}
use on_both;

/// An empty database, and a folder for journals.
struct Base {
    address: Address,
    folder: Folder,
}

impl Base {
    fn file() -> Base {
        let folder = Folder::new();
        Base {
            address: Address::file(&folder.0.join("keys.db")),
            folder,
        }
    }

    fn server() -> Base {
        let url = Postgres::shared().database();
        Base {
            address: Address::parse(&url).expect("a URL"),
            folder: Folder::new(),
        }
    }

    /// One more that uses it, when it is there.
    async fn store(&self) -> Store {
        std::fs::create_dir_all(&self.folder.0).expect("a folder");
        let store = Store::open(&self.address).expect("a thread");
        becomes(&store, true).await;
        store
    }

    /// A process that writes what requests cost.
    fn process(&self) -> Process {
        let replica = Arc::new(Replica::default());
        Process {
            journal: Journal::open(&self.folder.0.join("spend"), replica.clone()),
            replica,
            told: Arc::default(),
        }
    }

    /// Files of journals that there are.
    fn files(&self) -> usize {
        super::file::all(&self.folder.0.join("spend"))
            .expect("a folder")
            .len()
    }
}

/// One process of a replica. When it is dropped, and its flusher is gone, it is as dead as if it had been killed.
struct Process {
    journal: Journal,
    replica: Arc<Replica>,
    /// What was told to be in the database.
    told: Arc<Mutex<Vec<(String, Money)>>>,
}

impl Process {
    fn flushing(&self, store: &Store) -> JoinHandle<()> {
        self.flushing_by(store, Policy::default())
    }

    fn flushing_by(&self, store: &Store, policy: Policy) -> JoinHandle<()> {
        let told = self.told.clone();
        let told = move |scope: &str, sum| told.lock().unwrap().push((scope.to_owned(), sum));
        let (_, policy) = watch::channel(policy);
        let flusher = Flusher::new(self.journal.clone(), store.clone(), policy, Box::new(told));
        tokio::spawn(flusher.run())
    }

    /// All that was told of a scope.
    fn told(&self, scope: &str) -> Money {
        let told = self.told.lock().unwrap();
        let of_it = told.iter().filter(|(of, _)| of == scope);
        of_it.fold(Money::ZERO, |sum, (_, more)| sum + *more)
    }
}

/// Waits until the database is there, or not.
async fn becomes(store: &Store, is_up: bool) {
    let mut watch = store.watch();
    let told = timeout(GIVE_UP, watch.wait_for(|is| *is == is_up)).await;
    told.expect("it is told").expect("the store lives");
}

/// Waits until this is so.
async fn until<W: Future<Output = bool>>(is_so: impl Fn() -> W) {
    let waited = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(GIVE_UP, waited).await.expect("it comes to that");
}

/// Of the key `sk-1`.
fn key_scope() -> String {
    Scope::Key(Token::of(b"sk-1")).to_string()
}

async fn insert_key(store: &Store) {
    let key = Key {
        token: Token::of(b"sk-1"),
        key_name: "sk-...1".to_owned(),
        key_alias: None,
        team_id: None,
        user_id: None,
        models: Vec::new(),
        aliases: Map::new(),
        limits: Limits::default(),
        metadata: Map::new(),
        allowed_routes: Vec::new(),
        blocked: false,
        expires: None,
        created_by: "test".to_owned(),
        created_at: Time(0),
        updated_at: Time(0),
    };
    store.insert_key(key).await.expect("there is none yet");
}

/// A number that the database tells.
async fn number(store: &Store, sql: &'static str, of: &str) -> Option<i64> {
    let of = of.to_owned();
    let found = store.run(move |pool| async move {
        on!(&pool, db => sqlx::query_scalar(sql).bind(of).fetch_optional(db).await)
    });
    found.await.expect("the database is there")
}

async fn used(store: &Store, scope: &str) -> Option<i64> {
    number(
        store,
        "SELECT used FROM quotas WHERE kind = 'budget' AND scope = $1",
        scope,
    )
    .await
}

async fn held(store: &Store, scope: &str) -> Option<i64> {
    number(
        store,
        "SELECT held FROM quotas WHERE kind = 'budget' AND scope = $1",
        scope,
    )
    .await
}

async fn rows(store: &Store) -> i64 {
    let all = "SELECT COUNT(*) FROM spend_logs WHERE request_id <> $1";
    number(store, all, "").await.unwrap_or(0)
}

async fn journals(store: &Store) -> i64 {
    number(
        store,
        "SELECT COUNT(*) FROM journals WHERE journal <> $1",
        "",
    )
    .await
    .unwrap_or(0)
}

/// Does this in the database.
async fn does(store: &Store, sql: &'static str) {
    let done = store.run(move |pool| async move {
        on!(&pool, db => sqlx::query(sql).execute(db).await.map(drop))
    });
    done.await.expect("the database does it");
}

fn lines(rows: &[Row<'_>]) -> Vec<u8> {
    let line = |row: &Row<'_>| serde_json::to_string(row).unwrap() + "\n";
    rows.iter().map(line).collect::<String>().into_bytes()
}

/// Rows of a journal that no file has.
fn batch(replica: &str, from: u64, rows: &[Row<'_>]) -> Arc<Batch> {
    Arc::new(Batch {
        journal: "j".to_owned(),
        replica: replica.to_owned(),
        ..Batch::read(from, &lines(rows), rows.len(), true)
    })
}
