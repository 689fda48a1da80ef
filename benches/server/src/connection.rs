//! One keep-alive connection: requests in, replies out, one after the other.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::rc::Rc;
use std::time::Instant;

use mio::net::TcpStream;

use crate::http::{self, Reply};
use crate::triton::Triton;

/// What a connection that can do no more at present waits for.
pub enum Next {
    /// The socket: readable or writable again.
    Socket,
    /// A moment: the next event of a stream is due then.
    At(Instant),
    /// Nothing: the client has gone, or speaks something else than HTTP.
    Close,
}

pub struct Connection {
    socket: TcpStream,
    input: Vec<u8>,
    sending: Option<Sending>,
}

impl Connection {
    pub fn new(socket: TcpStream) -> Connection {
        Connection {
            socket,
            input: Vec::new(),
            sending: None,
        }
    }

    /// A reply is not all written yet.
    pub fn is_answering(&self) -> bool {
        self.sending.is_some()
    }

    /// Goes on until the socket has no more to give or to take; readiness is edge-triggered, so stopping earlier would be
    /// stopping for ever.
    pub fn advance(&mut self, triton: &mut Triton) -> io::Result<Next> {
        loop {
            if let Some(sending) = &mut self.sending {
                match sending.write_to(&mut self.socket)? {
                    None => self.sending = None,
                    Some(next) => return Ok(next),
                }
            }
            match http::parse(&self.input) {
                Err(_) => return Ok(Next::Close),
                Ok(Some(request)) => {
                    self.sending = Some(Sending::new(triton.reply(&request)));
                    let length = request.raw.len();
                    self.input.drain(..length);
                }
                Ok(None) => match self.read() {
                    Ok(0) => return Ok(Next::Close),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Next::Socket),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                },
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 * 1024];
        let count = self.socket.read(&mut buffer)?;
        self.input.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

/// A reply on its way out.
struct Sending {
    reply: Rc<Reply>,
    sent: usize,
    piece: usize,
    due: Instant,
}

impl Sending {
    fn new(reply: Rc<Reply>) -> Sending {
        Sending {
            reply,
            sent: 0,
            piece: 0,
            due: Instant::now(),
        }
    }

    /// `None` when all has been written.
    fn write_to(&mut self, socket: &mut TcpStream) -> io::Result<Option<Next>> {
        while let Some(&end) = self.reply.piece_ends.get(self.piece) {
            if self.due > Instant::now() {
                return Ok(Some(Next::At(self.due)));
            }
            match socket.write(&self.reply.bytes[self.sent..end]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(Some(Next::Socket));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if self.sent == end {
                self.piece += 1;
                self.due += self.reply.pause;
            }
        }
        Ok(None)
    }
}
