//! A request on its connection: a short loop between the socket and what HTTP/1.1 says of its bytes.

use super::connect::Connection;
use super::explain;
use super::http1::Dialogue;
use bytes::Bytes;
use http::{Request, Response};
use mishikallm::{Error, Result};
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What is read at once, at most. More than the longest header of a reply.
const ARRIVALS: usize = 64 << 10;

thread_local! {
    /// Where bytes come in, of whatever connection: one that is silent needs no room.
    static ARRIVAL: RefCell<Vec<u8>> = RefCell::new(vec![0; ARRIVALS]);
}

/// An exchange whose connection is there. Dropping it closes the connection.
pub struct Asked {
    connection: Connection,
    dialogue: Dialogue,
    /// What has come and is not understood yet.
    kept: Vec<u8>,
    /// Whether there is in `kept` what was not looked at yet.
    is_fresh: bool,
    /// The server does not take the rest of the request. It may have said why.
    refused: Option<Error>,
}

/// What the socket gave.
enum Arrival<T> {
    Of(T),
    /// The server sends no more.
    End,
}

impl Asked {
    /// Has nothing sent.
    pub fn new(connection: Connection, request: Request<()>, body: Bytes) -> Result<Asked> {
        Ok(Asked {
            connection,
            dialogue: Dialogue::new(request, body)?,
            kept: Vec::new(),
            is_fresh: false,
            refused: None,
        })
    }

    /// Whether its connection was an old one that was closed meanwhile, and took nothing.
    pub fn is_stale(&self) -> bool {
        self.connection.is_used && !self.dialogue.is_begun() && self.refused.is_some()
    }

    /// How long the reply's body is, or what is left of it, where that is told.
    pub fn length(&self) -> Option<u64> {
        self.dialogue.length()
    }

    /// The connection of a reply that is whole, where it may serve another request.
    pub fn into_connection(mut self) -> Option<Connection> {
        self.connection.is_used = true;
        let may_go_on = self.dialogue.may_go_on() && self.kept.is_empty();
        may_go_on.then_some(self.connection)
    }

    /// Sends the request, and waits for the reply's header.
    pub fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<()>>> {
        self.send(cx);
        loop {
            let arrival = match self.poll_come(cx, Dialogue::head) {
                Poll::Ready(arrival) => arrival,
                Poll::Pending if self.is_stale() => Ok(Arrival::End),
                Poll::Pending => return Poll::Pending,
            };
            match (arrival, self.refused.take()) {
                (Ok(Arrival::Of(Some(head))), _) => return Poll::Ready(Ok(head)),
                (Ok(Arrival::Of(None)), refused) => self.refused = refused,
                (Ok(Arrival::End) | Err(_), Some(refused)) => {
                    self.refused = Some(refused.clone());
                    return Poll::Ready(Err(refused));
                }
                (Ok(Arrival::End), None) => return Poll::Ready(Err(explain::cut())),
                (Err(e), None) => return Poll::Ready(Err(e)),
            }
        }
    }

    /// Puts what comes of the body behind `body`, and says whether it was any; if not, the reply is whole.
    pub fn poll_body(&mut self, cx: &mut Context<'_>, body: &mut Vec<u8>) -> Poll<Result<bool>> {
        self.send(cx);
        let before = body.len();
        while !self.dialogue.is_over() {
            let put = |dialogue: &mut Dialogue, came: &[u8]| Ok((dialogue.body(came, body)?, ()));
            let arrival = ready!(self.poll_come(cx, put))?;
            if matches!(arrival, Arrival::End) && !self.dialogue.end() {
                return Poll::Ready(Err(explain::cut()));
            }
            if body.len() > before {
                break;
            }
        }
        Poll::Ready(Ok(body.len() > before))
    }

    /// Sends what can be sent now.
    fn send(&mut self, cx: &mut Context<'_>) {
        while !self.dialogue.is_sent() && self.refused.is_none() {
            let stream = Pin::new(&mut self.connection.stream);
            match stream.poll_write_vectored(cx, &self.dialogue.unsent()) {
                Poll::Ready(Ok(0)) => self.refused = Some(explain::cut()),
                Poll::Ready(Ok(count)) => self.dialogue.was_sent(count),
                Poll::Ready(Err(e)) => self.refused = Some(self.broken(&e)),
                Poll::Pending => return,
            }
        }
        // TLS keeps what its socket did not take.
        if self.refused.is_none() {
            let stream = Pin::new(&mut self.connection.stream);
            if let Poll::Ready(Err(e)) = stream.poll_flush(cx) {
                self.refused = Some(self.broken(&e));
            }
        }
    }

    fn broken(&self, e: &io::Error) -> Error {
        explain::broken(e, self.dialogue.has_head())
    }

    /// Reads what is there, and has it understood: as many bytes as `understand` says. The others are kept.
    fn poll_come<T>(
        &mut self,
        cx: &mut Context<'_>,
        understand: impl FnOnce(&mut Dialogue, &[u8]) -> Result<(usize, T)>,
    ) -> Poll<Result<Arrival<T>>> {
        if std::mem::take(&mut self.is_fresh) {
            let (used, understood) = understand(&mut self.dialogue, &self.kept)?;
            self.kept.drain(..used);
            self.is_fresh = used > 0 && !self.kept.is_empty();
            return Poll::Ready(Ok(Arrival::Of(understood)));
        }
        ARRIVAL.with_borrow_mut(|arrival| {
            let kept = self.kept.len();
            let (old, new) = arrival.split_at_mut(kept);
            old.copy_from_slice(&self.kept);
            let count = match ready!(poll_read(&mut self.connection, cx, new)) {
                Ok(0) => return Poll::Ready(Ok(Arrival::End)),
                Ok(count) => count,
                Err(e) => return Poll::Ready(Err(self.broken(&e))),
            };
            let came = &arrival[..kept + count];
            let (used, understood) = understand(&mut self.dialogue, came)?;
            self.kept.clear();
            self.kept.extend_from_slice(&came[used..]);
            self.is_fresh = used > 0 && !self.kept.is_empty();
            Poll::Ready(Ok(Arrival::Of(understood)))
        })
    }
}

fn poll_read(
    connection: &mut Connection,
    cx: &mut Context<'_>,
    room: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut room = ReadBuf::new(room);
    let read = Pin::new(&mut connection.stream).poll_read(cx, &mut room);
    read.map_ok(|()| room.filled().len())
}

#[cfg(test)]
mod tests;
