//! One HTTP exchange over ureq: a [`Request`] out, a [`Reply`] in, and every failure in words.

use super::context::{self, Limits};
use super::resolve::CachingResolver;
use super::socket::SocketConnector;
use super::tls;
use crate::config::ClientConfig;
use crate::error::{Error, Result};
use crate::limits;
use crate::triton::reply::Reply;
use crate::triton::{Method, Request};
use std::io::{ErrorKind, Read};
use std::time::Duration;
use ureq::config::Config;
use ureq::http::{self, HeaderMap, HeaderValue, Uri};
use ureq::unversioned::transport::{
    ConnectProxyConnector, Connector, RustlsConnector, SocksConnector,
};
use ureq::{Agent, Proxy, Timeout};

/// Under glibc's threshold for `mmap`: buffers of ureq's own 128 KiB would be mapped and unmapped for each connection,
/// and make a large reply cost twice the CPU.
const BUFFER: usize = 64 << 10;

/// Room for a reply that does not tell its length.
const FIRST_READ: usize = 2048;

/// Pooled connections to all servers, through a proxy or not.
#[derive(Debug)]
pub struct Http {
    direct: Agent,
    /// For hosts other than this machine's own, where a proxy is set.
    proxied: Option<Agent>,
    max_reply: usize,
    connect_timeout: Duration,
}

/// The part of a call that HTTP has to know.
#[derive(Debug)]
pub struct Terms<'a> {
    /// Headers for every request of the call.
    pub headers: &'a [(String, String)],
    /// When the call ends.
    pub limits: Limits,
    /// How long the whole call may take, for the message.
    pub timeout: Duration,
    /// For this call only.
    pub connect_timeout: Option<Duration>,
}

impl Http {
    /// Reads certificates and the environment; opens nothing.
    pub fn new(config: &ClientConfig) -> Result<Http> {
        let tls = tls::config(&config.tls)?;
        let connect_timeout = config
            .defaults
            .connect_timeout
            .unwrap_or(limits::CONNECT_TIMEOUT);
        let agent = |proxy: Option<Proxy>| {
            let config = Config::builder()
                .http_status_as_error(false)
                // A redirect could carry the key to another host; the reply's error says what to do.
                .max_redirects(0)
                .max_redirects_will_error(false)
                .user_agent(concat!("mishikallm/", env!("CARGO_PKG_VERSION")))
                .timeout_connect(Some(connect_timeout))
                .max_idle_connections(limits::IDLE_CONNECTIONS)
                .max_idle_connections_per_host(limits::IDLE_CONNECTIONS_PER_SERVER)
                .max_idle_age(limits::IDLE_CONNECTION_AGE)
                .input_buffer_size(BUFFER)
                .output_buffer_size(BUFFER)
                .tls_config(tls.clone())
                .proxy(proxy)
                .build();
            let connector =
                ().chain(SocksConnector::default())
                    .chain(ConnectProxyConnector::default())
                    .chain(SocketConnector)
                    .chain(RustlsConnector::default());
            Agent::with_parts(config, connector, CachingResolver::default())
        };
        let proxy = match config.proxy.as_deref() {
            Some("") => None,
            Some(url) => Some(Proxy::new(url).map_err(|_| {
                Error::config(
                    "proxy",
                    "proxy: expected a URL such as http://proxy:3128 or socks5://proxy:1080",
                )
            })?),
            None => Proxy::try_from_env(),
        };
        Ok(Http {
            direct: agent(None),
            proxied: proxy.map(|p| agent(Some(p))),
            max_reply: config.max_reply_bytes.unwrap_or(limits::REPLY_BYTES),
            connect_timeout,
        })
    }

