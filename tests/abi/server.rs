//! A small HTTP server on loopback with fixed replies, told apart by the path, for programs that know its URL only.

use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Serves until the test's process ends.
pub struct Server {
    pub url: String,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    accepted: AtomicUsize,
    /// Requests that wait in silence now.
    silent: AtomicUsize,
}

impl Server {
    pub fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let counts = Arc::<Counts>::default();
        let server = Server {
            url,
            counts: counts.clone(),
        };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counts.accepted.fetch_add(1, Ordering::SeqCst);
                let counts = counts.clone();
                // An error is a client that went away.
                thread::spawn(move || drop(serve(&stream, &counts)));
            }
        });
        server
    }

    /// How many connections were opened so far.
    pub fn accepted(&self) -> usize {
        self.counts.accepted.load(Ordering::SeqCst)
    }
}

/// A port where nobody listens, and nobody will while this lives: the near end of a connection.
pub struct Refused {
    pub url: String,
    _ends: (TcpStream, TcpStream),
}

impl Refused {
    pub fn new() -> Refused {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound port");
        let near = TcpStream::connect(address).expect("our own port");
        let far = listener.accept().expect("our own connection").0;
        Refused {
            url: format!("http://{}", near.local_addr().expect("its address")),
            _ends: (near, far),
        }
    }
}

struct Request {
    method: String,
    path: String,
    head: String,
    body: Value,
}

enum Reply {
    Json(&'static str, Value),
    /// Bytes as they are; then the connection ends.
    Raw(&'static [u8]),
    /// Nothing, until the client gives up.
    Silence,
}

fn serve(mut stream: &TcpStream, counts: &Counts) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        match reply(&request, counts) {
            Reply::Json(status, body) => {
                let body = body.to_string();
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
                )?;
            }
            Reply::Raw(bytes) => return stream.write_all(bytes),
            Reply::Silence => {
                counts.silent.fetch_add(1, Ordering::SeqCst);
                let _ = reader.read(&mut [0]);
                counts.silent.fetch_sub(1, Ordering::SeqCst);
                return Ok(());
            }
        }
    }
    Ok(())
}

fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let length = head
        .to_ascii_lowercase()
        .split_once("content-length:")
        .and_then(|(_, rest)| rest.lines().next()?.trim().parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = head.split_whitespace().map(str::to_owned);
    Ok(Some(Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        head,
    }))
}

fn reply(request: &Request, counts: &Counts) -> Reply {
    let ok = |body| Reply::Json("200 OK", body);
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    let prompt = request.body["text_input"].as_str().unwrap_or_default();
    match (request.method.as_str(), path.as_slice()) {
        // A Triton whose every model is a decoupled one that answers with what it was asked.
        ("GET", ["v2", "health", "ready"] | ["v2", "models", _, "ready"]) => ok(Value::Null),
        ("POST", ["v2", "repository", "index"]) => {
            ok(json!([{"name": "llm", "version": "1", "state": "READY"}]))
        }
        ("GET", ["v2", "models", name]) => ok(json!({
            "name": name,
            "versions": ["1"],
            "platform": "python",
            "inputs": [{"name": "text_input", "datatype": "BYTES", "shape": [1]}],
            "outputs": [{"name": "text_output", "datatype": "BYTES", "shape": [1]}],
        })),
        ("GET", ["v2", "models", name, "config"]) => ok(json!({
            "name": name,
            "max_batch_size": 0,
            "model_transaction_policy": {"decoupled": true},
        })),
        ("POST", ["v2", "models", _, "generate"]) => ok(json!({
            "model_version": "1",
            "text_output": format!("echo: {prompt}"),
        })),

        // Endpoints of a gateway: one that does the same, one that embeds, and ones that fail.
        ("POST", ["echo", "generate"]) => ok(json!({ "text_output": format!("echo: {prompt}") })),
        ("POST", ["vectors", "infer"]) => ok(json!({
            "model_name": "vectors",
            "outputs": [{"name": "embedding", "datatype": "FP32", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6.5]}],
        })),
        ("POST", ["long", "generate"]) => ok(json!({"text_output": "x".repeat(1 << 20)})),
        ("POST", ["other", "generate"]) => ok(json!({"hello": "world"})),
        ("POST", ["list", "generate"]) => ok(json!([1, 2, 3])),
        ("POST", ["hidden", "generate"]) => ok(json!({"error": "the model exploded"})),
        ("POST", ["silent", "generate"]) => Reply::Silence,
        ("POST", ["count", which, "generate"]) => {
            let count = match *which {
                "silent" => &counts.silent,
                _ => &counts.accepted,
            };
            ok(json!({"text_output": count.load(Ordering::SeqCst).to_string()}))
        }
        ("POST", ["busy", "generate"]) => Reply::Json(
            "503 Service Unavailable\r\nretry-after: 7",
            json!({"error": "the queue is full"}),
        ),
        // Some servers repeat what they were sent.
        ("POST", ["repeats", "generate"]) => Reply::Json(
            "400 Bad Request",
            json!({ "error": format!("not understood: {}", request.head) }),
        ),
        ("POST", ["noise", "generate"]) => Reply::Raw(b"220 mail ready\r\n"),
        ("POST", ["nothing", "generate"]) => Reply::Raw(b""),
        ("POST", ["page", "generate"]) => {
            Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n<html></html>")
        }
        ("POST", ["cut", "generate"]) => {
            Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"text_output\":\"a")
        }
        _ => Reply::Json("404 Not Found", json!({"error": "no such path"})),
    }
}
