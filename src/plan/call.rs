//! One call of the library, from the request's JSON to the answer's, as a state machine.
//!
//! ```text
//! start ─► Describe / Send ─► … ─► Done
//!             ▲        │
//!             │        ▼ an error worth a retry
//!             └────── Wait
//! ```
//!
//! A reply that is read as it comes is `Open`, then `Read` as often as it says; a caller of a stream gets a `Chunk` now and
//! then on the way.

mod elsewhere;
mod spent;

use super::asking::Asking;
use super::credentials::{Header, headers};
use super::fleet::{Fleet, Group, LoadQuestion};
use super::place::Place;
use super::trace::Trace;
use super::work::{Given, Terms, Work};
use super::{fallback, length};
use crate::config::Options;
use crate::error::{CONTEXT_WINDOW, Error, Result};
use crate::json::Fields;
use crate::limits;
use crate::openai::response::{Matrix, Stamp, Usage};
use crate::openai::{Operation, take_model};
use crate::triton::Request;
use crate::triton::endpoint::{self, Route};
use crate::triton::exchange::Description;
use crate::triton::reply::Reply;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use super::length::Bound;
pub use super::place::Journey;

/// What the core cannot know by itself.
#[derive(Clone, Debug)]
pub struct Env {
    /// Seconds since 1970.
    pub unix_time: u64,
    /// Unique to the call.
    pub id: String,
    /// Chance.
    pub random: u64,
    /// The trace that the call is part of: servers are told.
    pub trace: Option<Arc<Trace>>,
}

/// How the caller wants the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Whole; a request with `stream: true` is wrong.
    Whole,
    /// In chunks, if it is a text and the request does not say `stream: false`; else the whole answer is the one chunk.
    Chunks,
    /// As the request's `stream` says.
    AsAsked,
    /// Embeddings as numbers, see [`Call::take_rows`].
    Rows,
}

/// What the driver does next.
#[derive(Debug)]
pub enum Todo {
    /// Find out about the model at [`Call::route`] and come back with [`Event::Described`].
    Describe {
        /// What is remembered will not do.
        fresh: bool,
    },
    /// Send this with [`Call::headers`] and come back with [`Event::Replied`].
    Send(Request),
    /// Send this with [`Call::headers`]. Come back with [`Event::Opened`] when the header of a success is there, with
    /// [`Event::Replied`] when the reply is no success.
    Open(Request),
    /// Read some of the body of what was opened; come back with [`Event::Arrived`] or [`Event::Ended`]. Whatever else is to do,
    /// a body that is still open is given up, and its connection closed: the server then stops.
    Read,
    /// Give the caller this chunk, and come back with [`Event::Next`].
    Chunk(String),
    /// Wait, and come back with [`Event::Waited`], or with [`Event::TooLate`] and this error where there is no time for it.
    Wait(Duration, Error),
    /// The answer's JSON; empty after chunks.
    Done(String),
}

/// What happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// The beginning.
    Start,
    /// The look-up is done.
    Described(Description),
    /// A reply came, whatever its status.
    Replied(Reply),
    /// The header of a success is there.
    Opened,
    /// Some of the body came.
    Arrived(&'a [u8]),
    /// The body is over, in order.
    Ended,
    /// The caller has the chunk.
    Next,
    /// No reply came, or not the whole of it.
    Failed(Error),
    /// The pause is over.
    Waited,
    /// There was no time for the pause.
    TooLate(Error),
}

/// One call.
#[derive(Debug)]
pub struct Call {
    operation: Operation,
    fleet: Arc<Fleet>,
    /// Where a name of the model list is asked for.
    place: Option<Box<Place>>,
    work: Work,
    options: Arc<Options>,
    headers: Vec<Header>,
    route: Option<Arc<Route>>,
    env: Env,
    /// The name that the answer gives.
    model: String,
    /// The entry of the model list that covers the name that was asked for.
    entry: Option<Arc<str>>,
    /// The place in the list of the deployment that was asked last.
    asked: Option<usize>,
    /// The caller knows the model by a name of the model list: answers keep to it.
    listed: bool,
    /// Tries of the present ask that failed.
    tried: u32,
    /// Tries that failed, and rounds of the calls that this one fell back from.
    rounds: u32,
    /// How often it went elsewhere, tried again, or was asked of another model.
    moves: u32,
    retries: u32,
    fell: u32,
    chance: u64,
    /// What is called instead when this fails for good, in order.
    fallbacks: VecDeque<Call>,
    manner: Manner,
}

