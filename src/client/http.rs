//! One HTTP exchange over ureq: a [`Request`] out, a [`Reply`] in, and every failure in words.

use super::cancel::{Interrupt, Token};
use super::context::{self, Limits};
use super::pool::{Parked, Pool, Pooling};
use super::recent::Recent;
use super::resolve::CachingResolver;
use super::socket::SocketConnector;
use super::tls;
use crate::config::{ClientConfig, Secret};
use crate::error::{Error, Result};
use crate::limits;
use crate::plan::credentials::Header;
use crate::triton::reply::{JSON_LENGTH, Reply};
use crate::triton::{Method, Request};
use std::io::Read;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use ureq::config::Config;
use ureq::http::{self, Uri};
use ureq::unversioned::transport::{
    ConnectProxyConnector, Connector, RustlsConnector, SocksConnector,
};
use ureq::{Agent, BodyReader, Proxy, ProxyProtocol};

/// Under glibc's threshold for `mmap`: buffers of ureq's own 128 KiB would be mapped and unmapped for each connection,
/// and make a large reply cost twice the CPU. More than `limits::REPLY_HEADER_BYTES`, so that a header that is longer is told apart
/// from one that is cut.
const BUFFER: usize = 64 << 10;

/// Room for a reply that does not tell its length.
const FIRST_READ: usize = 1024;

/// How much of a long reply is made ready to be read into at once, and is then still in the processor's cache.
const STEP: usize = 64 << 10;

/// The memory that a client keeps for the next replies.
const SPARES: usize = 2;
const SPARE_BYTES: usize = 4 << 20;

/// Connections to all servers, through a proxy or not.
#[derive(Debug)]
pub struct Http {
    direct: Agent,
    pool: Arc<Pool>,
    /// For hosts other than this machine's own, where a proxy is set; its connections are not the direct ones.
    proxied: Option<(Agent, Arc<Pool>)>,
    /// The proxy's host and port, for messages.
    pub(super) proxy: String,
    max_reply: usize,
    pub(super) spare: Arc<Spare>,
    /// URLs that were read.
    uris: Recent<String, Uri>,
}

/// The memory of replies that were handed out whole and came back, for the next ones: it need not be cleared again.
#[derive(Debug, Default)]
pub struct Spare(Mutex<Vec<Vec<u8>>>);

impl Spare {
    /// Takes the memory of a reply. What is small is had again for nothing, and what is very large is kept from others.
    pub fn put(&self, bytes: Vec<u8>) {
        if (STEP..=SPARE_BYTES).contains(&bytes.len()) {
            // Not waited for: in a child of fork() nobody may be left to unlock it.
            if let Ok(mut kept) = self.0.try_lock() {
                if kept.len() < SPARES {
                    kept.push(bytes);
                }
            }
        }
    }

    /// Memory for a reply of so many bytes, if there is some; its bytes mean nothing.
    fn take(&self, length: usize) -> Option<Vec<u8>> {
        if length < STEP {
            return None;
        }
        let mut kept = self.0.try_lock().ok()?;
        kept.pop().filter(|bytes| bytes.capacity() >= length)
    }
}

/// The part of a call that HTTP has to know.
#[derive(Debug)]
pub struct Terms<'a> {
    /// Headers for every request of the call.
    pub headers: &'a [Header],
    /// The end of the try.
    pub deadline: Instant,
    /// How long a try may take, and which option says so, for the message.
    pub timeout: (Duration, &'static str),
    /// The longest time for one connection.
    pub connect: Duration,
    /// The server's longest silence before its answer begins, and after.
    pub first_byte: Option<Duration>,
    /// See `first_byte`.
    pub idle: Option<Duration>,
    /// When the caller wants his thread back.
    pub patience: Option<Instant>,
    /// Only to send, until `patience`: no reply is waited for.
    pub only_sends: bool,
    /// Who may end the call.
    pub token: Option<&'a Arc<Token>>,
    /// The longest reply, if it is not the client's own limit.
    pub most: Option<usize>,
}

/// Why an exchange does not go on.
#[derive(Debug)]
pub enum Halt {
    /// The caller's patience ended; the exchange goes on when it is asked again.
    Paused,
    /// It is over.
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Failed(error)
    }
}

