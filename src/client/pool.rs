//! Idle connections to servers.
//!
//! ureq's own pool looks at every idle connection, and at every socket's handle, each time it is used: after a burst of
//! 64 threads a call costs a third more for as long as the connections stay. Here a connection is taken from and put
//! back on top of its server's stack. ureq's pool is left with no room, so that it drops what it gets, and dropping is
//! putting back.

use super::cancel::Interrupt;
use super::connect::Connecting;
use super::context::{self, PATIENCE};
use crate::limits;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;
use std::{fmt, io, mem};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Error, Timeout};

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
    sockets: Vec<Interrupt>,
    closed: bool,
}

struct Idle {
    /// Its server.
    key: Arc<str>,
    transport: Box<dyn Transport>,
    socket: Interrupt,
    since: Instant,
}

/// What a call that is gone on with later left half done.
#[derive(Debug)]
pub enum Parked {
    /// A connection that is being made.
    Connecting(Connecting),
    /// A connection on which some of a request was sent, and not all of the reply's header has come.
    Asked(Asked),
}

/// See [`Parked::Asked`].
pub struct Asked {
    transport: Box<dyn Transport>,
    socket: Interrupt,
    key: Arc<str>,
    /// Bytes of the request.
    sent: usize,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").finish_non_exhaustive()
    }
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
            socket.shutdown();
        }
    }

    /// Notes a new socket, so that closing the client ends what waits on it.
    pub fn register(&self, socket: Interrupt) -> Result<(), Error> {
        let mut state = self.lock();
        if state.closed {
            return Err(closed());
        }
        // One that is waited for again and again is noted each time.
        let is_other = |s: &Interrupt| s.strong_count() > 0 && !Weak::ptr_eq(s, &socket);
        state.sockets.retain(is_other);
        state.sockets.push(socket);
        Ok(())
    }

    /// The connection to a server that was used last, if it still is one.
    fn take(&self, key: &str) -> Result<Option<Idle>, Error> {
        loop {
            let mut state = self.lock();
            if state.closed {
                return Err(closed());
            }
            let Some(mut idle) = state.idle.get_mut(key).and_then(Vec::pop) else {
                return Ok(None);
            };
            state.count -= 1;
            drop(state);
            if idle.since.elapsed() < limits::IDLE_CONNECTION_AGE && idle.transport.is_open() {
                return Ok(Some(idle));
            }
        }
    }

    fn put(&self, idle: Idle) {
        let since = idle.since;
        let mut state = self.lock();
        let mut dropped = state.sweep(since);
        let full = state.closed || state.count >= limits::IDLE_CONNECTIONS;
        match state.idle.get_mut(&idle.key) {
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
                state.idle.insert(idle.key.clone(), vec![idle]);
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

/// Gives an idle connection, or makes one with the connectors it has. The outermost connector.
#[derive(Debug)]
pub struct Pooling<C> {
    /// Makes a connection, with TLS and through a proxy where that is wanted.
    pub make: C,
    /// Where connections go when they are idle.
    pub pool: Arc<Pool>,
    /// Whether the sockets may be ureq's own, which know nothing of a call's limits.
    pub is_foreign: bool,
}

impl<C: Connector<()>> Connector<()> for Pooling<C> {
    type Out = Pooled;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Pooled>, Error> {
        // A connection to a proxy, for another that is being made through it: never idle by itself.
        if context::connect_deadline().is_some() {
            context::connecting();
            let made = self.make.connect(details, None)?;
            context::connected();
            return Ok(made.map(|transport| Pooled {
                transport: Box::new(transport),
                is_foreign: false,
                state: Use::default(),
                home: None,
            }));
        }
        let pooled = |transport, key, socket, sent| {
            Ok(Some(Pooled {
                transport,
                is_foreign: self.is_foreign,
                state: Use {
                    sent,
                    skip: sent,
                    ..Default::default()
                },
                home: Some(Home {
                    pool: self.pool.clone(),
                    key,
                    socket,
                }),
            }))
        };
        match context::take_parked() {
            Some(Parked::Asked(asked)) => {
                context::wait_for(asked.socket.clone())?;
                return pooled(asked.transport, asked.key, asked.socket, asked.sent);
            }
            Some(other) => context::park(other),
            None => {}
        }
        let uri = details.uri;
        let authority = uri.authority().map_or("", |a| a.as_str());
        let key = [uri.scheme_str().unwrap_or(""), "://", authority].concat();
        if let Some(idle) = self.pool.take(&key)? {
            context::wait_for(idle.socket.clone())?;
            return pooled(idle.transport, idle.key, idle.socket, 0);
        }
        // Whatever makes a socket has it noted here: where the client is closed, and where the call is cancelled.
        let noted: Arc<Mutex<Option<Interrupt>>> = Arc::default();
        let register = {
            let (pool, noted) = (self.pool.clone(), noted.clone());
            move |socket: Interrupt| {
                *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket.clone());
                pool.register(socket.clone())?;
                context::wait_for(socket)
            }
        };
        let mut addrs = details.resolver.empty();
        details
            .addrs
            .iter()
            .for_each(|address| addrs.push(*address));
        context::connecting();
        let details = ConnectionDetails {
            uri,
            addrs,
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: match self.is_foreign {
                true => context::narrowed(details.timeout, Timeout::Connect),
                false => details.timeout,
            },
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: Arc::new(register),
        };
        let made = self.make.connect(&details, None)?;
        context::connected();
        let socket = noted.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (made, socket) {
            (Some(transport), Some(socket)) => {
                pooled(Box::new(transport), key.as_str().into(), socket, 0)
            }
            _ => Ok(None),
        }
    }
}

/// A connection that goes back to the pool when it is dropped idle, and is left half done when the caller's patience ends.
pub struct Pooled {
    transport: Box<dyn Transport>,
    is_foreign: bool,
    state: Use,
    /// `None` under another connection.
    home: Option<Home>,
}

#[derive(Default)]
struct Use {
    /// ureq asks [`Transport::is_open`] when a reply was read to its end, and drops the connection if that says yes.
    is_idle: bool,
    /// Bytes of the request so far.
    sent: usize,
    /// Bytes that are sent already, which ureq, that begins anew, will give again.
    skip: usize,
    /// The caller's patience ended.
    is_paused: bool,
}

struct Home {
    pool: Arc<Pool>,
    key: Arc<str>,
    socket: Interrupt,
}

impl fmt::Debug for Pooled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pooled").finish_non_exhaustive()
    }
}

