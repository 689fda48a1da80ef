//! A server that answers look-ups as Triton does for a decoupled model, and does with each POST what a test says.

use crate::http::Request;
use crate::model::Model;
use crate::server::{Peer, Server};
use crate::sound;
use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where in an exchange a script begins.
#[derive(Clone, Copy, PartialEq)]
pub enum When {
    /// The connection is there, and nothing was read.
    Accepted,
    /// The header of the POST was read, and not its body.
    Headed,
    /// The POST was read.
    Asked,
}

pub type Script = Arc<dyn Fn(&mut Post<'_>) -> io::Result<()> + Send + Sync>;

/// A POST and whoever sent it.
pub struct Post<'a> {
    to: &'a mut Peer,
    pub request: Request,
    /// Which one it is of the server's POSTs, from 0.
    pub number: usize,
    /// Whether events are asked for, or one JSON answer.
    pub streams: bool,
}

impl Deref for Post<'_> {
    type Target = Peer;

    fn deref(&self) -> &Peer {
        self.to
    }
}

impl DerefMut for Post<'_> {
    fn deref_mut(&mut self) -> &mut Peer {
        self.to
    }
}

impl Post<'_> {
    /// Ends the connection as TCP does in order. TLS's own goodbye is not said.
    pub fn fin(&mut self) -> io::Result<()> {
        self.socket().shutdown(Shutdown::Write)?;
        // What was not read would make it a reset.
        io::copy(self.reader(), &mut io::sink())?;
        Err(ErrorKind::ConnectionAborted.into())
    }

    /// A sound answer.
    pub fn answer(&mut self) -> io::Result<()> {
        let reply = sound::reply(self.streams);
        self.raw(reply)
    }
}

/// A server that does this with each POST.
pub fn serve(script: impl Fn(&mut Post<'_>) -> io::Result<()> + Send + Sync + 'static) -> Server {
    let play = Play::new(When::Asked, Arc::new(script));
    Server::connections(move |mut peer, number| play.act(&mut peer, number))
}

/// The same over TLS.
pub fn serve_tls(
    config: Arc<rustls::ServerConfig>,
    script: impl Fn(&mut Post<'_>) -> io::Result<()> + Send + Sync + 'static,
) -> Server {
    let play = Play::new(When::Asked, Arc::new(script));
    Server::connections(move |peer, number| play.act(&mut peer.tls(&config)?, number))
}

/// What a server does with its connections.
pub struct Play {
    when: When,
    script: Script,
    posts: AtomicUsize,
}

impl Play {
    pub fn new(when: When, script: Script) -> Play {
        Play {
            when,
            script,
            posts: AtomicUsize::new(0),
        }
    }

    /// Serves one connection.
    pub fn act(&self, peer: &mut Peer, connection: usize) -> io::Result<()> {
        if self.when == When::Accepted {
            return self.run(peer, Request::default(), connection);
        }
        let model = Model {
            decoupled: true,
            ..Model::default()
        };
        while let Some(mut request) = Request::read_head(peer.reader())? {
            request.connection = connection;
            if self.when == When::Asked {
                let length = request.header("content-length").parse().unwrap_or(0);
                request.body = vec![0; length];
                peer.reader().read_exact(&mut request.body)?;
            }
            // Counted before anybody can see it.
            let is_post = request.method == "POST";
            let number = self.posts.fetch_add(usize::from(is_post), Ordering::SeqCst);
            let request = peer.record(request);
            match is_post {
                true => self.run(peer, request, number)?,
                false => model.serve(&request, peer)?,
            }
        }
        Ok(())
    }

    fn run(&self, to: &mut Peer, request: Request, number: usize) -> io::Result<()> {
        let streams = request.path.contains("generate_stream");
        (self.script)(&mut Post {
            to,
            request,
            number,
            streams,
        })
    }
}
