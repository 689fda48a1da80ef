//! Finding out about a model, or waiting for who does, or taking what is remembered.

use super::explain;
use super::flight::{Flight, Order, Terms};
use super::models::{Looking, Models, Slot, State};
use super::pool::Wire;
use super::timer::Timer;
use mishikallm::plan::call::Call;
use mishikallm::plan::credentials::digest;
use mishikallm::plan::span::Span;
use mishikallm::triton::exchange::Description;
use mishikallm::triton::look_up::{Found, LookUp, Step};
use mishikallm::{Result, limits};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::sync::futures::OwnedNotified;

/// What a call does until it knows its model.
#[derive(Debug)]
pub struct Describe {
    /// What is remembered will not do.
    fresh: bool,
    slot: Option<Arc<Slot>>,
    /// The round of look-ups that is waited for.
    waited_for: Option<u64>,
    doing: Doing,
}

#[derive(Debug)]
enum Doing {
    /// To look at what is known.
    Ask,
    /// For the look-up of another request.
    Wait(Pin<Box<OwnedNotified>>),
    Look(Box<Look>),
}

/// A look-up of one's own.
#[derive(Debug)]
struct Look {
    look_up: LookUp,
    until: Instant,
    order: Order,
    flight: Flight,
    /// Others wait while it lives.
    _looking: Looking,
}

impl Describe {
    pub fn new(fresh: bool) -> Describe {
        Describe {
            fresh,
            slot: None,
            waited_for: None,
            doing: Doing::Ask,
        }
    }

    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        (wire, models): (&Wire, &Models),
        (call, span): (&Call, Span),
        terms: Terms<'_>,
        timer: &mut Timer,
    ) -> Poll<Result<Description>> {
        let route = call
            .route()
            .and_then(|route| Some((route, route.model_url()?)));
        let Some((route, url)) = route else {
            return Poll::Ready(Ok(Description::default()));
        };
        let slot = self.slot.get_or_insert_with(|| models.slot(url)).clone();
        let credentials = || digest(call.headers());
        loop {
            match &mut self.doing {
                Doing::Ask => {
                    let mut state = slot.lock();
                    let now = terms.now;
                    let known = &state.known;
                    if let Some(known) =
                        known.description(self.fresh, span.began, &credentials, now)
                    {
                        return Poll::Ready(Ok(known));
                    }
                    // Who waited for a look-up that failed fails with it, instead of waiting for one of his own.
                    if self.waited_for.is_some_and(|round| round < state.ended) {
                        if let Some(error) = &state.error {
                            return Poll::Ready(Err(error.clone()));
                        }
                    }
                    if state.looking {
                        self.waited_for.get_or_insert(state.ended);
                        // Made under the lock: whoever ends his look-up from now on wakes it.
                        self.doing = Doing::Wait(Box::pin(slot.changed.clone().notified_owned()));
                        continue;
                    }
                    state.looking = true;
                    drop(state);
                    let left = span.deadline.saturating_duration_since(now);
                    let look_up = LookUp::new(route, left);
                    self.doing = Doing::Look(Box::new(Look {
                        until: now + look_up.time(),
                        order: look_up.request().into(),
                        look_up,
                        flight: Flight::default(),
                        _looking: Looking(slot.clone()),
                    }));
                }
                Doing::Wait(changed) => {
                    if changed.as_mut().poll(cx).is_pending() {
                        ready!(timer.poll(cx, span.deadline));
                        return Poll::Ready(Ok(Description::default()));
                    }
                    self.doing = Doing::Ask;
                }
                Doing::Look(look) => {
                    let found = ready!(look.poll(cx, wire, span, terms, timer));
                    let state = &mut *slot.lock();
                    let learnt = learn(state, found, &credentials);
                    return Poll::Ready(learnt);
                }
            }
        }
    }
}

fn learn(
    state: &mut State,
    found: Result<Found>,
    credentials: &dyn Fn() -> u64,
) -> Result<Description> {
    state.error = found.as_ref().err().cloned();
    found.map(|found| state.known.learn(found, credentials, Instant::now()))
}

impl Look {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        span: Span,
        terms: Terms<'_>,
        timer: &mut Timer,
    ) -> Poll<Result<Found>> {
        loop {
            let most = limits::LOOKUP_BYTES;
            let replied = match self.flight.poll_whole(cx, wire, &self.order, terms, most) {
                Poll::Ready(replied) => replied,
                Poll::Pending => {
                    ready!(timer.poll(cx, self.until));
                    Err(explain::too_late(&span))
                }
            };
            super::run::log_reply(&self.order, &replied);
            let step = match replied {
                Ok(reply) => self.look_up.replied(reply),
                Err(e) => {
                    let is_over = Instant::now() >= span.deadline;
                    self.look_up.failed(e, is_over)?
                }
            };
            match step {
                Step::Get(request) => self.order = request.into(),
                Step::Done(found) => return Poll::Ready(Ok(found)),
            }
            self.flight = Flight::default();
        }
    }
}
