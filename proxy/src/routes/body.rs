//! Reading a request's body, no more of it than may be.

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use mishikallm::{Error, Result};

/// All of a body, at most so many bytes.
///
/// Errors: it is longer than the limit (HTTP 413), or its client gave up.
pub async fn whole(mut body: Incoming, most: usize) -> Result<Bytes> {
    let told = body.size_hint().lower();
    if told > most as u64 {
        return Err(too_long(most));
    }
    let mut first = Bytes::new();
    // Most come in one piece, which is taken as it is.
    let mut more = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| broken())?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if first.is_empty() {
            first = data;
            continue;
        }
        if more.is_empty() {
            more.reserve(told as usize);
            more.extend_from_slice(&first);
        }
        more.extend_from_slice(&data);
        if more.len() > most {
            return Err(too_long(most));
        }
    }
    match more.is_empty() {
        true => Ok(first),
        false => Ok(more.freeze()),
    }
}

fn too_long(most: usize) -> Error {
    Error::limit(
        413,
        format!("the request's body is longer than the limit of {most} bytes"),
    )
}

fn broken() -> Error {
    Error::argument("body", "the request's body ended before it was whole")
}
