//! The database of keys: SQLite, or PostgreSQL that replicas share.
//!
//! All of it happens on one thread with a runtime of its own, for connections belong to the runtime that opened them, and workers have one
//! each. What a worker asks is done there, also when the worker does not wait for it any more.

mod url;

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::{info, warn};
pub use url::{Address, EXPECTED};

/// How long anything may take; then the database counts as away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between tries to reach it.
const PAUSE: Duration = Duration::from_millis(500);

/// What is asked of one pool at once; SQLite has one writer anyway.
const CONNECTIONS: u32 = 8;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Why something is not done.
#[derive(Debug)]
pub enum Failure {
    /// The database cannot be reached, or does not answer: nothing is known.
    Away,
    /// There is one with this name already; the name of the column.
    Taken(&'static str),
    /// It cannot be done, whenever it is tried; the words hold no value of a row.
    Broken(String),
}

/// What came of it.
pub type Result<T> = std::result::Result<T, Failure>;

/// Both speak SQL that is written once: see [`on!`].
#[derive(Clone, Debug)]
pub enum Pool {
    /// A file.
    Sqlite(SqlitePool),
    /// A server.
    Postgres(PgPool),
}

/// Does the same with either pool: `on!(pool, db => sqlx::query("…").bind(x).execute(db).await)`. SQL is text for both databases, with `$1` for
/// values, and has no value in it.
macro_rules! on {
    ($pool:expr, $db:ident => $body:expr) => {
        match $pool {
            $crate::store::Pool::Sqlite($db) => $body,
            $crate::store::Pool::Postgres($db) => $body,
        }
    };
}
#[allow(unused_imports)]
pub(crate) use on;

/// The database, for any thread.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    pool: Pool,
    runtime: Handle,
    is_up: watch::Sender<bool>,
}

impl fmt::Debug for Store {
    /// Without its address, which has a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// A database that is connected to from now on, until it is there; `runtime` is that of its thread.
    pub fn new(address: &Address, runtime: Handle) -> Store {
        let inside = runtime.enter();
        let pool = match address {
            Address::Sqlite(options) => {
                let options = options
                    .clone()
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    // The file is whole whenever the process ends, and a power failure loses the last moments at most.
                    .synchronous(SqliteSynchronous::Normal)
                    .busy_timeout(PATIENCE);
                let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS);
                Pool::Sqlite(pool.acquire_timeout(PATIENCE).connect_lazy_with(options))
            }
            Address::Postgres(options) => {
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS);
                let pool = pool.acquire_timeout(PATIENCE);
                Pool::Postgres(pool.connect_lazy_with((**options).clone()))
            }
        };
        drop(inside);
        let store = Store(Arc::new(Inner {
            pool,
            runtime: runtime.clone(),
            is_up: watch::Sender::new(false),
        }));
        runtime.spawn(store.clone().connect());
        store
    }

    /// Whether it was there when it was last asked.
    pub fn is_up(&self) -> bool {
        *self.0.is_up.borrow()
    }

    /// Told when it comes, and when it goes.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.0.is_up.subscribe()
    }

    /// Has something done on the database's own thread.
    pub async fn run<T, F, W>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(Pool) -> W,
        W: Future<Output = sqlx::Result<T>> + Send + 'static,
    {
        if !self.is_up() {
            return Err(Failure::Away);
        }
        let work = tokio::time::timeout(PATIENCE, work(self.0.pool.clone()));
        let done = self.0.runtime.spawn(work).await;
        match done {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(e))) => Err(self.failed(e)),
            // It took too long, or the thread is gone.
            Ok(Err(_)) | Err(_) => Err(self.lost()),
        }
    }

    /// Brings tables into the shape of this version, as soon as the database is there.
    async fn connect(self) {
        let mut is_told = false;
        loop {
            let done = on!(&self.0.pool, db => MIGRATIONS.run(db).await);
            match done {
                Ok(()) => break,
                Err(e) if !is_told => {
                    warn!("the database of keys is not there yet: {}", words(&e));
                    is_told = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
        info!("the database of keys is there");
        self.0.is_up.send_replace(true);
    }

    fn failed(&self, e: sqlx::Error) -> Failure {
        match &e {
            sqlx::Error::Database(said) if said.is_unique_violation() => Failure::Taken("key_alias"),
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut => self.lost(),
            _ => Failure::Broken(words(&e)),
        }
    }

    fn lost(&self) -> Failure {
        if self.0.is_up.send_replace(false) {
            warn!("the database of keys is away: keys that are known hold on");
            self.0.runtime.spawn(self.clone().connect());
        }
        Failure::Away
    }
}

/// An error's words, without what was being written.
fn words(e: &impl fmt::Display) -> String {
    e.to_string()
}
