//! As much of HTTP/1.1 as the benchmarks need: requests with a Content-Length, replies with one or in chunks.

use std::time::Duration;

pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// The JSON of the body; Triton's binary extension may have put tensors after it.
    pub json: &'a [u8],
    /// The whole request, as it came.
    pub raw: &'a [u8],
}

/// The first request in `input`, or `None` when more has to arrive.
pub fn parse(input: &[u8]) -> Result<Option<Request<'_>>, httparse::Error> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head_length) = head.parse(input)? else {
        return Ok(None);
    };

    let body_length = number(head.headers, "content-length").unwrap_or(0);
    let Some(raw) = input.get(..head_length + body_length) else {
        return Ok(None);
    };
    let body = &raw[head_length..];
    let json_length =
        number(head.headers, "inference-header-content-length").unwrap_or(body_length);
    Ok(Some(Request {
        method: head.method.unwrap_or_default(),
        path: head.path.unwrap_or_default(),
        json: &body[..json_length.min(body_length)],
        raw,
    }))
}

fn number(headers: &[httparse::Header], name: &str) -> Option<usize> {
    let header = headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(header.value).ok()?.trim().parse().ok()
}

/// A whole reply, head and body, and how it is written.
pub struct Reply {
    pub bytes: Vec<u8>,
    /// Where each write ends.
    pub piece_ends: Vec<usize>,
    /// Between one write and the next.
    pub pause: Duration,
}

impl Reply {
    pub fn json(status: &str, body: impl ToString) -> Reply {
        Reply::with_length(status, "application/json", body.to_string().as_bytes())
    }

    /// `content_type` may bring further header lines along.
    pub fn with_length(status: &str, content_type: &str, body: &[u8]) -> Reply {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        );
        let bytes = [head.as_bytes(), body].concat();
        Reply {
            piece_ends: vec![bytes.len()],
            bytes,
            pause: Duration::ZERO,
        }
    }

    /// 200 OK without a length: one HTTP chunk, and one write, for each part.
    pub fn chunked(
        content_type: &str,
        parts: impl Iterator<Item = String>,
        pause: Duration,
    ) -> Reply {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let mut bytes = head.into_bytes();
        let mut piece_ends = Vec::new();
        for part in parts {
            bytes.extend_from_slice(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes());
            piece_ends.push(bytes.len());
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        piece_ends.push(bytes.len());
        Reply {
            bytes,
            piece_ends,
            pause,
        }
    }

    /// The same bytes, handed to the kernel in one go.
    pub fn in_one_write(mut self) -> Reply {
        self.piece_ends = vec![self.bytes.len()];
        self
    }
}
