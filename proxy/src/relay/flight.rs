//! One HTTP exchange: a request out, a reply in.

use super::asked::Asked;
use super::connect::{Connecting, Connection, bad_url};
use super::pool::Wire;
use crate::seen::{exchange, tells_exchanges};
use bytes::Bytes;
use http::{HeaderValue, header};
use mishikallm::plan::credentials::Header;
use mishikallm::triton::reply::{JSON_LENGTH, Reply};
use mishikallm::triton::{Method, Request};
use mishikallm::{Error, Result};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant, SystemTime};

/// How much is made ready for a body whose length is told; it is only the server's word.
const FIRST_ROOM: usize = 1 << 20;

/// An exchange under way. Dropping it closes its connection.
#[derive(Default)]
pub struct Flight {
    stage: Stage,
    /// When the server was last heard of, or asked; its silence counts from here.
    heard: Option<Instant>,
}

#[derive(Default)]
enum Stage {
    #[default]
    New,
    Connects(Connecting),
    Asked(Box<Asked>),
    /// The reply's header is there.
    Opened(Box<Asked>, Reply),
    /// The reply is read to its end, or there will be none.
    Over,
}

impl std::fmt::Debug for Flight {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flight").finish_non_exhaustive()
    }
}

/// A request whose body may be sent by more than one.
#[derive(Clone, Debug)]
pub struct Order {
    method: Method,
    url: String,
    json_length: Option<usize>,
    body: Bytes,
}

impl From<Request> for Order {
    fn from(request: Request) -> Order {
        Order {
            method: request.method,
            url: request.url,
            json_length: request.json_length,
            body: Bytes::from(request.body),
        }
    }
}

/// The body of a request that somebody else keeps, too.
struct Shared(Arc<Request>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0.body
    }
}

impl From<&Arc<Request>> for Order {
    fn from(request: &Arc<Request>) -> Order {
        Order {
            method: request.method,
            url: request.url.clone(),
            json_length: request.json_length,
            body: Bytes::from_owner(Shared(request.clone())),
        }
    }
}

impl Order {
    /// What is asked, and where; the log leaves out the query.
    pub fn place(&self) -> (Method, &str) {
        (self.method, &self.url)
    }

    /// Scheme, host and port; and the rest.
    fn parts(&self) -> (&str, &str) {
        let url = self.url.as_bytes();
        let colon = url.iter().position(|byte| *byte == b':');
        let host = colon.filter(|at| url[*at..].starts_with(b"://"));
        let host = host.map_or(0, |at| at + 3);
        let end = url[host..]
            .iter()
            .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
            .map_or(url.len(), |at| host + at);
        self.url.split_at(end)
    }

    fn request(&self, headers: &[Header], host: HeaderValue) -> Result<http::Request<()>> {
        let (_, path) = self.parts();
        let mut sent = http::Request::new(());
        *sent.method_mut() = match self.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
        };
        let path = match path {
            "" => "/",
            path => path,
        };
        *sent.uri_mut() = path.parse().map_err(|_| bad_url())?;
        let own = sent.headers_mut();
        own.reserve(headers.len() + 4);
        own.insert(header::HOST, host);
        for (name, value) in headers {
            own.append(name, value.clone());
        }
        if let Some(length) = self.json_length {
            own.append(JSON_LENGTH, length.into());
        }
        Ok(sent)
    }
}

/// What an exchange has to know of its call.
#[derive(Clone, Copy)]
pub struct Terms<'a> {
    /// Headers for every request of the call.
    pub headers: &'a [Header],
    /// The longest time for one connection.
    pub connect: Duration,
    /// It is now.
    pub now: Instant,
}

impl Flight {
    /// Whether the reply's header is there.
    pub fn is_opened(&self) -> bool {
        matches!(self.stage, Stage::Opened(..))
    }

    /// Its turn has come: the server's silence counts from now.
    pub fn in_turn(mut self, now: Instant) -> Flight {
        self.heard = self.heard.map(|_| now);
        self
    }

    /// Since when the server is silent; `None`: it was not asked yet.
    pub fn silent_since(&self) -> Option<Instant> {
        self.heard
    }

