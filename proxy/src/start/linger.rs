//! The end of a connection whose client still sends.
//!
//! A socket that is closed while bytes lie in it unread is reset, and a reset may take an answer away from a client that has not read it
//! yet. So what a client sends after its answer is taken for a while, and thrown away.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Who sends for longer than this after his answer is not waited for,
const LONGEST: Duration = Duration::from_secs(5);

/// nor who sends more.
const MOST: usize = 256 << 20;

/// What is taken at once.
const PIECE: usize = 16 << 10;

/// What a client has sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    anything: AtomicBool,
    /// Something came after the last request that was read to its end.
    more: AtomicBool,
}

impl Sent {
    /// Whether anything came at all.
    pub(super) fn anything(&self) -> bool {
        self.anything.load(Ordering::Relaxed)
    }
}

/// The body of a request, which leaves word when it is read to its end.
pub(super) struct Heard<'a> {
    body: Incoming,
    sent: &'a Sent,
}

impl<'a> Heard<'a> {
    /// Nothing of it was read yet.
    pub(super) fn new(body: Incoming, sent: &'a Sent) -> Heard<'a> {
        if body.is_end_stream() {
            sent.more.store(false, Ordering::Relaxed);
        }
        Heard { body, sent }
    }
}

impl Body for Heard<'_> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() {
            self.sent.more.store(false, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that is not closed before its client has read.
pub(super) struct Lingering<'a, S> {
    stream: S,
    sent: &'a Sent,
    /// The answer is out, and no more is waited for than this.
    end: Option<Pin<Box<Sleep>>>,
    left: usize,
}

impl<'a, S> Lingering<'a, S> {
    pub(super) fn new(stream: S, sent: &'a Sent) -> Lingering<'a, S> {
        Lingering {
            stream,
            sent,
            end: None,
            left: MOST,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.sent.anything.store(true, Ordering::Relaxed);
            self.sent.more.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let end = match &mut this.end {
            Some(end) => end,
            None => {
                // Its own half: the client learns that nothing more comes.
                ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                if !this.sent.more.load(Ordering::Relaxed) {
                    return Poll::Ready(Ok(()));
                }
                this.end.insert(Box::pin(sleep(LONGEST)))
            }
        };
        let mut scrap = [MaybeUninit::uninit(); PIECE];
        while this.left > 0 && end.as_mut().poll(cx).is_pending() {
            let mut piece = ReadBuf::uninit(&mut scrap);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut piece)) {
                Ok(()) if !piece.filled().is_empty() => {
                    this.left = this.left.saturating_sub(piece.filled().len());
                }
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
