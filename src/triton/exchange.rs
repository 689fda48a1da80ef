//! One ask of one model as a state machine: look the model up, send what fits, read what came; once more when the
//! answer shows that what was known of the model is stale.
//!
//! ```text
//!            ┌────────── fresh ──────────┐
//!            ▼                           │ stale
//! start ─► Describe ─described()─► Send ─replied()─► Done
//!   └────────── opaque URL ─────────►▲  │   │
//!                                    └──┼───┘ next batch
//!                                       │ opened()
//!                                       ▼
//!                      arrived(), ended() ─► Read, Delta … ─► Done
//! ```
//!
//! Several batches are sent one after the other as far as this machine knows. [`Exchange::ahead`] tells which requests come
//! next whatever the reply to the present one says, so that a driver may send them before their turn.
//!
//! In scope: what to send, and what a reply means. Out of scope: sockets, time, retries, caches: the driver's.

use super::batches::Batches;
use super::endpoint::{Route, Target, Verb, Want};
use super::model::Model;
use super::reply::Reply;
use super::text::Ask;
use super::text::events::{Delta, Events, Pull};
use super::{Request, dialect, embed, infer, roles, text};
use crate::config::Options;
use crate::error::{Error, Result};
use crate::limits;
use crate::openai::answer::Generated;
use crate::openai::response::{Matrix, Usage};
use std::sync::Arc;

/// What is asked.
#[derive(Clone, Debug)]
pub enum Task {
    /// The continuation of a prompt. Shared: it is kept for another try while this one is under way.
    Text(Arc<Ask>),
    /// Vectors.
    Embed(embed::Ask),
}

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A text; of one that was given in deltas, only how it ended.
    Text(Generated),
    /// A row for each input, who made them, and how many tokens the inputs had, where somebody knows.
    Rows(Matrix, Option<String>, Option<u64>),
}

/// What the driver does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Find out about the model (see [`super::model`]) and call [`Exchange::described`].
    Describe {
        /// What is remembered will not do.
        fresh: bool,
    },
    /// Send this, and call [`Exchange::replied`].
    Send(Request),
    /// Send this. Where the status is a success, call [`Exchange::opened`] as soon as the header is there; else
    /// [`Exchange::replied`].
    Open(Request),
    /// Read some of the body, and call [`Exchange::arrived`], or [`Exchange::ended`].
    Read,
    /// Some text; then call [`Exchange::go_on`].
    Delta(Delta),
    /// Over.
    Done(Outcome),
}

/// What the driver found out about a model.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// `None`: the look-up failed, and the plain format is to be used.
    pub model: Option<Arc<Model>>,
    /// It was known before this call, so it may be stale.
    pub remembered: bool,
}

/// One ask of one model.
#[derive(Debug)]
pub struct Exchange {
    route: Arc<Route>,
    options: Arc<Options>,
    task: Task,
    description: Description,
    /// Whether the model is decoupled, as an answer has shown: the configuration may not say so, as an ensemble's, or not be readable.
    found_decoupled: Option<bool>,
    /// The error that made us look again.
    doubt: Option<Error>,
    looked_again: bool,
    target: Target,
    /// The answer that is being read as a stream.
    events: Option<Box<Events>>,
    /// Its text, where it is wanted whole.
    text: Delta,
    /// Text went out: what was sent cannot be sent again.
    spoke: bool,
    /// A request was given out, and nothing is known of what became of it.
    is_under_way: bool,
    batches: Batches,
    /// The version that answered is none of those we know: the model was changed.
    changed: bool,
}

impl Exchange {
    /// Prepares an ask.
    pub fn new(route: Arc<Route>, options: Arc<Options>, task: Task) -> Exchange {
        Exchange {
            route,
            options,
            task,
            description: Description::default(),
            found_decoupled: None,
            doubt: None,
            looked_again: false,
            target: Target {
                verb: Verb::Generate,
                stream: false,
                url: String::new(),
            },
            events: None,
            text: Delta::default(),
            spoke: false,
            is_under_way: false,
            batches: Batches::default(),
            changed: false,
        }
    }

