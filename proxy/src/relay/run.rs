//! The loop that joins a call's state machine to sockets and clocks. All knowledge is in [`Call`].

use super::ahead::{self, Ahead};
use super::describe::Describe;
use super::explain::{self, SERVER};
use super::flight::{Flight, Order, Terms, too_long};
use super::models::Models;
use super::pool::Wire;
use super::timer::Timer;
use crate::seen::exchange::{self, Told};
use crate::seen::{Outcome, Record, tells_exchanges};
use bytes::Bytes;
use mishikallm::plan::call::{Call, Event, Journey, Todo};
use mishikallm::plan::fleet::LoadQuestion;
use mishikallm::plan::span::Span;
use mishikallm::triton::reply::Reply;
use mishikallm::{Error, Result, limits};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

/// One call under way. Dropping it ends it, and its requests, at once.
#[derive(Debug)]
pub struct Run {
    call: Call,
    span: Span,
    doing: Doing,
    ahead: Ahead,
    /// A reply whose body is read as it comes, and how much of it has come.
    incoming: Option<Flight>,
    received: usize,
    timer: Timer,
    /// Told when the call is over, or given up.
    record: Option<Record>,
    /// Of what the log tells.
    told: Option<Arc<Told>>,
    /// How long the server was waited for, and since when it is.
    waited: Duration,
    waits_since: Option<Instant>,
}

/// What the call waits for.
#[derive(Debug)]
enum Doing {
    Nothing(Event<'static>),
    Describe(Box<Describe>),
    Send(Box<Order>, Flight),
    Open(Box<Order>, Flight),
    Read,
    Pause(Instant),
}

/// What happened while it waited.
enum Happened {
    Event(Event<'static>),
    Arrived(Bytes),
}

/// What a caller gets.
#[derive(Debug)]
pub enum Progress {
    /// A chunk; there is more.
    Chunk(String),
    /// The answer, empty after chunks.
    Answer(String),
}

impl Run {
    /// A call that begins now; nothing is done yet.
    pub fn new(call: Call, now: Instant) -> Run {
        Run {
            span: Span::new(&call, now, now),
            told: Told::of(call.id()),
            call,
            doing: Doing::Nothing(Event::Start),
            ahead: Ahead::default(),
            incoming: None,
            received: 0,
            timer: Timer::default(),
            record: None,
            waited: Duration::ZERO,
            waits_since: None,
        }
    }

    /// Of `x-mishikallm-call-id`.
    pub fn id(&self) -> &str {
        self.call.id()
    }

    /// Where it went.
    pub fn journey(&self) -> Journey<'_> {
        self.call.journey()
    }

    /// A question about a load that is due: see [`Call::ask_load`].
    pub(super) fn ask_load(&self, now: Instant) -> Option<LoadQuestion> {
        self.call.ask_load(now)
    }

    /// From now on the record is told when this is dropped: when the call is over, or its client has hung up.
    pub fn recorded(&mut self, record: Record) {
        if record.told.is_some() {
            self.told.clone_from(&record.told);
        }
        self.record = Some(record);
    }

    /// The call, to see what it needs.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// What the log tells its lines by; `None` where it tells no exchanges.
    pub fn told(&self) -> Option<&Told> {
        self.told.as_deref()
    }

    /// What will be told of it.
    pub fn record(&mut self) -> Option<&mut Record> {
        self.record.as_mut()
    }

    /// How it ended.
    pub fn end(&mut self, outcome: Outcome) {
        if let Some(record) = &mut self.record {
            record.end(outcome);
        }
    }

    /// How long the server was waited for.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// Goes on until there is something for the caller. After an answer or an error there is no more.
    pub fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        models: &Models,
    ) -> Poll<Result<Progress>> {
        let _lines_are_its = self.told.as_ref().map(Told::within);
        // One look at the clock for all that is done at once.
        let now = Instant::now();
        if let Some(since) = self.waits_since.take() {
            self.waited += now.saturating_duration_since(since);
        }
        loop {
            let polled = self.poll_happened(cx, wire, models, now);
            let Poll::Ready(happened) = polled else {
                self.waits_since = Some(Instant::now());
                return Poll::Pending;
            };
            if let Some(progress) = self.step(happened, models, now)? {
                return Poll::Ready(Ok(progress));
            }
        }
    }

