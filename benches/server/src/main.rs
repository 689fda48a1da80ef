//! Answers HTTP like Triton 2.51, with fixed replies, so that a benchmark measures the client and nothing else.
//!
//!     fixed-reply-server [PORT]        without a port, or with 0: any free one. The address is printed.
//!
//! What it answers is in the model's name; see `model.rs`. Two paths are its own: `GET /stats` counts what arrived
//! and which replies nobody waited for the end of, and `GET /last` is the last POST request, byte for byte, as it came over the wire.
//!
//! One thread, one event loop, no request without its reply ready made: some tens of thousands of small replies a second
//! on one core, several times what a client on another core can ask for.

mod connection;
mod http;
mod model;
mod triton;

use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind, Write as _};
use std::time::Instant;

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};

use connection::{Connection, Next};
use triton::Triton;

const LISTENER: Token = Token(0);

fn main() -> io::Result<()> {
    let port = match std::env::args().nth(1) {
        None => 0,
        Some(text) => text
            .parse()
            .map_err(|_| io::Error::other("usage: fixed-reply-server [PORT]"))?,
    };
    let listener = TcpListener::bind(([127, 0, 0, 1], port).into())?;
    println!("http://{}", listener.local_addr()?);
    io::stdout().flush()?;
    Server::new(listener)?.run()
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    connections: HashMap<Token, Connection>,
    /// Connections in a pause between two events of a stream, and when it ends.
    paused: BTreeSet<(Instant, Token)>,
    next_token: usize,
    triton: Triton,
}

impl Server {
    fn new(mut listener: TcpListener) -> io::Result<Server> {
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Server {
            poll,
            listener,
            connections: HashMap::new(),
            paused: BTreeSet::new(),
            next_token: LISTENER.0 + 1,
            triton: Triton::default(),
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            let until_due = self
                .paused
                .first()
                .map(|(due, _)| due.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, until_due) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    // Also between two events of a stream, when nobody would write for a while.
                    token if event.is_read_closed() => self.close(token),
                    token => self.advance(token),
                }
            }
            let now = Instant::now();
            while let Some(&(due, token)) = self.paused.first().filter(|(due, _)| *due <= now) {
                self.paused.remove(&(due, token));
                self.advance(token);
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            socket.set_nodelay(true)?;
            let token = Token(self.next_token); // never used twice, so an old pause cannot wake a new connection
            self.next_token += 1;
            self.poll.registry().register(
                &mut socket,
                token,
                Interest::READABLE | Interest::WRITABLE,
            )?;
            self.connections.insert(token, Connection::new(socket));
            self.triton.stats.connections += 1;
        }
    }

    fn advance(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(&token) else {
            return;
        };
        match connection.advance(&mut self.triton) {
            Ok(Next::Socket) => {}
            Ok(Next::At(due)) => {
                self.paused.insert((due, token));
            }
            Ok(Next::Close) | Err(_) => self.close(token),
        }
    }

    fn close(&mut self, token: Token) {
        if let Some(connection) = self.connections.remove(&token) {
            self.triton.stats.abandoned += u64::from(connection.is_answering());
        }
    }
}