    /// The first step.
    pub fn start(&mut self) -> Result<Step> {
        if self.route.is_described() {
            Ok(Step::Describe { fresh: false })
        } else {
            self.begin()
        }
    }

    /// Takes what the look-up gave.
    pub fn described(&mut self, description: Description) -> Result<Step> {
        if let Some(error) = self.doubt.take() {
            // Looked again and seen nothing new: the error was about the request.
            if description.model == self.description.model {
                return Err(self.explained(error));
            }
        }
        self.description = description;
        self.begin()
    }

    /// Goes on where another try of the same ask ended: the rows that it has are not asked for again.
    pub fn go_on_after(&mut self, tried: Exchange) {
        self.batches = tried.batches;
    }

    /// How many inputs have their rows.
    pub fn received(&self) -> usize {
        self.batches.received()
    }

    /// The requests after the present one that will be sent whatever its reply says, in order, no more than `most`.
    ///
    /// One that cannot be made is not told here, but in its turn.
    pub fn ahead(&mut self, most: usize) -> Vec<Arc<Request>> {
        let Task::Embed(ask) = &self.task else {
            return Vec::new();
        };
        let model = self.description.model.as_deref();
        let url = &self.target.url;
        self.batches.ahead(most, ask, &self.options, model, url)
    }

    /// The request that another task of the same call will begin with, as far as is known now.
    pub fn would_send(&self, task: &Task) -> Option<Request> {
        let Task::Text(ask) = task else {
            return None;
        };
        // Of a model that is not known only one choice may be had.
        if ask.choice > 0 && !self.knows_its_model() {
            return None;
        }
        let Target { verb, stream, url } = &self.target;
        let (options, model) = (&self.options, self.model());
        text::check(ask, options, model).ok()?;
        let (body, json_length) = text::encode(ask, options, *verb, model, *stream).ok()?;
        Some(Request {
            json_length,
            ..Request::post(url.clone(), body)
        })
    }

    /// The present request has failed.
    pub fn broke(&mut self) {
        self.is_under_way = false;
    }

    /// What the server has done of it by now, as far as can be known: the prompt's tokens while it works on it, and those of the text that
    /// has come, also when no more comes. `None`: nothing, or nothing that came of it.
    pub fn spent(&self) -> Option<Usage> {
        match (&self.task, &self.events) {
            (Task::Text(ask), Some(events)) if events.count() > 0 => Some(events.spent(ask)),
            (Task::Text(ask), _) => self.is_under_way.then(|| ask.prompt_alone()),
            (Task::Embed(ask), _) => {
                let is_asked = self.is_under_way || self.received() > 0;
                is_asked.then(|| Usage::embedding(ask.estimate(), true))
            }
        }
    }

    /// Takes a whole reply.
    pub fn replied(&mut self, reply: Reply) -> Result<Step> {
        self.is_under_way = false;
        let step = self.read(reply);
        self.doubted(step)
    }

    /// The header of a success is there, and its body is to be read as it comes.
    pub fn opened(&mut self) -> Result<Step> {
        let Task::Text(ask) = &self.task else {
            return Err(Error::protocol("embeddings do not come as a stream"));
        };
        self.text = Delta::default();
        let events = Events::new(
            ask,
            &self.options,
            self.description.model.as_deref(),
            limits::EVENT_BYTES,
        )?;
        self.events = Some(Box::new(events));
        Ok(Step::Read)
    }

    /// Takes some of the body.
    pub fn arrived(&mut self, bytes: &[u8]) -> Result<Step> {
        if let Some(events) = &mut self.events {
            events.push(bytes);
        }
        self.go_on()
    }

    /// The body is over, in order.
    pub fn ended(&mut self) -> Result<Step> {
        if let Some(events) = &mut self.events {
            events.end();
        }
        self.go_on()
    }

