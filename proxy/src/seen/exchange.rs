//! What `--detailed_debug` tells: what the client sent, what went to Triton, what came back, and what the client got; masked.
//!
//! Whoever calls these looks at [`super::tells_exchanges`] first, so that nothing is made ready for nobody.

use super::log::masked;
use super::mask;
use http::{HeaderMap, request};
use mishikallm::triton::Method;
use mishikallm::triton::reply::Reply;
use mishikallm::{Error, Result};
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use tracing::trace;

thread_local! {
    /// The call that this thread is at work on.
    static CURRENT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// While this lives, lines of this thread are a call's.
pub struct Within(Option<Arc<str>>);

impl Drop for Within {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

/// From now on this thread is at work on a call; `None`, and nothing done, where nobody listens.
pub fn within(id: &str) -> Option<Within> {
    super::tells_exchanges().then(|| Within(CURRENT.replace(Some(Arc::from(id)))))
}

/// The id of the call that this thread is at work on.
pub(super) fn current() -> Option<Arc<str>> {
    CURRENT.with_borrow(Clone::clone)
}

/// A client's request.
pub fn asked(id: &str, head: &request::Parts, body: &[u8]) {
    masked(Some(&head.headers), |mask| {
        trace!(
            call = id,
            method = %head.method,
            path = %mask::url(head.uri.path()),
            headers = %mask.headers(&head.headers),
            body = %mask.body(body, None),
            "the client asks"
        );
    });
}

/// The whole answer to a client.
pub fn answered(id: &str, status: u16, body: &str) {
    masked(None, |mask| {
        let body = mask.body(body.as_bytes(), None);
        trace!(call = id, status, body = %body, "the client gets");
    });
}

/// A chunk for a client.
pub fn told(id: &str, chunk: &str) {
    masked(None, |mask| {
        let body = mask.body(chunk.as_bytes(), None);
        trace!(call = id, body = %body, "the client gets a chunk");
    });
}

/// A request goes to Triton.
pub fn sent(
    (method, url): (Method, &str),
    headers: &HeaderMap,
    body: &[u8],
    json_length: Option<usize>,
) {
    masked(Some(headers), |mask| {
        trace!(
            call = current().as_deref(),
            method = name(method),
            url = %mask::url(url),
            headers = %mask.headers(headers),
            body = %mask.body(body, json_length),
            "Triton is asked"
        );
    });
}

/// The whole reply came, or none.
pub fn replied((method, url): (Method, &str), replied: &Result<Reply>) {
    let (call, url) = (current(), mask::url(url));
    let (call, method) = (call.as_deref(), name(method));
    match replied {
        Ok(reply) => masked(None, |mask| {
            let body = mask.body(reply.bytes(), reply.json_length);
            trace!(call, method, url = %url, status = reply.status, body = %body, "Triton replies");
        }),
        Err(e) => failed(call, method, &url, e),
    }
}

/// What the relay says of a server that does not reply holds no word of the server's.
fn failed(call: Option<&str>, method: &str, url: &str, e: &Error) {
    trace!(call, method, url = %url, "no reply: {}", e.message());
}

/// A reply began, whose body is read as it comes.
pub fn opened((method, url): (Method, &str), status: u16) {
    trace!(
        call = current().as_deref(),
        method = name(method),
        url = %mask::url(url),
        status,
        "Triton begins to reply"
    );
}

/// Some of it came.
pub fn came(bytes: &[u8]) {
    masked(None, |mask| {
        trace!(call = current().as_deref(), body = %mask.events(bytes), "Triton goes on");
    });
}

/// Something else of the call that this thread is at work on; no text of anybody's.
pub fn note(line: fmt::Arguments<'_>) {
    trace!(call = current().as_deref(), "{line}");
}

fn name(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
    }
}
