//! HTTP/1.1 as the scripted server speaks it: requests read, replies written.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    /// With its query.
    pub path: String,
    /// All of it, as it stood on the wire.
    pub head: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// Which of the server's connections brought it, from 0.
    pub connection: usize,
    /// Which of the server's requests it is, from 0.
    pub number: usize,
}

impl Request {
    /// The next request of a connection; `None` when the client has closed it.
    pub fn read(from: &mut impl BufRead) -> io::Result<Option<Request>> {
        let Some(mut request) = Request::read_head(from)? else {
            return Ok(None);
        };
        let length = request.header("content-length").parse().unwrap_or(0);
        request.body = vec![0; length];
        from.read_exact(&mut request.body)?;
        Ok(Some(request))
    }

    /// The request line and the headers.
    pub fn read_head(from: &mut impl BufRead) -> io::Result<Option<Request>> {
        let mut request = Request::default();
        loop {
            let mut line = String::new();
            if from.take(1 << 20).read_line(&mut line)? == 0 {
                return Ok(None);
            }
            request.head += &line;
            let line = line.trim_end();
            if request.method.is_empty() {
                let mut words = line.split(' ').map(str::to_owned);
                request.method = words.next().unwrap_or_default();
                request.path = words.next().unwrap_or_default();
            } else if let Some((name, value)) = line.split_once(':') {
                request
                    .headers
                    .insert(name.to_ascii_lowercase(), value.trim().to_owned());
            } else {
                return Ok(Some(request));
            }
        }
    }

    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a body in JSON")
    }
}

/// A reply with its length.
pub fn reply(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = head(status, headers);
    bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).bytes());
    bytes.extend(body);
    bytes
}

/// A status line and headers, not yet ended.
pub fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Status\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text.into_bytes()
}

/// One chunk of a chunked reply; an empty one ends it.
pub fn chunk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
