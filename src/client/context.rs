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
    /// The end of the call.
    pub deadline: Instant,
    /// The server's longest silence.
    pub idle: Option<Duration>,
}

thread_local! {
    static CURRENT: Cell<Option<Limits>> = const { Cell::new(None) };
}

/// While it lives, the thread is in a call.
pub struct Scope {
    outer: Option<Limits>,
}

/// Enters a call.
pub fn enter(limits: Limits) -> Scope {
    Scope {
        outer: CURRENT.replace(Some(limits)),
    }
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
