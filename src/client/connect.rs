//! Making a TCP connection so that it can be cancelled, and gone on with later.

use super::context::{self, PATIENCE};
use super::pool::Parked;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::unversioned::transport::ConnectionDetails;
use ureq::unversioned::transport::ShutdownHandle;
use ureq::{Error, Timeout};

/// A peer that is gone without a word is noticed on connections in use.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

/// A connection that is being made.
#[derive(Debug)]
pub struct Connecting {
    socket: Arc<TcpStream>,
    /// Which of the addresses it goes to.
    address: SocketAddr,
    /// When this address has had its time, and when all have.
    until: Instant,
    all_until: Instant,
    /// What ends then.
    reason: Timeout,
}

/// Tries the addresses one after the other; each may take its share of the time.
pub fn connect(details: &ConnectionDetails) -> Result<Arc<TcpStream>, Error> {
    let mut addresses: Vec<SocketAddr> = details.addrs.iter().copied().collect();
    let mut failure = Error::HostNotFound;
    let mut begun = match context::take_parked() {
        Some(Parked::Connecting(begun)) => {
            context::connecting_until(begun.all_until);
            let at = addresses.iter().position(|a| *a == begun.address);
            addresses.drain(..at.map_or(0, |at| at + 1));
            Some(begun)
        }
        Some(other) => {
            context::park(other);
            None
        }
        None => None,
    };
    let count = addresses.len();
    let mut rest = addresses.into_iter().enumerate();
    loop {
        let attempt = match begun.take() {
            Some(begun) => begun,
            None => match rest.next() {
                None => return Err(failure),
                Some((i, address)) => {
                    let (left, reason) = context::left(details.timeout, Timeout::Connect);
                    let left = left.unwrap_or(crate::limits::CONNECT_TIMEOUT);
                    if left.is_zero() {
                        return Err(Error::Timeout(reason));
                    }
                    let now = Instant::now();
                    let share = left / u32::try_from(count - i).unwrap_or(1);
                    match begin(address) {
                        Ok(socket) => Connecting {
                            socket,
                            address,
                            until: now + share.max(Duration::from_millis(1)),
                            all_until: context::connect_deadline().unwrap_or(now + left),
                            reason,
                        },
                        Err(e) => {
                            failure = Error::Io(e);
                            continue;
                        }
                    }
                }
            },
        };
        // One that was begun before is noted anew: it may be for another connector, and another wait.
        (details.register_shutdown)(weak(&attempt.socket))?;
        match wait(&attempt) {
            Ok(()) => return Ok(attempt.socket),
            Err(Error::Timeout(PATIENCE)) => {
                context::park(Parked::Connecting(attempt));
                return Err(Error::Timeout(PATIENCE));
            }
            Err(e) => failure = e,
        }
        // A call that was cancelled is not to try the next address.
        context::wait_for(weak(&attempt.socket))?;
    }
}

fn weak(socket: &Arc<TcpStream>) -> super::cancel::Interrupt {
    Arc::downgrade(socket) as super::cancel::Interrupt
}

/// Starts to connect, and waits for nothing.
fn begin(address: SocketAddr) -> io::Result<Arc<TcpStream>> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::from(address)) {
        Ok(()) => {}
        Err(e) if is_underway(&e) => {}
        Err(e) => return Err(e),
    }
    Ok(Arc::new(TcpStream::from(socket)))
}

fn is_underway(e: &io::Error) -> bool {
    e.kind() == ErrorKind::WouldBlock || e.raw_os_error() == Some(libc::EINPROGRESS)
}

/// Waits until the connection is there.
fn wait(attempt: &Connecting) -> Result<(), Error> {
    let socket = SockRef::from(&*attempt.socket);
    loop {
        let (until, reason) = match context::patience() {
            Some(patience) if patience < attempt.until => (patience, PATIENCE),
            _ => (attempt.until, attempt.reason),
        };
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut fds = [PollFd::new(&attempt.socket, PollFlags::OUT)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => return Err(Error::Timeout(reason)),
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(Error::Io(e.into())),
        }
    }
    if let Some(e) = socket.take_error()? {
        return Err(Error::Io(e));
    }
    // Somebody shut it down: there is no error then, and no peer.
    attempt.socket.peer_addr()?;
    socket.set_nonblocking(false)?;
    attempt.socket.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY);
    // Not every kind of socket knows keep-alive; the connection works without.
    let _ = socket.set_tcp_keepalive(&keepalive);
    Ok(())
}

/// `ShutdownHandle` is for `TcpStream` itself in ureq; nothing of ours is needed.
const _: fn() = || {
    fn is_handle<T: ShutdownHandle>() {}
    is_handle::<TcpStream>();
};
