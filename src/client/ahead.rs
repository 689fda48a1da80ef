//! Sending requests before their turn: see [`crate::plan::ahead`]. No thread waits for their replies.

use super::Client;
use super::http::{Flight, Halt, Terms};
use crate::error::Error;
use crate::limits;
use crate::plan::ahead::Ahead;
use crate::triton::Request;
use std::sync::Arc;
use std::time::Instant;

/// Sends what comes next, as far as it is not sent yet.
pub(super) fn send(
    ahead: &mut Ahead<Flight>,
    next: Vec<Arc<Request>>,
    client: &Client,
    terms: &Terms<'_>,
) {
    // A server that reads nothing while it is not read from is not to keep the caller from reading.
    let until = Instant::now() + limits::SEND_AHEAD;
    let terms = Terms {
        patience: Some(terms.patience.map_or(until, |p| p.min(until))),
        ..*terms
    };
    ahead.plan(next);
    ahead.send(|request, flight| match flight.is_sent() {
        true => Ok(()),
        false => only_send(client, request, &terms, flight),
    });
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
