//! The call that this thread is in: its limits, its way to be cancelled, and what it left half done.
//!
//! ureq gives a transport no room for what belongs to one call, and a pooled connection outlives many. What limits a call
//! travels with the thread while the thread is in ureq's code. This also keeps us clear of ureq's own time-outs, whose
//! meaning changes between its minor versions.

use super::cancel::{Interrupt, Token};
use super::pool::Parked;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::time::Duration as Allowed;
use ureq::{Error, Timeout};

/// The reason of a time-out that is none: the caller's patience ended, and the call goes on when he comes back. ureq uses
/// this reason only for requests that wait to be continued, which ours never do.
pub const PATIENCE: Timeout = Timeout::Await100;

/// What a call allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The end of the try.
    pub deadline: Instant,
    /// The server's longest silence.
    pub silence: Option<Duration>,
    /// TCP, proxy and TLS handshake of one connection.
    pub connect: Duration,
    /// When the caller wants his thread back.
    pub patience: Option<Instant>,
    /// No reply is waited for.
    pub only_sends: bool,
}

struct Current {
    limits: Limits,
    token: Option<Arc<Token>>,
    /// When the server was last heard of; silence counts from here.
    heard: Instant,
    /// It was since the caller came.
    was_heard: bool,
    /// How many connections are being made, one through the other, and when the outermost has to be there.
    connecting: (u32, Option<Instant>),
    /// What to go on with.
    parked: Option<Parked>,
    /// What is waited for, or was last.
    waits_for: Option<Interrupt>,
    /// A request is sent, and its reply was about to be waited for.
    sent: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// While it lives, the thread is in a call.
pub struct Scope {
    outer: Option<Current>,
}

/// Enters a call. `heard`: when the server was last heard of; `parked`: what was left half done.
pub fn enter(
    limits: Limits,
    token: Option<&Arc<Token>>,
    heard: Instant,
    parked: Option<Parked>,
) -> Scope {
    let current = Current {
        limits,
        token: token.cloned(),
        heard,
        was_heard: false,
        connecting: (0, None),
        parked,
        waits_for: None,
        sent: false,
    };
    Scope {
        outer: CURRENT.replace(Some(current)),
    }
}

impl Scope {
    /// What was left half done.
    pub fn parked(&self) -> Option<Parked> {
        take_parked()
    }

    /// When the server was last heard of.
    pub fn heard(&self) -> Instant {
        with(|c| c.heard).unwrap_or_else(Instant::now)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let inner = CURRENT.replace(self.outer.take());
        // A connection that is dropped here may look at the thread's call again.
        drop(inner);
    }
}

fn with<T>(look: impl FnOnce(&mut Current) -> T) -> Option<T> {
    CURRENT.with_borrow_mut(|current| current.as_mut().map(look))
}

/// A connection is begun: the first of a chain of connectors.
pub fn connecting() {
    with(|c| {
        let (depth, until) = c.connecting;
        let until = until.unwrap_or_else(|| Instant::now() + c.limits.connect);
        c.connecting = (depth + 1, Some(until));
    });
}

/// A connection is there: the last of a chain of connectors.
pub fn connected() {
    with(|c| {
        c.connecting = match c.connecting {
            (0 | 1, _) => (0, None),
            (depth, until) => (depth - 1, until),
        };
        if c.connecting.0 == 0 {
            c.heard = Instant::now();
        }
    });
}

/// Goes on with a connection that was begun before, whose time runs since then.
pub fn connecting_until(until: Instant) {
    with(|c| c.connecting.1 = Some(until));
}

/// Whether a connection is being made, and when it has to be there. After an error it tells in which phase it came.
pub fn connect_deadline() -> Option<Instant> {
    with(|c| c.connecting.1).flatten()
}

/// The server was heard of.
pub fn heard() {
    with(|c| {
        c.heard = Instant::now();
        c.was_heard = true;
    });
}

/// Whether the server was heard of since the caller came.
pub fn was_heard() -> bool {
    with(|c| c.was_heard).unwrap_or(false)
}

/// When the caller wants his thread back.
pub fn patience() -> Option<Instant> {
    with(|c| c.limits.patience).flatten()
}

/// Whether the call may last: streams and submitted calls, of which there may be many at once.
pub fn may_last() -> bool {
    with(|c| c.token.is_some()).unwrap_or(false)
}

/// The thread is about to wait for this; an error: its call was cancelled.
pub fn wait_for(handle: Interrupt) -> Result<(), Error> {
    let token = with(|c| {
        c.waits_for = Some(handle.clone());
        c.token.clone()
    });
    match token.flatten().is_none_or(|token| token.wait_for(handle)) {
        true => Ok(()),
        false => Err(Error::Io(std::io::ErrorKind::ConnectionAborted.into())),
    }
}

/// What the thread's call waits for, or last waited for.
pub fn waits_for() -> Option<Interrupt> {
    with(|c| c.waits_for.clone()).flatten()
}

/// Whether a request is sent: its reply is all that is waited for.
pub fn was_sent() -> bool {
    with(|c| c.sent).unwrap_or(false)
}

/// The thread's call has no business with what it last waited for.
pub fn release() {
    if let Some(token) = with(|c| c.token.clone()).flatten() {
        token.release();
    }
}

/// Leaves something half done for the next time.
pub fn park(parked: Parked) {
    // A connection that is dropped may look at the thread's call again: not while that is borrowed.
    let before = with(|c| c.parked.replace(parked));
    drop(before);
}

/// What was left half done.
pub fn take_parked() -> Option<Parked> {
    with(|c| c.parked.take()).flatten()
}

/// What is left of the time that ureq and the call allow, and which of them ends first. `own`: what the time is for.
///
/// Zero is no error: what has come already may be taken.
pub fn left(timeout: NextTimeout, own: Timeout) -> (Option<Duration>, Timeout) {
    let mut least = match timeout.after {
        Allowed::Exact(d) => (Some(d), timeout.reason),
        Allowed::NotHappening => (None, own),
    };
    with(|c| {
        let now = Instant::now();
        let mut limit = |until: Instant, reason| {
            let left = until.saturating_duration_since(now);
            if least.0.is_none_or(|l| left < l) {
                least = (Some(left), reason);
            }
        };
        limit(c.limits.deadline, Timeout::Global);
        match (c.connecting.1, own) {
            (Some(until), _) => limit(until, Timeout::Connect),
            (None, Timeout::PerRead) => {
                c.sent = true;
                if c.limits.only_sends {
                    limit(now, PATIENCE);
                }
                if let Some(silence) = c.limits.silence {
                    limit(c.heard + silence, Timeout::PerRead);
                }
                if let Some(patience) = c.limits.patience {
                    limit(patience, PATIENCE);
                }
            }
            (None, _) => {}
        }
    });
    least
}

/// The same as a time-out for a transport that knows nothing of calls.
pub fn narrowed(timeout: NextTimeout, own: Timeout) -> NextTimeout {
    /// A transport takes no time at all for an error.
    const LEAST: Duration = Duration::from_millis(1);
    match left(timeout, own) {
        (None, _) => timeout,
        (Some(left), reason) => NextTimeout {
            after: Allowed::Exact(left.max(LEAST)),
            reason,
            ..timeout
        },
    }
}