    /// Tells the call what happened, and does what it says.
    fn step(
        &mut self,
        happened: Result<Happened>,
        models: &Models,
        now: Instant,
    ) -> Result<Option<Progress>> {
        let round = self.call.round();
        let todo = match happened {
            Ok(Happened::Event(event)) => self.call.on(event, now),
            Ok(Happened::Arrived(bytes)) => self.call.on(Event::Arrived(&bytes), now),
            Err(e) => self.call.on(Event::Failed(e), now),
        };
        let goes_on = matches!(todo, Ok(Todo::Read | Todo::Chunk(_)));
        if !goes_on || !self.call.wants_more() {
            // Whatever is still to come is of no use: the server is told at once.
            self.incoming = None;
        }
        let todo = todo?;
        self.ahead.stay_at(self.call.moves());
        if self.call.round() != round {
            self.span = Span::new(&self.call, self.span.began, now);
        }
        self.doing = match todo {
            Todo::Done(answer) => {
                self.note_change(models);
                self.doing = Doing::Nothing(Event::Next);
                return Ok(Some(Progress::Answer(answer)));
            }
            Todo::Chunk(chunk) => {
                self.doing = Doing::Nothing(Event::Next);
                return Ok(Some(Progress::Chunk(chunk)));
            }
            Todo::Describe { fresh } => Doing::Describe(Box::new(Describe::new(fresh))),
            Todo::Send(request) => match self.ahead.take(&request) {
                Ok((_, flight)) => Doing::Send(Box::new(request.into()), flight.in_turn(now)),
                Err(e) => Doing::Nothing(Event::Failed(e)),
            },
            Todo::Open(request) => match self.ahead.take(&request) {
                Ok((_, flight)) => Doing::Open(Box::new(request.into()), flight.in_turn(now)),
                Err(e) => Doing::Nothing(Event::Failed(e)),
            },
            Todo::Read => Doing::Read,
            Todo::Wait(pause, because) => {
                if self.span.is_too_short_for(pause, &because) {
                    Doing::Nothing(Event::TooLate(because))
                } else {
                    let status = because.http_status();
                    if tells_exchanges() {
                        let pause = pause.as_secs_f64();
                        exchange::note(format_args!("trying again in {pause:.1} s: HTTP {status}"));
                    }
                    Doing::Pause(now + pause)
                }
            }
        };
        if matches!(self.doing, Doing::Send(..) | Doing::Open(..)) {
            let next = self.call.ahead(limits::REQUESTS_AT_ONCE - 1);
            self.ahead.plan(next);
        }
        Ok(None)
    }

