//! The recording fake server: its own port and threads for each vector, and all of it gone afterwards.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{self, BufReader, Write};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use socket2::{Domain, SockRef, Socket, Type};

use super::http::{self, Request};
use super::reply::{Answer, Body, Frame, Reply, Script};

/// A port that is ours and does not answer yet.
pub struct Bound(TcpListener);

pub struct Server {
    pub host: String,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    script: Script,
    lookups: Map<String, Value>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    posts: Vec<Request>,
    open: Vec<TcpStream>,
    /// Connections, by the order in which they came, whose request is not told yet: the first one, or one of which we have
    /// begun to read.
    awaited: BTreeSet<usize>,
    /// Those that have told one request and may tell another.
    idle: BTreeMap<usize, TcpStream>,
    /// Answers that their clients did not wait for.
    left: usize,
    stop: bool,
}

impl Bound {
    /// A free port, never the same twice: what a client keeps about one vector's server must not meet another's.
    pub fn new() -> Bound {
        static USED: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
        let mut held = Vec::new();
        loop {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let port = port(&listener);
            if lock(&USED).get_or_insert_default().insert(port) {
                return Bound(listener);
            }
            held.push(listener);
        }
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", port(&self.0))
    }

    pub fn serve(self, script: Script, lookups: Map<String, Value>) -> Server {
        let host = self.host();
        let shared = Arc::new(Shared {
            script,
            lookups,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let accepting = Some(thread::spawn({
            let shared = shared.clone();
            move || accept(&self.0, &shared)
        }));
        Server {
            host,
            shared,
            accepting,
        }
    }
}

impl Server {
    /// The POSTs so far, in the order in which they arrived.
    pub fn posts(&self) -> Vec<Request> {
        lock(&self.shared.state).posts.clone()
    }

    /// Whether, within this time, a client has closed its connection before the end of an answer.
    pub fn has_been_left(&self, within: Duration) -> bool {
        let state = lock(&self.shared.state);
        let left = self
            .shared
            .changed
            .wait_timeout_while(state, within, |state| state.left == 0)
            .unwrap_or_else(PoisonError::into_inner);
        left.0.left > 0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        state.stop = true;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        let _ = TcpStream::connect(&self.host); // wakes accept()
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut connections = Vec::new();
    for (number, stream) in listener.incoming().enumerate() {
        let Ok(stream) = stream else { break };
        let mut state = lock(&shared.state);
        if state.stop {
            break;
        }
        state.open.extend(stream.try_clone());
        state.awaited.insert(number);
        drop(state);
        let shared = shared.clone();
        connections.push(thread::spawn(move || {
            // An error is a client that went away, or the end of the vector.
            let _ = shared.connection(number, &stream);
            shared.had_turn(number, None);
            let _ = stream.shutdown(Shutdown::Both);
        }));
    }
    for connection in connections {
        let _ = connection.join();
    }
}

impl Shared {
    /// Marks a connection as one whose request comes, as soon as there are bytes, and before they are read. So a request that
    /// was sent is to be seen at any time: here or in the kernel.
    fn await_request(&self, number: usize, reader: &mut BufReader<&TcpStream>) -> io::Result<()> {
        if reader.buffer().is_empty() {
            reader.get_ref().peek(&mut [0])?;
        }
        let mut state = lock(&self.state);
        state.idle.remove(&number);
        state.awaited.insert(number);
        Ok(())
    }

    /// The order of requests is that of their connections, whichever of our threads is the quicker.
    fn await_turn(&self, number: usize) {
        const LONGEST: Duration = Duration::from_secs(2);
        let comes_later = |state: &mut State| {
            !state.stop
                && (state.awaited.range(..number).next().is_some()
                    || state
                        .idle
                        .range(..number)
                        .any(|(_, other)| has_bytes(other)))
        };
        let state = lock(&self.state);
        drop(self.changed.wait_timeout_while(state, LONGEST, comes_later));
    }

    /// Its request is told, or does not come any more.
    fn had_turn(&self, number: usize, may_come_again: Option<TcpStream>) {
        let mut state = lock(&self.state);
        state.awaited.remove(&number);
        state.idle.remove(&number);
        state
            .idle
            .extend(may_come_again.map(|stream| (number, stream)));
        drop(state);
        self.changed.notify_all();
    }

    fn connection(&self, number: usize, mut stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        loop {
            self.await_request(number, &mut reader)?;
            let Some(request) = Request::read(&mut reader, &mut stream)? else {
                break;
            };
            let last = request.wants_close();
            self.await_turn(number);
            let reply = match request.method.as_str() {
                "POST" => Ok(self.record(request)),
                "GET" => Err(self.look_up(&request.path)),
                _ => Err(http::whole(405, &[], b"")),
            };
            self.had_turn(number, stream.try_clone().ok());
            match reply {
                Ok(reply) => match reply {
                    Some(Reply::Close) => return Ok(()),
                    Some(Reply::Answer(answer)) => {
                        if let Err(gone) = self.answer(stream, answer) {
                            self.note_left(&gone);
                            return Err(gone);
                        }
                    }
                    None => {
                        stream.write_all(&http::json(500, r#"{"error":"nothing was expected"}"#))?
                    }
                },
                Err(text) => stream.write_all(&text)?,
            }
            if last {
                break;
            }
        }
        Ok(())
    }

    fn record(&self, request: Request) -> Option<&Reply> {
        let mut state = lock(&self.state);
        state.posts.push(request);
        let paths: Vec<&str> = state.posts.iter().map(|post| post.path.as_str()).collect();
        self.script.to_last(&paths)
    }

    /// An answer that was not taken to its end, through the client alone.
    fn note_left(&self, gone: &io::Error) {
        let mut state = lock(&self.state);
        if !state.stop && gone.kind() != CUT {
            state.left += 1;
            self.changed.notify_all();
        }
    }

    /// The answer to a GET: a model's metadata, its config, or that it is ready.
    fn look_up(&self, path: &str) -> Vec<u8> {
        let path = path.split('?').next().unwrap_or_default();
        let rest = path.strip_prefix("/v2/models/").unwrap_or_default();
        let (model, key) = match rest.rsplit_once('/') {
            Some((model, "config")) => (model, "config"),
            Some((model, "ready")) => (model, "ready"),
            _ => (rest, "metadata"),
        };
        match (self.lookups.get(model), key) {
            (Some(_), "ready") => http::whole(200, &[], b""),
            (Some(answers), key) if !answers[key].is_null() => {
                http::json(200, &answers[key].to_string())
            }
            _ => http::json(404, r#"{"error":"Not Found"}"#),
        }
    }

    fn answer(&self, mut stream: &TcpStream, answer: &Answer) -> io::Result<()> {
        self.pause(stream, answer.delay)?;
        let frames = match &answer.body {
            Body::Whole(body) => {
                return stream.write_all(&http::whole(answer.status, &answer.headers, body));
            }
            Body::Frames(frames) => frames,
        };
        stream.write_all(&http::head(
            answer.status,
            &answer.headers,
            "transfer-encoding: chunked\r\n",
        ))?;
        for frame in frames {
            match frame {
                Frame::Text(text) if text.is_empty() => {}
                Frame::Text(text) => stream.write_all(&http::chunk(text))?,
                Frame::Pause(pause) => self.pause(stream, *pause)?,
                Frame::Cut => return Err(CUT.into()),
            }
        }
        stream.write_all(&http::chunk(""))
    }

    /// Waits, but not past the end of the vector, and not for a client that has gone.
    fn pause(&self, stream: &TcpStream, pause: Duration) -> io::Result<()> {
        let until = Instant::now() + pause;
        while let Some(left) = until
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
        {
            // The end of the vector shuts the connection down, which is seen here too.
            stream.set_read_timeout(Some(left))?;
            match stream.peek(&mut [0]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => return Err(io::Error::other("a second request before the answer")),
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error),
            }
        }
        stream.set_read_timeout(None)
    }
}

/// How our own cutting of a connection is told from the client's.
const CUT: io::ErrorKind = io::ErrorKind::ConnectionAborted;

/// Whether something has come that is not read yet.
fn has_bytes(stream: &TcpStream) -> bool {
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    let peeked = SockRef::from(stream).recv_with_flags(&mut [MaybeUninit::uninit()], flags);
    peeked.is_ok_and(|count| count > 0)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// A port where nobody listens, kept from everybody as long as this lives: the near end of a connection.
pub struct ClosedPort {
    pub host: String,
    _ends: (TcpStream, TcpStream),
}

impl ClosedPort {
    pub fn new() -> ClosedPort {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        // Bound, so that the system does not give the port to a connection from here to itself.
        let near = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        near.bind(&any.into()).expect("a free port");
        near.connect(&address.into()).expect("our own port");
        let near = TcpStream::from(near);
        let far = listener.accept().expect("our own connection").0;
        ClosedPort {
            host: near.local_addr().expect("its address").to_string(),
            _ends: (near, far),
        }
    }
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("a bound port").port()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
