//! A streamed answer as the body of a reply: the server's connection is read while the client's is written, in one future.

use super::run::{Progress, Run};
use crate::app::Worker;
use crate::reply::error_json;
use crate::seen::Outcome;
use bytes::Bytes;
use mishikallm::Error;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What is there at once goes out in one piece, up to this size.
const TOGETHER: usize = 16 << 10;

const BEFORE: &[u8] = b"data: ";
const AFTER: &[u8] = b"\n\n";
const DONE: &[u8] = b"data: [DONE]\n\n";

/// A call that gives chunks. Dropping it ends the call; the server is told at once.
pub struct Frames {
    worker: Arc<Worker>,
    /// `None`: it is over.
    run: Option<Box<Run>>,
    /// What is to go out.
    out: Vec<u8>,
}

impl Frames {
    /// A call whose first chunk is there.
    pub fn new(worker: Arc<Worker>, run: Box<Run>, first: &str) -> Frames {
        let mut frames = Frames {
            worker,
            run: Some(run),
            out: Vec::new(),
        };
        frames.event(first);
        frames
    }

    /// Whether all of it went out.
    pub fn is_over(&self) -> bool {
        self.run.is_none() && self.out.is_empty()
    }

    /// The next piece; `None`: there is no more.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        while self.out.len() < TOGETHER {
            let Some(run) = &mut self.run else {
                break;
            };
            let (wire, models) = (&self.worker.wire, &self.worker.app.models);
            match run.poll_next(cx, wire, models) {
                Poll::Pending if self.out.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(Ok(Progress::Chunk(chunk))) => self.event(&chunk),
                Poll::Ready(Ok(Progress::Answer(rest))) => {
                    if !rest.is_empty() {
                        self.event(&rest);
                    }
                    self.end(Outcome::Answered);
                }
                Poll::Ready(Err(e)) => self.fail(&e),
            }
        }
        let out = std::mem::take(&mut self.out);
        Poll::Ready((!out.is_empty()).then(|| Bytes::from(out)))
    }

    fn event(&mut self, data: &str) {
        if let Some(told) = self.run.as_ref().and_then(|run| run.told()) {
            told.chunk(data);
        }
        self.out.reserve(BEFORE.len() + data.len() + AFTER.len());
        self.out.extend_from_slice(BEFORE);
        self.out.extend_from_slice(data.as_bytes());
        self.out.extend_from_slice(AFTER);
    }

    /// What was said cannot be unsaid: the error is the last event but one.
    fn fail(&mut self, e: &Error) {
        self.event(&error_json(e));
        self.end(Outcome::failed(e));
    }

    fn end(&mut self, outcome: Outcome) {
        self.out.extend_from_slice(DONE);
        if let Some(mut run) = self.run.take() {
            run.end(outcome);
        }
    }
}
