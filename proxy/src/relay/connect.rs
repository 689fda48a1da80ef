//! Making a connection to a server: addresses, TCP, TLS.

use super::explain::{self, SERVER};
use super::tls;
use http::{HeaderValue, Uri};
use mishikallm::config::{ClientConfig, TlsConfig};
use mishikallm::{Error, Result};
use socket2::{SockRef, TcpKeepalive};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A peer that is gone without a word is noticed on connections in use.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);

/// A connection that is being made.
pub type Connecting = Pin<Box<dyn Future<Output = Result<Connection>> + Send>>;

/// A connection to one server.
pub struct Connection {
    pub(super) stream: Stream,
    /// Scheme, host and port.
    pub(super) server: Arc<str>,
    pub(super) host: HeaderValue,
    /// It has served a request.
    pub(super) is_used: bool,
    pub(super) idle_since: std::time::Instant,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Connection {
    /// Whether it is open, and silent, as one is that has nothing to answer. Nobody is woken by one that is idle.
    pub(super) fn is_sound(&mut self) -> bool {
        let quiet = &mut Context::from_waker(Waker::noop());
        let mut byte = [0];
        let stream = Pin::new(&mut self.stream);
        stream
            .poll_read(quiet, &mut ReadBuf::new(&mut byte))
            .is_pending()
    }
}

/// TCP, or TLS over it.
pub enum Stream {
    /// `http`
    Plain(TcpStream),
    /// `https`
    Tls(Box<TlsStream<TcpStream>>),
}

/// How connections are made; for all worker threads.
#[derive(Debug)]
pub struct Connector {
    wanted: TlsConfig,
    /// Made when it is needed: the system's certificates take a megabyte.
    tls: OnceLock<Result<Tls>>,
}

#[derive(Clone)]
struct Tls(TlsConnector);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Connector {
    /// Finds files that cannot be used, and what cannot be done; opens nothing.
    pub fn new(config: &ClientConfig) -> Result<Connector> {
        if config
            .proxy
            .as_ref()
            .is_some_and(|url| !url.reveal().is_empty())
        {
            return Err(Error::config(
                "proxy",
                "proxy: `mishikallm` reaches its servers directly, and through no other proxy; leave it out",
            ));
        }
        mishikallm::client::tls::read(&config.tls)?;
        Ok(Connector {
            wanted: config.tls.clone(),
            tls: OnceLock::new(),
        })
    }

    fn tls(&self) -> Result<Tls> {
        let make = || tls::config(&self.wanted).map(|c| Tls(TlsConnector::from(Arc::new(c))));
        self.tls.get_or_init(make).clone()
    }

    /// Connects to `server`, a URL's scheme, host and port.
    pub fn connect(self: &Arc<Self>, server: &str, patience: Duration) -> Connecting {
        let (connector, server) = (self.clone(), Arc::<str>::from(server));
        Box::pin(async move {
            let until = Instant::now() + patience;
            let made = timeout_at(until, connector.make(server, until)).await;
            made.unwrap_or_else(|_| Err(too_late(patience)))
        })
    }

    async fn make(&self, server: Arc<str>, until: Instant) -> Result<Connection> {
        let uri: Uri = server.parse().map_err(|_| bad_url())?;
        let authority = uri.authority().ok_or_else(bad_url)?;
        let is_tls = uri.scheme_str() == Some("https");
        let port = authority
            .port_u16()
            .unwrap_or(if is_tls { 443 } else { 80 });
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let tcp = tcp(host, port, until).await?;
        let stream = match is_tls {
            false => Stream::Plain(tcp),
            true => {
                let name = rustls::pki_types::ServerName::try_from(host.to_owned())
                    .map_err(|_| bad_url())?;
                let tls = self.tls()?.0.connect(name, tcp).await;
                Stream::Tls(Box::new(tls.map_err(|e| explain::handshake(&e))?))
            }
        };
        Ok(Connection {
            stream,
            host: HeaderValue::from_str(authority.as_str()).map_err(|_| bad_url())?,
            server,
            is_used: false,
            idle_since: std::time::Instant::now(),
        })
    }
}

/// Tries the addresses one after the other; each may take its share of the time.
async fn tcp(host: &str, port: u16, until: Instant) -> Result<TcpStream> {
    let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, port)],
        Err(_) => tokio::net::lookup_host((host, port))
            .await
            .map(Iterator::collect)
            .unwrap_or_default(),
    };
    let mut failure = Error::connect(format!("the host of {SERVER} has no address"));
    let count = addresses.len();
    for (i, address) in addresses.into_iter().enumerate() {
        let now = Instant::now();
        let share = (until - now) / u32::try_from(count - i).unwrap_or(1);
        match timeout_at(now + share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                prepare(&stream);
                return Ok(stream);
            }
            Ok(Err(e)) => failure = explain::connecting(&e),
            Err(_) => failure = explain::connecting(&io::ErrorKind::TimedOut.into()),
        }
    }
    Err(failure)
}

/// Not every kind of socket knows these; the connection works without.
fn prepare(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY);
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

fn too_late(patience: Duration) -> Error {
    let seconds = patience.as_secs_f64();
    Error::deadline(format!(
        "no connection to {SERVER} within {seconds} s (connect_timeout)"
    ))
    .retryable()
    .unreached()
}

pub(super) fn bad_url() -> Error {
    Error::argument(
        "api_base",
        "api_base: expected a URL such as http://localhost:8000, got a string that is no URL",
    )
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        matches!(self, Stream::Plain(_))
    }
}
