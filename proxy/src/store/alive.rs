//! The life of the database's thread: whether the database is there, and what other replicas say through it.

use super::changes::{CHANNEL, Change};
use super::failure::{Failure, words};
use super::pool::{file, server};
use super::{Address, PATIENCE, Pool};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use std::fs::{DirBuilder, OpenOptions};
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, MutexGuard, Notify, Semaphore, broadcast, watch};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

/// Between tries to reach it.
const PAUSE: Duration = Duration::from_millis(500);

/// A server that says nothing is asked after this time whether it is there.
const BEAT: Duration = Duration::from_secs(1);

/// So long it may take to answer that, or to let somebody in.
const ANSWER: Duration = Duration::from_secs(2);

/// So long tables may take that are brought into the shape of this version, by another replica maybe.
const SHAPING: Duration = Duration::from_secs(600);

/// Between lines on a file that cannot be written.
const QUIET: Duration = Duration::from_secs(10);

const SILENT: &str = "it does not answer";

/// Changes that a receiver may be behind.
const BEHIND: usize = 1_024;

/// A database that a newer version has shaped has migrations that are not here: they leave this version what it uses.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let mut all = sqlx::migrate!("./migrations");
    all.set_ignore_missing(true);
    all
});

/// Of migrations that were made here, the last.
const LAST_MADE: &str = "SELECT MAX(version) FROM _sqlx_migrations";

/// What the thread and those that ask it share.
pub(super) struct Shared {
    pub pool: Pool,
    pub up: watch::Sender<bool>,
    pub changes: broadcast::Sender<Change>,
    /// Somebody saw it fail.
    pub check: Notify,
    complained: std::sync::Mutex<Option<Instant>>,
    /// It has had its tables.
    shaped: AtomicBool,
    /// It is being closed, by us.
    closes: AtomicBool,
    /// Who writes into the file: they come in turn, where SQLite would have them try again and again.
    writer: Mutex<()>,
    /// Who sums up the log.
    pub reports: Semaphore,
}

impl Shared {
    pub fn new(pool: Pool) -> Shared {
        Shared {
            reports: Semaphore::new(pool.reports()),
            pool,
            up: watch::Sender::new(false),
            changes: broadcast::Sender::new(BEHIND),
            check: Notify::new(),
            complained: std::sync::Mutex::default(),
            shaped: AtomicBool::new(false),
            closes: AtomicBool::new(false),
            writer: Mutex::new(()),
        }
    }

    pub fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Whether it was not so before; only then it is told. What else there is to tell then is told as one with it: who hears that
    /// sees how it is, and who sees how it is and listens from then on does not hear it late.
    fn turns(&self, is_up: bool, as_one: Option<Change>) -> bool {
        self.shaped.fetch_or(is_up, Ordering::AcqRel);
        self.up.send_if_modified(|was| {
            let turned = std::mem::replace(was, is_up) != is_up;
            as_one.into_iter().for_each(|change| self.tell(change));
            turned
        })
    }

    /// Whether it never was there yet.
    pub fn is_new(&self) -> bool {
        !self.shaped.load(Ordering::Acquire)
    }

    /// Whether there is any use in asking. A file that cannot be written can be read mostly.
    pub fn is_open(&self) -> bool {
        let is_file = matches!(self.pool, Pool::Sqlite(..));
        self.is_up() || is_file && self.shaped.load(Ordering::Acquire)
    }

    /// When a server is there no more. The pool would go on trying to connect to it, for whoever needs a connection now.
    pub async fn gone(&self) {
        match self.pool {
            Pool::Sqlite(..) => std::future::pending().await,
            Pool::Postgres(_) => {
                let _ = self.up.subscribe().wait_for(|is_up| !is_up).await;
                // One that is closed at the end finishes what is under way.
                if self.closes.load(Ordering::Acquire) {
                    std::future::pending().await
                }
            }
        }
    }

