//! Requests that are sent before their turn, each on a connection of its own, so that the server works on several at once.
//!
//! No thread waits for their replies: they are read one after the other, each in its turn, and until then the kernel holds what
//! has come. The call's state machine knows nothing of this; it asks for one reply at a time.

use super::Client;
use super::http::{Flight, Halt, Terms};
use crate::error::Error;
use crate::limits;
use crate::triton::Request;
use std::sync::Arc;
use std::time::Instant;

/// What was sent before its turn. Dropping it closes the connections: the server need not go on.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    sent: Vec<Early>,
    /// To where: see `Call::moves`.
    place: u32,
}

/// A request that was sent before its turn, or as much of it as went out.
#[derive(Debug)]
struct Early {
    request: Arc<Request>,
    flight: Flight,
    failure: Option<Error>,
}

impl Ahead {
    /// The flight of a request whose turn has come: the one that is under way, or a new one. An error is what became of it.
    pub(super) fn take(&mut self, request: &Request) -> Result<Flight, Error> {
        let Some(at) = self.sent.iter().position(|e| *e.request == *request) else {
            return Ok(Flight::default());
        };
        let early = self.sent.remove(at);
        match early.failure {
            // Nothing was sent, so there is nothing that could be done twice.
            Some(e) if e.is_unreached() => Ok(Flight::default()),
            Some(e) => Err(e),
            None => Ok(early.flight.in_turn()),
        }
    }

    /// Gives up what was sent to another place.
    pub(super) fn stay_at(&mut self, place: u32) {
        if self.place != place {
            self.clear();
            self.place = place;
        }
    }

    /// Gives up all of it.
    pub(super) fn clear(&mut self) {
        self.sent.clear();
    }

    /// Sends what comes next, as far as it is not sent yet. What is no longer to come is given up.
    ///
    /// Failures are told in their turn. After one no more is begun: whatever hit it would hit the next.
    pub(super) fn send(&mut self, next: Vec<Arc<Request>>, client: &Client, terms: &Terms<'_>) {
        let mut earlier = std::mem::take(&mut self.sent);
        // A server that reads nothing while it is not read from is not to keep the caller from reading.
        let until = Instant::now() + limits::SEND_AHEAD;
        let terms = Terms {
            patience: Some(terms.patience.map_or(until, |p| p.min(until))),
            only_sends: true,
            ..*terms
        };
        for request in next {
            // Several may be the same to the letter: choices of one prompt.
            let at = earlier.iter().position(|e| e.request == request);
            let has_failed = self.sent.iter().any(|e| e.failure.is_some());
            let mut early = match at {
                Some(at) => earlier.swap_remove(at),
                None if has_failed => return,
                None => Early {
                    request,
                    flight: Flight::default(),
                    failure: None,
                },
            };
            if !has_failed {
                early.send(client, &terms);
            }
            self.sent.push(early);
        }
    }
}

impl Early {
    fn send(&mut self, client: &Client, terms: &Terms<'_>) {
        if !self.flight.is_sent() {
            self.failure = only_send(client, &self.request, terms, &mut self.flight).err();
        }
    }
}

/// Sends a request without waiting for its reply; what is not sent when `patience` ends goes out later.
pub(super) fn only_send(
    client: &Client,
    request: &Request,
    terms: &Terms<'_>,
    flight: &mut Flight,
) -> Result<(), Error> {
    let terms = Terms {
        only_sends: true,
        ..*terms
    };
    match client.http.open(request, &terms, flight) {
        Ok(_) | Err(Halt::Paused) => Ok(()),
        Err(Halt::Failed(e)) => Err(e),
    }
}
