//! A call's place at a deployment, for as long as it is asked.

use super::Fleet;
use crate::error::Error;
use std::sync::Arc;
use std::time::Instant;

/// Counts as a request under way. Dropping it says nothing of the deployment: the caller has left.
#[derive(Debug)]
pub struct Seat {
    fleet: Arc<Fleet>,
    at: usize,
    began: Instant,
    /// When the first words came.
    spoke: Option<Instant>,
    /// It tries how the deployment is after a rest.
    probes: bool,
}

impl Seat {
    pub(super) fn new(fleet: &Arc<Fleet>, at: usize, now: Instant, probes: bool) -> Seat {
        Seat {
            fleet: fleet.clone(),
            at,
            began: now,
            spoke: None,
            probes,
        }
    }

    /// The deployment's place in the list.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The first words of a stream are there.
    pub(crate) fn spoke(&mut self, now: Instant) {
        self.spoke.get_or_insert(now);
    }

    /// The call was answered, with so many tokens in all and in the answer.
    pub(crate) fn succeeded(self, tokens: u64, answered: u64, now: Instant) {
        let since = |then: Instant| then.saturating_duration_since(self.began).as_secs_f64();
        let latency = match self.spoke {
            Some(spoke) => since(spoke),
            // A long answer takes longer.
            None => since(now) / answered.max(1) as f64,
        };
        self.fleet.desks[self.at].succeeded(Some(latency), tokens, now);
    }

    /// The call failed.
    pub(crate) fn failed(self, error: &Error, now: Instant) {
        let rest = self.fleet.rest_of(self.at);
        self.fleet.desks[self.at].failed(error, rest, now);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.fleet.desks[self.at].leave(self.probes);
    }
}
