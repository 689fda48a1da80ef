//! The database of keys: SQLite, or PostgreSQL that replicas share.
//!
//! All of it happens on one thread with a runtime of its own, for connections belong to the runtime that opened them, and workers have one
//! each. What a worker asks is done there, also when the worker does not wait for it any more.

mod alive;
mod belongings;
mod changes;
mod failure;
mod keys;
mod list;
pub(crate) mod pool;
mod records;
mod rows;
mod scopes;
mod teams;
#[cfg(test)]
mod tests;
mod together;
mod url;
mod users;

use alive::Shared;
pub use changes::Change;
pub use failure::{Failure, Result};
use futures_util::future::BoxFuture;
pub use list::{
    Found, KeyFilter, KeyOrder, Match, Page, TeamFilter, TeamOrder, UserFilter, UserOrder,
};
pub use pool::{Pool, Tx};
pub(crate) use pool::{on, within};
pub use scopes::Spent;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
pub use together::{Beside, Part};
use tokio::runtime::{Builder, Handle};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
pub use url::{Address, EXPECTED};

/// How long anything may take; then the database counts as away.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a transaction is begun that another one was in the way of.
const TRIES: u32 = 10;

/// The database, for any thread. When the last of its clones is dropped, its thread ends.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    runtime: Handle,
    /// Says that it is over; so does its drop.
    end: watch::Sender<bool>,
    /// Its other side is the thread's, and gone when that has ended.
    ended: watch::Receiver<()>,
}

impl fmt::Debug for Store {
    /// Without its address, which has a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// A database that is connected to from now on, whenever it is there: see [`Store::is_up`].
    ///
    /// Errors: the system gives no thread.
    pub fn open(address: &Address) -> io::Result<Store> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let inside = runtime.enter();
        let shared = Arc::new(Shared::new(Pool::new(address)));
        drop(inside);
        let (end, over) = watch::channel(false);
        let (ending, ended) = watch::channel(());
        let (mine, address) = (shared.clone(), address.clone());
        let thread = std::thread::Builder::new().name("store".to_owned());
        thread.spawn(move || {
            runtime.block_on(alive::live(mine, address, over));
            // A name that is still being looked up is not waited for.
            runtime.shutdown_background();
            drop(ending);
        })?;
        Ok(Store(Arc::new(Inner {
            shared,
            runtime: handle,
            end,
            ended,
        })))
    }

    /// Whether it was there when it was last asked.
    pub fn is_up(&self) -> bool {
        self.0.shared.is_up()
    }

    /// Whether it never was there yet.
    pub fn is_new(&self) -> bool {
        self.0.shared.is_new()
    }

    /// Told when it comes, and when it goes.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.0.shared.up.subscribe()
    }

    /// What is written of keys, teams and users from now on, by whichever replica. A receiver that is too slow to hear all of it
    /// (`Lagged`) knows as much as after [`Change::All`].
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.0.shared.changes.subscribe()
    }

    /// Has something done on the database's own thread: what is one statement, or only reads.
    pub async fn run<T, F, W>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(Pool) -> W,
        W: Future<Output = sqlx::Result<T>> + Send + 'static,
    {
        self.done(work(self.0.shared.pool.clone())).await
    }

    /// The same with what may take long: only a few at once, for others need the connections.
    pub async fn report<T, F, W>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(Pool) -> W,
        W: Future<Output = sqlx::Result<T>> + Send + 'static,
    {
        let shared = self.0.shared.clone();
        let work = work(shared.pool.clone());
        self.done(async move {
            let _turn = shared.reports.acquire().await;
            work.await
        })
        .await
    }

    /// Has something done in one transaction: all of it, or nothing. `store.write(key, |tx, key| Box::pin(async move { … }))`, with
    /// [`within!`] in it for each statement.
    ///
    /// What is read in it may be changed by others until it is written or locked: on PostgreSQL each statement sees what was committed
    /// before it (`READ COMMITTED`), so a row is read by an `UPDATE … RETURNING` that locks it, several in the order of their keys. On
    /// SQLite there is one writer at a time from the beginning (`BEGIN IMMEDIATE`).
    ///
    /// The work is done again, from its beginning, where another transaction was in the way. After [`Failure::Away`] it may be done or
    /// not: what must not happen twice says so itself, in the same transaction.
    pub async fn write<A, T, W>(&self, with: A, work: W) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
        W: for<'a> Fn(&'a mut Tx, &'a A) -> BoxFuture<'a, sqlx::Result<T>> + Send + Sync + 'static,
    {
        let shared = self.0.shared.clone();
        self.done(async move {
            let _turn = shared.turn().await;
            let mut tries = 0;
            loop {
                tries += 1;
                let mut tx = shared.pool.begin().await?;
                let done = work(&mut tx, &with).await;
                let done = match done {
                    Ok(value) => {
                        let _telling = Telling(&shared, tx.told());
                        tx.commit().await.map(|()| value)
                    }
                    Err(e) => {
                        let _ = tx.rollback().await;
                        Err(e)
                    }
                };
                match done {
                    Ok(value) => return Ok(value),
                    Err(e) if failure::is_clash(&e) && tries < TRIES => {}
                    Err(e) => return Err(e),
                }
            }
        })
        .await
    }

    /// Goes on beside everything else, until it ends by itself or the database is closed.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.0.runtime.spawn(work)
    }

    /// Closes it when what is under way is done: SQLite's file is whole then, and alone. Afterwards it is away.
    pub async fn close(&self) {
        self.0.end.send_replace(true);
        // An error: the thread is gone, as is wanted.
        let _ = self.0.ended.clone().changed().await;
    }

    async fn done<T: Send + 'static>(
        &self,
        work: impl Future<Output = sqlx::Result<T>> + Send + 'static,
    ) -> Result<T> {
        let shared = &self.0.shared;
        if !shared.is_open() {
            return Err(Failure::Away);
        }
        let its = shared.clone();
        let work = async move {
            tokio::select! {
                biased;
                done = work => Some(done),
                () = its.gone() => None,
            }
        };
        // Its clock is that thread's too.
        let work = async { tokio::time::timeout(PATIENCE, work).await };
        let work = self.0.runtime.spawn(work);
        match work.await {
            Ok(Ok(Some(Ok(value)))) => Ok(value),
            Ok(Ok(Some(Err(e)))) => Err(shared.failed(&e)),
            Ok(Ok(None)) => Err(Failure::Away),
            Err(e) if e.is_panic() => Err(Failure::Broken("a fault of this program".to_owned())),
            // It took too long, or the thread is gone.
            Ok(Err(_)) | Err(_) => {
                shared.check.notify_one();
                Err(Failure::Away)
            }
        }
    }
}

/// Tells changes when the commit is over, also when it is given up or fails: it may have happened then.
struct Telling<'a>(&'a Shared, Vec<Change>);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        for change in self.1.drain(..) {
            self.0.tell(change);
        }
    }
}
