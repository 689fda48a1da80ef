//! What went wrong on the wire, in the words of someone who has to change something.

use super::context;
use super::http::{Http, Phase, Terms, bad_url};
use crate::error::Error;
use crate::limits;
use std::io::ErrorKind;
use ureq::Timeout;
use ureq::http::Uri;

impl Http {
    /// ureq's error in the words of someone who has to change something.
    pub(super) fn explain(
        &self,
        e: ureq::Error,
        uri: &Uri,
        terms: &Terms<'_>,
        phase: Phase,
    ) -> Error {
        let server = uri.authority().map_or("the server", |a| a.as_str());
        let connecting = context::connect_deadline().is_some();
        match e {
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => Error::deadline(format!(
                "no connection to {server} within {} s (connect_timeout)",
                terms.connect.as_secs_f64()
            ))
            .retryable()
            .unreached(),
            ureq::Error::Timeout(Timeout::PerRead) => {
                let silent = terms
                    .silence(phase)
                    .unwrap_or(terms.timeout.0)
                    .as_secs_f64();
                Error::deadline(match (phase, terms.first_byte) {
                    (Phase::Head, Some(_)) => format!(
                        "no answer from {server} began within {silent} s (first_byte_timeout)"
                    ),
                    _ => format!("{server} was silent for {silent} s (idle_timeout)"),
                })
                .retryable()
            }
            ureq::Error::Timeout(_) => Error::deadline(format!(
                "no whole answer from {server} within {} s ({})",
                terms.timeout.0.as_secs_f64(),
                terms.timeout.1
            ))
            .retryable(),
            ureq::Error::BadUri(_) => bad_url(),
            ureq::Error::Http(_) => Error::argument(
                "extra_headers",
                "extra_headers: a name or a value cannot be sent as a header",
            ),
            ureq::Error::LargeResponseHeader(..) => Error::limit(
                502,
                format!(
                    "the header of the reply of {server} is longer than {} bytes",
                    limits::REPLY_HEADER_BYTES
                ),
            ),
            // Names are looked up before a connection is begun.
            e @ ureq::Error::HostNotFound => self.explain_connecting(e, uri, server),
            e if connecting => self.explain_connecting(e, uri, server),
            ureq::Error::Protocol(e) if e.to_string().contains("too many headers") => Error::limit(
                502,
                format!("the header of the reply of {server} has too many fields"),
            ),
            // TLS 1.3 tells only after the handshake that it wanted the client's certificate.
            ureq::Error::Io(io) if tls_error(&io).is_some_and(is_alert) => {
                let words = tls_words(&io).unwrap_or_default();
                Error::connect(format!("no secure connection to {server}: {words}"))
            }
            ureq::Error::Io(io) if tls_error(&io).is_some() => {
                let words = tls_words(&io).unwrap_or_default();
                Error::cut(format!("the secure connection to {server} broke: {words}"))
            }
            ureq::Error::BodyStalled => Error::cut(format!(
                "{server} closed the connection before its answer was whole"
            )),
            ureq::Error::Protocol(_) => {
                Error::protocol(format!("{server} does not answer in HTTP/1.1"))
            }
            ureq::Error::Io(io) => {
                let inner = io
                    .get_ref()
                    .and_then(|e| e.downcast_ref::<std::io::Error>());
                Error::cut(format!(
                    "{server} closed the connection before its answer was whole ({})",
                    inner.unwrap_or(&io).kind()
                ))
            }
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
fn tls_error(io: &std::io::Error) -> Option<&rustls::Error> {
    let inner = io.get_ref()?;
    match inner.downcast_ref::<std::io::Error>() {
        Some(io) => tls_error(io),
        None => inner.downcast_ref(),
    }
}

fn tls_words(io: &std::io::Error) -> Option<String> {
    tls_error(io).map(rustls::Error::to_string)
}

fn is_alert(e: &rustls::Error) -> bool {
    matches!(e, rustls::Error::AlertReceived(_))
}