    /// Waits for what the call waits for.
    fn poll_happened(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        models: &Models,
        now: Instant,
    ) -> Poll<Result<Happened>> {
        let options = self.call.options();
        let terms = Terms {
            headers: self.call.headers(),
            connect: options.connect_timeout.unwrap_or(limits::CONNECT_TIMEOUT),
            now,
        };
        let (first_byte, idle) = (options.first_byte_timeout, options.idle_timeout);
        let happened = match &mut self.doing {
            Doing::Nothing(event) => {
                let event = std::mem::replace(event, Event::Next);
                return Poll::Ready(Ok(Happened::Event(event)));
            }
            Doing::Describe(describe) => {
                let (call, timer) = ((&self.call, self.span), &mut self.timer);
                let described = ready!(describe.poll(cx, (wire, models), call, terms, timer))?;
                return Poll::Ready(Ok(Happened::Event(Event::Described(described))));
            }
            Doing::Pause(until) => {
                ready!(self.timer.poll(cx, *until));
                return Poll::Ready(Ok(Happened::Event(Event::Waited)));
            }
            Doing::Send(order, flight) => {
                let replied = flight.poll_whole(cx, wire, order, terms, wire.max_reply);
                if let Poll::Ready(replied) = &replied {
                    log_reply(order, replied);
                }
                replied.map_ok(|reply| Happened::Event(Event::Replied(reply)))
            }
            Doing::Open(order, flight) => match flight.poll_open(cx, wire, order, terms) {
                Poll::Ready(Ok(status @ (200..=203 | 206..=299))) => {
                    if tells_exchanges() {
                        exchange::opened(order.place(), status);
                    }
                    self.incoming = Some(std::mem::take(flight));
                    self.received = 0;
                    return Poll::Ready(Ok(Happened::Event(Event::Opened)));
                }
                Poll::Pending => Poll::Pending,
                // An error of either kind is had again, or what the server says of it.
                Poll::Ready(Ok(_)) => {
                    let replied = flight.poll_whole(cx, wire, order, terms, wire.max_reply);
                    if let Poll::Ready(replied) = &replied {
                        log_reply(order, replied);
                    }
                    replied.map_ok(|reply| Happened::Event(Event::Replied(reply)))
                }
                Poll::Ready(Err(e)) => {
                    let e = Err(e);
                    log_reply(order, &e);
                    Poll::Ready(e.map(|_| Happened::Event(Event::Ended)))
                }
            },
            Doing::Read => match &mut self.incoming {
                None => Poll::Ready(Err(Error::protocol("nothing is being read"))),
                Some(incoming) => incoming.poll_read(cx, wire, now).map(|read| match read? {
                    None => Ok(Happened::Event(Event::Ended)),
                    Some(bytes) => {
                        if tells_exchanges() {
                            exchange::came(&bytes);
                        }
                        self.received += bytes.len();
                        // Chunks are the caller's as they come; an answer is kept.
                        match !self.call.speaks() && self.received > wire.max_reply {
                            true => Err(too_long(wire.max_reply)),
                            false => Ok(Happened::Arrived(bytes)),
                        }
                    }
                }),
            },
        };
        if happened.is_ready() {
            return happened;
        }
        let flight = match &self.doing {
            Doing::Send(_, flight) | Doing::Open(_, flight) => Some(flight),
            _ => self.incoming.as_ref(),
        };
        let is_head = flight.is_some_and(|flight| !flight.is_opened());
        let asked_at = flight.and_then(Flight::silent_since);
        if asked_at.is_some() && !self.ahead.is_idle() {
            ahead::send(&mut self.ahead, cx, wire, terms);
        }
        let silence = match is_head {
            true => first_byte.or(idle),
            false => idle,
        };
        let deadline = self.span.deadline;
        let silent = asked_at
            .zip(silence)
            .map(|(at, silence)| (at + silence, silence));
        let until = silent.map_or(deadline, |(at, _)| at.min(deadline));
        ready!(self.timer.poll(cx, until));
        Poll::Ready(Err(match silent {
            Some((at, silence)) if at < deadline => {
                too_silent(silence, is_head && first_byte.is_some())
            }
            _ => explain::too_late(&self.span),
        }))
    }

    fn note_change(&self, models: &Models) {
        if self.call.saw_a_change() {
            if let Some(url) = self.call.route().and_then(|r| r.model_url()) {
                models.forget(url);
            }
        }
        if self.call.changes_model() {
            if let Some(root) = self.call.route().and_then(|r| r.model_root()) {
                models.forget_all(&root);
            }
        }
    }
}

impl Drop for Run {
    /// Notes where it went, and how long it took; the record goes with it.
    fn drop(&mut self) {
        let Some(record) = &mut self.record else {
            return;
        };
        let journey = self.call.journey();
        record.group = journey.group.unwrap_or_default().to_owned();
        record.deployment = journey.deployment.unwrap_or_default().to_owned();
        record.retries = journey.retries;
        record.fallbacks = journey.fallbacks;
        record.entry = self.call.entry().cloned();
        record.usage = self.call.used();
        record.spent = self.call.spent_so_far();
        let since = self.waits_since.map(|since| since.elapsed());
        record.upstream = self.waited + since.unwrap_or_default();
    }
}

fn too_silent(silence: Duration, is_first_byte: bool) -> Error {
    let seconds = silence.as_secs_f64();
    Error::deadline(match is_first_byte {
        true => {
            format!("no answer from {SERVER} began within {seconds} s (first_byte_timeout)")
        }
        false => format!("{SERVER} was silent for {seconds} s (idle_timeout)"),
    })
    .retryable()
}

/// A reply, or none, for the log.
pub(super) fn log_reply(order: &Order, replied: &Result<Reply>) {
    if tells_exchanges() {
        exchange::replied(order.place(), replied);
    }
}
