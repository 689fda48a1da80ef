//! Calls, and what is said about how they ended.

use crate::server::Server;
use mishikallm::{Client, Error, Status};
use serde_json::{Value, json};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

/// What clocks may disagree about.
const EARLY: Duration = Duration::from_millis(2);

/// How late a time-out may be noticed.
const LATE: Duration = Duration::from_secs(2);

pub fn client(config: Value) -> Client {
    Client::new(&config.to_string()).unwrap_or_else(|e| panic!("no client: {e}"))
}

/// A text completion of a gateway's endpoint: one POST, and no look-up.
pub fn plain(server: &Server) -> Value {
    prompt(&server.endpoint())
}

/// A text completion of `triton/m` at `api_base`.
pub fn prompt(api_base: &str) -> Value {
    json!({"model": "triton/m", "prompt": "hi", "api_base": api_base})
}

/// A request with more fields, or other ones.
pub fn with(mut request: Value, more: Value) -> Value {
    let (Some(request_fields), Value::Object(more)) = (request.as_object_mut(), more) else {
        panic!("two objects");
    };
    request_fields.extend(more);
    request
}

/// Asks for a text completion; gives the text.
pub fn ask(client: &Client, request: &Value) -> Result<String, Error> {
    let answer = client.invoke("completions", &request.to_string())?;
    let answer: Value = serde_json::from_str(&answer).expect("an answer in JSON");
    let text = answer["choices"][0]["text"].as_str();
    Ok(text.expect("an answer with a text").to_owned())
}

/// The error of a call that has to fail.
pub fn fails(client: &Client, request: &Value) -> Error {
    match ask(client, request) {
        Err(error) => error,
        Ok(text) => panic!("expected an error, got the answer {text:?}"),
    }
}

/// The error is of this status and says all of this.
#[track_caller]
pub fn is(error: &Error, status: Status, http: u16, words: &[&str]) {
    assert_eq!(
        (error.status(), error.http_status()),
        (status, http),
        "{error}"
    );
    for word in words {
        assert!(error.message().contains(word), "no {word:?} in: {error}");
    }
}

/// Runs it, and sees that it took `seconds`, or not much more: what else could end it takes far longer.
#[track_caller]
pub fn takes<T>(seconds: f64, run: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = run();
    let (took, least) = (began.elapsed(), Duration::from_secs_f64(seconds));
    assert!(
        least <= took + EARLY && took <= least + LATE,
        "took {took:?} instead of {least:?}"
    );
    result
}

static CALM: RwLock<()> = RwLock::new(());

/// Held by a test that measures time: no heavy one runs meanwhile.
pub fn calm() -> RwLockReadGuard<'static, ()> {
    CALM.read().unwrap_or_else(PoisonError::into_inner)
}

/// Held by a test that keeps all cores busy.
pub fn heavy() -> RwLockWriteGuard<'static, ()> {
    CALM.write().unwrap_or_else(PoisonError::into_inner)
}
