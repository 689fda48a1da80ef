//! A server that does as a test says.

use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use socket2::SockRef;

use crate::common::http::{Request, chunk, json};

/// Each connection is one thread that runs the test's closure.
pub struct Upstream {
    pub port: u16,
}

/// One connection to it, from the proxy.
pub struct Peer {
    reader: BufReader<Box<dyn Stream>>,
    tcp: TcpStream,
    /// From 0, in the order in which they came.
    pub number: u64,
}

trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

impl Upstream {
    pub fn new(serve: impl Fn(Peer) + Send + Sync + Clone + 'static) -> Upstream {
        Upstream::start(None, serve)
    }

    /// With TLS.
    pub fn secure(
        config: Arc<ServerConfig>,
        serve: impl Fn(Peer) + Send + Sync + Clone + 'static,
    ) -> Upstream {
        Upstream::start(Some(config), serve)
    }

    fn start(
        config: Option<Arc<ServerConfig>>,
        serve: impl Fn(Peer) + Send + Sync + Clone + 'static,
    ) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("a bound port").port();
        thread::spawn(move || {
            for (number, tcp) in (0..).zip(listener.incoming()) {
                let peer = Peer::new(tcp.expect("a client"), config.clone(), number);
                let serve = serve.clone();
                thread::spawn(move || serve(peer));
            }
        });
        Upstream { port }
    }

    /// The URL of a path.
    pub fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The URL of a path, with TLS.
    pub fn securely_at(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }
}

impl Peer {
    fn new(tcp: TcpStream, config: Option<Arc<ServerConfig>>, number: u64) -> Peer {
        tcp.set_nodelay(true).expect("a socket");
        let own = tcp.try_clone().expect("a descriptor");
        let stream: Box<dyn Stream> = match config {
            None => Box::new(tcp),
            Some(config) => {
                let tls = ServerConnection::new(config).expect("a server");
                Box::new(StreamOwned::new(tls, tcp))
            }
        };
        Peer {
            reader: BufReader::new(stream),
            tcp: own,
            number,
        }
    }

    /// Agrees on TLS, and takes nothing of what follows.
    pub fn agree(&mut self) {
        self.reader.get_mut().flush().expect("TLS");
    }

    /// The next request's path and body; `None`: the proxy has closed the connection.
    pub fn request(&mut self) -> Option<(String, String)> {
        let (path, _, body) = self.whole_request()?;
        Some((path, body))
    }

    /// The same with its header, in small letters, in between.
    pub fn whole_request(&mut self) -> Option<(String, String, String)> {
        let request = Request::read(&mut self.reader, &mut io::sink()).ok()??;
        let lines = request.headers.iter();
        let header: String = lines.map(|(n, v)| format!("{n}: {v}\r\n")).collect();
        let body = String::from_utf8(request.body).expect("UTF-8");
        Some((request.path, header.to_ascii_lowercase(), body))
    }

    /// Some bytes of what the proxy sends; 0 at the end.
    pub fn some(&mut self, into: &mut [u8]) -> usize {
        self.reader.read(into).unwrap_or(0)
    }

    pub fn send(&mut self, text: &str) {
        // Whoever hung up does not read it.
        let _ = self.reader.get_mut().write_all(text.as_bytes());
    }

    /// Sends it over and over, as long as the proxy takes it.
    pub fn flood(&mut self, text: &str) {
        while self.reader.get_mut().write_all(text.as_bytes()).is_ok() {}
    }

    /// Sends byte by byte, each in a packet of its own.
    pub fn trickle(&mut self, text: &str) {
        for byte in text.as_bytes() {
            let _ = self.reader.get_mut().write_all(&[*byte]);
            thread::sleep(Duration::from_micros(300));
        }
    }

    pub fn reply(&mut self, status: u16, body: &Value) {
        let reply = json(status, &body.to_string());
        self.send(&String::from_utf8(reply).expect("UTF-8"));
    }

    pub fn open_stream(&mut self) {
        self.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    }

    pub fn token(&mut self, text: &str) {
        let event = format!("data: {}\n\n", json!({"text_output": text}));
        self.send(&String::from_utf8(chunk(&event)).expect("UTF-8"));
    }

    pub fn end_stream(&mut self) {
        self.send("0\r\n\r\n");
    }

    /// Waits until the proxy closes the connection.
    pub fn wait_for_close(&mut self) {
        let mut rest = Vec::new();
        let _ = self.reader.read_to_end(&mut rest);
    }

    /// Cuts the connection off, without an end. Afterwards the proxy's system knows: what the network carries may be late.
    pub fn reset(self) {
        let linger = SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
        linger.expect("a socket");
        let [proxys, own] = [self.tcp.peer_addr(), self.tcp.local_addr()];
        let port = |of: io::Result<SocketAddr>| format!(":{:04X}", of.expect("it was open").port());
        let (proxys, own) = (port(proxys), port(own));
        drop(self);
        let is_there = || {
            let all = fs::read_to_string("/proc/net/tcp").expect("Linux");
            all.lines().any(|line| {
                let mut ends = line.split_whitespace().skip(1);
                let mut is = |port: &str| ends.next().is_some_and(|end| end.ends_with(port));
                is(&proxys) && is(&own)
            })
        };
        while is_there() {
            thread::yield_now();
        }
    }
}
