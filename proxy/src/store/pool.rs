//! Connections to either database, and transactions: what is said to them is one text.

use super::changes::{self, Change};
use super::{Address, PATIENCE};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{
    ConnectOptions, Executor, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction,
};
use std::time::Instant;

/// What is asked of a server at once.
const CONNECTIONS: u32 = 8;

/// Those that read a file; each has a thread.
const READERS: u32 = 2;

/// So much of a statement is done, in instructions of SQLite's, between two looks at the clock: a fraction of a millisecond.
const STEPS: i32 = 10_000;

/// A server gives a statement up, and takes back the rows that a dead replica locked.
const SESSION: &str =
    "SET statement_timeout = '5s'; SET idle_in_transaction_session_timeout = '10s'";

/// Both speak SQL that is written once: see [`on!`].
#[derive(Clone, Debug)]
pub enum Pool {
    /// A file: single statements, and the one connection of transactions. A file has one writer at a time, and who writes next does best with
    /// what the last one remembers of it.
    Sqlite(SqlitePool, SqlitePool),
    /// A server.
    Postgres(PgPool),
}

/// Does the same with either pool: `on!(pool, db => sqlx::query("…").bind(x).execute(db).await)`. SQL is text for both databases, with `$1` for
/// values, and has no value in it.
macro_rules! on {
    ($pool:expr, $db:ident => $body:expr) => {
        match $pool {
            $crate::store::Pool::Sqlite($db, _) => $body,
            $crate::store::Pool::Postgres($db) => $body,
        }
    };
}
pub(crate) use on;

/// The same within a transaction: `within!(tx, db => sqlx::query("…").bind(x).execute(db).await)`.
macro_rules! within {
    ($tx:expr, $db:ident => $body:expr) => {
        match $tx.connection() {
            $crate::store::pool::Connection::Sqlite($db) => $body,
            $crate::store::pool::Connection::Postgres($db) => $body,
        }
    };
}
pub(crate) use within;

/// One that a transaction is on.
pub(crate) enum Connection<'a> {
    Sqlite(&'a mut sqlx::SqliteConnection),
    Postgres(&'a mut sqlx::PgConnection),
}

/// A transaction: see [`super::Store::write`].
pub struct Tx {
    kind: Kind,
    told: Vec<Change>,
}

enum Kind {
    Sqlite(FileTx),
    Postgres(Transaction<'static, Postgres>),
}

impl Pool {
    /// Connects when it is first needed.
    pub(super) fn new(address: &Address) -> Pool {
        match address {
            Address::Sqlite(options) => {
                let pool = |most| {
                    let pool = SqlitePoolOptions::new().max_connections(most);
                    let pool = pool
                        .acquire_timeout(PATIENCE)
                        .after_connect(|connection, _| Box::pin(limited(connection)))
                        // It asks the connection as a test would.
                        .test_before_acquire(false)
                        .before_acquire(|connection, _| {
                            Box::pin(async { limited(connection).await.map(|()| true) })
                        });
                    pool.connect_lazy_with(file(options))
                };
                Pool::Sqlite(pool(READERS), pool(1))
            }
            Address::Postgres(options) => {
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS);
                let pool = pool
                    .acquire_timeout(PATIENCE)
                    .after_connect(|connection, _| {
                        Box::pin(async move { connection.execute(SESSION).await.map(drop) })
                    });
                Pool::Postgres(pool.connect_lazy_with(server(options)))
            }
        }
    }

    /// How many may sum up the log at once, so that keys are looked up all the same.
    pub(super) fn reports(&self) -> usize {
        match self {
            Pool::Sqlite(..) => 1,
            Pool::Postgres(_) => CONNECTIONS as usize / 2,
        }
    }

    pub(super) async fn begin(&self) -> sqlx::Result<Tx> {
        let kind = match self {
            Pool::Sqlite(_, writer) => Kind::Sqlite(FileTx::begin(writer).await?),
            Pool::Postgres(pool) => Kind::Postgres(pool.begin().await?),
        };
        Ok(Tx {
            kind,
            told: Vec::new(),
        })
    }
}

/// A file has no server that gives a statement up. One that nobody waits for any more would go on with its connection, of which there are
/// few: so much is done in the time that anything may take, and no more.
async fn limited(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let until = Instant::now() + PATIENCE;
    let mut handle = connection.lock_handle().await?;
    handle.set_progress_handler(STEPS, move || Instant::now() < until);
    Ok(())
}

/// A transaction on a file, which SQLite itself ends where the disk is full. The library's own transactions do not see that, and would
/// leave a connection behind on which no other can begin.
struct FileTx {
    connection: PoolConnection<Sqlite>,
    is_open: bool,
}

impl FileTx {
    async fn begin(pool: &SqlitePool) -> sqlx::Result<FileTx> {
        let connection = pool.acquire().await?;
        let mut tx = FileTx {
            connection,
            is_open: true,
        };
        // Where it is refused there is none; where it is given up there may be one.
        let begun = tx.connection.execute("BEGIN IMMEDIATE").await;
        tx.is_open = begun.is_ok();
        begun.map(|_| tx)
    }

    /// By this, if it is done.
    async fn end(&mut self, how: &'static str) -> sqlx::Result<()> {
        self.connection.execute(how).await?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for FileTx {
    /// One of which nobody knows the state is not used again.
    fn drop(&mut self) {
        if self.is_open {
            self.connection.close_on_drop();
        }
    }
}

/// Statements are not logged, by neither: a log of the operator's is no place for them.
pub(super) fn file(options: &SqliteConnectOptions) -> SqliteConnectOptions {
    let options = options.clone().disable_statement_logging();
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // The file is whole whenever the process ends, and a power failure loses the last moments at most.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(PATIENCE)
}

pub(super) fn server(options: &PgConnectOptions) -> PgConnectOptions {
    let options = options.clone().disable_statement_logging();
    match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("mishikallm"),
    }
}

impl Tx {
    /// For [`within!`].
    pub(crate) fn connection(&mut self) -> Connection<'_> {
        match &mut self.kind {
            Kind::Sqlite(tx) => Connection::Sqlite(&mut tx.connection),
            Kind::Postgres(tx) => Connection::Postgres(tx),
        }
    }

    /// Says to all replicas, when this is committed, what is changed by it.
    pub(crate) async fn tell(&mut self, change: Change) -> sqlx::Result<()> {
        if let Kind::Postgres(tx) = &mut self.kind {
            let payload = change.payload();
            let say = sqlx::query("SELECT pg_notify($1, $2)").bind(changes::CHANNEL);
            say.bind(payload).execute(&mut **tx).await?;
        }
        self.told.push(change);
        Ok(())
    }

    /// What is to be told when it is committed.
    pub(super) fn told(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.told)
    }

    pub(super) async fn commit(self) -> sqlx::Result<()> {
        match self.kind {
            Kind::Sqlite(mut tx) => tx.end("COMMIT").await,
            Kind::Postgres(tx) => tx.commit().await,
        }
    }

    pub(super) async fn rollback(self) -> sqlx::Result<()> {
        match self.kind {
            Kind::Sqlite(mut tx) => tx.end("ROLLBACK").await,
            Kind::Postgres(tx) => tx.rollback().await,
        }
    }
}