    /// Goes on after a delta.
    pub fn go_on(&mut self) -> Result<Step> {
        let step = self.pull();
        self.doubted(step)
    }

    /// Whether more of the body that was opened is of use.
    pub fn wants_more(&self) -> bool {
        self.events
            .as_ref()
            .is_some_and(|events| events.wants_more())
    }

    /// Whether some of the text went out.
    pub fn has_spoken(&self) -> bool {
        self.spoke
    }

    fn pull(&mut self) -> Result<Step> {
        let (Some(events), Task::Text(ask)) = (&mut self.events, &self.task) else {
            return Err(Error::protocol("nothing is being read"));
        };
        loop {
            match events.pull(ask)? {
                Pull::Starved => return Ok(Step::Read),
                Pull::Delta(delta) if ask.generation.stream => {
                    self.spoke = true;
                    return Ok(Step::Delta(delta));
                }
                Pull::Delta(delta) => {
                    if self.text.text.len() + delta.text.len() > limits::REPLY_BYTES {
                        return Err(Error::limit(
                            502,
                            format!(
                                "the text is longer than the limit of {} bytes",
                                limits::REPLY_BYTES
                            ),
                        ));
                    }
                    self.text.text.push_str(&delta.text);
                    self.text.tokens.extend(delta.tokens);
                }
                Pull::End(finish_reason, usage) => {
                    let (count, version) =
                        (events.count(), events.model_version().map(str::to_owned));
                    let streams = ask.generation.stream;
                    self.events = None;
                    self.note_version(version.as_deref());
                    // A caller of a stream sees that nothing came; one who waits for an answer would take it for one.
                    if count == 0 && !streams {
                        return Err(Error::protocol("the model gave no response"));
                    }
                    let whole = std::mem::take(&mut self.text);
                    return Ok(Step::Done(Outcome::Text(Generated {
                        text: whole.text,
                        finish_reason,
                        usage,
                        logprobs: whole.tokens,
                    })));
                }
            }
        }
    }

    /// What to do about an error that may be our own fault.
    fn doubted(&mut self, step: Result<Step>) -> Result<Step> {
        match step {
            Err(error) if self.spoke => Err(error),
            Err(error) => {
                if let Some(found) = self.shows_decoupled(&error) {
                    self.found_decoupled = Some(found);
                    return self.begin();
                }
                if self.may_be_stale(&error) {
                    self.looked_again = true;
                    self.doubt = Some(error);
                    return Ok(Step::Describe { fresh: true });
                }
                Err(self.explained(error))
            }
            step => step,
        }
    }

    /// The same in words that tell the caller what to change, where we know better ones than the backend.
    fn explained(&self, error: Error) -> Error {
        match self.model() {
            Some(model) => dialect::of(model, self.options.triton.dialect).explain(error),
            None => error,
        }
    }

    /// Whether the model's text is held to what the request wants of it.
    pub fn is_guided(&self) -> bool {
        let dialect = self.options.triton.dialect;
        let model = self.model();
        model.is_some_and(|model| dialect::of(model, dialect).guide(model).is_some())
    }

    /// Whether what is remembered of the model should be forgotten.
    pub fn saw_a_change(&self) -> bool {
        self.changed
    }

    /// Whether the model's metadata is known.
    pub fn knows_its_model(&self) -> bool {
        self.description.model.is_some()
    }

    fn want(&self) -> Want {
        match self.task {
            Task::Text(_) => Want::Text,
            Task::Embed(_) => Want::Vectors,
        }
    }

    fn model(&self) -> Option<&Model> {
        self.description.model.as_deref()
    }

