//! What one request came to.

use super::exchange::Told;
use crate::gate::Charge;
use crate::keys::Money;
use mishikallm::openai::Operation;
use mishikallm::openai::response::Usage;
use mishikallm::plan::trace::Trace;
use mishikallm::{Error, Status};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// Its client hung up before it was over.
    #[default]
    HungUp,
    /// It was answered whole.
    Answered,
    /// It failed, maybe in the middle of a stream; with the kind of error and the HTTP status that says the same.
    Failed(&'static str, u16),
}

/// A client that hung up, as nginx counts it.
pub const HUNG_UP: u16 = 499;

impl Outcome {
    /// By OpenAI's type of an error. OpenAI has none for time that ran out.
    pub fn failed(error: &Error) -> Outcome {
        let kind = match error.status() {
            Status::Deadline => "timeout_error",
            _ => error.kind(),
        };
        Outcome::Failed(kind, error.http_status())
    }

    /// As an HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Outcome::HungUp => HUNG_UP,
            Outcome::Answered => 200,
            Outcome::Failed(_, status) => status,
        }
    }

    /// The kind of error; empty where there is none.
    pub fn kind(self) -> &'static str {
        match self {
            Outcome::Failed(kind, _) => kind,
            _ => "",
        }
    }
}

/// One request to a model, told to [`super::finished`] when it is dropped: once, whatever became of it.
#[derive(Debug)]
pub struct Record {
    /// Of `x-mishikallm-call-id`.
    pub id: String,
    /// The trace that it is part of.
    pub trace: Option<Arc<Trace>>,
    /// Its path, where the log tells it.
    pub path: Option<String>,
    /// What the log of its exchange tells it by.
    pub told: Option<Arc<Told>>,
    /// What was asked.
    pub operation: Operation,
    /// The answer comes in chunks.
    pub streams: bool,
    /// The model as the request named it; empty where no list knows it.
    pub group: String,
    /// The entry of the model list that was asked for; `None` where no list knows it.
    pub entry: Option<Arc<str>>,
    /// The id of the deployment that was asked last, of whatever model; empty where none was.
    pub deployment: String,
    /// Its client has hung up, whatever it would be told.
    pub is_left: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// When its header was there.
    pub began: Instant,
    /// When the first chunk went out.
    pub first_chunk: Option<Instant>,
    /// When its end was known; `None`: it is not, or its client hung up.
    pub ended: Option<Instant>,
    /// What the proxy itself took before the first chunk.
    pub before_first: Option<Duration>,
    /// Tokens, where they are known.
    pub usage: Option<Usage>,
    /// What servers have done for it, also where it did not come to its end.
    pub spent: Option<Usage>,
    /// What it cost, known when it is told.
    pub cost: Money,
    /// Who pays for it. Apart: where there are no keys, nobody does.
    pub charge: Option<Box<Charge>>,
    /// How long the server was waited for.
    pub upstream: Duration,
    /// Tries after the first one.
    pub retries: u32,
    /// How often another model was asked instead.
    pub fallbacks: u32,
}

impl Record {
    /// A request that begins now.
    pub fn new(id: String, operation: Operation, began: Instant) -> Record {
        super::metrics::began();
        Record {
            id,
            trace: None,
            path: None,
            told: None,
            operation,
            streams: false,
            group: String::new(),
            entry: None,
            deployment: String::new(),
            is_left: false,
            outcome: Outcome::HungUp,
            began,
            first_chunk: None,
            ended: None,
            before_first: None,
            usage: None,
            spent: None,
            cost: Money::ZERO,
            charge: None,
            upstream: Duration::ZERO,
            retries: 0,
            fallbacks: 0,
        }
    }

    /// The first chunk goes out; so long the server was waited for.
    pub fn begins_to_stream(&mut self, waited: Duration) {
        let now = Instant::now();
        self.streams = true;
        self.first_chunk = Some(now);
        self.before_first = Some((now - self.began).saturating_sub(waited));
    }

    /// Its end is known. How long its client takes to read it is not counted.
    pub fn end(&mut self, outcome: Outcome) {
        self.outcome = match self.is_left {
            true => Outcome::HungUp,
            false => outcome,
        };
        self.ended = Some(Instant::now());
    }

    /// From its header to its end.
    pub fn took(&self) -> Duration {
        let ended = self.ended.unwrap_or_else(Instant::now);
        ended.saturating_duration_since(self.began)
    }

    /// What the proxy itself took of it: of a stream, before the first chunk. `None`: nothing was asked, or nobody waited for the end.
    pub fn overhead(&self) -> Option<Duration> {
        match (self.before_first, self.ended) {
            (Some(before), _) => Some(before),
            (None, Some(_)) if !self.deployment.is_empty() => {
                Some(self.took().saturating_sub(self.upstream))
            }
            _ => None,
        }
    }

    /// Of a stream that was told to its end: the time for each token after the first, in seconds.
    pub fn each_token(&self) -> Option<f64> {
        let (first, ended) = (self.first_chunk?, self.ended?);
        let after = self.usage.as_ref()?.completion_tokens?.checked_sub(1)?;
        let took = ended.saturating_duration_since(first).as_secs_f64();
        (after > 0).then(|| took / after as f64)
    }

    /// The model, by a name that the configuration has.
    pub fn model(&self) -> &str {
        self.entry.as_deref().unwrap_or("unknown")
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if let Some(charge) = self.charge.take() {
            self.cost = charge.settle(self);
        }
        super::finished(self);
    }
}