impl Call {
    /// Reads a request. Nothing is sent when it is wrong. `now` chooses a deployment, which [`Event::Start`] may still change.
    pub fn new(
        operation: Operation,
        mut fields: Fields,
        fleet: &Arc<Fleet>,
        env: Env,
        manner: Manner,
        now: Instant,
    ) -> Result<Call> {
        let fallbacks = fallback::take(&mut fields, fleet)?;
        let has_own = !fallbacks.is_empty();
        let fallbacks = fallbacks
            .into_iter()
            .map(|fields| {
                let mut call = Call::one(operation, fields, fleet, env.clone(), manner, now)?;
                // The configuration's would take the place of the request's other ones.
                if let Some(place) = &mut call.place {
                    place.has_fallen = true;
                }
                Ok(call)
            })
            .collect::<Result<_>>()?;
        let mut call = match too_long(&fields, fleet) {
            Some(error) => {
                Call::longer(operation, &fields, fleet, &env, manner, now).ok_or(error)?
            }
            None => Call::one(operation, fields, fleet, env, manner, now)?,
        };
        call.fallbacks = fallbacks;
        if let (true, Some(place)) = (has_own, &mut call.place) {
            place.has_fallen = true;
        }
        Ok(call)
    }

    /// The call of a model that takes a longer prompt, where the configuration names one.
    fn longer(
        operation: Operation,
        fields: &Fields,
        fleet: &Arc<Fleet>,
        env: &Env,
        manner: Manner,
        now: Instant,
    ) -> Option<Call> {
        let name = fields.get("model")?.as_str()?.to_owned();
        let group = fleet.group(&name)?;
        let others = fleet.longer(&group).iter();
        let mut calls = others.filter_map(|other| {
            let fields = fallback::to_listed(fields, other);
            Call::one(operation, fields, fleet, env.clone(), manner, now).ok()
        });
        let mut call = calls.next()?;
        call.model = name;
        call.entry = Some(group.entry().clone());
        call.fell = 1;
        Some(call)
    }

    fn one(
        operation: Operation,
        mut fields: Fields,
        fleet: &Arc<Fleet>,
        env: Env,
        manner: Manner,
        now: Instant,
    ) -> Result<Call> {
        let requested = match operation.needs_model() {
            true => Some(take_model(&mut fields)?),
            false => fields.string("model")?,
        };
        let group = requested.as_deref().and_then(|name| fleet.group(name));
        if let (true, None, Some(name)) = (fleet.config().only_listed, &group, &requested) {
            let message = format!("model: expected a name of the model list, got \"{name}\"");
            return Err(Error::unknown_model(message));
        }
        let group = group.map(|group| fleet.fitting(group, || length::estimate(&fields)));
        let place = group.map(|group| {
            let chance = unit(env.random);
            let at = fleet.look(&group, now, chance);
            let goes_on = group.members().len() > 1 || fleet.may_fall_back();
            Box::new(Place {
                at,
                seat: None,
                failed: Vec::new(),
                request: goes_on.then(|| {
                    let mut request = fields.clone();
                    request.set("model", serde_json::Value::from(group.name()));
                    request
                }),
                has_fallen: false,
                is_check: false,
                group,
            })
        });
        Call::at(operation, requested, fields, fleet, env, manner, place)
    }

