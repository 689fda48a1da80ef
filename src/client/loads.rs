//! What servers are asked of their loads beside a call, whose strategy wants to know. All knowledge is the fleet's.
//!
//! No thread and no wait: a question is written behind the call's own request, and its answer waits in the kernel until the call
//! has its own, or a chunk of it.

use super::Client;
use super::ahead::only_send;
use super::cancel::Token;
use super::http::{Flight, Halt, Terms};
use crate::error::Error;
use crate::limits;
use crate::plan::call::Call;
use crate::plan::credentials::Header;
use crate::plan::fleet::LoadQuestion;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The questions of one call. Dropping them closes their connections.
#[derive(Debug, Default)]
pub(super) struct Loads {
    has_looked: bool,
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    question: LoadQuestion,
    headers: Arc<[Header]>,
    flight: Flight,
    asked: Instant,
    failure: Option<Error>,
}

impl Loads {
    /// Whether there is something to send, once for each call.
    pub(super) fn look(&mut self, call: &Call) -> bool {
        if self.has_looked {
            return false;
        }
        self.has_looked = true;
        let now = Instant::now();
        let due = std::iter::from_fn(|| call.ask_load(now)).take(limits::REQUESTS_AT_ONCE);
        self.open.extend(due.map(|question| Open {
            headers: question.headers(),
            question,
            flight: Flight::default(),
            asked: now,
            failure: None,
        }));
        !self.open.is_empty()
    }

    /// Sends them, and waits for nothing.
    pub(super) fn send(&mut self, client: &Client, token: Option<&Arc<Token>>) {
        let until = Instant::now() + limits::SEND_AHEAD;
        for open in &mut self.open {
            if let Some(request) = open.question.request() {
                let terms = terms(&open.headers, until, token);
                open.failure = only_send(client, request, &terms, &mut open.flight).err();
            }
        }
    }

    /// Takes what has come. `linger`: how long it may be waited for.
    pub(super) fn read(&mut self, client: &Client, token: Option<&Arc<Token>>, linger: Duration) {
        if self.open.is_empty() {
            return;
        }
        let until = Instant::now() + linger;
        for mut open in std::mem::take(&mut self.open) {
            let Some(request) = open.question.request() else {
                continue;
            };
            let terms = terms(&open.headers, until, token);
            let sent = match open.failure.take() {
                Some(e) => Err(Halt::Failed(e)),
                None => client.http.send(request, &terms, &mut open.flight),
            };
            // Whoever ended the call has ended its questions, which says nothing of the servers.
            if client.is_closed() || token.is_some_and(|token| token.is_cancelled()) {
                return;
            }
            let now = Instant::now();
            let is_late = now.saturating_duration_since(open.asked) >= limits::LOAD_TIMEOUT;
            match sent {
                Ok(reply) => open.question.answered(Ok(reply), now),
                Err(Halt::Failed(e)) => open.question.answered(Err(e), now),
                Err(Halt::Paused) if is_late => {
                    let late = Error::deadline("no answer in time");
                    open.question.answered(Err(late), now);
                }
                Err(Halt::Paused) => self.open.push(open),
            }
        }
    }
}

fn terms<'a>(headers: &'a [Header], until: Instant, token: Option<&'a Arc<Token>>) -> Terms<'a> {
    Terms {
        headers,
        deadline: until + limits::LOAD_TIMEOUT,
        timeout: (limits::LOAD_TIMEOUT, "timeout"),
        connect: limits::LOAD_TIMEOUT,
        first_byte: None,
        idle: None,
        patience: Some(until),
        only_sends: false,
        token,
        most: Some(limits::LOOKUP_BYTES),
    }
}
