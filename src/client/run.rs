//! The loop that joins a call's state machine to sockets and clocks. All knowledge is in [`Call`].
//!
//! A [`Run`] may be left when its caller wants the thread back, and gone on with later, on any thread.

use super::Client;
use super::ahead::{self, only_send};
use super::cancel::{Token, interrupt};
use super::http::{Flight, Halt, Terms};
use super::loads::Loads;
use super::look_up::LookUp;
use crate::error::{Error, Result};
use crate::limits;
use crate::log::debug_line;
use crate::plan::ahead::Ahead;
use crate::plan::call::{Call, Event, Todo};
use crate::plan::span::Span;
use crate::triton::Request;
use crate::triton::reply::Reply;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One call under way.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) call: Call,
    pub(super) span: Span,
    doing: Doing,
    ahead: Ahead<Flight>,
    loads: Loads,
    /// A reply whose body is read as it comes.
    incoming: Option<Flight>,
    buffer: Vec<u8>,
    /// How much of the buffer came last, and how much of the body in all.
    filled: usize,
    received: usize,
}

/// What the call waits for.
#[derive(Debug)]
enum Doing {
    Nothing(Event<'static>),
    Describe(Box<LookUp>),
    Send(Request, Flight),
    Open(Request, Flight),
    Read,
    Pause(Instant),
}

/// What a caller gets.
#[derive(Debug)]
pub(super) enum Progress {
    /// A chunk; there is more.
    Chunk(String),
    /// The answer, empty after chunks.
    Answer(String),
    /// Nothing yet.
    Paused,
}

/// Who waits: until when, and who may end it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiter<'a> {
    /// `None`: until the end.
    pub(super) patience: Option<Instant>,
    pub(super) token: Option<&'a Arc<Token>>,
}

impl Waiter<'_> {
    fn is_cancelled(&self) -> bool {
        self.token.is_some_and(|token| token.is_cancelled())
    }
}

impl Run {
    /// A call that begins now; nothing is done yet.
    pub(super) fn new(call: Call) -> Run {
        let now = Instant::now();
        Run {
            span: Span::new(&call, now, now),
            call,
            doing: Doing::Nothing(Event::Start),
            ahead: Ahead::default(),
            loads: Loads::default(),
            incoming: None,
            buffer: Vec::new(),
            filled: 0,
            received: 0,
        }
    }

    /// Its time begins now: it has waited for a thread.
    pub(super) fn begin(&mut self) {
        let now = Instant::now();
        self.span = Span::new(&self.call, now, now);
    }

    /// Goes on until there is something for the caller.
    pub(super) fn advance(&mut self, client: &Client, waiter: Waiter<'_>) -> Result<Progress> {
        let mut has_read = false;
        loop {
            if waiter.is_cancelled() || client.is_closed() {
                self.ahead.clear();
                return Err(why(client, waiter, Error::closed()));
            }
            // A server that sends much and says nothing takes no more of the caller's time than he gives.
            if matches!(self.doing, Doing::Read) {
                let is_over = |patience| Instant::now() >= patience;
                if has_read && waiter.patience.is_some_and(is_over) {
                    return Ok(Progress::Paused);
                }
                has_read = true;
            }
            match self.step(client, waiter) {
                Ok(None) => {}
                Ok(Some(progress)) => {
                    let linger = match progress {
                        Progress::Answer(_) => limits::LOAD_LINGER,
                        _ => Duration::ZERO,
                    };
                    self.loads.read(client, waiter.token, linger);
                    return Ok(progress);
                }
                Err(Halt::Paused) => return Ok(Progress::Paused),
                Err(Halt::Failed(e)) => {
                    self.ahead.clear();
                    let e = why(client, waiter, e);
                    self.loads.read(client, waiter.token, limits::LOAD_LINGER);
                    return Err(e);
                }
            }
        }
    }