    /// A call of one deployment of a group, to see how it is. It counts for nothing: it takes no seat, so that no limit and no rest
    /// refuses it, and it is neither tried again nor asked of another. `fields` are a request's without its model.
    pub fn check(
        operation: Operation,
        fields: Fields,
        fleet: &Arc<Fleet>,
        (group, at): (&Group, usize),
        env: Env,
    ) -> Result<Call> {
        let place = Place {
            group: group.clone(),
            at,
            seat: None,
            failed: Vec::new(),
            request: None,
            has_fallen: true,
            is_check: true,
        };
        let requested = Some(group.name().to_owned());
        let place = Some(Box::new(place));
        Call::at(
            operation,
            requested,
            fields,
            fleet,
            env,
            Manner::Whole,
            place,
        )
    }

    /// The call for the deployment of its place.
    fn at(
        operation: Operation,
        requested: Option<String>,
        mut fields: Fields,
        fleet: &Arc<Fleet>,
        env: Env,
        manner: Manner,
        place: Option<Box<Place>>,
    ) -> Result<Call> {
        let resources = fleet.resources();
        let listed = place.is_some();
        let deployment = place.as_ref().map(|place| &fleet.deployments()[place.at]);
        let target = match (&place, deployment) {
            (Some(place), Some(d)) => Some(place.group.target(&d.model)),
            _ => requested.clone(),
        };
        if let (Some(d), true) = (deployment, operation.is_inference()) {
            fields.fill(&d.params, "extra_body");
        }
        let fields_in_all = fields.count();
        let own = Options::take(&mut fields)?;
        let own = (fields.count() < fields_in_all).then_some(own);
        let options = fleet.options(place.as_ref().map(|place| place.at), own);
        let target = target.as_deref().map(endpoint::model_name).transpose()?;
        // Of a name that stands for many only the server can be asked.
        let target = target.filter(|name| operation.needs_model() || !name.contains('*'));
        let model = match (&requested, target) {
            (Some(name), _) if listed => name.clone(),
            (_, target) => target.unwrap_or_default().to_owned(),
        };

        let given = Given {
            operation,
            manner,
            options: &options,
            target,
            model: &model,
            env: &env,
            resources,
        };
        let work = Work::new(&given, fields)?;
        let route = match &work {
            Work::Mock(..) => None,
            // A list or a health check of the server alone names no model; no URL of one is asked for then.
            _ => Some(resources.route(
                options.api_base.as_deref(),
                target.unwrap_or("-"),
                &options.triton,
            )?),
        };
        // What nobody describes is known to be plain at once, and what that cannot do is said before anything is done.
        if let (Some(asking), Some(route)) = (work.asking(), &route) {
            if !route.is_described() {
                asking.check(&options)?;
            }
        }
        Ok(Call {
            operation,
            fleet: fleet.clone(),
            entry: place.as_ref().map(|place| place.group.entry().clone()),
            asked: None,
            place,
            work,
            headers: headers(&options, env.trace.as_deref())?,
            options,
            route,
            model,
            listed,
            tried: 0,
            rounds: 0,
            moves: 0,
            retries: 0,
            fell: 0,
            chance: env.random | 1,
            fallbacks: VecDeque::new(),
            manner,
            env,
        })
    }

    /// Whether more of the body that was opened is of use.
    pub fn wants_more(&self) -> bool {
        self.work.asking().is_some_and(Asking::wants_more)
    }

    /// Whether the answer is told in chunks.
    pub fn speaks(&self) -> bool {
        self.work.asking().is_some_and(Asking::speaks)
    }

    /// How long a try may take, and which option says so.
    pub fn timeout(&self) -> (Duration, &'static str) {
        match self.options.stream_timeout.filter(|_| self.speaks()) {
            Some(timeout) => (timeout, "stream_timeout"),
            None => (self.options.timeout.unwrap_or(limits::TIMEOUT), "timeout"),
        }
    }

    /// Where and how.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The way to the model; `None`: nothing will be sent.
    pub fn route(&self) -> Option<&Arc<Route>> {
        self.route.as_ref()
    }

    /// Counts what has a time-out of its own: each try, each prompt of several, each fallback.
    pub fn round(&self) -> u32 {
        self.rounds + self.work.asking().map_or(0, |asking| asking.begun)
    }

