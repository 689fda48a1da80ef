//! TCP under ureq: one write for a request's head and body, exact time-outs with few system calls, and a look at a
//! pooled connection before it is used again.

use super::context;
use super::pool::Pool;
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::unversioned::transport::time::Duration as Allowed;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, ShutdownHandle,
    Transport,
};
use ureq::{Error, Timeout};

/// A request up to this size leaves in one write: the server wakes once, and reads it at once.
const HELD_BACK: usize = 16 << 10;

/// A peer that is gone without a word is noticed on connections in use.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

/// Stands before all other connectors: a connection is begun.
#[derive(Debug, Default)]
pub struct Begin;

impl Connector<()> for Begin {
    type Out = ();

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<()>, Error> {
        context::connecting();
        Ok(None)
    }
}

/// Stands after all other connectors: the connection is there, with proxy and TLS.
#[derive(Debug, Default)]
pub struct End;

impl<In: Transport> Connector<In> for End {
    type Out = In;

    fn connect(&self, _: &ConnectionDetails, chained: Option<In>) -> Result<Option<In>, Error> {
        context::connected();
        Ok(chained)
    }
}

/// Connects where no connector before it has.
#[derive(Debug, Default)]
pub struct SocketConnector {
    /// Where sockets are noted; without it, at ureq's agent.
    pub pool: Option<Arc<Pool>>,
}

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
        let stream = Arc::new(connect(details)?);
        match &self.pool {
            Some(pool) => pool.register(&stream)?,
            None => (details.register_shutdown)(Arc::downgrade(&stream) as _)?,
        }
        let config = details.config;
        Ok(Some(Either::B(Socket {
            stream: Handle(stream),
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            held_back: Vec::new(),
            read_timeout: None,
            write_timeout: None,
            write_error: None,
            just_read: false,
        })))
    }
}

/// Tries the addresses one after the other; each may take its share of the time.
fn connect(details: &ConnectionDetails) -> Result<TcpStream, Error> {
    let mut failure = Error::HostNotFound;
    let count = details.addrs.len();
    for (i, address) in details.addrs.iter().enumerate() {
        let (left, reason) = left(details.timeout, Timeout::Connect)?;
        let attempt = match left {
            Some(left) => {
                let share = left / u32::try_from(count - i).unwrap_or(1);
                TcpStream::connect_timeout(address, share.max(Duration::from_millis(1)))
            }
            None => TcpStream::connect(address),
        };
        match attempt {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                let keepalive = TcpKeepalive::new()
                    .with_time(KEEPALIVE_AFTER)
                    .with_interval(KEEPALIVE_EVERY);
                // Not every kind of socket knows keep-alive; the connection works without.
                let _ = SockRef::from(&stream).set_tcp_keepalive(&keepalive);
                return Ok(stream);
            }
            Err(e) if is_timeout(&e) => failure = Error::Timeout(reason),
            Err(e) => failure = Error::Io(e),
        }
    }
    Err(failure)
}

/// What is left of the time that ureq and the call allow, and which of the two ends first.
fn left(timeout: NextTimeout, own: Timeout) -> Result<(Option<Duration>, Timeout), Error> {
    let mut least: (Option<Duration>, Timeout) = match timeout.after {
        Allowed::Exact(d) => (Some(d), timeout.reason),
        Allowed::NotHappening => (None, own),
    };
    if let Some(limits) = context::current() {
        let mut limit = |d: Duration, reason| {
            if least.0.is_none_or(|l| d < l) {
                least = (Some(d), reason);
            }
        };
        let now = Instant::now();
        limit(
            limits.deadline.saturating_duration_since(now),
            Timeout::Global,
        );
        if let Some(until) = context::connect_deadline() {
            limit(until.saturating_duration_since(now), Timeout::Connect);
        }
        if let (Some(idle), Timeout::PerRead) = (limits.idle, own) {
            limit(idle, Timeout::PerRead);
        }
    }
    match least {
        (Some(Duration::ZERO), reason) => Err(Error::Timeout(reason)),
        least => Ok(least),
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

/// The socket itself, so that closing the client can end what waits on it.
#[derive(Debug)]
struct Handle(Arc<TcpStream>);

/// A TCP connection as ureq wants it.
#[derive(Debug)]
pub struct Socket {
    stream: Handle,
    buffers: LazyBuffers,
    held_back: Vec<u8>,
    /// As the kernel knows them.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    /// The server stopped reading; it may have said why.
    write_error: Option<io::Error>,
    just_read: bool,
}

impl Socket {
    fn flush(&mut self, timeout: NextTimeout) -> Result<(), Error> {
        if self.held_back.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.held_back);
        let result = self.write(&bytes, timeout);
        // The memory serves the next request.
        self.held_back = bytes;
        self.held_back.clear();
        result
    }

    fn write(&mut self, mut bytes: &[u8], timeout: NextTimeout) -> Result<(), Error> {
        while !bytes.is_empty() && self.write_error.is_none() {
            let (left, reason) = left(timeout.for_write(), Timeout::PerWrite)?;
            let wanted = left.map(coarse);
            if wanted != self.write_timeout {
                self.stream.0.set_write_timeout(wanted)?;
                self.write_timeout = wanted;
            }
            match (&*self.stream.0).write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if is_timeout(&e) => return Err(Error::Timeout(reason)),
                // A server that refuses a large body answers and closes: the answer is worth more than the error.
                Err(e) if is_gone(&e) => self.write_error = Some(e),
                Err(e) => return Err(Error::Io(e)),
            }
        }
        Ok(())
    }
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.held_back.len() + amount > HELD_BACK {
            self.flush(timeout)?;
        }
        if amount > HELD_BACK {
            let output = self.buffers.output()[..amount].to_vec();
            return self.write(&output, timeout);
        }
        self.held_back
            .extend_from_slice(&self.buffers.output()[..amount]);
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.flush(timeout)?;
        if self.buffers.input_append_buf().is_empty() {
            // The buffer is full and nobody could use what is in it: only a reply's header is read as a whole.
            return Err(Error::LargeResponseHeader(
                self.buffers.input().len(),
                self.buffers.input().len(),
            ));
        }
        loop {
            let (left, reason) = left(timeout.for_read(), Timeout::PerRead)?;
            let wanted = left.map(coarse);
            if wanted != self.read_timeout {
                self.stream.0.set_read_timeout(wanted)?;
                self.read_timeout = wanted;
            }
            let result = (&*self.stream.0).read(self.buffers.input_append_buf());
            match (result, self.write_error.take()) {
                (Ok(0), Some(e)) => return Err(Error::Io(e)),
                (Ok(n), _) => {
                    self.buffers.input_appended(n);
                    self.just_read = true;
                    return Ok(n > 0);
                }
                (Err(e), pending) if e.kind() == ErrorKind::Interrupted => {
                    self.write_error = pending
                }
                (Err(e), _) if is_timeout(&e) => return Err(Error::Timeout(reason)),
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
            SockRef::from(&*self.stream.0).recv_with_flags(&mut byte, flags),
            Err(e) if e.kind() == ErrorKind::WouldBlock
        )
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Someone who ends the client may hold the socket for a moment longer; the peer is told now.
        if Arc::strong_count(&self.0) > 1 {
            let _ = self.0.shutdown(Shutdown::Both);
        }
    }
}

/// `ShutdownHandle` is for `TcpStream` itself in ureq; nothing of ours is needed.
const _: fn() = || {
    fn is_handle<T: ShutdownHandle>() {}
    is_handle::<TcpStream>();
};

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
