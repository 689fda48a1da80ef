//! Reading a request's body, no more of it than may be.

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use mishikallm::Error;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::sleep;

/// A client that sends nothing of its body for so long has gone, or wants to hold a connection for nothing.
const SILENCE: Duration = Duration::from_secs(60);

/// Why a body is not whole.
#[derive(Debug)]
pub struct Unread {
    /// What its client is told.
    pub error: Error,
    /// The client has hung up.
    pub is_gone: bool,
}

impl From<Error> for Unread {
    fn from(error: Error) -> Unread {
        Unread {
            error,
            is_gone: false,
        }
    }
}

/// All of a body, at most so many bytes.
///
/// Errors: it is longer than the limit (HTTP 413), nothing of it came for a minute (408), or its client gave up.
pub async fn whole<B>(mut body: B, most: usize) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error + 'static,
{
    let told = body.size_hint().lower();
    if told > most as u64 {
        return Err(too_long(most).into());
    }
    let mut first = Bytes::new();
    // Most come in one piece, which is taken as it is.
    let mut more = BytesMut::new();
    loop {
        // Mostly it is there, and needs no clock.
        let mut patience = None;
        let next = poll_fn(|cx| {
            if let Poll::Ready(next) = next_of(&mut body) {
                return Poll::Ready(Ok(next));
            }
            let patience = patience.get_or_insert_with(|| Box::pin(sleep(SILENCE)));
            patience.as_mut().poll(cx).map(|()| Err(silent()))
        });
        let Some(frame) = next.await? else {
            break;
        };
        let frame = frame.map_err(|e| broken(&e))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > most {
            return Err(too_long(most).into());
        }
        if first.is_empty() {
            first = data;
            continue;
        }
        if more.is_empty() {
            more.reserve(told as usize);
            more.extend_from_slice(&first);
        }
        more.extend_from_slice(&data);
        if more.len() > most {
            return Err(too_long(most).into());
        }
    }
    match more.is_empty() {
        true => Ok(first),
        false => Ok(more.freeze()),
    }
}

/// hyper reads a body in the task that asks for it, and asks again when it has read: to be woken for it besides would be once too
/// often for each request.
fn next_of<B>(body: &mut B) -> Poll<Option<Result<Frame<Bytes>, B::Error>>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let quiet = &mut Context::from_waker(Waker::noop());
    Pin::new(body).poll_frame(quiet)
}

fn too_long(most: usize) -> Error {
    Error::limit(
        413,
        format!("the request's body is longer than the limit of {most} bytes"),
    )
}

fn silent() -> Error {
    let seconds = SILENCE.as_secs();
    Error::deadline(format!(
        "the request's body is not whole, and nothing of it came for {seconds} s"
    ))
}

/// One that is no HTTP is its client's mistake; one that ends is a client that has gone.
fn broken(why: &(dyn std::error::Error + 'static)) -> Unread {
    let causes = std::iter::successors(Some(why), |e| e.source());
    let mut kinds = causes.filter_map(|e| Some(e.downcast_ref::<io::Error>()?.kind()));
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let ends = [
        BrokenPipe,
        ConnectionAborted,
        ConnectionReset,
        UnexpectedEof,
    ];
    Unread {
        error: Error::argument("body", "the request's body ended before it was whole"),
        is_gone: kinds.any(|kind| ends.contains(&kind)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, channel::Channel};
    use std::convert::Infallible;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_go_on_is_given_up() {
        let (mut sender, body) = Channel::<Bytes, Infallible>::new(1);
        sender.send_data(Bytes::from_static(b"{")).await.unwrap();
        let error = whole(body, 10).await.unwrap_err().error;
        assert_eq!(error.http_status(), 408, "{error}");
        assert!(error.message().contains("60 s"), "{error}");
        drop(sender);
    }

    async fn joined(pieces: &[&'static str]) -> Result<Bytes, Error> {
        let (mut sender, body) = Channel::<Bytes, Infallible>::new(pieces.len());
        for piece in pieces {
            let piece = Bytes::from_static(piece.as_bytes());
            sender.send_data(piece).await.unwrap();
        }
        drop(sender);
        whole(body, 4).await.map_err(|unread| unread.error)
    }

    #[tokio::test]
    async fn pieces_are_joined_up_to_the_limit() {
        assert_eq!(joined(&["ab", "", "cd"]).await.unwrap(), "abcd");
        let error = joined(&["ab", "cde"]).await.unwrap_err();
        assert_eq!(error.http_status(), 413);
        assert_eq!(joined(&["abcde"]).await.unwrap_err().http_status(), 413);
        let told = Full::new(Bytes::from_static(b"12345"));
        let error = whole(told, 4).await.unwrap_err().error;
        assert_eq!(error.http_status(), 413);
    }
}
