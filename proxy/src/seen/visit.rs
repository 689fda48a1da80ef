//! A request that asks no model: a route about the proxy, or one that is turned away.

use super::log::{self, masked};
use super::mask::Secrets;
use super::record::HUNG_UP;
use http::{HeaderMap, Method, Request, StatusCode};
use mishikallm::plan::trace::Trace;
use std::time::{Duration, Instant};

/// One such request, told when it is dropped: once, also when its client hung up.
#[derive(Debug)]
pub struct Visit {
    id: String,
    began: Instant,
    status: Option<StatusCode>,
    pub(super) trace: Option<Trace>,
    pub(super) method: Method,
    pub(super) path: Option<String>,
}

impl Visit {
    /// A request that begins now.
    pub fn new<B>(id: String, request: &Request<B>) -> Visit {
        Visit {
            id,
            began: Instant::now(),
            status: None,
            trace: Trace::read(request.headers()),
            method: request.method().clone(),
            path: path(request.uri().path(), request.headers()),
        }
    }

    /// Its answer is there.
    pub fn end(&mut self, status: StatusCode) {
        self.status = Some(status);
    }

    /// Of `x-mishikallm-call-id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn is_over(&self) -> bool {
        self.status.is_some()
    }

    pub(super) fn status(&self) -> u16 {
        self.status.map_or(HUNG_UP, |status| status.as_u16())
    }

    pub(super) fn took(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if log::tells_requests() {
            log::visit(self);
        }
    }
}

/// A path for the log; `None` where it is not told. It is the client's to write, so that a key may be in it.
pub fn path(path: &str, headers: &HeaderMap) -> Option<String> {
    log::tells_requests().then(|| {
        let mut secrets = Secrets::default();
        secrets.add_headers(headers);
        masked(Some(&secrets), |mask| mask.path(path))
    })
}
