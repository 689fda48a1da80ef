//! One HTTP exchange over ureq: a [`Request`] out, a [`Reply`] in, and every failure in words.

use super::context::{self, Limits};
use super::pool::{Pool, Pooling};
use super::resolve::CachingResolver;
use super::socket::{Begin, End, SocketConnector};
use super::tls;
use crate::config::{ClientConfig, Secret};
use crate::error::{Error, Result};
use crate::limits;
use crate::triton::reply::Reply;
use crate::triton::{Method, Request};
use std::io::{ErrorKind, Read};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::http::{self, HeaderMap, HeaderValue, Uri};
use ureq::unversioned::transport::{
    ConnectProxyConnector, Connector, RustlsConnector, SocksConnector,
};
use ureq::{Agent, AsSendBody, Proxy, ProxyProtocol, Timeout};

/// Under glibc's threshold for `mmap`: buffers of ureq's own 128 KiB would be mapped and unmapped for each connection,
/// and make a large reply cost twice the CPU.
const BUFFER: usize = 64 << 10;

/// Less than the buffer that it is read into, so that a longer one is told apart from one that is cut.
const REPLY_HEADER: usize = 48 << 10;

/// Room for a reply that does not tell its length.
const FIRST_READ: usize = 1024;

/// Pooled connections to all servers, through a proxy or not.
#[derive(Debug)]
pub struct Http {
    direct: Agent,
    /// The direct agent's connections.
    pool: Arc<Pool>,
    /// For hosts other than this machine's own, where a proxy is set.
    proxied: Option<Agent>,
    /// The proxy's host and port, for messages.
    proxy: String,
    max_reply: usize,
}

/// The part of a call that HTTP has to know.
#[derive(Debug)]
pub struct Terms<'a> {
    /// Headers for every request of the call.
    pub headers: &'a [(String, String)],
    /// When the try ends.
    pub limits: Limits,
    /// How long a try may take, for the message.
    pub timeout: Duration,
}