fn is_cut(e: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(
        e.kind(),
        ConnectionAborted | ConnectionReset | UnexpectedEof
    )
}

impl Transport for Pooled {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.state.is_idle = false;
        let skip = self.state.skip.min(amount);
        self.state.skip -= skip;
        if skip == amount {
            return Ok(());
        }
        if skip > 0 {
            let output = self.transport.buffers().output();
            output.copy_within(skip..amount, 0);
        }
        let timeout = match self.is_foreign {
            true => context::narrowed(timeout, Timeout::PerWrite),
            false => timeout,
        };
        let result = self.transport.transmit_output(amount - skip, timeout);
        self.state.is_paused = matches!(result, Err(Error::Timeout(PATIENCE)));
        if result.is_ok() {
            self.state.sent += amount - skip;
        }
        result
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.state.is_idle = false;
        let timeout = match self.is_foreign {
            true => context::narrowed(timeout, Timeout::PerRead),
            false => timeout,
        };
        let result = self.transport.await_input(timeout);
        self.state.is_paused = matches!(result, Err(Error::Timeout(PATIENCE)));
        let result = result.map_err(|e| match e {
            // ureq takes these for the end of a body whose length nobody told; they are none.
            Error::Io(e) if is_cut(&e) => Error::Io(io::Error::other(e)),
            e => e,
        });
        if self.is_foreign && result.is_ok() {
            context::heard();
        }
        result
    }

    fn is_open(&mut self) -> bool {
        self.state.is_idle = self.transport.is_open();
        self.state.is_idle
    }

    fn is_tls(&self) -> bool {
        self.transport.is_tls()
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let Some(home) = self.home.take() else {
            return;
        };
        let state = mem::take(&mut self.state);
        if !state.is_idle && !state.is_paused {
            return;
        }
        let transport = mem::replace(&mut self.transport, Box::new(()));
        if state.is_idle {
            // From here on it may be another call's.
            context::release();
            let since = Instant::now();
            let socket = home.socket;
            home.pool.put(Idle {
                key: home.key,
                transport,
                socket,
                since,
            });
        } else {
            context::park(Parked::Asked(Asked {
                transport,
                socket: home.socket,
                key: home.key,
                sent: state.sent,
            }));
        }
    }
}
