//! What a deployment has come to, in numbers that only grow.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that may outlive the fleet that counts: the next one goes on with them, see [`super::Fleet::counting_in`].
#[derive(Debug, Default)]
pub struct Tally {
    requests: AtomicU64,
    failures: AtomicU64,
    cooldowns: AtomicU64,
}

impl Tally {
    /// Requests that were sent to it: each try of a call is one.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Of those, the ones that failed by its fault.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// How often it was left alone for a while.
    pub fn cooldowns(&self) -> u64 {
        self.cooldowns.load(Ordering::Relaxed)
    }

    pub(super) fn add_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_cooldown(&self) {
        self.cooldowns.fetch_add(1, Ordering::Relaxed);
    }
}
