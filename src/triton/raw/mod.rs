//! Raw access: what a client of Triton needs when the model is none for language. Any tensors in and out, and the server's own
//! words about itself and its models.
//!
//! Sources: KServe v2 "Inference", "Model Metadata", "Server Metadata" and "Health", and Triton's extensions for binary
//! tensor data, model configuration, statistics and model repository.

pub mod data;
pub mod decoupled;
pub mod infer;
pub mod inputs;
pub mod model;
pub mod server;

use super::endpoint::Route;
use super::exchange::Description;
use super::reply::Reply;
use super::{Request, raw};
use crate::config::Options;
use crate::error::{Error, Result};
use crate::json::Fields;
use crate::operation::Operation;
use std::sync::Arc;

/// What stands beside an operation's own fields in its request.
pub const WHERE_AND_HOW: &str = "api_base, api_key, extra_headers, timeout, connect_timeout, first_byte_timeout, \
    idle_timeout, num_retries, fallbacks, triton";

/// One raw operation under way.
#[derive(Debug)]
pub enum Ask {
    /// Tensors.
    Infer(Box<infer::Infer>),
    /// Anything else: requests one after the other, and an answer that is made of all replies.
    Plain(Plain),
}

/// What the driver does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Find out about the model, and call [`Ask::described`].
    Describe {
        /// What is remembered will not do.
        fresh: bool,
    },
    /// Send this, and call [`Ask::replied`].
    Send(Request),
    /// The answer's JSON.
    Done(String),
}

/// Requests one after the other.
#[derive(Debug)]
pub struct Plain {
    question: Question,
    left: Vec<Request>,
    replies: Vec<Reply>,
}

#[derive(Debug)]
enum Question {
    Model(model::Question),
    Server,
    AllModels,
}

impl Ask {
    /// Takes the fields of a request. Its model and what says where and how are taken already; `names_model` tells whether there
    /// was one.
    pub fn take(
        operation: Operation,
        mut fields: Fields,
        options: &Arc<Options>,
        names_model: bool,
    ) -> Result<Ask> {
        match operation {
            Operation::Infer => {
                let infer = infer::Infer::take(fields, options.clone())?;
                Ok(Ask::Infer(Box::new(infer)))
            }
            Operation::Server => Ask::plain(Question::Server, fields, WHERE_AND_HOW),
            _ => {
                let question = model::Question::take(operation, &mut fields, names_model)?;
                let known = question.known();
                Ask::plain(Question::Model(question), fields, &known)
            }
        }
    }

    /// All models of a server, ready or not. `all` is taken already.
    pub fn all_models(fields: Fields) -> Result<Ask> {
        let known = format!("all, {WHERE_AND_HOW}");
        Ask::plain(Question::AllModels, fields, &known)
    }

    fn plain(question: Question, fields: Fields, known: &str) -> Result<Ask> {
        fields.no_more(known)?;
        Ok(Ask::Plain(Plain {
            question,
            left: Vec::new(),
            replies: Vec::new(),
        }))
    }

    /// The first step; also after a pause, where what came before it counts no more.
    pub fn start(&mut self, route: &Route) -> Result<Step> {
        match self {
            Ask::Infer(infer) => infer.start(route),
            Ask::Plain(plain) => plain.start(route),
        }
    }

    /// Takes what the look-up gave.
    pub fn described(&mut self, route: &Route, description: Description) -> Result<Step> {
        match self {
            Ask::Infer(infer) => infer.described(route, description),
            Ask::Plain(_) => Err(Error::protocol("nothing was looked up")),
        }
    }

    /// Takes a whole reply.
    pub fn replied(&mut self, route: &Route, reply: Reply) -> Result<Step> {
        match self {
            Ask::Infer(infer) => infer.replied(route, &reply),
            Ask::Plain(plain) => plain.replied(route, reply),
        }
    }

    /// Whether an answer shows that what is remembered of the model is stale.
    pub fn saw_a_change(&self) -> bool {
        matches!(self, Ask::Infer(infer) if infer.saw_a_change())
    }

