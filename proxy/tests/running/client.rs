//! A client that sends the bytes it is told to, and reads answers as they come.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::common::http::{self, Response};

/// No answer needs this long.
const GIVE_UP: Duration = Duration::from_secs(60);

pub struct Connection(BufReader<TcpStream>);

impl Connection {
    pub fn open(host: &str) -> io::Result<Connection> {
        let stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(GIVE_UP))?;
        stream.set_write_timeout(Some(GIVE_UP))?;
        stream.set_nodelay(true)?;
        Ok(Connection(BufReader::new(stream)))
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// The answer to a request of this method.
    pub fn read(&mut self, method: &str) -> io::Result<Response> {
        Response::read(&mut self.0, method)
    }

    /// The head of an answer, whose body is read as bytes.
    pub fn head(&mut self) -> io::Result<Response> {
        Response::head(&mut self.0)
    }

    /// The status and the JSON of an answer to a request that was no HEAD.
    #[track_caller]
    pub fn json(&mut self) -> (u16, Value) {
        let answer = self.read("POST").expect("an answer");
        let text = answer.text();
        let json = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}"));
        (answer.status, json)
    }

    /// The next chunk of a body, behind its head; `None` after the last.
    pub fn chunk(&mut self) -> Option<String> {
        let chunk = http::next_chunk(&mut self.0).ok()??;
        Some(String::from_utf8(chunk).expect("UTF-8"))
    }

    /// All that still comes, up to the end of the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = self.0.read_to_end(&mut rest);
        rest
    }

    /// Some bytes of what comes; 0 at the end.
    pub fn some(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }

    pub fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }
}

/// A request, as bytes. `content-length` is added where there is a body.
pub fn request(method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: proxy\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() || method == "POST" {
        text += &format!("content-length: {}\r\n", body.len());
    }
    [(text + "\r\n").as_bytes(), body].concat()
}

/// One request on a connection of its own.
pub fn ask(
    host: &str,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<Response> {
    let mut connection = Connection::open(host)?;
    connection.send(&request(method, path, headers, body))?;
    connection.read(method)
}