    pub async fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        match self.pool {
            Pool::Sqlite(..) => Some(self.writer.lock().await),
            Pool::Postgres(_) => None,
        }
    }

    /// What an error means for who asked. Whether the database is away is looked at now.
    pub fn failed(&self, e: &sqlx::Error) -> Failure {
        let failure = Failure::of(e);
        match (&failure, &self.pool) {
            (Failure::Away, _) if self.ending() => {}
            // A file that is full can be there otherwise, so that nothing else would be told.
            (Failure::Away, Pool::Sqlite(..)) => self.complain(e),
            (Failure::Broken(why), _) => warn!("the database of keys: {why}"),
            _ => {}
        }
        if failure == Failure::Away {
            self.check.notify_one();
        }
        failure
    }

    /// Not for each of many that fail.
    fn complain(&self, e: &sqlx::Error) {
        let mut last = self.complained.lock().unwrap_or_else(|e| e.into_inner());
        if last.is_none_or(|at| at.elapsed() > QUIET) {
            *last = Some(Instant::now());
            warn!("the database of keys: {}", words(e));
        }
    }

    fn ending(&self) -> bool {
        match &self.pool {
            Pool::Sqlite(pool, _) => pool.is_closed(),
            Pool::Postgres(pool) => pool.is_closed(),
        }
    }

    pub fn tell(&self, change: Change) {
        // An error: nobody listens.
        let _ = self.changes.send(change);
    }
}

/// Until `over` says so, or is dropped.
pub(super) async fn live(shared: Arc<Shared>, address: Address, mut over: watch::Receiver<bool>) {
    let watching = async {
        match &address {
            Address::Postgres(options) => of_server(&shared, options).await,
            Address::Sqlite(options) => of_file(&shared, options).await,
        }
    };
    tokio::select! {
        () = watching => {}
        _ = over.wait_for(|is_over| *is_over) => {}
    }
    shared.closes.store(true, Ordering::Release);
    shared.turns(false, None);
    // What is under way is done first.
    let closing = async {
        match &shared.pool {
            Pool::Sqlite(readers, writer) => {
                readers.close().await;
                writer.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    };
    if timeout(PATIENCE, closing).await.is_err() {
        warn!("the database of keys is left with something under way");
    }
}

async fn of_server(shared: &Shared, options: &PgConnectOptions) {
    let options = server(options);
    let mut log = Log::default();
    loop {
        match reach(&options).await {
            Ok(listener) => {
                // What was said meanwhile nobody heard.
                log.there(shared, Some(Change::All));
                let lost = hear(shared, listener).await;
                if let Lost::Silent = lost {
                    log.away(shared, SILENT);
                }
                // Else it is only the connection, maybe: that shows at once.
                sleep(PAUSE / 10).await;
            }
            Err(why) => {
                log.away(shared, &why);
                sleep(PAUSE).await;
            }
        }
    }
}

/// A connection that hears what replicas say, of a database with all tables.
pub(super) async fn reach(options: &PgConnectOptions) -> Result<PgListener, String> {
    let connect = PgConnection::connect_with(options);
    let mut connection = within(ANSWER, connect).await?;
    // Else the server says each time that there are tables already.
    let quiet = connection.execute("SET client_min_messages = warning");
    within(ANSWER, quiet).await?;
    // An error closes the connection, and so gives the migrations' lock back.
    let shaped = timeout(SHAPING, MIGRATIONS.run(&mut connection));
    explain(shaped.await)?;
    let last = sqlx::query_scalar(LAST_MADE).fetch_one(&mut connection);
    compare(within(ANSWER, last).await?);
    drop(connection.close().await);
    let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None);
    let pool = pool.max_lifetime(None).acquire_timeout(ANSWER);
    let pool = pool.connect_lazy_with(options.clone());
    let mut listener = within(ANSWER, PgListener::connect_with(&pool)).await?;
    listener.eager_reconnect(false);
    within(ANSWER, listener.listen(CHANNEL)).await?;
    Ok(listener)
}

/// How a connection ended.
enum Lost {
    /// It was closed.
    Closed,
    /// Nothing comes.
    Silent,
}

/// Hears replicas, and whether the server is alive.
async fn hear(shared: &Shared, mut listener: PgListener) -> Lost {
    loop {
        let heard = tokio::select! {
            heard = listener.try_recv() => Some(heard),
            () = sleep(BEAT) => None,
            () = shared.check.notified() => None,
        };
        match heard {
            Some(Ok(Some(said))) => shared.tell(Change::heard(said.payload())),
            Some(Ok(None) | Err(_)) => return Lost::Closed,
            None => match timeout(ANSWER, listener.execute("SELECT 1")).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return Lost::Closed,
                Err(_) => return Lost::Silent,
            },
        }
    }
}