    /// Whether all that is remembered of the model, of any version, is to be forgotten: it was loaded or unloaded.
    pub fn changes_model(&self) -> bool {
        matches!(self, Ask::Plain(plain) if matches!(&plain.question, Question::Model(q) if q.changes_model()))
    }
}

impl Plain {
    fn start(&mut self, route: &Route) -> Result<Step> {
        self.replies.clear();
        self.left = match &self.question {
            Question::Model(question) => vec![question.request(route)?],
            Question::Server => raw::server::requests(route)?,
            Question::AllModels => vec![super::repository::request(route)?],
        };
        self.left.reverse();
        self.next(route)
    }

    fn replied(&mut self, route: &Route, reply: Reply) -> Result<Step> {
        self.replies.push(reply);
        self.next(route)
    }

    fn next(&mut self, route: &Route) -> Result<Step> {
        if let Some(request) = self.left.pop() {
            return Ok(Step::Send(request));
        }
        let first = self
            .replies
            .first()
            .ok_or_else(|| Error::protocol("the server gave no answer"))?;
        Ok(Step::Done(match &self.question {
            Question::Model(question) => question.answer(first, route)?,
            Question::Server => server::answer(&self.replies)?,
            Question::AllModels => server::models(first)?,
        }))
    }
}

/// A reply's JSON as it stands; an error hidden in it is found.
fn json_of(reply: &Reply) -> Result<&str> {
    let body = reply.ok()?;
    let no_json = || {
        Error::protocol(
            "the answer is not the JSON that Triton sends (a gateway in between, or a wrong api_base?)",
        )
    };
    let text = std::str::from_utf8(body).map_err(|_| no_json())?;
    #[derive(serde::Deserialize)]
    struct Hidden {
        error: serde_json::Value,
    }
    if let Ok(Hidden { error }) = serde_json::from_str(text) {
        return Err(Reply::hidden_error(&error));
    }
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|_| no_json())?;
    Ok(text.trim())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::TritonOptions;
    use serde_json::Value;

    pub(crate) fn route(base: &str) -> Route {
        Route::new(Some(base), "m", &TritonOptions::default()).unwrap()
    }

    pub(crate) fn ask(operation: Operation, request: &str) -> Result<Ask> {
        let raw = operation.raw_field();
        let mut fields = crate::json::object_with_raw("request_json", request, raw).unwrap();
        let names_model = fields.string("model").unwrap().is_some();
        let options = Arc::new(Options::take(&mut fields).unwrap());
        match fields.boolean("all").unwrap() {
            Some(true) => Ask::all_models(fields),
            _ => Ask::take(operation, fields, &options, names_model),
        }
    }

    pub(crate) fn reply(status: u16, body: &str) -> Reply {
        Reply {
            status,
            body: body.into(),
            ..Default::default()
        }
    }

    pub(crate) fn sent(step: Result<Step>) -> Request {
        match step.unwrap() {
            Step::Send(request) => request,
            other => panic!("expected Send, got {other:?}"),
        }
    }

    pub(crate) fn done(step: Result<Step>) -> Value {
        match step.unwrap() {
            Step::Done(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected Done, got {other:?}"),
        }
    }

    #[test]
    fn only_json_is_an_answer() {
        assert_eq!(json_of(&reply(200, " {\"a\":1}\n")).unwrap(), "{\"a\":1}");
        for bad in ["", "<html>", "{\"a\":", "{} x"] {
            assert_eq!(
                json_of(&reply(200, bad)).unwrap_err().http_status(),
                502,
                "{bad}"
            );
        }
        let hidden = json_of(&reply(200, r#"{"error":"no"}"#)).unwrap_err();
        assert_eq!((hidden.http_status(), hidden.message()), (500, "no"));
        assert_eq!(
            json_of(&reply(404, r#"{"error":"no"}"#))
                .unwrap_err()
                .http_status(),
            404
        );
        let not_utf8 = Reply {
            body: b"\"\xff\"".to_vec(),
            ..reply(200, "")
        };
        assert!(json_of(&not_utf8).is_err());
    }
}