/// One exchange, which may be left and gone on with.
///
/// ureq has no way to leave a request and come back. Until the reply's header is there it is begun anew each time, on the
/// connection of the first time, which passes over what it has sent already. After that its reader is kept.
#[derive(Debug, Default)]
pub struct Flight {
    parked: Option<Parked>,
    heard: Option<Instant>,
    /// The whole request is sent.
    sent: bool,
    /// Apart: a flight is moved about before its reply is there.
    opened: Option<Box<Opened>>,
}

impl Flight {
    /// Whether the whole request is sent.
    pub fn is_sent(&self) -> bool {
        self.sent || self.opened.is_some()
    }

    /// Its turn has come: the server's silence counts from now.
    pub fn in_turn(mut self) -> Flight {
        self.heard = None;
        self
    }
}

/// A reply whose header is there.
struct Opened {
    reply: Reply,
    reader: BodyReader<'static>,
    uri: Uri,
    /// Of the body, where it is told.
    length: Option<u64>,
    /// How much of a body of that length is there.
    filled: usize,
    /// What it is read from, for whoever ends the call.
    socket: Option<Interrupt>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

impl Opened {
    /// Reads a body of a known length. Memory is taken as it is needed: a length is only the server's word.
    fn fill(&mut self, length: usize, spare: &Spare) -> std::io::Result<()> {
        let (body, skip) = (&mut self.reply.body, self.reply.skip);
        if self.filled == 0 && self.reply.json_length.is_some() {
            if let Some(kept) = spare.take(skip + length) {
                *body = kept;
            }
        }
        body.reserve_exact((skip + length).saturating_sub(body.len()));
        while self.filled < length {
            let begin = skip + self.filled;
            if body.len() <= begin {
                body.resize(skip + length.min(self.filled + STEP), 0);
            }
            let end = body.len().min(skip + length);
            match self.reader.read(&mut body[begin..end]) {
                Ok(0) => break,
                Ok(n) => self.filled += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        body.truncate(skip + self.filled);
        // The end is seen only by who reads on: then the connection is free for others.
        self.reader.read(&mut [0]).map(drop)
    }

    /// Reads a body of an unknown length, but no more than one byte beyond the limit.
    fn read_to_end(&mut self, most: usize) -> std::io::Result<()> {
        let body = &mut self.reply.body;
        body.reserve(FIRST_READ);
        let left = (self.reply.skip as u64 + most as u64 + 1).saturating_sub(body.len() as u64);
        let reader = self.reader.by_ref();
        reader.take(left).read_to_end(body).map(drop)
    }
}

/// Where an exchange is, for the limits that hold there and the words about them.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Phase {
    Head,
    Body,
}

impl Terms<'_> {
    fn limits(&self, phase: Phase) -> Limits {
        Limits {
            deadline: self.deadline,
            silence: self.silence(phase),
            connect: self.connect,
            patience: self.patience,
            only_sends: self.only_sends,
        }
    }

    pub(super) fn silence(&self, phase: Phase) -> Option<Duration> {
        match phase {
            Phase::Head => self.first_byte.or(self.idle),
            Phase::Body => self.idle,
        }
    }
}

impl Http {
    /// Reads certificates and the environment; opens nothing.
    pub fn new(config: &ClientConfig) -> Result<Http> {
        let tls = tls::config(&config.tls)?;
        let configure = |proxy: Option<Proxy>| {
            Config::builder()
                .http_status_as_error(false)
                // A redirect could carry the key to another host; the reply's error says what to do.
                .max_redirects(0)
                .max_redirects_will_error(false)
                .user_agent(concat!("mishikallm/", env!("CARGO_PKG_VERSION")))
                .max_response_header_size(limits::REPLY_HEADER_BYTES)
                // The pool is ours.
                .max_idle_connections(0)
                .max_idle_connections_per_host(0)
                .input_buffer_size(BUFFER)
                .output_buffer_size(BUFFER)
                .tls_config(tls.clone())
                .proxy(proxy)
                .build()
        };
        let pool = Arc::new(Pool::default());
        let direct = Pooling {
            make: ().chain(SocketConnector).chain(RustlsConnector::default()),
            pool: pool.clone(),
            is_foreign: false,
        };
        let proxied = |proxy: Proxy| {
            let pool = Arc::new(Pool::default());
            let connectors = Pooling {
                make:
                    ().chain(SocksConnector::default())
                        .chain(ConnectProxyConnector::default())
                        .chain(SocketConnector)
                        .chain(RustlsConnector::default()),
                pool: pool.clone(),
                is_foreign: !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https),
            };
            let config = configure(Some(proxy));
            let agent = Agent::with_parts(config, connectors, CachingResolver::default());
            (agent, pool)
        };
        let proxy = match config.proxy.as_ref().map(Secret::reveal) {
            Some("") => None,
            Some(url) => Some(Proxy::new(url).map_err(|_| {
                Error::config(
                    "proxy",
                    "proxy: expected a URL such as http://proxy:3128 or socks5://proxy:1080",
                )
            })?),
            None => from_environment(),
        };
        Ok(Http {
            direct: Agent::with_parts(configure(None), direct, CachingResolver::default()),
            pool,
            proxy: proxy
                .as_ref()
                .map(|p| format!("{}:{}", p.host(), p.port()))
                .unwrap_or_default(),
            proxied: proxy.map(proxied),
            max_reply: config.max_reply_bytes.unwrap_or(limits::REPLY_BYTES),
            spare: Arc::default(),
            uris: Recent::default(),
        })
    }

