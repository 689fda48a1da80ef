//! The table of routes, and what holds for all of them: keys, CORS, errors in OpenAI's shape.

mod about;
mod body;
mod cards;
mod checkup;
mod cors;
mod health;
mod infer;
mod manage;
mod managing;
mod openapi;
mod page;
mod place;
mod query;
mod strangers;
mod table;

use crate::app::Worker;
use crate::auth::{Auth, Claim};
use crate::gate::routes::Purpose;
use crate::gate::{self, Caller};
use crate::reply::{self, Answer};
use crate::seen::{self, Visit};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body::Body;
use mishikallm::Error;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use table::Route;
use tokio::time::timeout;

/// Bytes of a body that are read although nobody wants them.
const SMALL: usize = 64 << 10;

/// How soon they have to be there.
const SOON: Duration = Duration::from_millis(100);

/// An answer that is being made.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Response<Answer>> + Send + 'a>>;

/// Answers one request of a client at this address. Dropping the future, as the server does when the client hangs up, ends all that it
/// began.
///
/// Apart from its connection, which hyper gives room for one such future as long as it is open: a stream, and a client that says nothing,
/// hold no room for what only led to an answer.
pub fn answer<'a, B>(worker: Arc<Worker>, request: Request<B>, from: IpAddr) -> Answering<'a>
where
    B: Body<Data = Bytes> + Unpin + Send + 'a,
    B::Error: std::error::Error + 'static,
{
    Box::pin(async move {
        if cors::is_preflight(&request) {
            let mut visit = visit(&request);
            return over(&mut visit, cors::preflight(&request));
        }
        let is_foreign = cors::is_foreign(&request);
        let mut response = open(worker, request, from).await;
        if is_foreign {
            cors::allow(response.headers_mut());
        }
        response
    })
}

/// The same for whoever has a key, or needs none.
async fn open<B>(worker: Arc<Worker>, request: Request<B>, from: IpAddr) -> Response<Answer>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    let whole = request.uri().path();
    let path = place::unversioned(whole);
    let place = place::find(whole);
    let claim = match Auth::is_public(path) {
        true => Ok(Claim::Anyone),
        // Also of a path that is none: a stranger learns nothing of what is there.
        false => worker.app.auth.check(request.headers()),
    };
    let caller = match claim.clone() {
        Ok(claim) => gate::caller(&worker.app, claim, from).await,
        Err(why) => Err(why),
    };
    let allowed = caller.and_then(|caller| {
        may_call(&caller, path, place.is_some())?;
        Ok(caller)
    });
    match (allowed, place) {
        (Ok(caller), Some(place)) if request.method() == Method::POST => {
            infer::answer(worker, (place, caller), request).await
        }
        (allowed, place) => {
            let mut visit = visit(&request);
            let response = match (allowed, place) {
                (Err(why), _) => {
                    if let Some(route) = manage::table::find(path) {
                        let status = why.http_status();
                        let by = claim.ok();
                        let by = by.and_then(|claim| gate::last_seen(&worker.app, claim));
                        managing::turned_away(visit.id(), by.as_ref(), &route, status);
                    }
                    // Apart, as what follows: a request to a model waits without room for it.
                    Box::pin(unread(request, turned_away(refused(&why)))).await
                }
                (Ok(_), Some(_)) => {
                    let response = turned_away(reply::wrong_verb("POST"));
                    Box::pin(unread(request, response)).await
                }
                (Ok(caller), None) => Box::pin(other(&worker, &caller, visit.id(), request)).await,
            };
            over(&mut visit, response)
        }
    }
}

/// A key may not call every route.
fn may_call(caller: &Caller, path: &str, asks_model: bool) -> Result<(), Error> {
    let Some(pass) = caller.pass() else {
        return Ok(());
    };
    let purpose = match asks_model {
        true => Purpose::Model,
        false => table::purpose(path),
    };
    pass.check_route(path, purpose)
}

/// Who called may not.
fn refused(why: &Error) -> Response<Answer> {
    match why.http_status() {
        401 => reply::refused(why),
        _ => reply::error(why),
    }
}

/// Takes in what is left of a request that nobody reads, if it is small and comes soon, so that the connection serves on. Else it is in the
/// way of the next request: the server closes the connection, and the client is told so.
async fn unread<B>(request: Request<B>, mut response: Response<Answer>) -> Response<Answer>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    // Who waits to be told to go on would be told.
    let waits = request.headers().contains_key(header::EXPECT);
    let rest = async { timeout(SOON, body::whole(request.into_body(), SMALL)).await };
    if waits || !matches!(rest.await, Ok(Ok(_))) {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

fn visit<B>(request: &Request<B>) -> Visit {
    Visit::new(mishikallm::client::env().id, request)
}

/// The answer is there, and says which line of the log is its.
fn over(visit: &mut Visit, mut response: Response<Answer>) -> Response<Answer> {
    visit.end(response.status());
    reply::tell_id(response.headers_mut(), visit.id());
    response
}

/// A route that asks no model.
async fn other<B>(
    worker: &Arc<Worker>,
    caller: &Caller,
    call: &str,
    request: Request<B>,
) -> Response<Answer>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    let path = place::unversioned(request.uri().path());
    if let Some(route) = manage::table::find(path) {
        // Of a reply to HEAD the server leaves out the body.
        let is_read = *route.method == Method::GET && request.method() == Method::HEAD;
        return match is_read || request.method() == *route.method {
            true => managing::answer(worker, caller, route, call, request).await,
            false => {
                let response = turned_away(reply::wrong_verb(verb(route.method)));
                let status = response.status().as_u16();
                managing::turned_away(call, Some(caller), &route, status);
                response
            }
        };
    }
    let Some(route) = table::find(path) else {
        return turned_away(reply::not_found(request.uri().path()));
    };
    // Of a reply to HEAD the server leaves out the body.
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return turned_away(reply::wrong_verb("GET, HEAD"));
    }
    match route {
        Route::About(question) => {
            about::answer(worker, caller, question, request.uri().query()).await
        }
        Route::OpenApi => openapi::answer(),
        Route::Page => page::answer(),
        Route::Metrics => {
            reply::metrics(seen::metrics::text(&worker.app.fleet, &worker.app.keyring))
        }
    }
}

/// As an answer names it.
fn verb(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET, HEAD",
        _ => "POST",
    }
}

/// Counted, as no route does it.
fn turned_away(response: Response<Answer>) -> Response<Answer> {
    seen::metrics::turned_away(response.status().as_u16());
    response
}