    /// From the beginning, with what is now known.
    fn begin(&mut self) -> Result<Step> {
        let told = || self.model().and_then(|m| m.decoupled);
        let decoupled = self.found_decoupled.or_else(told);
        let stream = matches!(&self.task, Task::Text(ask) if ask.generation.stream);
        self.target = self.route.call(self.want(), decoupled, stream)?;
        self.events = None;
        if let Task::Text(ask) = &self.task {
            text::check(ask, &self.options, self.model())?;
        }
        if let Task::Embed(ask) = &self.task {
            let description = self.description.model.clone();
            self.batches.begin(ask, &self.options, description)?;
            if let Some(model) = self.model() {
                // Said first: a language model is no embedding model however it is asked.
                roles::vector_output(model, self.options.triton.output.as_deref())?;
            }
            if decoupled == Some(true) {
                return Err(Error::argument(
                    "model",
                    "model: it is decoupled, and Triton's infer endpoint, which embeddings need, takes no decoupled models over HTTP",
                ));
            }
        }
        self.send()
    }

    fn send(&mut self) -> Result<Step> {
        let extra = match &self.task {
            Task::Text(ask) => &ask.generation.extra_body,
            Task::Embed(ask) => &ask.request.extra_body,
        };
        if self.target.verb != Verb::Generate {
            infer::check_extra(extra)?;
        }
        let request = match &self.task {
            Task::Text(ask) => {
                let Target { verb, stream, .. } = self.target;
                let (body, json_length) =
                    text::encode(ask, &self.options, verb, self.model(), stream)?;
                Request {
                    json_length,
                    ..Request::post(self.target.url.clone(), body)
                }
            }
            Task::Embed(ask) => {
                let model = self.description.model.as_deref();
                let url = &self.target.url;
                self.batches.next(ask, &self.options, model, url)?
            }
        };
        self.is_under_way = true;
        Ok(match self.target.stream {
            true => Step::Open(request),
            false => Step::Send(request),
        })
    }

    fn read(&mut self, reply: Reply) -> Result<Step> {
        match &self.task {
            Task::Text(ask) => {
                let verb = self.target.verb;
                let (generated, version) =
                    text::decode(&reply, ask, &self.options, verb, self.model())?;
                self.note_version(version.as_deref());
                Ok(Step::Done(Outcome::Text(generated)))
            }
            Task::Embed(ask) => {
                let model = self.description.model.as_deref();
                let version = self.batches.read(reply, ask, &self.options, model)?;
                self.note_version(version.as_deref());
                match self.batches.finish() {
                    Some((matrix, name, spent)) => {
                        Ok(Step::Done(Outcome::Rows(matrix, name, spent)))
                    }
                    None => self.send(),
                }
            }
        }
    }

    fn note_version(&mut self, version: Option<&str>) {
        if let (Some(model), Some(version)) = (self.model(), version) {
            if !model.versions.is_empty()
                && !version.is_empty()
                && !model.versions.iter().any(|v| v == version)
            {
                self.changed = true;
            }
        }
    }

    /// What an error tells of how the model has to be asked; `None`: nothing, or nothing else can be tried. Where nothing is known of
    /// the model the caller's URL is called as it stands, and the error is the answer.
    fn shows_decoupled(&self, error: &Error) -> Option<bool> {
        let model = self.model()?;
        let Task::Text(ask) = &self.task else {
            return None;
        };
        let says = |words| error.message().contains(words);
        let is_server = error.status() == crate::error::Status::Server;
        let found = match (self.target.verb, self.target.stream) {
            _ if !is_server || self.found_decoupled.is_some() => return None,
            // Triton's 501 to infer.
            (Verb::Infer, _) if says("decoupled transaction policy") => true,
            // Triton, under HTTP 200.
            (Verb::Generate, false) if says("generate expects model to produce exactly 1") => true,
            // TensorRT-LLM's backend, of a model that sends one response.
            (Verb::Generate, true) if says("deployed using decoupled mode") => false,
            _ => return None,
        };
        if self.target.verb == Verb::Generate && model.decoupled.is_some() {
            return None;
        }
        let stream = ask.generation.stream;
        let other = self.route.call(self.want(), Some(found), stream).ok()?;
        (other.url != self.target.url).then_some(found)
    }