    /// Ends what is under way and refuses what comes.
    pub fn shutdown(&self) {
        self.pool.close();
        if let Some((_, pool)) = &self.proxied {
            pool.close();
        }
    }

    /// Sends a request and waits for the reply's header; gives the status.
    pub fn open(
        &self,
        request: &Request,
        terms: &Terms<'_>,
        flight: &mut Flight,
    ) -> std::result::Result<u16, Halt> {
        if let Some(opened) = &flight.opened {
            return Ok(opened.reply.status);
        }
        let uri = self.uri(&request.url)?;
        let heard = flight.heard.unwrap_or_else(Instant::now);
        let parked = flight.parked.take();
        let scope = context::enter(terms.limits(Phase::Head), terms.token, heard, parked);
        let response = self
            .run(request, &uri, terms)
            .map_err(|e| self.halt(e, &uri, terms, Phase::Head));
        flight.parked = scope.parked();
        flight.heard = Some(scope.heard());
        flight.sent |= context::was_sent();
        let response = response?;
        let status = response.status().as_u16();
        let reply = Reply::begun(status, response.headers(), SystemTime::now);
        let body = response.into_body();
        let length = body.content_length();
        let reader = body.into_with_config().limit(u64::MAX).reader();
        let socket = context::waits_for();
        drop(scope);
        flight.opened = Some(Box::new(Opened {
            reply,
            reader,
            uri,
            length,
            filled: 0,
            socket,
        }));
        Ok(status)
    }

    /// Reads some of the body of what was opened; 0: it is over.
    pub fn read(
        &self,
        flight: &mut Flight,
        buffer: &mut [u8],
        terms: &Terms<'_>,
    ) -> std::result::Result<usize, Halt> {
        self.reading(flight, terms, |opened| opened.reader.read(buffer))
    }

    /// Sends a request and reads the whole reply, whatever its status.
    pub fn send(
        &self,
        request: &Request,
        terms: &Terms<'_>,
        flight: &mut Flight,
    ) -> std::result::Result<Reply, Halt> {
        self.open(request, terms, flight)?;
        self.whole(terms, flight)
    }

    /// Reads the whole body of what was opened.
    pub fn whole(
        &self,
        terms: &Terms<'_>,
        flight: &mut Flight,
    ) -> std::result::Result<Reply, Halt> {
        let most = terms.most.unwrap_or(self.max_reply);
        self.reading(flight, terms, |opened| match opened.length {
            Some(length) if length > most as u64 => Ok(()),
            Some(length) => opened.fill(length as usize, &self.spare),
            None => opened.read_to_end(most),
        })?;
        let opened = flight
            .opened
            .take()
            .ok_or_else(|| Error::cut("no reply was begun"))?;
        let is_too_long = opened.length.is_some_and(|length| length > most as u64);
        match is_too_long || opened.reply.bytes().len() > most {
            true => Err(too_long(most).into()),
            false => Ok(opened.reply),
        }
    }

    /// Of a body that is read as it comes, and kept.
    pub fn check_length(&self, length: usize) -> Result<()> {
        match length > self.max_reply {
            true => Err(too_long(self.max_reply)),
            false => Ok(()),
        }
    }

