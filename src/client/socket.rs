//! TCP under ureq: one write for a request's head and body, exact time-outs with few system calls, and a look at a
//! pooled connection before it is used again.

use super::buffers::Growing;
use super::connect::connect;
use super::context::{self, PATIENCE};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport,
};
use ureq::{Error, Timeout};

/// A request up to this size leaves in one write: the server wakes once, and reads it at once.
const HELD_BACK: usize = 16 << 10;

/// Connects where no connector before it has.
#[derive(Debug, Default)]
pub struct SocketConnector;

impl<In: Transport> Connector<In> for SocketConnector {
    type Out = Either<In, Socket>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(through_proxy) = chained {
            return Ok(Some(Either::A(through_proxy)));
        }
        Ok(Some(Either::B(Socket {
            stream: Handle {
                stream: connect(details)?,
                pid: std::process::id(),
            },
            buffers: Growing::default(),
            held_back: Vec::new(),
            flushed: 0,
            read_timeout: None,
            write_timeout: None,
            write_error: None,
            just_read: false,
        })))
    }
}

/// Rounds up by less than two per cent, so that a time-out that is nearly the same as before needs no system call.
fn coarse(d: Duration) -> Duration {
    let nanos = u64::try_from(d.as_nanos())
        .unwrap_or(u64::MAX >> 8)
        .clamp(1_000_000, u64::MAX >> 8);
    let step = (63 - nanos.leading_zeros()).saturating_sub(6);
    Duration::from_nanos(((nanos >> step) + 1) << step)
}

fn is_timeout(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_gone(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
    )
}

/// The socket itself. Those who cancel a call or close the client hold it too, weakly.
#[derive(Debug)]
struct Handle {
    stream: Arc<TcpStream>,
    /// The process that made it: in a child of `fork()` the connection is still the parent's.
    pid: u32,
}

/// A TCP connection as ureq wants it.
#[derive(Debug)]
pub struct Socket {
    stream: Handle,
    buffers: Growing,
    held_back: Vec<u8>,
    /// How much of `held_back` is sent.
    flushed: usize,
    /// As the kernel knows them.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    /// The server stopped reading; it may have said why.
    write_error: Option<io::Error>,
    just_read: bool,
}

impl Socket {
    /// Sends what is held back; what is not sent when that fails stays.
    fn flush(&mut self, timeout: NextTimeout) -> Result<(), Error> {
        while self.flushed < self.held_back.len() && self.write_error.is_none() {
            match self.write(timeout)? {
                Ok(n) => self.flushed += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                // A server that refuses a large body answers and closes: the answer is worth more than the error.
                Err(e) if is_gone(&e) => self.write_error = Some(e),
                Err(e) => return Err(Error::Io(e)),
            }
        }
        // The memory serves the next request.
        self.held_back.clear();
        self.flushed = 0;
        Ok(())
    }

    /// Sends some of what is held back, waiting for room only where there is none.
    fn write(&mut self, timeout: NextTimeout) -> Result<io::Result<usize>, Error> {
        let bytes = &self.held_back[self.flushed..];
        let mut stream = &*self.stream.stream;
        let (left, reason) = self.left_to_write(timeout);
        if left == Some(Duration::ZERO) && reason != PATIENCE {
            return Err(Error::Timeout(reason));
        }
        // Without a signal: a host that does not ignore SIGPIPE would end.
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        let at_once = SockRef::from(stream).send_with_flags(bytes, flags);
        match at_once {
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            at_once => return Ok(at_once),
        }
        if left == Some(Duration::ZERO) {
            return Err(Error::Timeout(reason));
        }
        let wanted = left.map(coarse);
        if wanted != self.write_timeout {
            stream.set_write_timeout(wanted)?;
            self.write_timeout = wanted;
        }
        match stream.write(bytes) {
            Err(e) if is_timeout(&e) => Err(Error::Timeout(reason)),
            written => Ok(written),
        }
    }

    fn left_to_write(&self, timeout: NextTimeout) -> (Option<Duration>, Timeout) {
        let (left, reason) = context::left(timeout.for_write(), Timeout::PerWrite);
        // While a connection is being made what is half sent cannot be left.
        match context::patience().filter(|_| context::connect_deadline().is_none()) {
            None => (left, reason),
            Some(until) => {
                let patience = until.saturating_duration_since(Instant::now());
                match left {
                    Some(left) if left <= patience => (Some(left), reason),
                    _ => (Some(patience), PATIENCE),
                }
            }
        }
    }

