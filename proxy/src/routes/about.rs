//! Questions about the proxy itself: which models it has, and how they are.

use super::{cards, health, query};
use crate::app::Worker;
use crate::gate::Caller;
use crate::models::Listed;
use crate::reply::{self, Answer};
use http::{Response, StatusCode};
use mishikallm::Error;
use mishikallm::config::Deployment;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;

/// What a path asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// All models.
    Models,
    /// One of them.
    Model(String),
    /// The deployments.
    Info,
    /// How each deployment is: they are asked.
    Health,
    /// Whether the proxy lives.
    Alive,
    /// Whether it takes requests.
    Ready,
}

/// Answers it.
pub async fn answer(
    worker: &Arc<Worker>,
    caller: &Caller,
    question: Question,
    query: Option<&str>,
) -> Response<Answer> {
    match question {
        Question::Models => told(models(worker, caller).await),
        Question::Model(id) => match model(worker, caller, &id).await {
            Ok(card) => told(card),
            Err(e) => reply::error(&e),
        },
        Question::Info => {
            let id = query::value(query, &query::MODEL_ID);
            let may = |d: &Deployment| may_ask(caller, &d.model_name, Some(&d.model_name));
            match cards::info(&worker.app.fleet, id.as_deref(), may) {
                Ok(cards) => told(cards),
                Err(e) => reply::error(&e),
            }
        }
        Question::Health => health::answer(worker, query).await,
        Question::Alive => told(json!("I'm alive!")),
        Question::Ready => told(ready(worker)),
    }
}

fn told(body: Value) -> Response<Answer> {
    reply::json(StatusCode::OK, body.to_string())
}

/// It takes requests, also when the database of keys is away: those of keys that are known; and without Redis.
fn ready(worker: &Arc<Worker>) -> Value {
    match worker.app.keyring.get() {
        None => json!({"status": "healthy"}),
        Some(open) => {
            let db = word(open.store.is_up());
            let mut told = json!({"status": "healthy", "db": db});
            if let Some(redis) = open.redis() {
                told["redis"] = json!(word(redis.is_up()));
            }
            told
        }
    }
}

fn word(is_up: bool) -> &'static str {
    match is_up {
        true => "connected",
        false => "Not connected",
    }
}

/// Whether somebody may ask a model, and so may know of it.
fn may_ask(caller: &Caller, model: &str, entry: Option<&str>) -> bool {
    caller.pass().is_none_or(|pass| pass.may_ask(model, entry))
}

/// The list's names and aliases, and what stands behind each `*`, as far as the caller may ask them; and the caller's own names.
async fn models(worker: &Arc<Worker>, caller: &Caller) -> Value {
    let fleet = &worker.app.fleet;
    let mut names: Vec<String> = fleet.models().into_iter().map(str::to_owned).collect();
    let mut known: HashSet<String> = names.iter().cloned().collect();
    for (at, listed) in worker.listed(0..fleet.deployments().len()).await {
        // A server that does not say what it has is passed over: the others' models are of use all the same.
        let has = listed.as_deref().unwrap_or_default();
        for name in fleet.expand(at, has.iter().map(String::as_str)) {
            if known.insert(name.clone()) {
                names.push(name);
            }
        }
    }
    if let Some(pass) = caller.pass() {
        let entry = |name: &str| fleet.group(name).map(|group| group.entry().to_string());
        names.retain(|name| pass.may_ask(name, entry(name).as_deref()));
        names.extend(pass.key.aliases.keys().cloned());
    }
    cards::list(&names)
}

/// One model, whether the list names it or a `*` covers it.
async fn model(worker: &Arc<Worker>, caller: &Caller, id: &str) -> Result<Value, Error> {
    let fleet = &worker.app.fleet;
    let unknown = || Error::unknown_model(format!("there is no model \"{id}\""));
    let meant = caller.pass().map_or(id, |pass| pass.meant(id));
    let group = fleet.group(meant).ok_or_else(unknown)?;
    if !may_ask(caller, meant, Some(group.entry())) {
        return Err(unknown());
    }
    let members = group.members().iter().copied();
    let listed: Vec<(usize, Listed)> = worker.listed(members).await;
    // One that does not depend on what a server has.
    if listed.len() < group.members().len() {
        return Ok(cards::card(id));
    }
    let here = |(at, has): &(usize, Listed)| {
        let has = has.as_deref().unwrap_or_default();
        let target = group.target(&fleet.deployments()[*at].model);
        has.contains(&target)
    };
    if listed.iter().any(here) {
        return Ok(cards::card(id));
    }
    match listed.iter().any(|(_, has)| has.is_none()) {
        true => Err(Error::unavailable(
            503,
            format!("whether there is a model \"{id}\" is not known: its server does not say now"),
        )),
        false => Err(unknown()),
    }
}
