//! Finding out about a model: its metadata, then its configuration.
//!
//! ```text
//! start() ─► GET metadata ─replied()─► GET config ─replied() / failed()─► Found
//!                │ └─failed(), once ─┐
//!                └───────────────────┴─► Found, or the error that the call itself would have
//! ```

use super::Request;
use super::endpoint::Route;
use super::model::Model;
use super::reply::{self, Reply};
use crate::error::{Error, Result, Status};
use crate::limits;
use crate::log::{debug_line, warn_line};
use std::time::Duration;

/// What a look-up came to.
#[derive(Debug)]
pub enum Found {
    /// The model.
    Model(Model),
    /// The server does not tell, and will not a moment later: a gateway that lets only the endpoint through.
    Never,
    /// The server does not tell now: not loaded yet, or busy.
    NotNow,
}

/// What the driver does next.
#[derive(Debug)]
pub enum Step {
    /// Send this, and come back with [`LookUp::replied`] or [`LookUp::failed`].
    Get(Request),
    /// Over.
    Done(Found),
}

/// A look-up under way. A driver reads no more than [`limits::LOOKUP_BYTES`] of a reply.
#[derive(Debug)]
pub struct LookUp {
    metadata_url: String,
    config_url: String,
    time: Duration,
    /// What is asked for now was asked for before, on a connection that broke.
    again: bool,
    /// The metadata, once it is there.
    metadata: Option<Reply>,
}

impl LookUp {
    /// `left`: of the call's try. A look-up that is swallowed leaves the call half of its time.
    pub fn new(route: &Route, left: Duration) -> LookUp {
        LookUp {
            metadata_url: route.metadata_url().unwrap_or_default(),
            config_url: route.config_url().unwrap_or_default(),
            time: left / 2,
            again: false,
            metadata: None,
        }
    }

    /// How long it may take in all.
    pub fn time(&self) -> Duration {
        self.time.min(limits::LOOKUP_TIMEOUT)
    }

    /// What is asked for now.
    pub fn request(&self) -> Request {
        Request::get(match self.metadata {
            None => self.metadata_url.clone(),
            Some(_) => self.config_url.clone(),
        })
    }

    /// Takes a reply, whatever its status.
    pub fn replied(&mut self, reply: Reply) -> Step {
        if let Some(metadata) = &self.metadata {
            let config = (reply.status == 200).then(|| reply.bytes());
            return self.done(read(metadata, config));
        }
        if reply.status >= 500 || reply.status == 429 || is_unknown_model(&reply) {
            return self.done(Found::NotNow);
        }
        if reply.status != 200 {
            return self.done(Found::Never);
        }
        self.metadata = Some(reply);
        self.again = false;
        Step::Get(self.request())
    }

    /// No reply came. `is_over`: nor is there time left for the call itself.
    ///
    /// Errors: the call would fare no better.
    pub fn failed(&mut self, error: Error, is_over: bool) -> Result<Step> {
        // A pooled connection that went away says nothing of the server, and a GET may be repeated.
        if error.status() == Status::Protocol && error.is_retryable() && !self.again {
            self.again = true;
            return Ok(Step::Get(self.request()));
        }
        if let Some(metadata) = &self.metadata {
            return Ok(self.done(read(metadata, None)));
        }
        if error.is_unreached() || is_over {
            return Err(error);
        }
        // One who gives a look-up no time learns nothing of the server, and has nothing to tell the others.
        let had_no_time = error.status() == Status::Deadline && self.time < limits::LOOKUP_TELLING;
        Ok(self.done(match had_no_time {
            true => Found::NotNow,
            false => Found::Never,
        }))
    }

    fn done(&self, found: Found) -> Step {
        match &found {
            Found::Model(m) => debug_line!(
                "model '{}' is known: {} inputs, decoupled {:?}",
                m.name,
                m.inputs.len(),
                m.decoupled
            ),
            // A query may hold a token.
            _ => warn_line!(
                "{} tells nothing of the model; the plain format is used",
                self.metadata_url.split('?').next().unwrap_or_default()
            ),
        }
        Step::Done(found)
    }
}

fn read(metadata: &Reply, config: Option<&[u8]>) -> Found {
    Model::read(metadata.bytes(), config).map_or(Found::Never, Found::Model)
}

/// Triton's own word for a model that is not there, or has no version ready: it may be a moment later.
fn is_unknown_model(reply: &Reply) -> bool {
    matches!(reply.status, 400 | 404)
        && reply::words(reply.bytes()).is_some_and(|w| w.contains("unknown model"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TritonOptions;

    fn look_up(left: Duration) -> LookUp {
        let base = Some("http://h/v2/models/m/generate");
        let route = Route::new(base, "m", &TritonOptions::default()).unwrap();
        LookUp::new(&route, left)
    }

    fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status,
            body: body.into(),
            ..Default::default()
        }
    }

    fn url(step: Step) -> String {
        match step {
            Step::Get(request) => request.url,
            Step::Done(found) => panic!("expected a request, got {found:?}"),
        }
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn metadata_then_configuration() {
        let mut look_up = look_up(LONG);
        assert_eq!(look_up.request().url, "http://h/v2/models/m");
        let config = url(look_up.replied(reply(200, r#"{"name":"m"}"#)));
        assert_eq!(config, "http://h/v2/models/m/config");
        let found = look_up.replied(reply(404, "{}"));
        assert!(
            matches!(found, Step::Done(Found::Model(_))),
            "it does without"
        );
    }

    #[test]
    fn a_status_tells_whether_to_ask_again() {
        let found = |status, body| match look_up(LONG).replied(reply(status, body)) {
            Step::Done(found) => found,
            Step::Get(_) => panic!("goes on"),
        };
        let unknown = r#"{"error":"Request for unknown model: 'm' is not found"}"#;
        for (status, body) in [(503, ""), (429, ""), (404, unknown), (400, unknown)] {
            assert!(matches!(found(status, body), Found::NotNow), "{status}");
        }
        for (status, body) in [(404, "{}"), (401, ""), (302, "")] {
            assert!(matches!(found(status, body), Found::Never), "{status}");
        }
    }

    #[test]
    fn a_connection_that_broke_is_replaced_once_for_each_request() {
        let mut look_up = look_up(LONG);
        let cut = || Error::cut("gone");
        let again = look_up.failed(cut(), false).unwrap();
        assert_eq!(url(again), "http://h/v2/models/m");
        look_up.replied(reply(200, r#"{"name":"m"}"#));
        let again = look_up.failed(cut(), false).unwrap();
        assert_eq!(url(again), "http://h/v2/models/m/config");
        let found = look_up.failed(cut(), false).unwrap();
        assert!(matches!(found, Step::Done(Found::Model(_))));
    }

    #[test]
    fn what_fails_the_call_too_is_an_error() {
        let error = |e, is_over| look_up(LONG).failed(e, is_over).is_err();
        assert!(error(Error::connect("no"), false));
        assert!(error(Error::deadline("late"), true));
        assert!(!error(Error::deadline("late"), false));
    }

    #[test]
    fn a_look_up_without_time_tells_nothing() {
        let after = |left| {
            let mut look_up = look_up(left);
            assert!(look_up.time() <= limits::LOOKUP_TIMEOUT);
            look_up.failed(Error::deadline("late"), false).unwrap()
        };
        assert!(matches!(after(LONG), Step::Done(Found::Never)));
        let short = Duration::from_millis(100);
        assert!(matches!(after(short), Step::Done(Found::NotNow)));
    }
}
