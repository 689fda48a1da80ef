//! Requests that are sent before their turn, each on a connection of its own, so that the server works on several at once.
//!
//! Their replies are read one after the other, each in its turn, and until then wait in the kernel. The call's state machine
//! knows nothing of this; it asks for one reply at a time.

use super::flight::{Flight, Order, Terms};
use super::pool::Wire;
use mishikallm::triton::Request;
use mishikallm::{Error, Result};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What was sent before its turn. Dropping it closes the connections: the server need not go on.
#[derive(Debug, Default)]
pub struct Ahead {
    sent: Vec<Early>,
    /// What is to be sent when the present request is.
    next: VecDeque<Arc<Request>>,
    /// To where: see `Call::moves`.
    place: u32,
}

/// A request that was sent before its turn, or as much of it as went out.
#[derive(Debug)]
struct Early {
    request: Arc<Request>,
    order: Order,
    flight: Flight,
    failure: Option<Error>,
}

impl Ahead {
    /// The flight of a request whose turn has come: the one that is under way, or a new one. An error is what became of it.
    pub fn take(&mut self, request: &Request) -> Result<Flight> {
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
    pub fn stay_at(&mut self, place: u32) {
        if self.place != place {
            self.sent.clear();
            self.next.clear();
            self.place = place;
        }
    }

    /// These come next. What is no longer to come is given up.
    pub fn plan(&mut self, next: Vec<Arc<Request>>) {
        let mut earlier = std::mem::take(&mut self.sent);
        self.next.clear();
        for request in next {
            // Several may be the same to the letter: choices of one prompt.
            match earlier.iter().position(|e| e.request == request) {
                Some(at) => self.sent.push(earlier.swap_remove(at)),
                None => self.next.push_back(request),
            }
        }
    }

    /// Whether there is nothing to send.
    pub fn is_idle(&self) -> bool {
        self.sent.is_empty() && self.next.is_empty()
    }

    /// Sends what is planned, and waits for nothing. Failures are told in their turn; after one no more is begun: whatever hit it
    /// would hit the next.
    pub fn send(&mut self, cx: &mut Context<'_>, wire: &Wire, terms: Terms<'_>) {
        let has_failed = |sent: &[Early]| sent.iter().any(|e| e.failure.is_some());
        for early in &mut self.sent {
            early.send(cx, wire, terms);
        }
        while !has_failed(&self.sent) {
            let Some(request) = self.next.pop_front() else {
                return;
            };
            let mut early = Early {
                order: Order::from(&request),
                request,
                flight: Flight::default(),
                failure: None,
            };
            early.send(cx, wire, terms);
            self.sent.push(early);
        }
    }
}

impl Early {
    fn send(&mut self, cx: &mut Context<'_>, wire: &Wire, terms: Terms<'_>) {
        if self.failure.is_none() {
            if let Poll::Ready(Err(e)) = self.flight.poll_open(cx, wire, &self.order, terms) {
                self.failure = Some(e);
            }
        }
    }
}
