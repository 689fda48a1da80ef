//! Finding out about a model, over sockets. All knowledge is in [`look_up::LookUp`].

use super::Client;
use super::http::{Flight, Halt, Terms};
use super::models::Asker;
use crate::error::Error;
use crate::limits;
use crate::plan::call::Call;
use crate::plan::credentials::digest;
use crate::plan::span::Span;
use crate::triton::Request;
use crate::triton::endpoint::Route;
use crate::triton::exchange::Description;
use crate::triton::look_up::{self, Found, Step};
use std::time::Instant;

type Result<T> = std::result::Result<T, Halt>;

/// A look-up under way.
#[derive(Debug)]
pub(super) struct LookUp {
    fresh: bool,
    asks: Option<Asks>,
}

/// What it asks, and until when.
#[derive(Debug)]
struct Asks {
    look_up: look_up::LookUp,
    until: Instant,
    request: Request,
    flight: Flight,
}

impl LookUp {
    /// `fresh`: what is remembered will not do.
    pub(super) fn new(fresh: bool) -> LookUp {
        LookUp { fresh, asks: None }
    }

    /// Finds out, or takes what is remembered.
    pub(super) fn go_on(
        &mut self,
        client: &Client,
        call: &Call,
        span: Span,
        terms: &Terms<'_>,
    ) -> Result<Description> {
        let Some(route) = call.route() else {
            return Ok(Description::default());
        };
        let Some(model_url) = route.model_url() else {
            return Ok(Description::default());
        };
        let credentials = || digest(call.headers());
        let asker = Asker {
            began: span.began,
            deadline: span.deadline,
            credentials: &credentials,
            patience: terms.patience,
            token: terms.token,
        };
        client.models.describe(model_url, self.fresh, asker, || {
            self.look_up(client, route, span, terms)
        })
    }

    fn look_up(
        &mut self,
        client: &Client,
        route: &Route,
        span: Span,
        terms: &Terms<'_>,
    ) -> Result<Found> {
        let asks = self.asks.get_or_insert_with(|| Asks::new(route, span));
        let terms = Terms {
            deadline: asks.until,
            most: Some(limits::LOOKUP_BYTES),
            ..*terms
        };
        loop {
            let sent = client.send(&asks.request, &terms, &mut asks.flight);
            // Whoever ended the call has ended its requests, which says nothing of the server.
            if client.is_closed() {
                return Err(Error::closed().into());
            }
            if terms.token.is_some_and(|token| token.is_cancelled()) {
                return Err(Error::cancelled().into());
            }
            let step = match sent {
                Ok(reply) => asks.look_up.replied(reply),
                Err(Halt::Paused) => return Err(Halt::Paused),
                Err(Halt::Failed(e)) => {
                    let is_over = Instant::now() >= span.deadline;
                    asks.look_up.failed(e, is_over)?
                }
            };
            match step {
                Step::Get(request) => asks.request = request,
                Step::Done(found) => return Ok(found),
            }
            asks.flight = Flight::default();
        }
    }
}

impl Asks {
    fn new(route: &Route, span: Span) -> Asks {
        let now = Instant::now();
        let left = span.deadline.saturating_duration_since(now);
        let look_up = look_up::LookUp::new(route, left);
        Asks {
            until: now + look_up.time(),
            request: look_up.request(),
            look_up,
            flight: Flight::default(),
        }
    }
}
