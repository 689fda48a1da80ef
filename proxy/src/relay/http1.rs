//! HTTP/1.1 as a client speaks it, without a socket: a request's bytes, and what the bytes of its reply mean.
//!
//! ureq-proto knows the protocol, as it does for the library's blocking client. hyper's client would join the request and the
//! connection by channels, and keep 25 KB for each stream that is open.

use super::explain;
use bytes::Bytes;
use http::{Method, Request, Response, header};
use mishikallm::{Result, limits};
use std::io::IoSlice;
use ureq_proto::client::state::{RecvBody, RecvResponse};
use ureq_proto::client::{
    Await100Result, Call, RecvBodyResult, RecvResponseResult, SendRequestResult,
};
use ureq_proto::{BodyMode, Error};

/// The longest line that stands between a body's chunks, or after the last.
const CHUNK_LINE: usize = 8 << 10;

/// The first line is `POST `, a path and ` HTTP/1.1`, and there is an empty line; each header has four bytes more than its name
/// and value.
const FIRST_LINE: usize = 20;
const HEADER_LINE: usize = 4;

/// A request, and as much of its reply as is there.
pub struct Dialogue {
    head: Vec<u8>,
    body: Bytes,
    /// Of both.
    sent: usize,
    /// Bytes of headers that were not the last.
    interim: usize,
    stage: Stage,
}

enum Stage {
    Asks(Call<RecvResponse>),
    Reads(Call<RecvBody>),
    /// The reply is whole.
    Over {
        may_go_on: bool,
    },
}

impl Dialogue {
    /// Has nothing sent. The body's length is told, its host is not.
    pub fn new(mut request: Request<()>, body: Bytes) -> Result<Dialogue> {
        if request.method() == Method::POST {
            let length = body.len().into();
            request.headers_mut().insert(header::CONTENT_LENGTH, length);
        }
        let lines = request.headers().iter();
        let lines = lines.map(|(name, value)| name.as_str().len() + value.len() + HEADER_LINE);
        let room = request
            .uri()
            .path_and_query()
            .map_or(1, |p| p.as_str().len())
            + FIRST_LINE
            + lines.sum::<usize>();
        let mut head = vec![0; room];
        let call = begun(request, &mut head, body.len()).map_err(|e| explain::protocol(&e))?;
        Ok(Dialogue {
            head,
            body,
            sent: 0,
            interim: 0,
            stage: Stage::Asks(call),
        })
    }

    /// What is still to be sent of the header and of the body.
    pub fn unsent(&self) -> [IoSlice<'_>; 2] {
        let of_body = self.sent.saturating_sub(self.head.len());
        let head = self.head.get(self.sent..).unwrap_or_default();
        [IoSlice::new(head), IoSlice::new(&self.body[of_body..])]
    }

    /// Whether anything has been sent.
    pub fn is_begun(&self) -> bool {
        self.sent > 0 || self.is_sent()
    }

    /// Whether all of it has been sent.
    pub fn is_sent(&self) -> bool {
        self.sent == self.head.len() + self.body.len()
    }

    /// So many bytes more have been sent.
    pub fn was_sent(&mut self, count: usize) {
        self.sent += count;
        if self.is_sent() {
            (self.head, self.body, self.sent) = Default::default();
        }
    }

    /// Looks for the reply's header in all that has come. Gives how many bytes it has understood, which are none as long as a
    /// header is not whole, and the header; none where another follows (RFC 9110, section 15.2).
    pub fn head(&mut self, came: &[u8]) -> Result<(usize, Option<Response<()>>)> {
        let Stage::Asks(call) = &mut self.stage else {
            return Ok((0, None));
        };
        let (used, response) = call
            .try_response(came, false)
            .map_err(|e| explain::protocol(&e))?;
        let is_too_long = came.len() >= limits::REPLY_HEADER_BYTES && used == 0
            || self.interim + used > limits::REPLY_HEADER_BYTES;
        if is_too_long {
            return Err(explain::long_header());
        }
        if response.is_none() {
            self.interim += used;
            return Ok((used, None));
        }
        let over = Stage::Over { may_go_on: false };
        if let Stage::Asks(call) = std::mem::replace(&mut self.stage, over) {
            self.stage = match call.proceed() {
                Some(RecvResponseResult::RecvBody(call)) => Stage::Reads(call),
                Some(RecvResponseResult::Cleanup(call)) => over_after(call.must_close_connection()),
                Some(RecvResponseResult::Redirect(call)) => {
                    over_after(call.must_close_connection())
                }
                None => Stage::Over { may_go_on: false },
            };
        }
        Ok((used, response))
    }