async fn of_file(shared: &Shared, options: &SqliteConnectOptions) {
    let options = file(options);
    let mut log = Log::default();
    loop {
        match shape(shared, &options).await {
            Ok(()) => {
                log.there(shared, None);
                shared.check.notified().await;
            }
            Err(why) => {
                log.away(shared, &why);
                sleep(PAUSE).await;
            }
        }
    }
}

/// A file with all tables, that can be written.
async fn shape(shared: &Shared, options: &SqliteConnectOptions) -> Result<(), String> {
    make(options).map_err(|e| words(&e))?;
    // In one transaction, for two processes may begin at once.
    let _turn = shared.turn().await;
    let connect = SqliteConnection::connect_with(options);
    let mut connection = within(PATIENCE * 2, connect).await?;
    let begin = connection.begin_with("BEGIN IMMEDIATE");
    let mut tx = within(PATIENCE * 2, begin).await?;
    explain(timeout(SHAPING, MIGRATIONS.run(&mut *tx)).await)?;
    let last = sqlx::query_scalar(LAST_MADE).fetch_one(&mut *tx);
    compare(within(PATIENCE, last).await?);
    // Changes nothing, but is written.
    within(PATIENCE, tx.execute("PRAGMA user_version = 1")).await?;
    within(PATIENCE, tx.commit()).await?;
    drop(connection.close().await);
    shared.shaped.store(true, Ordering::Release);
    Ok(())
}

/// The file and its folder, for nobody else to read. Those that are there stay as they are.
fn make(options: &SqliteConnectOptions) -> io::Result<()> {
    let path = options.get_filename();
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut file = OpenOptions::new();
    file.write(true).create_new(true).mode(0o600);
    match file.open(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

async fn within<T>(
    time: Duration,
    work: impl Future<Output = sqlx::Result<T>>,
) -> Result<T, String> {
    match timeout(time, work).await {
        Ok(done) => done.map_err(|e| words(&e)),
        Err(_) => Err(SILENT.to_owned()),
    }
}

/// Says if a newer version was here.
fn compare(last: Option<i64>) {
    let own = MIGRATIONS.iter().map(|one| one.version).max();
    if last > own {
        warn!(
            "the database of keys was brought into shape by a newer version: this one goes on with what it knows of it"
        );
    }
}

/// Why it has not the shape of this version.
fn explain(shaped: Result<Result<(), MigrateError>, Elapsed>) -> Result<(), String> {
    match shaped {
        Ok(Ok(())) => Ok(()),
        Ok(Err(MigrateError::VersionMismatch(_))) => Err(
            "it was made by another version: start that one, or name another database".to_owned(),
        ),
        Ok(Err(MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _))) => Err(words(&e)),
        Ok(Err(e)) => Err(words(&e)),
        Err(_) => Err(SILENT.to_owned()),
    }
}

/// What the operator is told of it, once each time.
#[derive(Default)]
struct Log {
    last: Option<String>,
}

impl Log {
    fn there(&mut self, shared: &Shared, as_one: Option<Change>) {
        self.last = None;
        if shared.turns(true, as_one) {
            info!("the database of keys is there");
        }
    }

    fn away(&mut self, shared: &Shared, why: &str) {
        shared.turns(false, None);
        if self.last.as_deref() != Some(why) {
            warn!("the database of keys is away, and keys that are known hold on: {why}");
            self.last = Some(why.to_owned());
        }
    }
}

#[cfg(test)]
pub(super) async fn look(address: &Address) -> Result<(), String> {
    let shared = Shared::new(Pool::new(address));
    match address {
        Address::Sqlite(options) => shape(&shared, &file(options)).await,
        Address::Postgres(options) => reach(options).await.map(drop),
    }
}
