//! One request to a running proxy, on a connection of its own.

use super::pinned;
use crate::cli::Cli;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mishikallm::limits;
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// A proxy that is there takes the connection at once.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest silence: `/health` waits for the slowest deployment.
const SILENCE: Duration = limits::TIMEOUT;

/// Where the proxy is.
pub struct Peer {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    key: Option<HeaderValue>,
}

impl Peer {
    /// Errors: the certificate cannot be read, or the key cannot be sent.
    pub fn new(cli: &Cli, key: Option<&str>) -> Result<Peer, String> {
        let bearer = |key: &str| {
            let mut value = HeaderValue::from_str(&format!("Bearer {key}"))
                .map_err(|_| "the key has a character that cannot stand in a header".to_owned())?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        };
        Ok(Peer {
            host: reachable(cli.host.as_deref()),
            port: cli.port,
            tls: match &cli.ssl_certfile_path {
                Some(chain) => Some(pinned::connector(chain)?),
                None => None,
            },
            key: key.map(bearer).transpose()?,
        })
    }

    /// Without a path.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// Sends a request; the reply's header is there.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Incoming>, String> {
        let body = body.map_or(Bytes::new(), |body| Bytes::from(body.to_string()));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| "no path".to_owned())?;
        let headers = request.headers_mut();
        let host = HeaderValue::from_str(&self.authority());
        headers.insert(HOST, host.map_err(|_| self.no_host())?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.key {
            headers.insert(AUTHORIZATION, key.clone());
        }
        let connected = timeout(CONNECT, TcpStream::connect((self.host.as_str(), self.port)));
        let stream = match connected.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) => return Err(self.not_there(&e.kind().to_string())),
            Err(_) => return Err(self.not_there("no answer")),
        };
        match &self.tls {
            None => self.exchange(stream, request).await,
            Some(tls) => {
                let name = rustls::pki_types::ServerName::try_from(self.host.clone());
                let name = name.map_err(|_| self.no_host())?;
                let shaken = timeout(CONNECT, tls.connect(name, stream)).await;
                let stream = shaken
                    .map_err(|_| self.not_there("no TLS handshake"))?
                    .map_err(|e| format!("no secure connection to {}: {e}", self.url()))?;
                self.exchange(stream, request).await
            }
        }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, String> {
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|_| self.no_http())?;
        // What breaks the connection is told by the reply that does not come.
        tokio::spawn(connection);
        match timeout(SILENCE, sender.send_request(request)).await {
            Ok(reply) => reply.map_err(|_| self.no_http()),
            Err(_) => Err(too_silent()),
        }
    }

    fn not_there(&self, why: &str) -> String {
        format!(
            "no connection to a proxy at {}: {why}; is it running there? --host and --port say where it is",
            self.url()
        )
    }

    fn no_http(&self) -> String {
        let hint = match self.tls {
            Some(_) => "",
            None => {
                "; one that was started with --ssl_certfile_path and --ssl_keyfile_path is asked with them too"
            }
        };
        format!(
            "what listens at {} does not answer in HTTP{hint}",
            self.url()
        )
    }

    fn no_host(&self) -> String {
        format!(
            "--host: expected a name or an address, got \"{}\"",
            self.host
        )
    }
}

fn too_silent() -> String {
    format!("the proxy was silent for {} s", SILENCE.as_secs())
}

/// Where a proxy that listens at such an address is reached from its own machine.
fn reachable(host: Option<&str>) -> String {
    let host = host.unwrap_or("127.0.0.1").trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) if ip.is_unspecified() => "127.0.0.1".to_owned(),
        Ok(IpAddr::V6(ip)) if ip.is_unspecified() => "::1".to_owned(),
        _ => host.to_owned(),
    }
}

/// Some of a reply's body; `None`: it is over.
pub async fn some(reply: &mut Response<Incoming>) -> Result<Option<Bytes>, String> {
    loop {
        let frame = timeout(SILENCE, reply.body_mut().frame()).await;
        match frame.map_err(|_| too_silent())? {
            None => return Ok(None),
            Some(Err(_)) => return Err("the proxy's answer ended before it was whole".to_owned()),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

/// The whole of it, as JSON.
pub async fn json(mut reply: Response<Incoming>) -> Result<Value, String> {
    let status = reply.status().as_u16();
    let mut body = Vec::new();
    while let Some(bytes) = some(&mut reply).await? {
        body.extend_from_slice(&bytes);
        if body.len() > limits::REPLY_BYTES {
            return Err("the proxy's answer is too long".to_owned());
        }
    }
    serde_json::from_slice(&body)
        .map_err(|_| format!("HTTP {status}, and no JSON: is it this proxy that listens there?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn url(arguments: &[&str]) -> String {
        let all = ["mishikallm", "--health"].iter().chain(arguments);
        Peer::new(&Cli::parse_from(all), Some("k")).unwrap().url()
    }

    #[test]
    fn a_proxy_is_asked_where_it_listens() {
        assert_eq!(url(&[]), "http://127.0.0.1:4000");
        assert_eq!(url(&["--host", "0.0.0.0", "-p", "1"]), "http://127.0.0.1:1");
        assert_eq!(url(&["--host", "::"]), "http://[::1]:4000");
        assert_eq!(url(&["--host", "[::1]"]), "http://[::1]:4000");
        assert_eq!(url(&["--host", "name"]), "http://name:4000");
    }
}
