//! Redis, where replicas count requests and tokens together: one connection for all threads, and whether it is there.
//!
//! There is none unless the configuration names one. What is asked while it is away is told so at once, and what it does not answer
//! soon as well: nobody waits for it longer than for the database.

mod address;
mod connect;
mod life;
#[cfg(test)]
mod tests;

pub use address::{Address, EXPECTED};

use ::redis::aio::MultiplexedConnection;
use ::redis::{ErrorKind, FromRedisValue, RedisError, ScriptInvocation};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tracing::warn;

/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between lines on commands that it refuses.
const QUIET: Duration = Duration::from_secs(10);

/// It does not do what it is asked, now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Away;

/// The one that replicas share, for any thread.
#[derive(Clone)]
pub struct Redis(Arc<Shared>);

struct Shared {
    up: watch::Sender<Option<MultiplexedConnection>>,
    /// Somebody saw it fail.
    check: Notify,
    complained: Mutex<Option<Instant>>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis")
    }
}

impl Redis {
    /// One that is connected to as long as the future is polled, whenever it is there.
    pub fn new(address: Address) -> (Redis, impl Future<Output = ()> + Send + 'static) {
        let shared = Arc::new(Shared {
            up: watch::Sender::new(None),
            check: Notify::new(),
            complained: Mutex::default(),
        });
        (Redis(shared.clone()), life::live(shared, address))
    }

    /// Whether it was there when it was last asked.
    pub fn is_up(&self) -> bool {
        self.0.up.borrow().is_some()
    }

    /// Waits until it is there.
    pub async fn come(&self) {
        // An error: nobody will connect any more.
        let _ = self.0.up.subscribe().wait_for(Option::is_some).await;
    }

    /// Runs a script. Where it is away afterwards the script may have run or not.
    pub async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Away> {
        let connection = self.0.up.borrow().clone();
        let mut connection = connection.ok_or(Away)?;
        match timeout(PATIENCE, script.invoke_async(&mut connection)).await {
            Ok(Ok(said)) => Ok(said),
            Ok(Err(why)) => {
                self.0.failed(&why);
                Err(Away)
            }
            Err(_) => {
                self.0.check.notify_one();
                Err(Away)
            }
        }
    }
}

impl Shared {
    /// Whether it is away is looked at now. One that is there, and refuses, is told of; not for each of many commands.
    fn failed(&self, why: &RedisError) {
        self.check.notify_one();
        if why.kind() == ErrorKind::Io {
            return;
        }
        let mut last = self
            .complained
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|at| at.elapsed() > QUIET) {
            *last = Some(Instant::now());
            warn!("Redis does not lend: {}", words(why));
        }
    }
}

/// An error's words. A server's own are left out: it may repeat what it was sent, a password among it.
fn words(why: &RedisError) -> String {
    match (why.kind(), why.code()) {
        (ErrorKind::Io, _) => why.to_string(),
        (ErrorKind::AuthenticationFailed, _) => {
            "it refuses the password, or the user's name".to_owned()
        }
        (_, Some("NOAUTH")) => "it wants a password".to_owned(),
        (_, Some(code)) => format!("it says {code}"),
        (_, None) => why.category().to_owned(),
    }
}
