//! What went wrong on the wire, in the blocking client's words. The proxy's answers hold no internal address, so the server has no
//! name here; the log has it.

use mishikallm::plan::span::Span;
use mishikallm::{Error, limits};
use std::error::Error as StdError;
use std::io::{self, ErrorKind};

/// The server, for whoever called the proxy.
pub const SERVER: &str = "the model's server";

/// What came is no reply, or what was to be sent is no request.
pub fn protocol(e: &ureq_proto::Error) -> Error {
    match e {
        ureq_proto::Error::HttpParseTooManyHeaders => long_header(),
        _ => no_http(),
    }
}

/// The connection broke, before the reply was begun or after.
pub fn broken(e: &io::Error, is_begun: bool) -> Error {
    match find::<rustls::Error>(e) {
        // TLS 1.3 tells only after the handshake that it wanted the client's certificate.
        Some(tls @ rustls::Error::AlertReceived(_)) if !is_begun => {
            return Error::connect(format!(
                "no secure connection to {SERVER}: {}",
                tls_words(tls)
            ));
        }
        Some(tls) => {
            let why = tls_words(tls);
            return Error::cut(format!("the secure connection to {SERVER} broke: {why}"));
        }
        None => {}
    }
    match e.kind() {
        ErrorKind::UnexpectedEof => cut(),
        kind => Error::cut(format!("{} ({kind})", cut_words())),
    }
}

/// The server closed the connection too early.
pub fn cut() -> Error {
    Error::cut(cut_words())
}

/// No connection came about.
pub fn connecting(e: &io::Error) -> Error {
    let hint = match e.kind() {
        ErrorKind::ConnectionRefused => "; is the server running?",
        _ => "",
    };
    Error::connect(format!("no connection to {SERVER}: {}{hint}", e.kind()))
}

/// The connection was there, and TLS was not agreed on.
pub fn handshake(e: &io::Error) -> Error {
    let why = match (find::<rustls::Error>(e), e.kind()) {
        (Some(tls), _) => tls_words(tls),
        (None, kind @ (ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)) => {
            format!("{kind}; does it speak TLS?")
        }
        (None, kind) => kind.to_string(),
    };
    Error::connect(format!("no secure connection to {SERVER}: {why}"))
}

/// What TLS did not like. rustls names the server, and whom its certificate is for.
fn tls_words(e: &rustls::Error) -> String {
    use rustls::CertificateError as Certificate;
    match e {
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => "its certificate is for another name".to_owned(),
        rustls::Error::InvalidCertificate(
            Certificate::UnknownIssuer | Certificate::BadSignature,
        ) => format!("{e}; is the authority of its certificate named in tls.ca_file?"),
        e => e.to_string(),
    }
}

fn cut_words() -> String {
    format!("{SERVER} closed the connection before its answer was whole")
}

/// A try's time is over.
pub fn too_late(span: &Span) -> Error {
    let (seconds, name) = (span.timeout.as_secs_f64(), span.name);
    Error::deadline(format!(
        "no whole answer from {SERVER} within {seconds} s ({name})"
    ))
    .retryable()
}

/// What came is something else.
pub fn no_http() -> Error {
    Error::protocol(format!("{SERVER} does not answer in HTTP/1.1"))
}

/// No end of it in sight.
pub fn long_header() -> Error {
    let most = limits::REPLY_HEADER_BYTES;
    let message = format!(
        "the header of the reply of {SERVER} is longer than {most} bytes, or has too many fields"
    );
    Error::limit(502, message)
}

/// The first of its causes that is of a kind, itself included.
fn find<'a, T: StdError + 'static>(e: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(e);
    while let Some(e) = next {
        if let Some(found) = e.downcast_ref::<T>() {
            return Some(found);
        }
        // An input error tells of its cause's cause, not of the cause.
        let inner = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => e.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::AlertDescription;

    #[test]
    fn an_alert_in_the_middle_of_a_reply_does_not_say_that_nothing_was_asked() {
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let alert = io::Error::new(ErrorKind::InvalidData, alert);
        assert!(broken(&alert, false).is_unreached());
        assert!(!broken(&alert, true).is_unreached());
    }
}