    /// Reads what there is, waiting for it no longer than `left`.
    fn receive(
        &mut self,
        left: Option<Duration>,
        reason: Timeout,
    ) -> Result<io::Result<usize>, Error> {
        let mut stream = &*self.stream.stream;
        if left == Some(Duration::ZERO) {
            // What has come already is no matter of time, but for a try that is over, and for a caller who had some.
            let may_take = match reason {
                PATIENCE => !context::was_heard(),
                reason => reason == Timeout::PerRead,
            };
            if !may_take || !is_readable(stream)? {
                return Err(Error::Timeout(reason));
            }
        } else {
            let wanted = left.map(coarse);
            if wanted != self.read_timeout {
                stream.set_read_timeout(wanted)?;
                self.read_timeout = wanted;
            }
        }
        Ok(stream.read(self.buffers.input_append_buf()))
    }
}

/// Whether a read would not wait.
fn is_readable(stream: &TcpStream) -> io::Result<bool> {
    let mut fds = [PollFd::new(stream, PollFlags::IN)];
    Ok(poll(&mut fds, Some(&Timespec::default()))? > 0)
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.held_back
            .extend_from_slice(&self.buffers.output()[..amount]);
        if self.held_back.len() - self.flushed <= HELD_BACK {
            return Ok(());
        }
        match self.flush(timeout) {
            // It is taken, and sent by and by: what is above, TLS too, has to know whether it was.
            Err(Error::Timeout(PATIENCE)) => Ok(()),
            flushed => flushed,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.flush(timeout)?;
        if self.buffers.input_append_buf().is_empty() {
            // Only a reply's header is read as a whole, and this one does not fit.
            let length = self.buffers.input().len();
            return Err(Error::LargeResponseHeader(length, length));
        }
        if context::may_last() {
            self.buffers.forget_output();
        }
        loop {
            let (left, reason) = context::left(timeout.for_read(), Timeout::PerRead);
            match (self.receive(left, reason)?, self.write_error.take()) {
                (Ok(0), Some(e)) => return Err(Error::Io(e)),
                (Ok(n), _) => {
                    self.buffers.input_appended(n);
                    self.just_read = true;
                    context::heard();
                    return Ok(n > 0);
                }
                (Err(e), pending) if e.kind() == ErrorKind::Interrupted => {
                    self.write_error = pending
                }
                (Err(e), pending) if is_timeout(&e) => {
                    self.write_error = pending;
                    return Err(Error::Timeout(reason));
                }
                (Err(e), _) => return Err(Error::Io(e)),
            }
        }
    }

    /// ureq asks twice a request: when the reply is read, and before the connection is used again. The second look
    /// finds what the first would.
    fn is_open(&mut self) -> bool {
        // Under TLS, what was read and not yet decrypted is no part of an answer that is whole.
        if !self.held_back.is_empty()
            || self.write_error.is_some()
            || !self.buffers.input().is_empty()
        {
            return false;
        }
        if std::mem::take(&mut self.just_read) {
            return true;
        }
        let mut byte = [MaybeUninit::uninit()];
        let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
        // Bytes that nobody asked for, the end, or an error: not to be used.
        matches!(
            SockRef::from(&*self.stream.stream).recv_with_flags(&mut byte, flags),
            Err(e) if e.kind() == ErrorKind::WouldBlock
        )
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The peer is told now: someone who ends the call may hold the socket for a moment longer, and a child of fork() for
        // as long as it lives.
        if self.pid == std::process::id() {
            let _ = self.stream.shutdown(Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_rounds_up_by_little() {
        for ms in [1, 7, 250, 1000, 59_999, 600_000, 31_622_400_000] {
            let d = Duration::from_millis(ms);
            let c = coarse(d);
            assert!(
                c >= d && c.as_secs_f64() <= d.as_secs_f64() * 1.032,
                "{d:?} {c:?}"
            );
        }
        assert_eq!(
            coarse(Duration::from_secs_f64(599.9999)),
            coarse(Duration::from_secs_f64(599.5))
        );
    }
}