    /// The requests after the present one that will be sent whatever its reply says, in order, no more than `most`. A driver may
    /// send them before their turn; in their turn they come as any other.
    pub fn ahead(&mut self, most: usize) -> Vec<Arc<Request>> {
        let asking = self.work.asking_mut();
        asking.map_or_else(Vec::new, |asking| asking.ahead(most))
    }

    /// How often the call has gone to another deployment or model. When it changes, so have its headers.
    pub fn moves(&self) -> u32 {
        self.moves
    }

    /// A question about the load of a server among which this call is chosen, if one is due: the strategy `triton-load` asks. The
    /// answer is for the calls that come.
    pub fn ask_load(&self, now: Instant) -> Option<LoadQuestion> {
        self.fleet.ask_load(&self.place.as_ref()?.group, now)
    }

    /// What the model has counted, or was estimated, of what is answered by now. See also [`Call::spent_so_far`].
    pub fn used(&self) -> Option<Usage> {
        self.work.asking().and_then(|asking| asking.used)
    }

    /// What is asked for.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Lets embeddings that are not here yet come as numbers, in the manner of [`Manner::Rows`], or as text.
    ///
    /// Errors: any other call has no numbers to give.
    pub fn as_rows(&mut self, yes: bool) -> Result<()> {
        match (&self.work, yes) {
            (Work::Embeddings(..), true) => self.manner = Manner::Rows,
            (Work::Embeddings(..), false) => self.manner = Manner::Whole,
            (_, false) => {}
            (_, true) => {
                return Err(Error::argument(
                    "stream",
                    "stream: only the operation embeddings gives numbers",
                ));
            }
        }
        Ok(())
    }

    /// Of a call in the manner of [`Manner::Rows`] that is done, the numbers. What it was done with is the JSON of the rest.
    pub fn take_rows(&mut self) -> Option<Matrix> {
        match &mut self.work {
            Work::Embeddings(_, _, numbers) => numbers.take(),
            _ => None,
        }
    }

    /// How many of the asks have their answer.
    fn answered(&self) -> usize {
        self.work.asking().map_or(0, Asking::answered)
    }

    /// Whether chunks of the present ask, or of any, went out: what was said cannot be unsaid.
    fn has_spoken(&self) -> (bool, bool) {
        let asking = self.work.asking();
        asking.map_or((false, false), |a| (a.has_spoken(), a.has_begun_to_speak()))
    }

    /// Whether what is remembered of the model should be forgotten.
    pub fn saw_a_change(&self) -> bool {
        match &self.work {
            Work::Raw(ask) => ask.saw_a_change(),
            work => work.asking().is_some_and(|asking| asking.changed),
        }
    }

    /// Whether it loads or unloads the model: then all that is remembered of any version is to be forgotten.
    pub fn changes_model(&self) -> bool {
        matches!(&self.work, Work::Raw(ask) if ask.changes_model())
    }

    /// What is unique to it.
    pub fn id(&self) -> &str {
        &self.env.id
    }

    /// Headers of every request of this call: the caller's own first.
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// Goes on; an error ends the call. `now`: when it happened.
    pub fn on(&mut self, event: Event<'_>, now: Instant) -> Result<Todo> {
        let too_late = matches!(event, Event::TooLate(_));
        if matches!(event, Event::Start | Event::Waited) {
            if let Err(error) = self.sit_down(now) {
                return self.failed(error, too_late, now);
            }
        }
        let answered = self.answered();
        match self.advance(event) {
            Ok(todo) => {
                // Each prompt of several has tries of its own.
                if self.answered() > answered {
                    self.tried = 0;
                }
                self.note(&todo, now);
                Ok(todo)
            }
            Err(error) => self.failed(error, too_late, now),
        }
    }

    /// Lets the deployment know how it did.
    fn note(&mut self, todo: &Todo, now: Instant) {
        let used = self.used();
        let Some(place) = &mut self.place else {
            return;
        };
        match todo {
            Todo::Chunk(_) => {
                if let Some(seat) = &mut place.seat {
                    seat.spoke(now);
                }
            }
            Todo::Done(_) => {
                if let Some(seat) = place.seat.take() {
                    let tokens = used.map_or(0, |used| used.total_tokens);
                    let answered = used.and_then(|used| used.completion_tokens).unwrap_or(0);
                    seat.succeeded(tokens, answered, now);
                }
            }
            _ => {}
        }
    }