    /// Whether the reply's header is there.
    pub fn has_head(&self) -> bool {
        !matches!(self.stage, Stage::Asks(_))
    }

    /// How long the body is, or what is left of it, where that is told.
    pub fn length(&self) -> Option<u64> {
        match &self.stage {
            Stage::Reads(call) => match call.body_mode() {
                BodyMode::LengthDelimited(length) => Some(length),
                _ => None,
            },
            _ => None,
        }
    }

    /// Puts the body's part of what has come behind `body`; gives how many bytes it has understood. The others are to be given
    /// again, with more behind them.
    pub fn body(&mut self, came: &[u8], body: &mut Vec<u8>) -> Result<usize> {
        let Stage::Reads(call) = &mut self.stage else {
            return Ok(0);
        };
        let mut used = 0;
        while used < came.len() {
            let begin = body.len();
            body.resize(begin + came.len() - used, 0);
            let read = call.read(&came[used..], &mut body[begin..]);
            let (read, given) = read.map_err(|e| explain::protocol(&e))?;
            body.truncate(begin + given);
            used += read;
            if read == 0 {
                break;
            }
        }
        // One that ends with the connection can always go on.
        if call.body_mode() != BodyMode::CloseDelimited {
            self.end_body();
        }
        if !self.is_over() && came.len() - used > CHUNK_LINE {
            return Err(explain::no_http());
        }
        Ok(used)
    }

    /// Nothing more comes. Whether that was in order.
    pub fn end(&mut self) -> bool {
        self.end_body();
        self.is_over()
    }

    fn end_body(&mut self) {
        let over = Stage::Over { may_go_on: false };
        match std::mem::replace(&mut self.stage, over) {
            Stage::Reads(call) if call.can_proceed() => {
                let must_close = call.proceed().is_none_or(|next| match next {
                    RecvBodyResult::Cleanup(call) => call.must_close_connection(),
                    RecvBodyResult::Redirect(call) => call.must_close_connection(),
                });
                self.stage = over_after(must_close);
            }
            stage => self.stage = stage,
        }
    }

    /// Whether the reply is whole.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over { .. })
    }

    /// Whether the connection may serve another request.
    pub fn may_go_on(&self) -> bool {
        self.is_sent() && matches!(self.stage, Stage::Over { may_go_on: true })
    }
}

fn over_after(must_close: bool) -> Stage {
    let may_go_on = !must_close;
    Stage::Over { may_go_on }
}

/// Writes the header, and takes the body as sent: it is kept beside.
fn begun(
    request: Request<()>,
    head: &mut Vec<u8>,
    body: usize,
) -> std::result::Result<Call<RecvResponse>, Error> {
    let mut call = Call::new(request)?.proceed();
    let written = call.write(head)?;
    head.truncate(written);
    let mut call = match call.proceed()?.ok_or(Error::OutputOverflow)? {
        SendRequestResult::RecvResponse(call) => return Ok(call),
        SendRequestResult::SendBody(call) => call,
        // Nobody waits for a server's leave.
        SendRequestResult::Await100(call) => match call.proceed()? {
            Await100Result::RecvResponse(call) => return Ok(call),
            Await100Result::SendBody(call) => call,
        },
    };
    call.consume_direct_write(body)?;
    call.proceed().ok_or(Error::BodyLargerThanContentLength)
}

#[cfg(test)]
mod tests;
