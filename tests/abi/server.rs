//! A small HTTP server on loopback for programs that know its URL only; what it says is in `replies`.

use crate::replies::{Reply, Request, Script, Then, reply};
use socket2::{Domain, Socket, Type};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Serves until the test's process ends.
pub struct Server {
    pub url: String,
    counts: Arc<Counts>,
}

/// What programs may ask for, see `replies`.
#[derive(Default)]
pub struct Counts {
    pub accepted: AtomicUsize,
    /// Requests that wait in silence now.
    pub silent: AtomicUsize,
    /// Streams under way.
    pub streaming: AtomicUsize,
    /// Streams that the client went away from.
    pub left: AtomicUsize,
}

/// Counts for as long as it lives.
pub struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    pub fn new(count: &'a AtomicUsize) -> Counted<'a> {
        count.fetch_add(1, Ordering::SeqCst);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
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
        // Bound, so that the system does not give the port to a connection from here to itself.
        let near = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        near.bind(&any.into()).expect("a free port on loopback");
        near.connect(&address.into()).expect("our own port");
        let near = TcpStream::from(near);
        let far = listener.accept().expect("our own connection").0;
        Refused {
            url: format!("http://{}", near.local_addr().expect("its address")),
            _ends: (near, far),
        }
    }
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
                silence(&mut reader, counts);
                return Ok(());
            }
            Reply::Stream(script) => {
                let _streaming = Counted::new(&counts.streaming);
                if let Err(gone) = speak(stream, &script) {
                    counts.left.fetch_add(1, Ordering::SeqCst);
                    return Err(gone);
                }
                match script.then {
                    Then::End => {}
                    Then::Cut => return Ok(()),
                    Then::Silence => {
                        silence(&mut reader, counts);
                        counts.left.fetch_add(1, Ordering::SeqCst);
                        return Ok(());
                    }
                }
            }
        }
    }
    Ok(())
}

/// Waits until the client goes away.
fn silence(reader: &mut impl Read, counts: &Counts) {
    let _silent = Counted::new(&counts.silent);
    let _ = reader.read(&mut [0]);
}

/// As Triton does it: the head leaves with the first event, each event is an HTTP chunk, and so is the end.
fn speak(mut stream: &TcpStream, script: &Script) -> io::Result<()> {
    let mut head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                    transfer-encoding: chunked\r\n\r\n";
    for event in script.events() {
        thread::sleep(script.apart);
        let data = format!("data: {event}\n\n");
        let chunk = format!("{head}{:x}\r\n{data}\r\n", data.len());
        stream.write_all(chunk.as_bytes())?;
        head = "";
    }
    match script.then {
        Then::End => stream.write_all(format!("{head}0\r\n\r\n").as_bytes()),
        Then::Cut | Then::Silence => Ok(()),
    }
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