impl Http {
    /// Reads certificates and the environment; opens nothing.
    pub fn new(config: &ClientConfig) -> Result<Http> {
        let tls = tls::config(&config.tls)?;
        let configure = |proxy: Option<Proxy>, idle: usize| {
            Config::builder()
                .http_status_as_error(false)
                // A redirect could carry the key to another host; the reply's error says what to do.
                .max_redirects(0)
                .max_redirects_will_error(false)
                .user_agent(concat!("mishikallm/", env!("CARGO_PKG_VERSION")))
                .max_response_header_size(REPLY_HEADER)
                .max_idle_connections(idle)
                .max_idle_connections_per_host(idle.min(limits::IDLE_CONNECTIONS_PER_SERVER))
                .max_idle_age(limits::IDLE_CONNECTION_AGE)
                .input_buffer_size(BUFFER)
                .output_buffer_size(BUFFER)
                .tls_config(tls.clone())
                .proxy(proxy)
                .build()
        };
        let pool = Arc::new(Pool::default());
        let direct = Pooling {
            make: ()
                .chain(SocketConnector {
                    pool: Some(pool.clone()),
                })
                .chain(RustlsConnector::default()),
            pool: pool.clone(),
        };
        let proxied = |proxy| {
            let connectors =
                ().chain(Begin)
                    .chain(SocksConnector::default())
                    .chain(ConnectProxyConnector::default())
                    .chain(SocketConnector { pool: None })
                    .chain(RustlsConnector::default())
                    .chain(End);
            let config = configure(Some(proxy), limits::IDLE_CONNECTIONS);
            Agent::with_parts(config, connectors, CachingResolver::default())
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
            direct: Agent::with_parts(configure(None, 0), direct, CachingResolver::default()),
            pool,
            proxy: proxy
                .as_ref()
                .map(|p| format!("{}:{}", p.host(), p.port()))
                .unwrap_or_default(),
            proxied: proxy.map(proxied),
            max_reply: config.max_reply_bytes.unwrap_or(limits::REPLY_BYTES),
        })
    }

    /// Ends what is under way and refuses what comes.
    pub fn shutdown(&self) {
        self.pool.close();
        self.direct.clone().shutdown();
        if let Some(agent) = &self.proxied {
            agent.clone().shutdown();
        }
    }

    /// Sends a request and reads the whole reply, whatever its status.
    pub fn send(&self, request: &Request, terms: &Terms<'_>) -> Result<Reply> {
        self.send_limited(request, terms, self.max_reply)
    }

    /// The same, with a bound of its own on the reply.
    pub fn send_limited(
        &self,
        request: &Request,
        terms: &Terms<'_>,
        max_reply: usize,
    ) -> Result<Reply> {
        let uri: Uri = request.url.parse().map_err(|_| bad_url())?;
        let explain = |e: ureq::Error| self.explain(e, &uri, terms);
        let _scope = context::enter(terms.limits);
        let response = self.run(request, &uri, terms).map_err(explain)?;
        let mut reply = Reply {
            status: response.status().as_u16(),
            json_length: number(response.headers(), "inference-header-content-length"),
            retry_after: number(response.headers(), "retry-after")
                .map(|s: u32| Duration::from_secs(s.into())),
            body: Vec::new(),
        };
        let too_long = || {
            Error::limit(
                502,
                format!(
                    "the server's reply is longer than the limit of {max_reply} bytes (max_reply_bytes)"
                ),
            )
        };
        let body = response.into_body();
        match body.content_length() {
            Some(length) if length > max_reply as u64 => return Err(too_long()),
            Some(length) => reply.body.reserve_exact(length as usize + 1),
            None => reply.body.reserve(FIRST_READ),
        }
        body.into_with_config()
            .limit(u64::MAX)
            .reader()
            .take(max_reply as u64 + 1)
            .read_to_end(&mut reply.body)
            .map_err(|e| explain(e.into()))?;
        if reply.body.len() > max_reply {
            return Err(too_long());
        }
        Ok(reply)
    }

    /// The agent for a server; a proxy never has a way to the caller's own loopback.
    fn agent(&self, uri: &Uri) -> &Agent {
        match &self.proxied {
            Some(proxied) if !is_this_machine(uri) => proxied,
            _ => &self.direct,
        }
    }

    /// The proxy that requests to a server go through.
    fn proxy(&self, uri: &Uri) -> Option<&Proxy> {
        let proxy = self.agent(uri).config().proxy()?;
        (!proxy.is_no_proxy(uri)).then_some(proxy)
    }

    fn run(
        &self,
        request: &Request,
        uri: &Uri,
        terms: &Terms<'_>,
    ) -> std::result::Result<http::Response<ureq::Body>, ureq::Error> {
        let mut builder = http::Request::builder().uri(uri.clone());
        for (name, value) in terms.headers {
            builder = builder.header(name.as_str(), header_value(value)?);
        }
        if let Some(length) = request.json_length {
            builder = builder.header("inference-header-content-length", length);
        }
        match request.method {
            Method::Get => self.go(builder.method("GET").body(())?, uri, terms),
            Method::Post => self.go(
                builder.method("POST").body(request.body.as_slice())?,
                uri,
                terms,
            ),
        }
    }

    fn go<B: AsSendBody>(
        &self,
        request: http::Request<B>,
        uri: &Uri,
        terms: &Terms<'_>,
    ) -> std::result::Result<http::Response<ureq::Body>, ureq::Error> {
        let agent = self.agent(uri);
        let is_socks =
            |p: &Proxy| !matches!(p.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
        if !self.proxy(uri).is_some_and(is_socks) {
            return agent.run(request);
        }
        // ureq's connector for SOCKS makes its own socket, which knows only ureq's time-outs.
        let limits = terms.limits;
        let left = limits.deadline.saturating_duration_since(Instant::now());
        let request = agent
            .configure_request(request)
            .timeout_global(Some(left))
            .timeout_connect(Some(limits.connect))
            .timeout_per_read(limits.idle)
            .build();
        agent.run(request)
    }

    /// ureq's error in the words of someone who has to change something.
    fn explain(&self, e: ureq::Error, uri: &Uri, terms: &Terms<'_>) -> Error {
        let server = uri.authority().map_or("the server", |a| a.as_str());
        let connecting = context::connect_deadline().is_some();
        let limits = terms.limits;
        match e {
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => Error::deadline(format!(
                "no connection to {server} within {} s (connect_timeout)",
                limits.connect.as_secs_f64()
            ))
            .retryable()
            .unreached(),
            ureq::Error::Timeout(Timeout::PerRead) => Error::deadline(format!(
                "{server} was silent for {} s (idle_timeout)",
                limits.idle.unwrap_or(terms.timeout).as_secs_f64()
            ))
            .retryable(),
            ureq::Error::Timeout(_) => Error::deadline(format!(
                "no whole answer from {server} within {} s (timeout)",
                terms.timeout.as_secs_f64()
            ))
            .retryable(),
            ureq::Error::BadUri(_) => bad_url(),
            ureq::Error::Http(_) => Error::argument(
                "extra_headers",
                "extra_headers: a name or a value cannot be sent as a header",
            ),
            ureq::Error::LargeResponseHeader(..) => Error::limit(
                502,
                format!("the header of the reply of {server} is longer than {REPLY_HEADER} bytes"),
            ),
            // Names are looked up before a connection is begun.
            e @ ureq::Error::HostNotFound => self.explain_connecting(e, uri, server),
            e if connecting => self.explain_connecting(e, uri, server),
            ureq::Error::Protocol(e) if e.to_string().contains("too many headers") => Error::limit(
                502,
                format!("the header of the reply of {server} has too many fields"),
            ),
            // TLS 1.3 tells only after the handshake that it wanted the client's certificate.
            ureq::Error::Io(io) if tls_words(&io).is_some() => Error::connect(format!(
                "no secure connection to {server}: {}",
                tls_words(&io).unwrap_or_default()
            )),
            ureq::Error::Protocol(_) => {
                Error::protocol(format!("{server} does not answer in HTTP/1.1"))
            }
            ureq::Error::Io(io) => Error::cut(format!(
                "{server} closed the connection before its answer was whole ({})",
                io.kind()
            )),
            _ => Error::cut(format!("the exchange with {server} failed")),
        }
    }

    /// No connection came about.
    fn explain_connecting(&self, e: ureq::Error, uri: &Uri, server: &str) -> Error {
        let tls = match &e {
            ureq::Error::Tls(why) => Some((*why).to_owned()),
            ureq::Error::Rustls(why) => Some(why.to_string()),
            ureq::Error::Pem(_) => Some("a certificate or key is no PEM".to_owned()),
            ureq::Error::TlsRequired => Some("TLS is needed and not available".to_owned()),
            ureq::Error::Io(io) => match (tls_words(io), io.kind(), uri.scheme_str()) {
                (Some(words), ..) => Some(words),
                // The connection was there, and ended in the handshake.
                (None, ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset, Some("https")) => {
                    Some(format!("{}; does it speak TLS?", io.kind()))
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(why) = tls {
            return Error::connect(format!("no secure connection to {server}: {why}"));
        }
        let why = match &e {
            ureq::Error::HostNotFound => "a host has no address".to_owned(),
            ureq::Error::Io(io) => io.kind().to_string(),
            ureq::Error::Protocol(_) => "no HTTP/1.1".to_owned(),
            // It has the proxy's words, and maybe more.
            ureq::Error::ConnectProxyFailed(_) => "it refuses".to_owned(),
            _ => "it failed".to_owned(),
        };
        if self.proxy(uri).is_some() {
            return Error::connect(format!(
                "no way to {server} through the proxy {}: {why}",
                self.proxy
            ));
        }
        let hint = match &e {
            ureq::Error::Io(io) if io.kind() == ErrorKind::ConnectionRefused => {
                "; is the server running?"
            }
            _ => "",
        };
        match e {
            ureq::Error::HostNotFound => {
                Error::connect(format!("the host of {server} has no address"))
            }
            _ => Error::connect(format!("no connection to {server}: {why}{hint}")),
        }
    }
}

/// What rustls says, inside an input error.
fn tls_words(io: &std::io::Error) -> Option<String> {
    let inner = io.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(inner.to_string())
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

fn bad_url() -> Error {
    Error::argument(
        "api_base",
        "api_base: expected a URL such as http://localhost:8000, got a string that is no URL",
    )
}

fn header_value(text: &str) -> std::result::Result<HeaderValue, ureq::Error> {
    let mut value =
        HeaderValue::from_bytes(text.as_bytes()).map_err(|e| ureq::Error::Http(e.into()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
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