    /// xorshift64: enough to spread callers over time.
    fn next_chance(&mut self) -> f64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        unit(self.chance)
    }

    fn advance(&mut self, event: Event<'_>) -> Result<Todo> {
        if let Event::Failed(error) | Event::TooLate(error) = event {
            return Err(error);
        }
        let stamp = Stamp {
            id: &self.env.id,
            created: self.env.unix_time,
            model: &self.model,
        };
        let terms = Terms {
            stamp,
            options: &self.options,
            route: self.route.as_ref(),
            manner: self.manner,
            listed: self.listed,
        };
        self.work.on(event, &terms)
    }
}

/// The error of a prompt that is too long for all deployments of its model, where that is to be found out beforehand.
fn too_long(fields: &Fields, fleet: &Fleet) -> Option<Error> {
    if !fleet.config().routing.pre_call_checks {
        return None;
    }
    let group = fleet.group(fields.get("model")?.as_str()?)?;
    let (tokens, most) = (length::estimate(fields), fleet.longest_prompt(&group)?);
    (tokens > most).then(|| {
        let message = format!(
            "messages: about {tokens} tokens, more than the {most} that model \"{}\" takes (max_input_tokens)",
            group.name()
        );
        Error::argument("messages", message).with_code(CONTEXT_WINDOW)
    })
}