    /// Ends what is under way and refuses what comes.
    pub fn shutdown(&self) {
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

    fn run(
        &self,
        request: &Request,
        uri: &Uri,
        terms: &Terms<'_>,
    ) -> std::result::Result<http::Response<ureq::Body>, ureq::Error> {
        let agent = match &self.proxied {
            Some(proxied) if !is_this_machine(uri) => proxied,
            _ => &self.direct,
        };
        let mut builder = http::Request::builder().uri(uri.clone());
        for (name, value) in terms.headers {
            builder = builder.header(name.as_str(), header_value(value)?);
        }
        if let Some(length) = request.json_length {
            builder = builder.header("inference-header-content-length", length);
        }
        match request.method {
            Method::Get => {
                let request = builder.method("GET").body(())?;
                match terms.connect_timeout {
                    Some(t) => agent.run(
                        agent
                            .configure_request(request)
                            .timeout_connect(Some(t))
                            .build(),
                    ),
                    None => agent.run(request),
                }
            }
            Method::Post => {
                let request = builder.method("POST").body(request.body.as_slice())?;
                match terms.connect_timeout {
                    Some(t) => agent.run(
                        agent
                            .configure_request(request)
                            .timeout_connect(Some(t))
                            .build(),
                    ),
                    None => agent.run(request),
                }
            }
        }
    }

    /// ureq's error in the words of someone who has to change something.
    fn explain(&self, e: ureq::Error, uri: &Uri, terms: &Terms<'_>) -> Error {
        let server = uri.authority().map_or("the server", |a| a.as_str());
        let seconds = |d: Duration| d.as_secs_f64();
        match e {
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => Error::deadline(format!(
                "no connection to {server} within {} s (connect_timeout)",
                seconds(terms.connect_timeout.unwrap_or(self.connect_timeout))
            ))
            .retryable(),
            ureq::Error::Timeout(Timeout::PerRead) => Error::deadline(format!(
                "{server} was silent for {} s (idle_timeout)",
                seconds(terms.limits.idle.unwrap_or(terms.timeout))
            )),
            ureq::Error::Timeout(_) => Error::deadline(format!(
                "no whole answer from {server} within {} s (timeout)",
                seconds(terms.timeout)
            )),
            ureq::Error::HostNotFound => {
                Error::connect(format!("the host of {server} has no address"))
            }
            ureq::Error::ConnectProxyFailed(_) => {
                Error::connect(format!("the proxy gives no way to {server}"))
            }
            ureq::Error::InvalidProxyUrl => Error::connect("the proxy's URL cannot be used"),
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => bad_url(),
            ureq::Error::Tls(why) => tls_failed(server, why),
            ureq::Error::Rustls(why) => tls_failed(server, &why.to_string()),
            ureq::Error::Pem(_) => tls_failed(server, "a certificate or key is no PEM"),
            ureq::Error::TlsRequired | ureq::Error::RequireHttpsOnly(_) => {
                tls_failed(server, "TLS is needed and not available")
            }
            ureq::Error::LargeResponseHeader(..) => Error::limit(
                502,
                format!("the header of the reply of {server} is too long"),
            ),
            ureq::Error::Protocol(_) => {
                Error::protocol(format!("{server} does not answer in HTTP/1.1"))
            }
            ureq::Error::Io(io) => {
                if let Some(tls) = io
                    .get_ref()
                    .and_then(|inner| inner.downcast_ref::<rustls::Error>())
                {
                    return tls_failed(server, &tls.to_string());
                }
                match io.kind() {
                    ErrorKind::ConnectionRefused => Error::connect(format!(
                        "connection refused by {server}; is the server running?"
                    )),
                    ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::NetworkDown
                    | ErrorKind::AddrNotAvailable
                    | ErrorKind::PermissionDenied => {
                        Error::connect(format!("no way to {server}: {}", io.kind()))
                    }
                    kind => {
                        let hint = match uri.scheme_str() {
                            Some("https") => "; does it speak TLS?",
                            _ => "",
                        };
                        Error::cut(format!(
                            "{server} closed the connection before its answer was whole ({kind}{hint})"
                        ))
                    }
                }
            }
            _ => Error::cut(format!("the exchange with {server} failed")),
        }
    }
}

fn tls_failed(server: &str, why: &str) -> Error {
    Error::connect(format!("no secure connection to {server}: {why}"))
}

fn bad_url() -> Error {
    Error::argument(
        "api_base",
        "api_base: expected a URL such as http://localhost:8000, got a string that is no URL",
    )
}

fn header_value(text: &str) -> std::result::Result<HeaderValue, ureq::Error> {
    let mut value = HeaderValue::from_str(text)
        .or_else(|_| HeaderValue::from_bytes(text.as_bytes()))
        .map_err(|e| ureq::Error::Http(e.into()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// A proxy never has a way to the caller's own loopback.
fn is_this_machine(uri: &Uri) -> bool {
    let host = uri
        .host()
        .unwrap_or("")
        .trim_start_matches('[')
        .trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}
