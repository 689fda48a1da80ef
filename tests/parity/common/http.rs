//! HTTP/1.1 as the fake server speaks it: requests read, answers written.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

/// A request as it arrived; the names of the headers in lower case.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    /// The next request of a connection, `None` when the client has closed it.
    pub fn read(from: &mut impl BufRead, to: &mut impl Write) -> io::Result<Option<Request>> {
        let Some(first) = line(from)? else {
            return Ok(None);
        };
        let mut words = first.split(' ');
        let (Some(method), Some(path), Some("HTTP/1.1")) =
            (words.next(), words.next(), words.next())
        else {
            return Err(io::Error::other(format!("not a request: {first}")));
        };
        let (method, path) = (method.to_string(), path.to_string());
        let headers = fields(from)?;
        if headers
            .get("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
        {
            to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = if headers
            .get("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
        {
            chunked(from)?
        } else {
            let length = headers
                .get("content-length")
                .map_or(Ok(0), |text| text.parse::<usize>());
            exactly(from, length.map_err(io::Error::other)?)?
        };
        Ok(Some(Request {
            method,
            path,
            headers,
            body,
        }))
    }

    pub fn wants_close(&self) -> bool {
        self.headers
            .get("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// An answer as a client gets it; the names of the headers in lower case.
#[derive(Clone, Debug, Default)]
pub struct Response {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Response {
    /// The next answer of a connection, to a request of this method.
    pub fn read(from: &mut impl BufRead, method: &str) -> io::Result<Response> {
        let mut response = Response::head(from)?;
        let header = |name: &str| response.headers.get(name).map(String::as_str);
        response.body = match (header("transfer-encoding"), header("content-length")) {
            _ if method == "HEAD" || response.status == 204 => Vec::new(),
            (Some(_), _) => chunked(from)?,
            (None, Some(length)) => exactly(from, length.parse().map_err(io::Error::other)?)?,
            (None, None) => {
                let mut rest = Vec::new();
                from.read_to_end(&mut rest)?;
                rest
            }
        };
        Ok(response)
    }

    /// Its status line and headers; the body is still to be read. An interim answer is passed over.
    pub fn head(from: &mut impl BufRead) -> io::Result<Response> {
        loop {
            let first = line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let status = first
                .strip_prefix("HTTP/1.1 ")
                .or(first.strip_prefix("HTTP/1.0 "))
                .and_then(|rest| rest.get(..3)?.parse().ok())
                .ok_or_else(|| io::Error::other(format!("not an answer: {first}")))?;
            let headers = fields(from)?;
            if status != 100 {
                return Ok(Response {
                    status,
                    headers,
                    body: Vec::new(),
                });
            }
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The status line and the headers, up to the empty line.
pub fn head(status: u16, headers: &[(String, String)], more: &str) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Status\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    (text + more + "\r\n").into_bytes()
}

/// An answer of known length. 204 has none.
pub fn whole(status: u16, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let told = status == 204
        || headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = if told {
        String::new()
    } else {
        format!("content-length: {}\r\n", body.len())
    };
    [&head(status, headers, &length), body].concat()
}

pub fn json(status: u16, body: &str) -> Vec<u8> {
    whole(
        status,
        &[("content-type".to_string(), "application/json".to_string())],
        body.as_bytes(),
    )
}

/// One chunk of a chunked answer.
pub fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

fn line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut text = String::new();
    if from.read_line(&mut text)? == 0 {
        return Ok(None);
    }
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_string()))
}

fn fields(from: &mut impl BufRead) -> io::Result<BTreeMap<String, String>> {
    let mut fields = BTreeMap::<String, String>::new();
    loop {
        let text = line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if text.is_empty() {
            return Ok(fields);
        }
        let (name, value) = text.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        // A header that comes twice must not look as if it came once.
        fields
            .entry(name)
            .and_modify(|old| *old = format!("{old}, {value}"))
            .or_insert(value.to_string());
    }
}

fn exactly(from: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn chunked(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = next_chunk(from)? {
        body.extend(chunk);
    }
    Ok(body)
}

/// The next chunk of a body, `None` after the last.
pub fn next_chunk(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let size = line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let size = size.split(';').next().unwrap_or_default().trim();
    let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
    if size == 0 {
        fields(from)?; // trailers, and the empty line
        return Ok(None);
    }
    let chunk = exactly(from, size)?;
    exactly(from, 2)?;
    Ok(Some(chunk))
}