    /// A model that was reloaded with other tensors answers old requests with these statuses; what was just looked up
    /// is not stale.
    fn may_be_stale(&self, error: &Error) -> bool {
        let refused = error.status() == crate::error::Status::Server
            && matches!(error.http_status(), 400 | 404 | 501);
        // Triton's "exactly 1 response" comes under HTTP 200: a model that has become decoupled.
        let decoupled_now =
            error.http_status() == 500 && error.message().contains("generate expects model");
        let odd = error.status() == crate::error::Status::Protocol && self.model().is_some();
        self.description.remembered && !self.looked_again && (refused || decoupled_now || odd)
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::model;
    use super::*;
    use crate::config::TritonOptions;
    use crate::openai::embedding::EmbeddingRequest;
    use crate::openai::generation::Generation;
    use serde_json::{Value, json};

    fn exchange(base: &str, task: Task) -> Exchange {
        let route = Route::new(Some(base), "m", &TritonOptions::default()).unwrap();
        Exchange::new(Arc::new(route), Arc::new(Options::default()), task)
    }

    fn prompt(text: &str) -> Task {
        Task::Text(Arc::new(Ask::new(text, Arc::default())))
    }

    fn texts(texts: &[&str]) -> Task {
        let fields =
            crate::json::object("request_json", &json!({ "input": texts }).to_string()).unwrap();
        let request = EmbeddingRequest::take(fields, &Options::default()).unwrap();
        Task::Embed(embed::Ask {
            request: Arc::new(request),
            tokenizer: None,
        })
    }

    fn reply(status: u16, body: Value) -> Reply {
        Reply {
            status,
            body: body.to_string().into_bytes(),
            ..Default::default()
        }
    }

    fn sent(step: Result<Step>) -> (String, Value) {
        match step.unwrap() {
            Step::Send(r) | Step::Open(r) => (r.url, serde_json::from_slice(&r.body).unwrap()),
            other => panic!("expected Send, got {other:?}"),
        }
    }

    fn known(model: Model, remembered: bool) -> Description {
        Description {
            model: Some(Arc::new(model)),
            remembered,
        }
    }

    #[test]
    fn an_opaque_url_is_called_at_once() {
        let mut x = exchange("http://h/x/generate", prompt("hi"));
        let (url, body) = sent(x.start());
        assert_eq!(url, "http://h/x/generate");
        assert_eq!(body["text_input"], "hi");
        let done = x.replied(reply(200, json!({"text_output":"yo"}))).unwrap();
        assert!(matches!(done, Step::Done(Outcome::Text(g)) if g.text == "yo"));
    }

    #[test]
    fn a_failed_lookup_is_no_error_of_its_own() {
        let mut x = exchange("http://h", prompt("hi"));
        assert_eq!(x.start().unwrap(), Step::Describe { fresh: false });
        let (url, body) = sent(x.described(Description::default()));
        assert_eq!(url, "http://h/v2/models/m/generate");
        assert_eq!(body["parameters"]["max_tokens"], 2000);
    }

    #[test]
    fn a_stale_model_is_looked_up_again_and_asked_again() {
        let mut x = exchange("http://h", prompt("hi"));
        x.start().unwrap();
        let old = model("text_input:BYTES[1]", "text_output:BYTES[1]", 0, false);
        let (_, body) = sent(x.described(known(old, true)));
        assert_eq!(body["inputs"][0]["shape"], json!([1]));
        let step = x.replied(reply(400, json!({"error":"unexpected shape for input"})));
        assert_eq!(step.unwrap(), Step::Describe { fresh: true });
        let new = model("text_input:BYTES[1]", "text_output:BYTES[1]", 8, false);
        let (_, body) = sent(x.described(known(new, false)));
        assert_eq!(body["inputs"][0]["shape"], json!([1, 1]));
        // Once is enough.
        let e = x
            .replied(reply(400, json!({"error":"still no"})))
            .unwrap_err();
        assert_eq!(e.message(), "still no");
    }

    #[test]
    fn a_mistake_of_the_request_stays_one() {
        let m = model("text_input:BYTES[1]", "text_output:BYTES[1]", 0, true);
        let mut x = exchange("http://h", prompt("hi"));
        x.start().unwrap();
        x.described(known(m.clone(), true)).unwrap();
        x.replied(reply(400, json!({"error":"bad word"}))).unwrap();
        let e = x.described(known(m.clone(), false)).unwrap_err();
        assert_eq!(e.message(), "bad word");
        // What was just looked up is not looked up again.
        let mut x = exchange("http://h", prompt("hi"));
        x.start().unwrap();
        x.described(known(m, false)).unwrap();
        assert!(x.replied(reply(400, json!({"error":"bad word"}))).is_err());
    }

    #[test]
    fn a_riddle_is_explained_of_a_model_that_was_remembered_too() {
        let vllm = "text_input:BYTES[1] sampling_parameters:BYTES[1]?";
        let m = model(vllm, "text_output:BYTES[1]", 0, false);
        for remembered in [false, true] {
            let mut x = exchange("http://h", prompt("hi"));
            x.start().unwrap();
            sent(x.described(known(m.clone(), remembered)));
            let refused = reply(
                400,
                json!({"error": "'NoneType' object has no attribute 'lora_name'"}),
            );
            let end = match x.replied(refused) {
                Ok(Step::Describe { fresh: true }) => x.described(known(m.clone(), false)),
                other => other,
            };
            let message = end.unwrap_err().message().to_owned();
            assert!(message.contains("sampling parameters"), "{message}");
        }
    }

    #[test]
    fn a_model_that_turns_out_to_be_decoupled_is_asked_through_generate() {
        let mut x = exchange("http://h/v2/models/m/infer", prompt("hi"));
        x.start().unwrap();
        let silent = model("text_input:BYTES[1]", "text_output:BYTES[1]", 0, false);
        let (url, _) = sent(x.described(known(silent, false)));
        assert_eq!(url, "http://h/v2/models/m/infer");
        let refusal = json!({"error": "HTTP end point doesn't support models with decoupled transaction policy"});
        let (url, _) = sent(x.replied(reply(501, refusal.clone())));
        assert_eq!(url, "http://h/v2/models/m/generate_stream");
        assert!(x.replied(reply(501, refusal)).is_err());
    }

    #[test]
    fn without_a_configuration_the_answer_shows_how_to_ask() {
        let unread = || Model {
            decoupled: None,
            ..model(
                "text_input:BYTES[1] stream:BOOL[1]?",
                "text_output:BYTES[1]",
                0,
                false,
            )
        };
        let several = json!({"error": "generate expects model to produce exactly 1 response, use generate stream for model that generates various number of responses"});
        let mut x = exchange("http://h", prompt("hi"));
        x.start().unwrap();
        let (url, _) = sent(x.described(known(unread(), true)));
        assert_eq!(url, "http://h/v2/models/m/generate");
        let (url, _) = sent(x.replied(reply(200, several.clone())));
        assert_eq!(url, "http://h/v2/models/m/generate_stream");
        // The caller's own word for the endpoint stays.
        let mut x = exchange("http://h/v2/models/m/generate", prompt("hi"));
        x.start().unwrap();
        sent(x.described(known(unread(), false)));
        assert!(x.replied(reply(200, several)).is_err());

        let one = json!({"error": "Streaming is only supported if model is deployed using decoupled mode."});
        let generation = Generation {
            stream: true,
            ..Default::default()
        };
        let mut x = exchange(
            "http://h",
            Task::Text(Arc::new(Ask::new("hi", Arc::new(generation)))),
        );
        x.start().unwrap();
        let (url, body) = sent(x.described(known(unread(), false)));
        assert_eq!(
            (url.as_str(), &body["stream"]),
            ("http://h/v2/models/m/generate_stream", &json!(true))
        );
        let (url, _) = sent(x.replied(reply(400, one)));
        assert_eq!(url, "http://h/v2/models/m/infer");
    }

    fn decoupled() -> Model {
        model(
            "text_input:BYTES[1] stream:BOOL[1]?",
            "text_output:BYTES[1]",
            0,
            true,
        )
    }

    #[test]
    fn several_responses_of_a_decoupled_model_are_one_answer() {
        let mut x = exchange("http://h", prompt("hi"));
        x.start().unwrap();
        let (url, body) = sent(x.described(known(decoupled(), false)));
        assert_eq!(url, "http://h/v2/models/m/generate_stream");
        assert_eq!(body["stream"], true);
        assert_eq!(x.opened().unwrap(), Step::Read);
        let events = b"data: {\"text_output\":\"a\"}\n\ndata: {\"text_output\":\"b\"}\n\n";
        assert_eq!(x.arrived(events).unwrap(), Step::Read);
        let done = x.ended().unwrap();
        assert!(matches!(done, Step::Done(Outcome::Text(g)) if g.text == "ab"));
        // No response at all is no answer.
        let mut x = exchange("http://h", prompt("hi"));
        x.start().unwrap();
        x.described(known(decoupled(), false)).unwrap();
        x.opened().unwrap();
        assert_eq!(x.ended().unwrap_err().http_status(), 502);
    }

    #[test]
    fn a_plain_answer_where_a_stream_was_asked_for_is_an_answer() {
        let mut x = exchange("http://h", prompt("hi"));
        x.start().unwrap();
        x.described(known(decoupled(), false)).unwrap();
        x.opened().unwrap();
        x.arrived(b"{\"text_output\":\"yo\"}").unwrap();
        let done = x.ended().unwrap();
        assert!(matches!(done, Step::Done(Outcome::Text(g)) if g.text == "yo"));
    }

    #[test]
    fn a_version_we_do_not_know_is_noticed() {
        let mut x = exchange("http://h", prompt("hi"));
        x.start().unwrap();
        x.described(known(
            model("text_input:BYTES[1]", "text_output:BYTES[1]", 0, true),
            true,
        ))
        .unwrap();
        x.replied(reply(200, json!({"text_output":"x","model_version":"2"})))
            .unwrap();
        assert!(x.saw_a_change());
    }

    #[test]
    fn batches_are_sent_in_order_and_their_rows_put_together() {
        let mut x = exchange("http://h", texts(&["a", "b", "c"]));
        x.start().unwrap();
        let m = model("text:BYTES[1]", "embedding:FP32[1]", 2, false);
        let (_, body) = sent(x.described(known(m, false)));
        assert_eq!(body["inputs"][0]["data"], json!(["a", "b"]));
        let rows = |shape: Value, data: Value| {
            reply(
                200,
                json!({"model_name":"e","outputs":[{"name":"embedding","datatype":"FP32","shape":shape,"data":data}]}),
            )
        };
        let (_, body) = sent(x.replied(rows(json!([2, 1]), json!([1, 2]))));
        assert_eq!(body["inputs"][0]["data"], json!(["c"]));
        let Step::Done(Outcome::Rows(matrix, name, None)) =
            x.replied(rows(json!([1, 1]), json!([3]))).unwrap()
        else {
            panic!("expected rows");
        };
        assert_eq!(matrix.values, vec![1.0f32, 2.0, 3.0].into());
        assert_eq!(name.as_deref(), Some("e"));
    }

    #[test]
    fn embeddings_of_a_decoupled_model_are_refused_before_anything_is_sent() {
        let mut x = exchange("http://h", texts(&["a"]));
        x.start().unwrap();
        let e = x
            .described(known(
                model("text:BYTES[1]", "embedding:FP32[1]", 0, true),
                false,
            ))
            .unwrap_err();
        assert!(e.message().contains("decoupled"), "{e}");
    }
}
