//! A proxy that runs, a server that does as a test says, and a client on a bare socket.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};

/// A server; each connection is one thread that runs the test's closure.
pub struct Upstream {
    pub port: u16,
}

/// One connection to it, from the proxy.
pub struct Peer {
    reader: BufReader<TcpStream>,
    /// From 0, in the order in which they came.
    pub number: u64,
}

impl Upstream {
    pub fn new(serve: impl Fn(Peer) + Send + Sync + Clone + 'static) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let serve = serve.clone();
                let reader = BufReader::new(stream.unwrap());
                let number = number as u64;
                std::thread::spawn(move || serve(Peer { reader, number }));
            }
        });
        Upstream { port }
    }
}

impl Peer {
    /// The next request's path and body; `None`: the proxy has closed the connection.
    pub fn request(&mut self) -> Option<(String, String)> {
        let (path, _, body) = self.whole_request()?;
        Some((path, body))
    }

    /// The same with its header, in small letters, in between.
    pub fn whole_request(&mut self) -> Option<(String, String, String)> {
        let (first, header, body) = message(&mut self.reader)?;
        let path = first.split(' ').nth(1).unwrap().to_owned();
        Some((path, header, body))
    }

    pub fn send(&mut self, text: &str) {
        // Whoever hung up does not read it.
        let _ = self.reader.get_mut().write_all(text.as_bytes());
    }

    pub fn reply(&mut self, status: u16, body: &Value) {
        let body = body.to_string();
        self.send(&format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ));
    }

    pub fn open_stream(&mut self) {
        self.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
    }

    pub fn token(&mut self, text: &str) {
        let event = format!("data: {}\n\n", json!({"text_output": text}));
        self.send(&format!("{:x}\r\n{event}\r\n", event.len()));
    }

    pub fn end_stream(&mut self) {
        self.send("0\r\n\r\n");
    }

    /// Waits until the proxy closes the connection.
    pub fn wait_for_close(&mut self) {
        let mut rest = Vec::new();
        let _ = self.reader.read_to_end(&mut rest);
    }
}

/// First line, header and body; `None`: the connection is over.
fn message(reader: &mut impl BufRead) -> Option<(String, String, String)> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
        if &head[before..] == "\r\n" {
            break;
        }
    }
    let (first, header) = head.split_once("\r\n").unwrap();
    let header = header.to_ascii_lowercase();
    let field = |name: &str| {
        let line = header.lines().find_map(|l| l.strip_prefix(name))?;
        Some(line.trim_start_matches(':').trim().to_owned())
    };
    let mut body = Vec::new();
    if let Some(length) = field("content-length") {
        body.resize(length.parse().unwrap(), 0);
        reader.read_exact(&mut body).ok()?;
    } else if field("transfer-encoding").is_some() {
        while let Some(chunk) = chunk(reader) {
            body.extend(chunk.into_bytes());
        }
    }
    let body = String::from_utf8(body).unwrap();
    Some((first.to_owned(), header, body))
}

/// The next chunk of a body; `None` after the last.
fn chunk(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let length = usize::from_str_radix(line.trim(), 16).ok()?;
    let mut bytes = vec![0; length + 2];
    reader.read_exact(&mut bytes).ok()?;
    bytes.truncate(length);
    (length > 0).then(|| String::from_utf8(bytes).unwrap())
}

/// The command, running.
pub struct Proxy {
    child: Child,
    port: u16,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proxy {
    /// With one model `m`, at the upstream's `/plain/generate`, which nobody describes.
    pub fn new(upstream: &Upstream) -> Proxy {
        Proxy::with(upstream, json!({}), json!({}))
    }

    /// `params` and `general` are put into the configuration.
    pub fn with(upstream: &Upstream, params: Value, general: Value) -> Proxy {
        let base = format!("http://127.0.0.1:{}/plain/generate", upstream.port);
        let mut all = json!({"model": "triton/m", "api_base": base, "num_retries": 0});
        let object = all.as_object_mut().unwrap();
        object.extend(params.as_object().unwrap().clone());
        Proxy::of(&json!({
            "model_list": [{"model_name": "m", "mishikallm_params": all}],
            "general_settings": general,
        }))
    }

    /// With this configuration.
    pub fn of(config: &Value) -> Proxy {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("relay-{}-{count}.yaml", std::process::id());
        let path = std::env::temp_dir().join(name);
        // JSON is YAML.
        std::fs::write(&path, config.to_string()).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = Command::new(env!("CARGO_BIN_EXE_mishikallm"))
            .args([
                "--config",
                path.to_str().unwrap(),
                "--port",
                &port.to_string(),
                // Each thread has connections of its own.
                "--num_workers",
                "1",
            ])
            .spawn()
            .unwrap();
        let proxy = Proxy { child, port };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        proxy
    }

    /// Sends a request on a connection of its own.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Client {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let headers: String = headers
            .iter()
            .map(|(n, v)| format!("{n}: {v}\r\n"))
            .collect();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: p\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        Client(BufReader::new(stream))
    }

    /// A chat; `more` goes into the request.
    pub fn chat(&self, more: Value) -> Client {
        let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.send("POST", "/v1/chat/completions", &[], &body.to_string())
    }
}

/// Who waits for a reply. Dropping it hangs up.
pub struct Client(BufReader<TcpStream>);

impl Client {
    /// Status, header in small letters, and body.
    pub fn reply(&mut self) -> (u16, String, String) {
        let (first, header, body) = message(&mut self.0).expect("a reply");
        (
            first.split(' ').nth(1).unwrap().parse().unwrap(),
            header,
            body,
        )
    }

    pub fn json(&mut self) -> (u16, Value) {
        let (status, _, body) = self.reply();
        (status, serde_json::from_str(&body).unwrap())
    }

    /// Reads the header of a reply that is streamed.
    pub fn header(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.0.read_line(&mut head).unwrap(), 0, "{head}");
        }
        head.to_ascii_lowercase()
    }

    /// The next piece of it.
    pub fn chunk(&mut self) -> Option<String> {
        chunk(&mut self.0)
    }
}
