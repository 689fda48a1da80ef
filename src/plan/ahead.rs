//! Requests that are sent before their turn, each on a connection of its own, so that the server works on several at once.
//!
//! Their replies are read one after the other, each in its turn, and until then wait in the kernel. The call's state machine
//! knows nothing of this; it asks for one reply at a time. What is under way on a connection is the driver's, and called `F` here.

use crate::error::{Error, Result};
use crate::triton::Request;
use std::collections::VecDeque;
use std::sync::Arc;

/// What was sent before its turn, or is to be. Dropping it drops what is under way: the server need not go on.
#[derive(Debug)]
pub struct Ahead<F> {
    sent: Vec<Early<F>>,
    /// What is to be sent when the present request is.
    next: VecDeque<Arc<Request>>,
    /// To where: see [`Call::moves`](super::call::Call::moves).
    place: u32,
}

/// A request that was sent before its turn, or as much of it as went out.
#[derive(Debug)]
struct Early<F> {
    request: Arc<Request>,
    flight: F,
    failure: Option<Error>,
}

impl<F> Default for Ahead<F> {
    fn default() -> Self {
        Ahead {
            sent: Vec::new(),
            next: VecDeque::new(),
            place: 0,
        }
    }
}

impl<F: Default> Ahead<F> {
    /// What is under way of a request whose turn has come, or what nothing is done of yet.
    ///
    /// Errors: what became of it.
    pub fn take(&mut self, request: &Request) -> Result<F> {
        let Some(at) = self.sent.iter().position(|e| *e.request == *request) else {
            return Ok(F::default());
        };
        let early = self.sent.remove(at);
        match early.failure {
            // Nothing was sent, so there is nothing that could be done twice.
            Some(e) if e.is_unreached() => Ok(F::default()),
            Some(e) => Err(e),
            None => Ok(early.flight),
        }
    }

    /// Gives up what was sent to another place.
    pub fn stay_at(&mut self, place: u32) {
        if self.place != place {
            self.clear();
            self.place = place;
        }
    }

    /// Gives up all of it.
    pub fn clear(&mut self) {
        self.sent.clear();
        self.next.clear();
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

    /// Sends what is planned, as much of each as `send` can without waiting; what has gone out wholly is given to it, too. Failures are
    /// told in their turn; after one no more is begun: whatever hit it would hit the next.
    pub fn send(&mut self, mut send: impl FnMut(&Arc<Request>, &mut F) -> Result<()>) {
        for early in &mut self.sent {
            early.send(&mut send);
        }
        while !self.sent.iter().any(|e| e.failure.is_some()) {
            let Some(request) = self.next.pop_front() else {
                return;
            };
            let mut early = Early {
                request,
                flight: F::default(),
                failure: None,
            };
            early.send(&mut send);
            self.sent.push(early);
        }
    }
}

impl<F> Early<F> {
    fn send(&mut self, send: &mut impl FnMut(&Arc<Request>, &mut F) -> Result<()>) {
        if self.failure.is_none() {
            self.failure = send(&self.request, &mut self.flight).err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triton::Method;

    fn request(body: &str) -> Arc<Request> {
        Arc::new(Request {
            method: Method::Post,
            url: "http://h/v2/models/m/generate".into(),
            json_length: None,
            body: body.into(),
        })
    }

    /// Sends all that is planned; a flight is how often it was sent.
    fn fly(ahead: &mut Ahead<u32>) -> Vec<String> {
        let mut sent = Vec::new();
        ahead.send(|request, flight| {
            *flight += 1;
            sent.push(String::from_utf8(request.body.clone()).unwrap());
            match request.body.as_slice() {
                b"unreached" => Err(Error::connect("no connection")),
                b"broken" => Err(Error::cut("it broke")),
                _ => Ok(()),
            }
        });
        sent
    }

    #[test]
    fn what_is_under_way_is_taken_in_its_turn_and_anything_else_is_new() {
        let mut ahead = Ahead::default();
        assert!(ahead.is_idle());
        ahead.plan(vec![request("a"), request("b")]);
        assert!(!ahead.is_idle());
        assert_eq!(fly(&mut ahead), ["a", "b"]);
        assert_eq!(fly(&mut ahead), ["a", "b"]);
        assert_eq!(ahead.take(&request("b")).unwrap(), 2);
        assert_eq!(ahead.take(&request("b")).unwrap(), 0);
        assert_eq!(ahead.take(&request("a")).unwrap(), 2);
        assert!(ahead.is_idle());
    }

    #[test]
    fn the_same_to_the_letter_is_sent_as_often_as_it_is_planned() {
        let mut ahead = Ahead::default();
        ahead.plan(vec![request("a"), request("a")]);
        assert_eq!(fly(&mut ahead), ["a", "a"]);
        ahead.plan(vec![request("a"), request("a"), request("a")]);
        assert_eq!(fly(&mut ahead), ["a", "a", "a"]);
    }

    #[test]
    fn what_is_no_longer_to_come_is_given_up() {
        let mut ahead = Ahead::default();
        ahead.plan(vec![request("a"), request("b")]);
        fly(&mut ahead);
        ahead.plan(vec![request("b"), request("c")]);
        assert_eq!(fly(&mut ahead), ["b", "c"]);
        assert_eq!(ahead.take(&request("a")).unwrap(), 0);
        assert_eq!(ahead.take(&request("b")).unwrap(), 2);
        ahead.stay_at(0);
        assert!(!ahead.is_idle());
        ahead.stay_at(1);
        assert!(ahead.is_idle());
    }

    #[test]
    fn after_a_failure_no_more_is_begun_and_it_is_told_in_its_turn() {
        let mut ahead = Ahead::default();
        ahead.plan(vec![request("a"), request("broken"), request("b")]);
        assert_eq!(fly(&mut ahead), ["a", "broken"]);
        // It is not sent again.
        assert_eq!(fly(&mut ahead), ["a"]);
        assert_eq!(ahead.take(&request("a")).unwrap(), 2);
        assert_eq!(
            ahead.take(&request("broken")).unwrap_err().message(),
            "it broke"
        );
        assert_eq!(fly(&mut ahead), ["b"]);
    }

    #[test]
    fn what_never_reached_a_server_is_tried_in_its_turn() {
        let mut ahead = Ahead::default();
        ahead.plan(vec![request("unreached")]);
        fly(&mut ahead);
        assert_eq!(ahead.take(&request("unreached")).unwrap(), 0);
    }
}
