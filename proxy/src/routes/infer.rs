//! Chat completions, text completions and embeddings: a request to a model.

use super::place::Place;
use super::{body, strangers};
use crate::app::{App, Worker};
use crate::gate::{self, Asked, Caller};
use crate::quota::Standing;
use crate::relay::{self, Frames, Progress, Run};
use crate::reply::{self, Answer};
use crate::seen::exchange::Told;
use crate::seen::{self, Outcome, Record};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, request};
use http_body::Body;
use mishikallm::json::{self, Fields};
use mishikallm::openai::Operation;
use mishikallm::plan::call::{Env, Manner};
use mishikallm::plan::trace::Trace;
use mishikallm::{Error, Result};
use serde_json::{Number, Value};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

/// What names of all those begin with.
const OURS: &str = "x-mishikallm-";

/// Headers that set a field, as the reference has them.
const BY_HEADER: [(&str, &str); 3] = [
    ("x-mishikallm-num-retries", "num_retries"),
    ("x-mishikallm-timeout", "timeout"),
    ("x-mishikallm-stream-timeout", "stream_timeout"),
];

/// Asks the model.
pub async fn answer<B>(
    worker: Arc<Worker>,
    (place, caller): (Place, Caller),
    request: Request<B>,
) -> Response<Answer>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    let began = Instant::now();
    let env = mishikallm::client::env();
    let mut record = Record::new(env.id.clone(), place.operation, began);
    record.path = seen::path(request.uri().path(), request.headers());
    record.trace = Trace::read(request.headers()).map(Arc::new);
    if let Some(model) = &place.model {
        record.group.clone_from(model);
    }
    let (head, body) = request.into_parts();
    let body = match body::whole(body, worker.app.general.max_request_bytes).await {
        Ok(body) => body,
        Err(unread) => {
            record.is_left = unread.is_gone;
            let mut response = refused(&worker.app, &unread.error, record);
            // The rest of it is in the way of another request.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
            return response;
        }
    };
    let begun = begin(
        &worker.app,
        (place, &caller),
        (head, body),
        env,
        &mut record,
    );
    let (mut run, asked) = match begun {
        Ok(begun) => begun,
        Err(e) => return refused(&worker.app, &e, record),
    };
    match gate::admit(&worker.app, &caller, run.call(), asked).await {
        Ok(charge) => record.charge = charge.map(Box::new),
        Err((e, left)) => {
            let mut response = refused(&worker.app, &e, record);
            tell_left(response.headers_mut(), Some(left));
            return response;
        }
    }
    drop(caller);
    let left = record.charge.as_ref().and_then(|charge| charge.standing());
    run.recorded(record);
    relay::ask_loads(&worker, &run);
    let next = poll_fn(|cx| run.poll_next(cx, &worker.wire, &worker.app.models)).await;
    match next {
        Err(e) => {
            let mut response = failed(&e, run.id(), began, Some(&run), run.told());
            tell_left(response.headers_mut(), left);
            run.end(Outcome::failed(&e));
            response
        }
        Ok(Progress::Answer(answer)) => {
            if let Some(told) = run.told() {
                told.answered(200, &answer);
            }
            let mut response = reply::json(StatusCode::OK, answer);
            reply::tell(response.headers_mut(), run.id(), began, Some(&run));
            tell_left(response.headers_mut(), left);
            run.end(Outcome::Answered);
            response
        }
        Ok(Progress::Chunk(first)) => {
            let mut headers = HeaderMap::new();
            reply::tell(&mut headers, run.id(), began, Some(&run));
            tell_left(&mut headers, left);
            let waited = run.waited();
            if let Some(record) = run.record() {
                record.begins_to_stream(waited);
            }
            let mut response = reply::events(Frames::new(worker.clone(), run, &first));
            response.headers_mut().extend(headers);
            response
        }
    }
}

/// What is left of the key's limits.
fn tell_left(headers: &mut HeaderMap, left: Option<Standing>) {
    if let Some(left) = left {
        gate::tell(headers, &left);
    }
}

/// The request cannot be a call.
fn refused(app: &App, e: &Error, mut record: Record) -> Response<Answer> {
    let told = record.told.as_deref();
    let response = failed(e, &record.id, record.began, None, told);
    // The list's name for what was asked, where it has one.
    match app.fleet.group(&record.group) {
        Some(group) => record.entry = Some(group.entry().clone()),
        None => record.group.clear(),
    }
    record.end(Outcome::failed(e));
    response
}

/// Nothing was said yet.
fn failed(
    e: &Error,
    id: &str,
    began: Instant,
    run: Option<&Run>,
    told: Option<&Told>,
) -> Response<Answer> {
    let mut response = reply::error(e);
    if let Some(told) = told {
        told.answered(e.http_status(), &reply::error_json(e));
    }
    reply::tell(response.headers_mut(), id, began, run);
    response
}

/// Reads a request; nothing is sent yet.
fn begin(
    app: &App,
    (place, caller): (Place, &Caller),
    (head, body): (request::Parts, Bytes),
    mut env: Env,
    record: &mut Record,
) -> Result<(Box<Run>, Asked)> {
    let read = std::str::from_utf8(&body)
        .map_err(|_| Error::argument("body", "the request's body is no UTF-8"))
        .and_then(|text| json::object("body", text));
    record.told = Told::asked(&env.id, &head, &body, read.as_ref().ok());
    let mut fields = read?;
    strangers::check(&fields, app.general.allow_client_side_credentials)?;
    if let Some(model) = place.model {
        fields.set("model", Value::from(model));
    }
    if let (Some(model), None) = (&app.general.default_model, fields.get("model")) {
        fields.set("model", Value::from(model.as_str()));
    }
    if let Some(Value::String(model)) = fields.get("model") {
        record.group.clone_from(model);
    }
    let asked = Asked::read(app, caller, &mut fields)?;
    take_headers(&head.headers, &mut fields)?;
    // Embeddings are never told in chunks.
    let manner = match place.operation {
        Operation::Embeddings => Manner::Whole,
        _ => Manner::AsAsked,
    };
    if app.forwards_trace {
        env.trace.clone_from(&record.trace);
    }
    let _lines_are_its = record.told.as_ref().map(Told::within);
    let now = Instant::now();
    let call = app.call(place.operation, fields, env, manner, now)?;
    Ok((Box::new(Run::new(call, now)), asked))
}

/// A header's word beats the body's.
fn take_headers(headers: &HeaderMap, fields: &mut Fields) -> Result<()> {
    // Three look-ups are dearer than one look.
    if !headers.keys().any(|name| name.as_str().starts_with(OURS)) {
        return Ok(());
    }
    for (name, field) in BY_HEADER {
        let Some(value) = headers.get(name) else {
            continue;
        };
        let number = value
            .to_str()
            .ok()
            .and_then(|text| text.trim().parse::<Number>().ok());
        let number = number.ok_or_else(|| {
            Error::argument(
                name,
                format!("{name}: expected a number, got something else"),
            )
        })?;
        fields.set(field, Value::Number(number));
    }
    Ok(())
}
