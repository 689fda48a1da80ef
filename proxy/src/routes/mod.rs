//! The table of routes, and what holds for all of them: keys, CORS, errors in OpenAI's shape.

mod about;
mod body;
mod cards;
mod checkup;
mod cors;
mod health;
mod infer;
mod place;
mod strangers;

use crate::app::Worker;
use crate::auth::Auth;
use crate::reply::{self, Answer};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use std::sync::Arc;

/// Answers one request. Dropping the future, as the server does when the client hangs up, ends all that it began.
pub async fn answer(worker: Arc<Worker>, request: Request<Incoming>) -> Response<Answer> {
    if cors::is_preflight(&request) {
        return cors::preflight(&request);
    }
    let is_foreign = cors::is_foreign(&request);
    let mut response = open(worker, request).await;
    if is_foreign {
        cors::allow(response.headers_mut());
    }
    response
}

/// The same for whoever has a key, or needs none.
async fn open(worker: Arc<Worker>, request: Request<Incoming>) -> Response<Answer> {
    let whole = request.uri().path();
    let path = place::unversioned(whole);
    if !Auth::is_public(path) {
        // Also of a path that is none: a stranger learns nothing of what is there.
        if let Err(why) = worker.app.auth.check(request.headers()) {
            return reply::refused(&why);
        }
    }
    match place::find(whole) {
        Some(place) if request.method() == Method::POST => {
            infer::answer(worker, place, request).await
        }
        Some(_) => reply::wrong_verb("POST"),
        None => match about::find(path) {
            Some(question) => about::answer(&worker, question, &request).await,
            None => reply::not_found(whole),
        },
    }
}
