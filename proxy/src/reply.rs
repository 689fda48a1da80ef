//! Answers and errors as HTTP, in OpenAI's shape.

use crate::relay::{Frames, Run};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use mishikallm::{Error, VERSION};
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

const CALL_ID: HeaderName = HeaderName::from_static("x-mishikallm-call-id");
const MODEL_ID: HeaderName = HeaderName::from_static("x-mishikallm-model-id");
const MODEL_GROUP: HeaderName = HeaderName::from_static("x-mishikallm-model-group");
const VERSION_NAME: HeaderName = HeaderName::from_static("x-mishikallm-version");
const RETRIES: HeaderName = HeaderName::from_static("x-mishikallm-attempted-retries");
const FALLBACKS: HeaderName = HeaderName::from_static("x-mishikallm-attempted-fallbacks");
const DURATION: HeaderName = HeaderName::from_static("x-mishikallm-response-duration-ms");
const OVERHEAD: HeaderName = HeaderName::from_static("x-mishikallm-overhead-duration-ms");

/// Room for all that a reply may have, hyper's own among them.
const HEADERS: usize = 16;

/// Bytes of a path that an error repeats.
const LONGEST_PATH: usize = 256;

/// The body of a reply.
pub enum Answer {
    /// All of it; `None` when it is sent.
    Whole(Option<Bytes>),
    /// A stream of chunks.
    Frames(Box<Frames>),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Answer::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Answer::Frames(frames) => frames.poll(cx).map(|b| b.map(|b| Ok(Frame::data(b)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Answer::Whole(bytes) => bytes.is_none(),
            Answer::Frames(frames) => frames.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answer::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Answer::Frames(_) => SizeHint::default(),
        }
    }
}

/// A JSON text as a reply.
pub fn json(status: StatusCode, text: impl Into<Bytes>) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Some(text.into())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    headers.insert(header::CONTENT_TYPE, JSON);
    response
}

/// What Prometheus reads.
pub fn metrics(text: String) -> Response<Answer> {
    let mut response = Response::new(Answer::Whole(Some(text.into())));
    response.headers_mut().insert(header::CONTENT_TYPE, METRICS);
    response
}

/// A stream of events.
pub fn events(frames: Frames) -> Response<Answer> {
    let mut response = Response::new(Answer::Frames(Box::new(frames)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, EVENTS);
    headers.insert(header::CACHE_CONTROL, NO_CACHE);
    response
}

/// An error as a reply.
pub fn error(error: &Error) -> Response<Answer> {
    let status = StatusCode::from_u16(error.http_status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, error_json(error));
    if let Some(after) = error.retry_after() {
        // Who waits for whole seconds comes not too early.
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// No, or no good, key: the reference's type for it.
pub fn refused(why: &Error) -> Response<Answer> {
    json(
        StatusCode::UNAUTHORIZED,
        shaped(why.message(), "auth_error", None, "401"),
    )
}

/// `{"error":{"message","type","param","code"}}`.
pub fn error_json(error: &Error) -> String {
    let status;
    let code = match error.code() {
        Some(code) => code,
        None => {
            status = error.http_status().to_string();
            &status
        }
    };
    shaped(error.message(), error.kind(), error.param(), code)
}

fn shaped(message: &str, kind: &str, param: Option<&str>, code: &str) -> String {
    #[derive(Serialize)]
    struct Body<'a> {
        error: Fields<'a>,
    }
    #[derive(Serialize)]
    struct Fields<'a> {
        message: &'a str,
        r#type: &'a str,
        param: Option<&'a str>,
        code: &'a str,
    }
    let body = Body {
        error: Fields {
            message,
            r#type: kind,
            param,
            code,
        },
    };
    serde_json::to_string(&body).unwrap_or_default()
}

/// Tells where a call went and how long it took, in the reference's headers.
pub fn tell(headers: &mut HeaderMap, id: &str, began: Instant, run: Option<&Run>) {
    let took = began.elapsed();
    headers.reserve(HEADERS);
    headers.insert(VERSION_NAME, HeaderValue::from_static(VERSION));
    put(headers, CALL_ID, id);
    let waited = run.map_or(Duration::ZERO, Run::waited);
    if let Some(run) = run {
        let journey = run.journey();
        if let Some(id) = journey.deployment {
            put(headers, MODEL_ID, id);
        }
        if let Some(group) = journey.group {
            put(headers, MODEL_GROUP, group);
        }
        headers.insert(RETRIES, journey.retries.into());
        headers.insert(FALLBACKS, journey.fallbacks.into());
    }
    put(headers, DURATION, &milliseconds(took));
    put(
        headers,
        OVERHEAD,
        &milliseconds(took.saturating_sub(waited)),
    );
}

/// Tells which request it was.
pub fn tell_id(headers: &mut HeaderMap, id: &str) {
    put(headers, CALL_ID, id);
}

/// What cannot stand in a header is not told.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn milliseconds(duration: Duration) -> String {
    // Of 64 bits, whose digits come cheaper; they last for half a million years.
    let micros = duration.as_micros() as u64;
    let mut text = (micros / 1000).to_string();
    text.push('.');
    for place in [100, 10, 1] {
        text.push(char::from(b'0' + (micros / place % 10) as u8));
    }
    text
}

/// A path that is none; a long one is not repeated.
pub fn not_found(path: &str) -> Response<Answer> {
    let message = match path.len() <= LONGEST_PATH {
        true => format!("there is no route {path}"),
        false => "there is no route of this path".to_owned(),
    };
    json(
        StatusCode::NOT_FOUND,
        shaped(&message, "invalid_request_error", None, "404"),
    )
}

/// A path that is called in another way.
pub fn wrong_verb(allowed: &'static str) -> Response<Answer> {
    let message = format!("this route takes {} alone", allowed.replace(", ", " and "));
    let body = shaped(&message, "invalid_request_error", None, "405");
    let mut response = json(StatusCode::METHOD_NOT_ALLOWED, body);
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}