    /// Does one thing and asks the call what is next.
    fn step(
        &mut self,
        client: &Client,
        waiter: Waiter<'_>,
    ) -> std::result::Result<Option<Progress>, Halt> {
        let round = self.call.round();
        let happened = self.happened(client, waiter);
        // A connection that was shut down looks like one that is over.
        if waiter.is_cancelled() || client.is_closed() {
            return Err(why(client, waiter, Error::closed()).into());
        }
        let todo = match happened {
            Ok(Some(event)) => self.call.on(event, Instant::now()),
            Ok(None) => {
                // Read into the buffer, which the event borrows.
                let event = match self.filled {
                    0 => Event::Ended,
                    filled => Event::Arrived(&self.buffer[..filled]),
                };
                self.call.on(event, Instant::now())
            }
            Err(Halt::Failed(e)) => self.call.on(Event::Failed(e), Instant::now()),
            Err(Halt::Paused) => return Err(Halt::Paused),
        };
        let goes_on = matches!(todo, Ok(Todo::Read | Todo::Chunk(_)));
        if !goes_on || !self.call.wants_more() {
            // Whatever is still to come is of no use: the server is told at once.
            self.incoming = None;
        }
        let todo = todo?;
        self.ahead.stay_at(self.call.moves());
        if self.call.round() != round {
            self.span = Span::new(&self.call, self.span.began, Instant::now());
        }
        self.doing = match todo {
            Todo::Done(answer) => {
                client.note_change(&self.call);
                self.doing = Doing::Nothing(Event::Next);
                return Ok(Some(Progress::Answer(answer)));
            }
            Todo::Chunk(chunk) => {
                self.doing = Doing::Nothing(Event::Next);
                return Ok(Some(Progress::Chunk(chunk)));
            }
            Todo::Describe { fresh } => Doing::Describe(Box::new(LookUp::new(fresh))),
            Todo::Send(request) => match self.ahead.take(&request) {
                Ok(flight) => Doing::Send(request, flight.in_turn()),
                Err(e) => Doing::Nothing(Event::Failed(e)),
            },
            Todo::Open(request) => match self.ahead.take(&request) {
                Ok(flight) => Doing::Open(request, flight.in_turn()),
                Err(e) => Doing::Nothing(Event::Failed(e)),
            },
            Todo::Read => Doing::Read,
            Todo::Wait(pause, because) => {
                if self.span.is_too_short_for(pause, &because) {
                    Doing::Nothing(Event::TooLate(because))
                } else {
                    debug_line!(
                        "trying again in {:.1} s: HTTP {}",
                        pause.as_secs_f64(),
                        because.http_status()
                    );
                    Doing::Pause(Instant::now() + pause)
                }
            }
        };
        Ok(None)
    }

    /// Waits for what the call waits for; `None`: bytes are in the buffer, or none where the body is over.
    fn happened(
        &mut self,
        client: &Client,
        waiter: Waiter<'_>,
    ) -> std::result::Result<Option<Event<'static>>, Halt> {
        let next = match &self.doing {
            Doing::Send(..) | Doing::Open(..) => self.call.ahead(limits::REQUESTS_AT_ONCE - 1),
            _ => Vec::new(),
        };
        let terms = Terms {
            headers: self.call.headers(),
            deadline: self.span.deadline,
            timeout: (self.span.timeout, self.span.name),
            connect: self
                .call
                .options()
                .connect_timeout
                .unwrap_or(limits::CONNECT_TIMEOUT),
            first_byte: self.call.options().first_byte_timeout,
            idle: self.call.options().idle_timeout,
            patience: waiter.patience,
            only_sends: false,
            token: waiter.token,
            most: None,
        };
        if let Doing::Send(request, flight) | Doing::Open(request, flight) = &mut self.doing {
            let asks = self.loads.look(&self.call);
            if !next.is_empty() || asks {
                if !flight.is_sent() {
                    only_send(client, request, &terms, flight)?;
                }
                ahead::send(&mut self.ahead, next, client, &terms);
                if asks {
                    self.loads.send(client, waiter.token);
                }
            }
        }
        Ok(Some(match &mut self.doing {
            Doing::Nothing(event) => std::mem::replace(event, Event::Next),
            Doing::Describe(look_up) => {
                Event::Described(look_up.go_on(client, &self.call, self.span, &terms)?)
            }
            Doing::Send(request, flight) => Event::Replied(client.send(request, &terms, flight)?),
            Doing::Open(request, flight) => match client.open(request, &terms, flight)? {
                200..=203 | 206..=299 => {
                    self.incoming = Some(std::mem::take(flight));
                    self.received = 0;
                    Event::Opened
                }
                _ => Event::Replied(client.http.whole(&terms, flight)?),
            },
            Doing::Read => {
                let Some(incoming) = &mut self.incoming else {
                    return Err(Error::protocol("nothing is being read").into());
                };
                self.buffer.resize(limits::READ_BYTES, 0);
                self.filled = client.http.read(incoming, &mut self.buffer, &terms)?;
                self.received += self.filled;
                // Chunks are the caller's as they come; an answer is kept.
                if !self.call.speaks() {
                    client.http.check_length(self.received)?;
                }
                return Ok(None);
            }
            Doing::Pause(until) => {
                client.pause(*until, waiter)?;
                Event::Waited
            }
        }))
    }
}