/// Chance from 0 to 1.
fn unit(random: u64) -> f64 {
    (random >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::ClientConfig;
    use crate::json;
    use crate::plan::resources::Nothing;

    impl Call {
        /// Goes on at some moment.
        pub(crate) fn step(&mut self, event: Event<'_>) -> Result<Todo> {
            self.on(event, Instant::now())
        }
    }
    use crate::triton::model::tests::model;
    use serde_json::{Value, json};

    fn call(operation: Operation, request: Value) -> Result<Call> {
        call_with(operation, request, "")
    }

    fn call_with(operation: Operation, request: Value, config: &str) -> Result<Call> {
        let fields = json::object("request_json", &request.to_string())?;
        let env = Env {
            unix_time: 7,
            id: "1".into(),
            random: 1,
            trace: None,
        };
        let fleet = Fleet::new(ClientConfig::read(config)?, Box::new(Nothing))?;
        let now = Instant::now();
        Call::new(operation, fields, &Arc::new(fleet), env, Manner::Whole, now)
    }

    fn reply(status: u16, body: Value) -> Event<'static> {
        Event::Replied(Reply {
            status,
            body: body.to_string().into_bytes(),
            ..Default::default()
        })
    }

    fn done(todo: Result<Todo>) -> Value {
        match todo.unwrap() {
            Todo::Done(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected Done, got {other:?}"),
        }
    }

    fn sent(todo: Result<Todo>) -> Value {
        match todo.unwrap() {
            Todo::Send(r) => serde_json::from_slice(&r.body).unwrap_or_default(),
            other => panic!("expected Send, got {other:?}"),
        }
    }

    #[test]
    fn a_chat_from_request_to_answer() {
        let mut c = call(Operation::Chat, json!({"model":"triton/llm","api_base":"http://h/x/generate","messages":[{"role":"user","content":"hi"}]})).unwrap();
        assert_eq!(sent(c.step(Event::Start))["text_input"], "hi");
        let answer = done(c.step(reply(200, json!({"text_output":"yo"}))));
        assert_eq!(answer["choices"][0]["message"]["content"], "yo");
        assert_eq!(
            (&answer["model"], &answer["id"]),
            (&json!("llm"), &json!("chatcmpl-1"))
        );
    }

    #[test]
    fn each_prompt_is_an_ask_and_a_choice() {
        let mut c = call(
            Operation::Text,
            json!({"model":"triton/llm","api_base":"http://h/x/generate","prompt":["one","two"]}),
        )
        .unwrap();
        assert_eq!(sent(c.step(Event::Start))["text_input"], "one");
        assert_eq!(
            sent(c.step(reply(200, json!({"text_output":"1"}))))["text_input"],
            "two"
        );
        let answer = done(c.step(reply(200, json!({"text_output":"2"}))));
        assert_eq!(
            answer["choices"][1],
            json!({"index":1,"text":"2","finish_reason":"stop","logprobs":null})
        );
    }

    #[test]
    fn errors_worth_it_are_tried_again() {
        let request = json!({"model":"triton/llm","api_base":"http://h/x/generate","prompt":"hi","num_retries":1});
        let mut c = call(Operation::Text, request).unwrap();
        sent(c.step(Event::Start));
        let waits = c.step(reply(503, json!({"error":"not ready"}))).unwrap();
        assert!(matches!(waits, Todo::Wait(..)));
        assert_eq!(sent(c.step(Event::Waited))["text_input"], "hi");
        let e = c
            .step(Event::Failed(Error::connect("refused")))
            .unwrap_err();
        assert_eq!(e.http_status(), 503);
    }

    #[test]
    fn each_prompt_has_tries_of_its_own() {
        let request = json!({"model":"triton/llm","api_base":"http://h/x/generate","prompt":["one","two"],"num_retries":1});
        let mut c = call(Operation::Text, request).unwrap();
        let mut rounds = vec![c.round()];
        sent(c.step(Event::Start));
        for _ in 0..2 {
            rounds.push(c.round());
            let waits = c.step(reply(503, json!({"error":"not ready"})));
            assert!(matches!(waits, Ok(Todo::Wait(..))), "{waits:?}");
            sent(c.step(Event::Waited));
            rounds.push(c.round());
            let next = c.step(reply(200, json!({"text_output":"yo"}))).unwrap();
            match next {
                Todo::Send(_) => {}
                done => assert!(matches!(done, Todo::Done(_)), "{done:?}"),
            }
        }
        // Each of them has a time-out of its own.
        assert!(rounds.is_sorted_by(|a, b| a < b), "{rounds:?}");
    }

    #[test]
    fn a_fallback_is_asked_when_the_first_fails_for_good() {
        let request = json!({"model":"triton/a","api_base":"http://h/a/generate","prompt":"hi","api_key":"key-of-a",
            "fallbacks":[{"model":"triton/b","api_base":"http://h/b/generate"}]});
        let mut c = call(Operation::Text, request).unwrap();
        sent(c.step(Event::Start));
        let Todo::Send(second) = c.step(reply(503, json!({"error":"not ready"}))).unwrap() else {
            panic!("expected a second request");
        };
        assert_eq!(second.url, "http://h/b/generate");
        // The first server's key is not the second's business.
        assert!(!c.headers().iter().any(|(name, _)| name == "authorization"));
        assert_eq!(
            done(c.step(reply(200, json!({"text_output":"yo"}))))["model"],
            "a"
        );
    }

    #[test]
    fn a_name_of_the_model_list_is_kept_in_the_answer() {
        let config = json!({"model_list":[{"model_name":"embed","mishikallm_params":{"model":"triton/e","api_base":"http://h","api_key":"k"}}]});
        let mut c = call_with(
            Operation::Embeddings,
            json!({"model":"embed","input":"a"}),
            &config.to_string(),
        )
        .unwrap();
        assert!(matches!(
            c.step(Event::Start).unwrap(),
            Todo::Describe { fresh: false }
        ));
        let known = Description {
            model: Some(Arc::new(model("text:BYTES[1]", "e:FP32[1]", 0, false))),
            remembered: false,
        };
        sent(c.step(Event::Described(known)));
        let answer = done(c.step(reply(200, json!({"model_name":"e","outputs":[{"name":"e","datatype":"FP32","shape":[1],"data":[1]}]}))));
        assert_eq!(answer["model"], "embed");
        let key = c.headers().iter().find(|(name, _)| name == "authorization");
        assert_eq!(key.unwrap().1, "Bearer k");
    }

    #[test]
    fn a_mock_calls_nobody() {
        let mut c = call(Operation::Chat, json!({"model":"triton/llm","messages":[{"role":"user","content":"hi"}],"mock_response":"mocked!"})).unwrap();
        assert!(c.route().is_none());
        assert_eq!(
            done(c.step(Event::Start))["choices"][0]["message"]["content"],
            "mocked!"
        );
    }

    #[test]
    fn an_echoed_secret_is_struck_out() {
        let request = json!({"model":"triton/llm","api_base":"http://h/x/generate","prompt":"hi","api_key":"sk-secret","extra_headers":{"X-Auth":"Basic hidden1"}});
        let mut c = call(Operation::Text, request).unwrap();
        c.step(Event::Start).unwrap();
        let e = c
            .step(reply(401, json!({"error":"bad key sk-secret, hidden1"})))
            .unwrap_err();
        assert_eq!(e.message(), "bad key ***, ***");
    }

    #[test]
    fn mistakes_are_found_before_anything_is_sent() {
        let chat = |request: Value| call(Operation::Chat, request).unwrap_err();
        let messages = json!([{"role":"user","content":"hi"}]);
        assert_eq!(
            chat(json!({"messages":messages,"api_base":"http://h"})).param(),
            Some("model")
        );
        assert_eq!(
            chat(json!({"model":"triton/","messages":messages,"api_base":"http://h"})).param(),
            Some("model")
        );
        assert_eq!(
            chat(json!({"model":"gpt-4","messages":messages,"api_base":"http://h"})).param(),
            Some("model")
        );
        assert_eq!(
            chat(json!({"model":"triton/m","messages":messages})).param(),
            Some("api_base")
        );
        assert_eq!(
            chat(
                json!({"model":"triton/m","messages":messages,"api_base":"http://h","stream":true})
            )
            .param(),
            Some("stream")
        );
    }

    #[test]
    fn the_server_and_its_models() {
        let mut c = call(Operation::Models, json!({"api_base":"http://h"})).unwrap();
        sent(c.step(Event::Start));
        let list = done(c.step(reply(
            200,
            json!([{"name":"m","version":"1","state":"READY"}]),
        )));
        assert_eq!(list["data"][0]["id"], "triton/m");
        let mut c = call(
            Operation::Health,
            json!({"api_base":"http://h","model":"triton/m"}),
        )
        .unwrap();
        sent(c.step(Event::Start));
        sent(c.step(reply(200, json!(null))));
        assert_eq!(done(c.step(reply(400, json!(null))))["status"], "unhealthy");
    }

    #[test]
    fn what_was_dropped_leaves_no_trace_in_the_answer() {
        let tools = json!([{"type":"function","function":{"name":"f"}}]);
        let chat = |more: Value, text: &str| {
            let mut request = json!({"model":"triton/llm","api_base":"http://h/x/generate","drop_params":true,
                "messages":[{"role":"user","content":"hi"}]});
            request
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            let mut c = call(Operation::Chat, request).unwrap();
            sent(c.step(Event::Start));
            done(c.step(reply(200, json!({"text_output": text}))))["choices"][0].clone()
        };
        let choice = chat(json!({"logprobs":true,"top_logprobs":2}), "yo");
        assert_eq!(choice["logprobs"], Value::Null);
        for how in [
            json!("required"),
            json!({"type":"function","function":{"name":"f"}}),
        ] {
            let more = json!({"tools":tools,"tool_choice":how,"chat_template":"qwen2.5"});
            let choice = chat(more, "No.");
            assert_eq!(choice["message"]["content"], "No.");
            assert_eq!(choice["finish_reason"], "stop");
        }
    }

    #[test]
    fn tools_are_refused_where_the_familys_calls_are_not_read() {
        let tools = json!([{"type":"function","function":{"name":"f"}}]);
        let e = call(
            Operation::Chat,
            json!({"model":"triton/llm","api_base":"http://h/x/generate","tools":tools,
            "chat_template":"granite3","messages":[{"role":"user","content":"hi"}]}),
        )
        .unwrap_err();
        assert_eq!(e.param(), Some("tools"), "{e}");
        assert!(e.message().contains("granite"), "{e}");
    }
}
