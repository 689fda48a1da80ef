//! Sending requests before their turn: see [`mishikallm::plan::ahead`].

use super::flight::{Flight, Order, Terms};
use super::pool::Wire;
use mishikallm::plan::ahead;
use std::task::{Context, Poll};

/// What was sent before its turn, each with what it is to be sent by. Dropping it closes the connections.
pub type Ahead = ahead::Ahead<(Option<Order>, Flight)>;

/// Sends what is planned, and waits for nothing.
pub fn send(ahead: &mut Ahead, cx: &mut Context<'_>, wire: &Wire, terms: Terms<'_>) {
    ahead.send(|request, (order, flight)| {
        let order = order.get_or_insert_with(|| Order::from(request));
        match flight.poll_open(cx, wire, order, terms) {
            Poll::Ready(Err(e)) => Err(e),
            _ => Ok(()),
        }
    });
}
