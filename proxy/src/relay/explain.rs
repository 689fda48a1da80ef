//! What went wrong on the wire, in the blocking client's words. The proxy's answers hold no internal address, so the server has no
//! name here; the log has it.

use mishikallm::{Error, limits};
use std::error::Error as StdError;
use std::io::{self, ErrorKind};

/// The server, for whoever called the proxy.
pub const SERVER: &str = "the model's server";

/// An exchange broke.
pub fn exchange(e: &hyper::Error) -> Error {
    if e.is_parse_too_large() {
        let most = limits::REPLY_HEADER_BYTES;
        let message = format!(
            "the header of the reply of {SERVER} is longer than {most} bytes, or has too many fields"
        );
        return Error::limit(502, message);
    }
    if e.is_parse() {
        return no_http();
    }
    match find::<rustls::Error>(e) {
        // TLS 1.3 tells only after the handshake that it wanted the client's certificate.
        Some(tls @ rustls::Error::AlertReceived(_)) => {
            return Error::connect(format!("no secure connection to {SERVER}: {tls}"));
        }
        Some(tls) => {
            return Error::cut(format!("the secure connection to {SERVER} broke: {tls}"));
        }
        None => {}
    }
    match find::<io::Error>(e).map(io::Error::kind) {
        // So hyper tells of chunks that are none.
        Some(ErrorKind::InvalidInput | ErrorKind::InvalidData) => no_http(),
        Some(kind) if kind != ErrorKind::UnexpectedEof => {
            Error::cut(format!("{} ({kind})", cut_words()))
        }
        _ => Error::cut(cut_words()),
    }
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
        (Some(tls), _) => tls.to_string(),
        (None, kind @ (ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset)) => {
            format!("{kind}; does it speak TLS?")
        }
        (None, kind) => kind.to_string(),
    };
    Error::connect(format!("no secure connection to {SERVER}: {why}"))
}

fn cut_words() -> String {
    format!("{SERVER} closed the connection before its answer was whole")
}

fn no_http() -> Error {
    Error::protocol(format!("{SERVER} does not answer in HTTP/1.1"))
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
