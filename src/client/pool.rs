//! Idle connections to servers, for the agent that goes to them directly.
//!
//! ureq's own pool looks at every idle connection, and at every socket's handle, each time it is used: after a burst of
//! 64 threads a call costs a third more for as long as the connections stay. Here a connection is taken from and put
//! back on top of its server's stack. ureq's pool is left with no room, so that it drops what it gets, and dropping is
//! putting back.

use super::context;
use crate::limits;
use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;
use std::{fmt, io, mem};
use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Idle connections, and the sockets of those in use.
#[derive(Default)]
pub struct Pool {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By scheme, host and port; the one that was used last is last.
    idle: HashMap<Arc<str>, Vec<Idle>>,
    count: usize,
    swept: Option<Instant>,
    sockets: Vec<Weak<TcpStream>>,
    closed: bool,
}

struct Idle {
    transport: Box<dyn Transport>,
    since: Instant,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends what is in use, drops what is idle, and refuses what comes.
    pub fn close(&self) {
        let (idle, sockets) = {
            let mut state = self.lock();
            state.closed = true;
            (mem::take(&mut state.idle), mem::take(&mut state.sockets))
        };
        drop(idle);
        for socket in sockets.iter().filter_map(Weak::upgrade) {
            // An error says that it is closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Notes a new socket, so that closing the client ends what waits on it.
    pub fn register(&self, socket: &Arc<TcpStream>) -> Result<(), Error> {
        let mut state = self.lock();
        if state.closed {
            return Err(closed());
        }
        state.sockets.retain(|s| s.strong_count() > 0);
        state.sockets.push(Arc::downgrade(socket));
        Ok(())
    }

    /// The connection to a server that was used last, if it still is one.
    fn take(&self, key: &str) -> Result<Option<Box<dyn Transport>>, Error> {
        loop {
            let mut state = self.lock();
            if state.closed {
                return Err(closed());
            }
            let Some(idle) = state.idle.get_mut(key).and_then(Vec::pop) else {
                return Ok(None);
            };
            state.count -= 1;
            drop(state);
            let mut transport = idle.transport;
            if idle.since.elapsed() < limits::IDLE_CONNECTION_AGE && transport.is_open() {
                return Ok(Some(transport));
            }
        }
    }

    fn put(&self, key: &Arc<str>, transport: Box<dyn Transport>) {
        let since = Instant::now();
        let mut state = self.lock();
        let mut dropped = state.sweep(since);
        let full = state.closed || state.count >= limits::IDLE_CONNECTIONS;
        let idle = Idle { transport, since };
        match state.idle.get_mut(key) {
            _ if full => dropped.push(idle),
            Some(stack) => {
                let oldest =
                    (stack.len() >= limits::IDLE_CONNECTIONS_PER_SERVER).then(|| stack.remove(0));
                stack.push(idle);
                match oldest {
                    Some(oldest) => dropped.push(oldest),
                    None => state.count += 1,
                }
            }
            None => {
                state.idle.insert(key.clone(), vec![idle]);
                state.count += 1;
            }
        }
        drop(state);
        // Sockets are closed outside the lock.
        drop(dropped);
    }
}

impl State {
    /// Now and then, takes out all that are too old.
    fn sweep(&mut self, now: Instant) -> Vec<Idle> {
        let is_due =
            |swept: Instant| now.saturating_duration_since(swept) >= limits::IDLE_CONNECTION_AGE;
        if self.swept.is_some_and(|swept| !is_due(swept)) {
            return Vec::new();
        }
        self.swept = Some(now);
        let mut old = Vec::new();
        self.idle.retain(|_, stack| {
            let fresh = stack.partition_point(|idle| is_due(idle.since));
            old.extend(stack.drain(..fresh));
            !stack.is_empty()
        });
        self.count -= old.len();
        old
    }
}

fn closed() -> Error {
    Error::Io(io::Error::new(
        io::ErrorKind::NotConnected,
        "the client is closed",
    ))
}

/// Gives an idle connection, or makes one with the connectors it has.
#[derive(Debug)]
pub struct Pooling<C> {
    /// Makes a connection, with TLS where that is wanted.
    pub make: C,
    /// Where connections go when they are idle.
    pub pool: Arc<Pool>,
}

impl<C: Connector<()>> Connector<()> for Pooling<C> {
    type Out = Pooled;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Pooled>, Error> {
        let uri = details.uri;
        let authority = uri.authority().map_or("", |a| a.as_str());
        let key = [uri.scheme_str().unwrap_or(""), "://", authority].concat();
        let pooled = |transport| {
            Ok(Some(Pooled {
                transport,
                is_idle: false,
                key: key.as_str().into(),
                pool: self.pool.clone(),
            }))
        };
        if let Some(transport) = self.pool.take(&key)? {
            return pooled(transport);
        }
        context::connecting();
        let made = self.make.connect(details, None)?;
        context::connected();
        match made {
            Some(transport) => pooled(Box::new(transport)),
            None => Ok(None),
        }
    }
}

/// A connection that goes back to the pool when it is dropped idle.
pub struct Pooled {
    transport: Box<dyn Transport>,
    /// ureq asks [`Transport::is_open`] when a reply was read to its end, and drops the connection if that says yes.
    is_idle: bool,
    key: Arc<str>,
    pool: Arc<Pool>,
}

impl fmt::Debug for Pooled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pooled").finish_non_exhaustive()
    }
}

impl Transport for Pooled {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.is_idle = false;
        self.transport.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.is_idle = false;
        self.transport.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.is_idle = self.transport.is_open();
        self.is_idle
    }

    fn is_tls(&self) -> bool {
        self.transport.is_tls()
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if self.is_idle {
            let transport = mem::replace(&mut self.transport, Box::new(()));
            self.pool.put(&self.key, transport);
        }
    }
}
