//! How one deployment fares: what it has to do, whether it rests, how fast it was.

use super::Fleet;
use super::seat::Seat;
use super::tally::Tally;
use crate::config::Capacity;
use crate::error::{Error, Status};
use crate::triton::load::Load;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Requests, tokens and failures are counted by the minute.
const MINUTE: Duration = Duration::from_secs(60);

/// A rest grows up to so many times `cooldown_time`.
const LONGEST_REST: u32 = 8;

/// A measure that is older tells nothing: the deployment is measured again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// How much the newest measure counts.
const NEWEST: f64 = 0.3;

/// One deployment.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// Beside the lock, so that whoever leaves waits for nobody: in a child of `fork()` the lock may be held for ever.
    in_flight: AtomicU32,
    probing: AtomicBool,
    tally: Arc<Tally>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    minute: Option<Minute>,
    rest: Option<Rest>,
    /// Seconds; when it was last measured.
    latency: Option<(f64, Instant)>,
    load: Option<(Load, Instant)>,
}

/// What was done since it began.
#[derive(Clone, Copy, Debug)]
struct Minute {
    began: Instant,
    requests: u64,
    tokens: u64,
    failures: u32,
}

#[derive(Clone, Copy, Debug)]
struct Rest {
    until: Instant,
    /// How often it has failed right after a rest.
    again: u32,
    /// The server said that it has too much to do.
    throttled: bool,
}

/// How a deployment fares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Requests under way.
    pub in_flight: u32,
    /// Requests that were sent to it: each try of a call is one.
    pub requests: u64,
    /// Of those, the ones that failed by its fault.
    pub failures: u64,
    /// How often it was left alone for a while.
    pub cooldowns: u64,
    /// How long it still rests.
    pub rests_for: Option<Duration>,
    /// Seconds to the first word of a stream, or for each token of a whole answer, lately.
    pub latency: Option<f64>,
}

/// Whether a deployment can take a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Availability {
    Open,
    /// It has reached a limit of its own; for how long, where that is known.
    Full {
        until: Option<Instant>,
    },
    /// It failed.
    Resting {
        until: Instant,
        throttled: bool,
    },
}

impl Availability {
    /// It rests after errors that may be over.
    pub(super) fn is_tired(self) -> bool {
        matches!(
            self,
            Availability::Resting {
                throttled: false,
                ..
            }
        )
    }
}

impl State {
    /// The minute that a moment belongs to.
    fn minute_at(&self, now: Instant) -> Minute {
        match self.minute {
            Some(minute) if now.saturating_duration_since(minute.began) < MINUTE => minute,
            _ => Minute {
                began: now,
                requests: 0,
                tokens: 0,
                failures: 0,
            },
        }
    }

    /// The present one, to count in.
    fn minute(&mut self, now: Instant) -> &mut Minute {
        let minute = self.minute_at(now);
        self.minute.insert(minute)
    }

    fn availability(
        &self,
        capacity: &Capacity,
        rests: bool,
        busy: Busy,
        now: Instant,
    ) -> Availability {
        if let (true, Some(rest)) = (rests, self.rest) {
            // After a rest one call tries how it is; the others go elsewhere until that is known.
            if now < rest.until || busy.probing {
                return Availability::Resting {
                    until: rest.until.max(now),
                    throttled: rest.throttled,
                };
            }
        }
        let most = capacity.max_parallel_requests;
        if most.is_some_and(|most| u64::from(busy.in_flight) >= most) {
            return Availability::Full { until: None };
        }
        if capacity.rpm.is_some() || capacity.tpm.is_some() {
            let minute = self.minute_at(now);
            let is_full = capacity.rpm.is_some_and(|rpm| minute.requests >= rpm)
                || capacity.tpm.is_some_and(|tpm| minute.tokens >= tpm);
            if is_full {
                return Availability::Full {
                    until: Some(minute.began + MINUTE),
                };
            }
        }
        Availability::Open
    }
}

#[derive(Clone, Copy)]
struct Busy {
    in_flight: u32,
    probing: bool,
}

impl Desk {
    /// Goes on with these counts.
    pub(super) fn count_in(&mut self, tally: Arc<Tally>) {
        self.tally = tally;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> Busy {
        Busy {
            in_flight: self.in_flight(),
            probing: self.probing.load(Ordering::SeqCst),
        }
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::SeqCst)
    }

    pub(super) fn availability(
        &self,
        capacity: &Capacity,
        rests: bool,
        now: Instant,
    ) -> Availability {
        self.lock().availability(capacity, rests, self.busy(), now)
    }

    /// Takes a seat, if it is open.
    pub(super) fn sit(
        &self,
        fleet: &Arc<Fleet>,
        at: usize,
        capacity: &Capacity,
        rests: bool,
        now: Instant,
    ) -> Option<Seat> {
        let mut state = self.lock();
        if state.availability(capacity, rests, self.busy(), now) != Availability::Open {
            return None;
        }
        let probes = rests && state.rest.is_some();
        if probes {
            self.probing.store(true, Ordering::SeqCst);
        }
        self.begin(&mut state, now);
        Some(Seat::new(fleet, at, now, probes))
    }

