//! Finding out about a model: its metadata, then its configuration.

use super::Client;
use super::http::{Flight, Halt, Terms};
use super::models::{Asker, Found};
use super::run::{Span, without_query};
use crate::error::{Error, Status};
use crate::limits;
use crate::log::{debug_line, warn_line};
use crate::plan::call::Call;
use crate::plan::credentials::Header;
use crate::triton::Request;
use crate::triton::exchange::Description;
use crate::triton::model::Model;
use crate::triton::reply::{self, Reply};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

type Result<T> = std::result::Result<T, Halt>;

/// A look-up under way.
#[derive(Debug)]
pub(super) struct LookUp {
    fresh: bool,
    until: Option<Instant>,
    metadata: Get,
    config: Get,
}

/// One of its requests.
#[derive(Debug, Default)]
struct Get {
    flight: Flight,
    again: bool,
    reply: Option<Reply>,
}

impl LookUp {
    /// `fresh`: what is remembered will not do.
    pub(super) fn new(fresh: bool) -> LookUp {
        LookUp {
            fresh,
            until: None,
            metadata: Get::default(),
            config: Get::default(),
        }
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
            let metadata = route.metadata_url().unwrap_or_default();
            let config = route.config_url().unwrap_or_default();
            let found = self.look_up(client, &metadata, &config, span, terms);
            // Whoever ended the call has ended its requests, which says nothing of the server.
            if client.is_closed() {
                return Err(Error::closed().into());
            }
            if terms.token.is_some_and(|token| token.is_cancelled()) {
                return Err(Error::cancelled().into());
            }
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

    fn look_up(
        &mut self,
        client: &Client,
        metadata: &str,
        config: &str,
        span: Span,
        terms: &Terms<'_>,
    ) -> Result<Found> {
        // A look-up that is swallowed leaves the call half of its time.
        let now = Instant::now();
        let half = span.deadline.saturating_duration_since(now) / 2;
        let until = *self
            .until
            .get_or_insert(now + half.min(limits::LOOKUP_TIMEOUT));
        let terms = Terms {
            deadline: until,
            most: Some(limits::LOOKUP_BYTES),
            ..*terms
        };
        let reply = match self.metadata.go_on(client, metadata, &terms) {
            Ok(reply) => reply,
            Err(Halt::Paused) => return Err(Halt::Paused),
            // The call itself would fare no better.
            Err(Halt::Failed(e)) if e.is_unreached() || Instant::now() >= span.deadline => {
                return Err(e.into());
            }
            // One who gives a look-up no time learns nothing of the server, and has nothing to tell the others.
            Err(Halt::Failed(e))
                if e.status() == Status::Deadline && half < limits::LOOKUP_TELLING =>
            {
                return Ok(Found::NotNow);
            }
            Err(Halt::Failed(_)) => return Ok(Found::Never),
        };
        if reply.status >= 500 || reply.status == 429 || is_unknown_model(reply) {
            return Ok(Found::NotNow);
        }
        if reply.status != 200 {
            return Ok(Found::Never);
        }
        let configuration = match self.config.go_on(client, config, &terms) {
            Ok(reply) if reply.status == 200 => Some(reply.bytes()),
            Err(Halt::Paused) => return Err(Halt::Paused),
            _ => None,
        };
        Ok(match Model::read(reply.bytes(), configuration) {
            Some(model) => Found::Model(model),
            None => Found::Never,
        })
    }
}

impl Get {
    fn go_on(&mut self, client: &Client, url: &str, terms: &Terms<'_>) -> Result<&Reply> {
        if self.reply.is_none() {
            let request = Request::get(url.to_owned());
            let reply = match client.send(&request, terms, &mut self.flight) {
                // A pooled connection that went away says nothing of the server, and a GET may be repeated.
                Err(Halt::Failed(e))
                    if e.status() == Status::Protocol && e.is_retryable() && !self.again =>
                {
                    self.again = true;
                    self.flight = Flight::default();
                    client.send(&request, terms, &mut self.flight)?
                }
                other => other?,
            };
            self.reply = Some(reply);
        }
        Ok(self.reply.get_or_insert_default())
    }
}

/// Triton's own word for a model that is not there, or has no version ready: it may be a moment later.
fn is_unknown_model(reply: &Reply) -> bool {
    matches!(reply.status, 400 | 404)
        && reply::words(reply.bytes()).is_some_and(|w| w.contains("unknown model"))
}

fn digest(headers: &[Header]) -> u64 {
    let mut hasher = DefaultHasher::new();
    headers.hash(&mut hasher);
    hasher.finish()
}
