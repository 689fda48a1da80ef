//! The limits of the call that this thread is in.
//!
//! ureq gives a transport no room for what belongs to one call, and a pooled connection outlives many. A blocking call
//! runs on one thread from its beginning to its end, so what limits it travels with the thread. This also keeps us
//! clear of ureq's own time-outs, whose meaning changes between its minor versions.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// What a call allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The end of the try.
    pub deadline: Instant,
    /// The server's longest silence.
    pub idle: Option<Duration>,
    /// TCP, proxy and TLS handshake of one connection.
    pub connect: Duration,
}

thread_local! {
    static CURRENT: Cell<Option<Limits>> = const { Cell::new(None) };
    /// How many connections are being made, one through the other, and when the outermost has to be there.
    static CONNECTING: Cell<(u32, Option<Instant>)> = const { Cell::new((0, None)) };
}

/// While it lives, the thread is in a call.
pub struct Scope {
    outer: Option<Limits>,
}

/// Enters a call.
pub fn enter(limits: Limits) -> Scope {
    CONNECTING.set((0, None));
    Scope {
        outer: CURRENT.replace(Some(limits)),
    }
}

/// A connection is begun: the first of a chain of connectors.
pub fn connecting() {
    let (depth, until) = CONNECTING.get();
    let until = until.or_else(|| Some(Instant::now() + CURRENT.get()?.connect));
    CONNECTING.set((depth + 1, until));
}

/// A connection is there: the last of a chain of connectors.
pub fn connected() {
    match CONNECTING.get() {
        (0 | 1, _) => CONNECTING.set((0, None)),
        (depth, until) => CONNECTING.set((depth - 1, until)),
    }
}

/// Whether a connection is being made, and when it has to be there. After an error it tells in which phase it came.
pub fn connect_deadline() -> Option<Instant> {
    CONNECTING.get().1
}

impl Drop for Scope {
    fn drop(&mut self) {
        CURRENT.set(self.outer);
    }
}

/// The limits of the call that the thread is in.
pub fn current() -> Option<Limits> {
    CURRENT.get()
}
