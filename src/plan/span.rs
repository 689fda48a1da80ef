//! The time of a call and of its present try.

use super::call::Call;
use crate::error::Error;
use std::time::{Duration, Instant};

/// When a call began, and when its present try has to end.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// When the call did.
    pub began: Instant,
    /// When the try has to be over.
    pub deadline: Instant,
    /// How long it may take.
    pub timeout: Duration,
    /// The option that says so.
    pub name: &'static str,
}

impl Span {
    /// A try of a call begins now.
    pub fn new(call: &Call, began: Instant, now: Instant) -> Span {
        let (timeout, name) = call.timeout();
        Span {
            began,
            deadline: now + timeout,
            timeout,
            name,
        }
    }

    /// Whether a pause that follows an error is too long to be waited for: the server wants to be left alone for longer than a try may
    /// take.
    pub fn is_too_short_for(&self, pause: Duration, because: &Error) -> bool {
        because.retry_after().is_some() && pause >= self.timeout
    }
}