    /// Sends the request and waits for the reply's header; gives the status.
    pub fn poll_open(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        order: &Order,
        terms: Terms<'_>,
    ) -> Poll<Result<u16>> {
        loop {
            match &mut self.stage {
                Stage::New => {
                    let server = order.parts().0;
                    match wire.take(server, terms.now) {
                        Some(connection) => self.ask(connection, order, terms)?,
                        None => {
                            let connecting = wire.connector.connect(server, terms.connect);
                            self.stage = Stage::Connects(connecting);
                        }
                    }
                }
                Stage::Connects(connecting) => {
                    let connection = ready!(connecting.as_mut().poll(cx));
                    // What has ended is not to be polled again.
                    self.stage = Stage::Over;
                    self.ask(connection?, order, terms)?;
                }
                Stage::Asked(asked) => {
                    let head = ready!(asked.poll_head(cx));
                    let Stage::Asked(asked) = std::mem::replace(&mut self.stage, Stage::Over)
                    else {
                        continue;
                    };
                    match head {
                        Ok(head) => {
                            self.heard = Some(terms.now);
                            let status = head.status().as_u16();
                            let reply = Reply::begun(status, head.headers(), SystemTime::now);
                            self.stage = Stage::Opened(asked, reply);
                        }
                        // Nothing of it was sent, so nothing can be done twice. A new connection is not tried over and over.
                        Err(_) if asked.is_stale() => self.stage = Stage::New,
                        Err(e) => return Poll::Ready(Err(e)),
                    }
                }
                Stage::Opened(_, reply) => return Poll::Ready(Ok(reply.status)),
                Stage::Over => return Poll::Ready(Err(Error::cut("no reply was begun"))),
            }
        }
    }

    fn ask(&mut self, connection: Connection, order: &Order, terms: Terms<'_>) -> Result<()> {
        let request = order.request(terms.headers, connection.host.clone())?;
        if tells_exchanges() {
            let (headers, body) = (request.headers(), &order.body);
            exchange::sent(order.place(), headers, body, order.json_length);
        }
        let asked = Asked::new(connection, request, order.body.clone())?;
        self.stage = Stage::Asked(Box::new(asked));
        self.heard = Some(terms.now);
        Ok(())
    }

    /// Reads some of the body of what was opened; `None`: it is over.
    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        now: Instant,
    ) -> Poll<Result<Option<Bytes>>> {
        let Stage::Opened(asked, _) = &mut self.stage else {
            return Poll::Ready(Err(Error::cut("no reply was begun")));
        };
        let mut bytes = Vec::new();
        match ready!(asked.poll_body(cx, &mut bytes)) {
            Ok(true) => {
                self.heard = Some(now);
                Poll::Ready(Ok(Some(bytes.into())))
            }
            Ok(false) => {
                self.land(wire, now);
                Poll::Ready(Ok(None))
            }
            Err(e) => {
                self.stage = Stage::Over;
                Poll::Ready(Err(e))
            }
        }
    }

    /// The reply is whole; the connection is kept, if it may be. Gives the reply.
    fn land(&mut self, wire: &Wire, now: Instant) -> Reply {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Opened(asked, reply) => {
                if let Some(connection) = asked.into_connection() {
                    wire.put(connection, now);
                }
                reply
            }
            _ => Reply::default(),
        }
    }

    /// Sends a request and reads the whole reply, whatever its status; no more than `most` bytes.
    pub fn poll_whole(
        &mut self,
        cx: &mut Context<'_>,
        wire: &Wire,
        order: &Order,
        terms: Terms<'_>,
        most: usize,
    ) -> Poll<Result<Reply>> {
        ready!(self.poll_open(cx, wire, order, terms))?;
        let Stage::Opened(asked, reply) = &mut self.stage else {
            return Poll::Ready(Err(Error::cut("no reply was begun")));
        };
        let told = asked.length().unwrap_or(0);
        if told > most as u64 {
            self.stage = Stage::Over;
            return Poll::Ready(Err(too_long(most)));
        }
        let room = FIRST_ROOM.min(told as usize);
        if reply.body.capacity() < room {
            reply.body.reserve_exact(room);
        }
        loop {
            match ready!(asked.poll_body(cx, &mut reply.body)) {
                Ok(true) if reply.bytes().len() <= most => self.heard = Some(terms.now),
                Ok(true) => {
                    self.stage = Stage::Over;
                    return Poll::Ready(Err(too_long(most)));
                }
                Ok(false) => return Poll::Ready(Ok(self.land(wire, terms.now))),
                Err(e) => {
                    self.stage = Stage::Over;
                    return Poll::Ready(Err(e));
                }
            }
        }
    }
}

/// More came than may be kept.
pub fn too_long(most: usize) -> Error {
    let message =
        format!("the server's reply is longer than the limit of {most} bytes (max_reply_bytes)");
    Error::limit(502, message)
}