    fn reading<T>(
        &self,
        flight: &mut Flight,
        terms: &Terms<'_>,
        read: impl FnOnce(&mut Opened) -> std::io::Result<T>,
    ) -> std::result::Result<T, Halt> {
        let opened = flight
            .opened
            .as_mut()
            .ok_or_else(|| Error::cut("no reply was begun"))?;
        let heard = flight.heard.unwrap_or_else(Instant::now);
        let scope = context::enter(terms.limits(Phase::Body), terms.token, heard, None);
        let may_wait = opened.socket.clone().map_or(Ok(()), context::wait_for);
        let result = match may_wait {
            Ok(()) => read(opened),
            Err(e) => Err(e.into_io()),
        };
        flight.heard = Some(scope.heard());
        result.map_err(|e| self.halt(e.into(), &opened.uri, terms, Phase::Body))
    }

    fn halt(&self, e: ureq::Error, uri: &Uri, terms: &Terms<'_>, phase: Phase) -> Halt {
        match e {
            ureq::Error::Timeout(context::PATIENCE) => Halt::Paused,
            e => Halt::Failed(self.explain(e, uri, terms, phase)),
        }
    }

    fn uri(&self, url: &str) -> Result<Uri> {
        let parse = || match url.parse::<Uri>() {
            Ok(uri) => Ok((url.to_owned(), uri)),
            Err(_) => Err(bad_url()),
        };
        self.uris.get([url], |kept| kept == url, parse)
    }

    /// The agent for a server; a proxy never has a way to the caller's own loopback.
    fn agent(&self, uri: &Uri) -> &Agent {
        match &self.proxied {
            Some((proxied, _)) if !is_this_machine(uri) => proxied,
            _ => &self.direct,
        }
    }

    /// The proxy that requests to a server go through.
    pub(super) fn proxy(&self, uri: &Uri) -> Option<&Proxy> {
        let proxy = self.agent(uri).config().proxy()?;
        (!proxy.is_no_proxy(uri)).then_some(proxy)
    }

    fn run(
        &self,
        request: &Request,
        uri: &Uri,
        terms: &Terms<'_>,
    ) -> std::result::Result<http::Response<ureq::Body>, ureq::Error> {
        let agent = self.agent(uri);
        let head = || {
            let mut head = http::Request::new(());
            *head.uri_mut() = uri.clone();
            for (name, value) in terms.headers {
                head.headers_mut().append(name, value.clone());
            }
            if let Some(length) = request.json_length {
                head.headers_mut().append(JSON_LENGTH, length.into());
            }
            head
        };
        match request.method {
            Method::Get => agent.run(head()),
            Method::Post => {
                let mut post = head().map(|()| request.body.as_slice());
                *post.method_mut() = http::Method::POST;
                agent.run(post)
            }
        }
    }
}

/// Whether the environment names a proxy for a server, as a client without a `proxy` of its own takes it.
pub fn goes_by_environments_proxy(url: &str) -> bool {
    let (Some(proxy), Ok(uri)) = (from_environment(), url.parse::<Uri>()) else {
        return false;
    };
    !is_this_machine(&uri) && !proxy.is_no_proxy(&uri)
}

/// The environment's proxy. Spaces in the list of hosts that need none are no part of their names.
fn from_environment() -> Option<Proxy> {
    let proxy = Proxy::try_from_env()?;
    let list = ["NO_PROXY", "no_proxy"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_default();
    if !list.contains(char::is_whitespace) {
        return Some(proxy);
    }
    let mut builder = Proxy::builder(proxy.protocol())
        .host(proxy.host())
        .port(proxy.port());
    if let Some(name) = proxy.username() {
        builder = builder.username(name);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    for host in list.split(',').map(str::trim).filter(|h| !h.is_empty()) {
        builder = builder.no_proxy(host);
    }
    builder.build().ok()
}

pub(super) fn bad_url() -> Error {
    Error::argument(
        "api_base",
        "api_base: expected a URL such as http://localhost:8000, got a string that is no URL",
    )
}

fn too_long(most: usize) -> Error {
    Error::limit(
        502,
        format!("the server's reply is longer than the limit of {most} bytes (max_reply_bytes)"),
    )
}

/// Whether a host is the caller's own loopback, however it is written.
fn is_this_machine(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or("").trim_end_matches('.');
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}
