//! Connections to servers: those that are idle, and how new ones are made. One for each worker thread, so that its lock is never
//! waited for and a connection is never woken on another thread.

use super::connect::{Connection, Connector};
use foldhash::fast::RandomState;
use mishikallm::config::ClientConfig;
use mishikallm::limits;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The way to all servers.
#[derive(Debug)]
pub struct Wire {
    pub(super) connector: Arc<Connector>,
    idle: Mutex<Idle>,
    /// Bytes of the longest reply.
    pub(super) max_reply: usize,
}

/// By scheme, host and port; the one that was used last is last.
#[derive(Debug, Default)]
struct Idle {
    stacks: HashMap<Arc<str>, Vec<Connection>, RandomState>,
    count: usize,
    swept: Option<Instant>,
}

impl Wire {
    /// Opens nothing.
    pub fn new(connector: Arc<Connector>, config: &ClientConfig) -> Wire {
        Wire {
            connector,
            idle: Mutex::default(),
            max_reply: config.max_reply_bytes.unwrap_or(limits::REPLY_BYTES),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to a server that was used last, if it still is one.
    pub(super) fn take(&self, server: &str, now: Instant) -> Option<Connection> {
        loop {
            let mut connection = {
                let mut idle = self.idle();
                let connection = idle.stacks.get_mut(server)?.pop()?;
                idle.count -= 1;
                connection
            };
            if now.saturating_duration_since(connection.idle_since) < limits::IDLE_CONNECTION_AGE
                && connection.is_sound()
            {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection that may serve another request.
    pub(super) fn put(&self, mut connection: Connection, now: Instant) {
        connection.idle_since = now;
        let mut idle = self.idle();
        idle.sweep(now);
        if idle.count >= limits::IDLE_CONNECTIONS {
            return;
        }
        idle.count += 1;
        if let Some(stack) = idle.stacks.get_mut(&connection.server) {
            stack.push(connection);
            if stack.len() > limits::IDLE_CONNECTIONS_PER_SERVER {
                stack.remove(0);
                idle.count -= 1;
            }
            return;
        }
        let server = connection.server.clone();
        idle.stacks.insert(server, vec![connection]);
    }
}

impl Idle {
    /// Closes what is too old, now and then.
    fn sweep(&mut self, now: Instant) {
        let age = |at: Instant| now.saturating_duration_since(at);
        let swept = *self.swept.get_or_insert(now);
        if age(swept) < limits::IDLE_CONNECTION_AGE {
            return;
        }
        self.swept = Some(now);
        self.stacks.retain(|_, stack| {
            stack.retain(|c| age(c.idle_since) < limits::IDLE_CONNECTION_AGE);
            !stack.is_empty()
        });
        self.count = self.stacks.values().map(Vec::len).sum();
    }
}
