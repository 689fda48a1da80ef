//! Reading a request's body, no more of it than may be.

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use mishikallm::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::timeout;

/// A client that sends nothing of its body for so long has gone, or wants to hold a connection for nothing.
const SILENCE: Duration = Duration::from_secs(60);

/// All of a body, at most so many bytes.
///
/// Errors: it is longer than the limit (HTTP 413), nothing of it came for a minute (408), or its client gave up.
pub async fn whole<B>(mut body: B, most: usize) -> mishikallm::Result<Bytes>
where
    B: Body<Data = Bytes> + Unpin,
{
    let told = body.size_hint().lower();
    if told > most as u64 {
        return Err(too_long(most));
    }
    let mut first = Bytes::new();
    // Most come in one piece, which is taken as it is.
    let mut more = BytesMut::new();
    loop {
        let next = timeout(SILENCE, poll_fn(|_| next_of(&mut body))).await;
        let Some(frame) = next.map_err(|_| silent())? else {
            break;
        };
        let frame = frame.map_err(|_| broken())?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > most {
            return Err(too_long(most));
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
            return Err(too_long(most));
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

fn broken() -> Error {
    Error::argument("body", "the request's body ended before it was whole")
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
        let error = whole(body, 10).await.unwrap_err();
        assert_eq!(error.http_status(), 408, "{error}");
        assert!(error.message().contains("60 s"), "{error}");
        drop(sender);
    }

    async fn joined(pieces: &[&'static str]) -> mishikallm::Result<Bytes> {
        let (mut sender, body) = Channel::<Bytes, Infallible>::new(pieces.len());
        for piece in pieces {
            let piece = Bytes::from_static(piece.as_bytes());
            sender.send_data(piece).await.unwrap();
        }
        drop(sender);
        whole(body, 4).await
    }

    #[tokio::test]
    async fn pieces_are_joined_up_to_the_limit() {
        assert_eq!(joined(&["ab", "", "cd"]).await.unwrap(), "abcd");
        let error = joined(&["ab", "cde"]).await.unwrap_err();
        assert_eq!(error.http_status(), 413);
        assert_eq!(joined(&["abcde"]).await.unwrap_err().http_status(), 413);
        let told = Full::new(Bytes::from_static(b"12345"));
        assert_eq!(whole(told, 4).await.unwrap_err().http_status(), 413);
    }
}
