//! What `--detailed_debug` tells: what the client sent, what went to Triton, what came back, and what the client got; masked.
//!
//! Whoever calls these looks at [`super::tells_exchanges`] first, so that nothing is made ready for nobody.

use super::log::masked;
use super::mask::{self, Secrets};
use http::{HeaderMap, request};
use mishikallm::json::Fields;
use mishikallm::triton::Method;
use mishikallm::triton::reply::Reply;
use mishikallm::{Error, Result};
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use tracing::trace;

/// One call, of which the log tells: its lines have its id, and none of its own keys, whoever repeats them.
#[derive(Debug, Default)]
pub struct Told {
    id: String,
    secrets: Secrets,
}

thread_local! {
    /// The call that this thread is at work on.
    static CURRENT: RefCell<Option<Arc<Told>>> = const { RefCell::new(None) };
}

/// While this lives, lines of this thread are a call's.
pub struct Within(Option<Arc<Told>>);

impl Drop for Within {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

impl Told {
    /// A call without keys of its own; `None` where nobody listens.
    pub fn of(id: &str) -> Option<Arc<Told>> {
        super::tells_exchanges().then(|| {
            Arc::new(Told {
                id: id.to_owned(),
                secrets: Secrets::default(),
            })
        })
    }

    /// A client's request, and what was read of it.
    pub fn asked(
        id: &str,
        head: &request::Parts,
        body: &[u8],
        read: Option<&Fields>,
    ) -> Option<Arc<Told>> {
        if !super::tells_exchanges() {
            return None;
        }
        let mut secrets = Secrets::default();
        secrets.add_headers(&head.headers);
        if let Some(fields) = read {
            secrets.add_fields(fields.iter());
        }
        let told = Told {
            id: id.to_owned(),
            secrets,
        };
        masked(Some(&told.secrets), |mask| {
            trace!(
                call = id,
                method = %head.method,
                path = %mask.path(head.uri.path()),
                headers = %mask.headers(&head.headers),
                body = %mask.body(body, None),
                "the client asks"
            );
        });
        Some(Arc::new(told))
    }

    /// The keys that the client sent.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// From now on this thread is at work on the call.
    pub fn within(self: &Arc<Told>) -> Within {
        Within(CURRENT.replace(Some(self.clone())))
    }

    /// The whole answer to the client.
    pub fn answered(&self, status: u16, body: &str) {
        masked(Some(&self.secrets), |mask| {
            let (call, body) = (self.id.as_str(), mask.body(body.as_bytes(), None));
            trace!(call, status, body = %body, "the client gets");
        });
    }

    /// A chunk for the client.
    pub fn chunk(&self, chunk: &str) {
        masked(Some(&self.secrets), |mask| {
            let (call, body) = (self.id.as_str(), mask.body(chunk.as_bytes(), None));
            trace!(call, body = %body, "the client gets a chunk");
        });
    }
}

/// With the id and the keys of the call that this thread is at work on, if there is one.
pub(super) fn with_current<T>(tell: impl FnOnce(Option<&str>, Option<&Secrets>) -> T) -> T {
    let current = CURRENT.with_borrow(Clone::clone);
    let current = current.as_deref();
    tell(current.map(|c| c.id.as_str()), current.map(|c| &c.secrets))
}

/// A request goes to Triton.
pub fn sent(
    (method, url): (Method, &str),
    headers: &HeaderMap,
    body: &[u8],
    json_length: Option<usize>,
) {
    with_current(|call, own| {
        let mut secrets = own.cloned().unwrap_or_default();
        secrets.add_headers(headers);
        masked(Some(&secrets), |mask| {
            trace!(
                call,
                method = name(method),
                url = %mask::url(url),
                headers = %mask.headers(headers),
                body = %mask.body(body, json_length),
                "Triton is asked"
            );
        });
    });
}

/// The whole reply came, or none.
pub fn replied((method, url): (Method, &str), replied: &Result<Reply>) {
    let (method, url) = (name(method), mask::url(url));
    with_current(|call, own| match replied {
        Ok(reply) => masked(own, |mask| {
            let body = mask.body(reply.bytes(), reply.json_length);
            trace!(call, method, url = %url, status = reply.status, body = %body, "Triton replies");
        }),
        Err(e) => failed(call, method, &url, e),
    });
}

/// What the relay says of a server that does not reply holds no word of the server's.
fn failed(call: Option<&str>, method: &str, url: &str, e: &Error) {
    trace!(call, method, url = %url, "no reply: {}", e.message());
}

/// A reply began, whose body is read as it comes.
pub fn opened((method, url): (Method, &str), status: u16) {
    let (method, url) = (name(method), mask::url(url));
    with_current(|call, _| {
        trace!(call, method, url = %url, status, "Triton begins to reply");
    });
}

/// Some of it came.
pub fn came(bytes: &[u8]) {
    with_current(|call, own| {
        masked(own, |mask| {
            trace!(call, body = %mask.events(bytes), "Triton goes on");
        });
    });
}

/// Something else of the call that this thread is at work on; no text of anybody's.
pub fn note(line: fmt::Arguments<'_>) {
    with_current(|call, _| trace!(call, "{line}"));
}

fn name(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
    }
}
