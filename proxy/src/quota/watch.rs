//! Which replicas are dead: those of whom nothing new was seen for a while. Pure, and by the clock of whoever watches alone, for the clocks
//! of replicas differ.

use crate::keys::Time;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// So long a replica is waited for.
pub const SILENCE: Duration = Duration::from_secs(60);

/// So much older than now is no other clock, but long ago.
const LONG_AGO: i64 = 600_000;

/// What was seen, and since when it is the same.
#[derive(Debug, Default)]
pub struct Watch(HashMap<String, (Time, Instant)>);

impl Watch {
    /// Who is dead, of those that are there now with the time that they say.
    pub fn dead(&mut self, there: &[(String, Time)], clock: Time, now: Instant) -> Vec<String> {
        self.0
            .retain(|name, _| there.iter().any(|(other, _)| other == name));
        let mut dead = Vec::new();
        for (name, seen) in there {
            let last = self.0.entry(name.clone()).or_insert((*seen, now));
            if last.0 != *seen {
                *last = (*seen, now);
            }
            let is_silent = now.saturating_duration_since(last.1) >= SILENCE;
            if is_silent || clock.0.saturating_sub(seen.0) > LONG_AGO {
                dead.push(name.clone());
            }
        }
        dead
    }
}
