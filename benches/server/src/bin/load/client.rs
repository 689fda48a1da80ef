//! One client: a connection on which a request is sent, again and again if need be, and what came back.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::reply::Reply;

/// How far a request has come.
pub enum Progress {
    Waiting,
    /// The whole reply is there.
    Answered(Answer),
    /// The connection is of no use any more.
    Broken,
}

pub struct Answer {
    pub status: u16,
    pub length: usize,
    pub first: Instant,
}

pub struct Client {
    address: SocketAddr,
    request: Rc<[u8]>,
    token: Token,
    socket: Option<TcpStream>,
    unsent: usize,
    reply: Reply,
    /// When the first byte of the body came.
    first: Option<Instant>,
}

impl Client {
    pub fn new(address: SocketAddr, request: Rc<[u8]>, token: Token) -> Client {
        Client {
            address,
            request,
            token,
            socket: None,
            unsent: 0,
            reply: Reply::default(),
            first: None,
        }
    }

    pub fn has_begun(&self) -> bool {
        self.first.is_some()
    }

    /// Asks, on the connection that is there or on a new one.
    pub fn ask(&mut self, registry: &Registry) -> io::Result<()> {
        if self.socket.is_none() {
            // To wait for it is all right: on this machine it takes microseconds.
            let socket = std::net::TcpStream::connect(self.address)?;
            socket.set_nodelay(true)?;
            socket.set_nonblocking(true)?;
            let mut socket = TcpStream::from_std(socket);
            registry.register(
                &mut socket,
                self.token,
                Interest::READABLE | Interest::WRITABLE,
            )?;
            self.socket = Some(socket);
        }
        self.unsent = self.request.len();
        self.reply = Reply::default();
        self.first = None;
        self.send()
    }

    fn send(&mut self) -> io::Result<()> {
        let Some(socket) = &mut self.socket else {
            return Ok(());
        };
        while self.unsent > 0 {
            match socket.write(&self.request[self.request.len() - self.unsent..]) {
                Ok(count) => self.unsent -= count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Goes on until the socket has no more to give.
    pub fn advance(&mut self, buffer: &mut [u8]) -> Progress {
        self.try_advance(buffer).unwrap_or_else(|_| {
            self.hang_up();
            Progress::Broken
        })
    }

    fn try_advance(&mut self, buffer: &mut [u8]) -> io::Result<Progress> {
        self.send()?;
        let Some(socket) = &mut self.socket else {
            return Ok(Progress::Waiting); // an event of a connection that has been closed since
        };
        loop {
            let count = match socket.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(Progress::Waiting);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let is_complete = self
                .reply
                .take(&buffer[..count])
                .map_err(io::Error::other)?;
            if self.first.is_none() && self.reply.length > 0 {
                self.first = Some(Instant::now());
            }
            if is_complete {
                return Ok(Progress::Answered(Answer {
                    status: self.reply.status,
                    length: self.reply.length,
                    first: self.first.unwrap_or_else(Instant::now),
                }));
            }
        }
    }

    /// Closes the connection, wherever the reply is.
    pub fn hang_up(&mut self) {
        self.socket = None;
    }
}