/// What ended the call: whoever ended it, or else the error.
fn why(client: &Client, waiter: Waiter<'_>, error: Error) -> Error {
    match (waiter.is_cancelled(), client.is_closed()) {
        (true, _) => Error::cancelled(),
        (_, true) => Error::closed(),
        _ => error,
    }
}

impl Client {
    /// Runs a call to its end.
    pub(super) fn run(&self, call: Call) -> Result<String> {
        match Run::new(call).advance(self, Waiter::default())? {
            Progress::Answer(answer) => Ok(answer),
            Progress::Chunk(_) | Progress::Paused => {
                Err(Error::protocol("the answer came in chunks"))
            }
        }
    }

    pub(super) fn send(
        &self,
        request: &Request,
        terms: &Terms<'_>,
        flight: &mut Flight,
    ) -> std::result::Result<Reply, Halt> {
        let sent_at = Instant::now();
        let result = self.http.send(request, terms, flight);
        match &result {
            Ok(reply) => debug_line!(
                "{:?} {} -> HTTP {}, {} bytes in {:.1} ms",
                request.method,
                without_query(&request.url),
                reply.status,
                reply.bytes().len(),
                sent_at.elapsed().as_secs_f64() * 1e3
            ),
            Err(Halt::Failed(e)) => {
                debug_line!(
                    "{:?} {} -> {e}",
                    request.method,
                    without_query(&request.url)
                )
            }
            Err(Halt::Paused) => {}
        }
        result
    }

    fn open(
        &self,
        request: &Request,
        terms: &Terms<'_>,
        flight: &mut Flight,
    ) -> std::result::Result<u16, Halt> {
        let result = self.http.open(request, terms, flight);
        match &result {
            Ok(status) => debug_line!(
                "{:?} {} -> HTTP {status}",
                request.method,
                without_query(&request.url)
            ),
            Err(Halt::Failed(e)) => {
                debug_line!(
                    "{:?} {} -> {e}",
                    request.method,
                    without_query(&request.url)
                )
            }
            Err(Halt::Paused) => {}
        }
        result
    }

    /// Sleeps until then.
    fn pause(&self, until: Instant, waiter: Waiter<'_>) -> std::result::Result<(), Halt> {
        if waiter
            .token
            .is_some_and(|token| !token.wait_for(interrupt(&self.bed)))
        {
            return Err(Error::cancelled().into());
        }
        let is_over = || self.is_closed() || waiter.is_cancelled();
        let wake = waiter.patience.map_or(until, |p| p.min(until));
        if self.bed.sleep(wake, is_over) {
            return Err(why(self, waiter, Error::closed()).into());
        }
        match wake < until {
            true => Err(Halt::Paused),
            false => Ok(()),
        }
    }

    fn note_change(&self, call: &Call) {
        if call.saw_a_change() {
            if let Some(url) = call.route().and_then(|r| r.model_url()) {
                self.models.forget(url);
            }
        }
        if call.changes_model() {
            if let Some(root) = call.route().and_then(|r| r.model_root()) {
                self.models.forget_all(&root);
            }
        }
    }
}

/// A query may hold a token.
pub(super) fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}