    /// Takes a seat although it rests: nobody else is there.
    pub(super) fn sit_anyway(&self, fleet: &Arc<Fleet>, at: usize, now: Instant) -> Option<Seat> {
        self.begin(&mut self.lock(), now);
        Some(Seat::new(fleet, at, now, false))
    }

    fn begin(&self, state: &mut State, now: Instant) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        state.minute(now).requests += 1;
        self.tally.add_request();
    }

    /// A seat is free again. Takes no lock.
    pub(super) fn leave(&self, probed: bool) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        if probed {
            self.probing.store(false, Ordering::SeqCst);
        }
    }

    /// A call was answered. `latency`: in seconds.
    pub(super) fn succeeded(&self, latency: Option<f64>, tokens: u64, now: Instant) {
        let mut state = self.lock();
        state.minute(now).tokens += tokens;
        // Whatever was: it answers.
        state.rest = None;
        if let Some(newest) = latency {
            let latency = match state.latency {
                Some((old, at)) if now.saturating_duration_since(at) < FORGOTTEN_AFTER => {
                    NEWEST * newest + (1.0 - NEWEST) * old
                }
                _ => newest,
            };
            state.latency = Some((latency, now));
        }
    }

    /// A call failed. What the caller did wrong is no failure of the deployment. `rest`: after how many failures of a minute it is left
    /// alone, and for how long; `None`: never.
    pub(super) fn failed(&self, error: &Error, rest: Option<(u32, Duration)>, now: Instant) {
        let blame = blame(error);
        let mut state = self.lock();
        if blame == Blame::Nobody {
            // A server that finds fault with a request answers.
            if error.status() == Status::Server {
                state.rest = None;
            }
            return;
        }
        self.tally.add_failure();
        let minute = state.minute(now);
        minute.failures = minute.failures.saturating_add(1);
        let Some((allowed, cooldown)) = rest else {
            return;
        };
        let too_often = minute.failures > allowed;
        let before = state.rest;
        // Calls that were under way when the first failed say nothing new.
        if before.is_some_and(|rest| now < rest.until) {
            return;
        }
        if !(too_often || blame == Blame::AtOnce || before.is_some()) {
            return;
        }
        let again = before.map_or(0, |rest| (rest.again + 1).min(LONGEST_REST.ilog2()));
        let length = cooldown * (1 << again);
        let length = error
            .retry_after()
            .map_or(length, |after| after.max(length));
        let throttled = error.http_status() == 429;
        state.rest = Some(Rest {
            until: now + length,
            again,
            throttled,
        });
        self.tally.add_cooldown();
    }

    /// Least for one that was not measured lately: so it is.
    pub(super) fn latency(&self, now: Instant) -> f64 {
        match self.lock().latency {
            Some((latency, at)) if now.saturating_duration_since(at) < FORGOTTEN_AFTER => latency,
            _ => 0.0,
        }
    }

    /// Tokens of this minute.
    pub(super) fn tokens(&self, now: Instant) -> u64 {
        self.lock().minute_at(now).tokens
    }

    /// What its server says it has to do; `None`: it has said nothing lately.
    pub(super) fn load(&self, now: Instant) -> Option<f64> {
        match self.lock().load {
            Some((load, at)) if now.saturating_duration_since(at) < FORGOTTEN_AFTER => {
                Some(load.measure())
            }
            _ => None,
        }
    }

    pub(super) fn note_load(&self, load: Load, now: Instant) {
        self.lock().load = Some((load, now));
    }

    pub(super) fn forget_load(&self) {
        self.lock().load = None;
    }

    pub(super) fn standing(&self, now: Instant) -> Standing {
        let state = self.lock();
        Standing {
            in_flight: self.in_flight(),
            requests: self.tally.requests(),
            failures: self.tally.failures(),
            cooldowns: self.tally.cooldowns(),
            rests_for: state
                .rest
                .filter(|rest| now < rest.until)
                .map(|rest| rest.until - now),
            latency: state.latency.map(|(latency, _)| latency),
        }
    }
}

/// What an error says of the deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Nothing: the request was wrong, or the caller has left.
    Nobody,
    /// It may be chance.
    Perhaps,
    /// It will be so for a while.
    AtOnce,
}

pub(crate) fn blame(error: &Error) -> Blame {
    match error.status() {
        Status::Connect => Blame::AtOnce,
        Status::Deadline | Status::Protocol => Blame::Perhaps,
        Status::Server => match error.http_status() {
            // Its key is wrong, or it does not have the model, or it said that it has too much to do.
            401 | 403 | 404 | 429 => Blame::AtOnce,
            408 | 500..=599 => Blame::Perhaps,
            // Triton's 400 for a model that is not loaded.
            _ if error.message().contains("unknown model") => Blame::AtOnce,
            _ => Blame::Nobody,
        },
        _ => Blame::Nobody,
    }
}
