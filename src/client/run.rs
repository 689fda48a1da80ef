//! The loop that joins a call's state machine to sockets and clocks. All knowledge is in [`Call`].

use super::Client;
use super::context::Limits;
use super::http::Terms;
use super::models::{Asker, Found};
use crate::error::{Error, Result, Status};
use crate::limits;
use crate::log::{debug_line, warn_line};
use crate::plan::call::{Call, Event, Todo};
use crate::triton::Request;
use crate::triton::exchange::Description;
use crate::triton::model::Model;
use crate::triton::reply::{self, Reply};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// When a call began, and when its present try has to end.
#[derive(Clone, Copy)]
struct Span {
    began: Instant,
    deadline: Instant,
    timeout: Duration,
}

impl Span {
    /// A try begins now.
    fn new(call: &Call, began: Instant) -> Span {
        let timeout = call.options().timeout.unwrap_or(limits::TIMEOUT);
        Span {
            began,
            deadline: Instant::now() + timeout,
            timeout,
        }
    }
}

impl Client {
    /// Runs a call to its end.
    pub(super) fn run(&self, call: &mut Call) -> Result<String> {
        let mut span = Span::new(call, Instant::now());
        let mut event = Event::Start;
        loop {
            let round = call.round();
            let todo = call.on(event).map_err(|e| self.or_closed(e))?;
            if call.round() != round {
                span = Span::new(call, span.began);
            }
            event = match todo {
                Todo::Done(answer) => {
                    self.note_change(call);
                    return Ok(answer);
                }
                Todo::Describe { fresh } => match self.describe(call, fresh, span) {
                    Ok(description) => Event::Described(description),
                    Err(e) => Event::Failed(e),
                },
                Todo::Send(request) => match self.send(call, &request, span, None) {
                    Ok(reply) => Event::Replied(reply),
                    Err(e) => Event::Failed(e),
                },
                Todo::Wait(pause, because) => {
                    // A server that wants to be left alone for longer than a try may take is not waited for.
                    if because.retry_after().is_some() && pause >= span.timeout {
                        Event::TooLate(because)
                    } else if !self.sleep(pause) {
                        return Err(Error::closed());
                    } else {
                        debug_line!(
                            "trying again after {:.1} s: HTTP {}",
                            pause.as_secs_f64(),
                            because.http_status()
                        );
                        Event::Waited
                    }
                }
            };
            if self.is_closed() {
                return Err(Error::closed());
            }
        }
    }

    fn or_closed(&self, e: Error) -> Error {
        if self.is_closed() { Error::closed() } else { e }
    }

    fn send(
        &self,
        call: &Call,
        request: &Request,
        span: Span,
        lookup: Option<Instant>,
    ) -> Result<Reply> {
        let terms = Terms {
            headers: call.headers(),
            limits: Limits {
                deadline: lookup.map_or(span.deadline, |l| l.min(span.deadline)),
                idle: call.options().idle_timeout,
                connect: call
                    .options()
                    .connect_timeout
                    .unwrap_or(limits::CONNECT_TIMEOUT),
            },
            timeout: span.timeout,
        };
        let sent_at = Instant::now();
        let result = match lookup {
            Some(_) => self
                .http
                .send_limited(request, &terms, limits::LOOKUP_BYTES),
            None => self.http.send(request, &terms),
        };
        match &result {
            Ok(reply) => debug_line!(
                "{:?} {} -> HTTP {}, {} bytes in {:.1} ms",
                request.method,
                without_query(&request.url),
                reply.status,
                reply.body.len(),
                sent_at.elapsed().as_secs_f64() * 1e3
            ),
            Err(e) => debug_line!(
                "{:?} {} -> {e}",
                request.method,
                without_query(&request.url)
            ),
        }
        result
    }

    fn describe(&self, call: &Call, fresh: bool, span: Span) -> Result<Description> {
        let Some(route) = call.route().cloned() else {
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
        };
        self.models.describe(model_url, fresh, asker, || {
            let metadata = route.metadata_url().unwrap_or_default();
            let config = route.config_url().unwrap_or_default();
            let found = self.look_up(call, &metadata, &config, span);
            match &found {
                Ok(Found::Model(m)) => debug_line!(
                    "model '{}' is known: {} inputs, decoupled {:?}",
                    m.name,
                    m.inputs.len(),
                    m.decoupled
                ),
                Ok(_) => warn_line!(
                    "{} tells nothing of the model; the plain format is used",
                    without_query(&metadata)
                ),
                Err(_) => {}
            }
            found
        })
    }

    fn look_up(&self, call: &Call, metadata: &str, config: &str, span: Span) -> Result<Found> {
        // A look-up that is swallowed leaves the call half of its time.
        let now = Instant::now();
        let half = span.deadline.saturating_duration_since(now) / 2;
        let until = now + half.min(limits::LOOKUP_TIMEOUT);
        let get = |url: &str| {
            let request = Request::get(url.to_owned());
            let first = self.send(call, &request, span, Some(until));
            match first {
                // A pooled connection that went away says nothing of the server, and a GET may be repeated.
                Err(e) if e.status() == Status::Protocol && e.is_retryable() => {
                    self.send(call, &request, span, Some(until))
                }
                other => other,
            }
        };
        let reply = match get(metadata) {
            Ok(reply) => reply,
            // The call itself would fare no better.
            Err(e) if e.is_unreached() || Instant::now() >= span.deadline => return Err(e),
            Err(_) => return Ok(Found::Never),
        };
        if reply.status >= 500 || reply.status == 429 || is_unknown_model(&reply) {
            return Ok(Found::NotNow);
        }
        if reply.status != 200 {
            return Ok(Found::Never);
        }
        let configuration = get(config).ok().filter(|r| r.status == 200);
        Ok(
            match Model::read(
                &reply.body,
                configuration.as_ref().map(|r| r.body.as_slice()),
            ) {
                Some(model) => Found::Model(model),
                None => Found::Never,
            },
        )
    }

    fn note_change(&self, call: &Call) {
        if call.saw_a_change() {
            if let Some(url) = call.route().and_then(|r| r.model_url()) {
                self.models.forget(url);
            }
        }
    }
}

/// Triton's own word for a model that is not there, or has no version ready: it may be a moment later.
fn is_unknown_model(reply: &Reply) -> bool {
    matches!(reply.status, 400 | 404)
        && reply::words(&reply.body).is_some_and(|w| w.contains("unknown model"))
}

/// A query may hold a token.
fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

fn digest(headers: &[(String, String)]) -> u64 {
    let mut hasher = DefaultHasher::new();
    headers.hash(&mut hasher);
    hasher.finish()
}
