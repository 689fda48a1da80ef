//! The scripted server: a test says what it does with each request; it counts and records.

use crate::http::{self, Request};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a plain endpoint's answer is, where it does not matter.
pub const YO: &str = r#"{"text_output":"yo"}"#;

/// A server of its own port and threads; all of it ends with it.
pub struct Server {
    pub address: SocketAddr,
    stage: Arc<Stage>,
    accepting: Option<JoinHandle<()>>,
}

/// What happened so far.
#[derive(Default)]
pub struct Seen {
    pub requests: Vec<Request>,
    /// Connections accepted.
    pub connections: usize,
    /// Connections that are over, as the server sees it.
    pub over: usize,
}

impl Seen {
    pub fn of(&self, method: &str) -> Vec<Request> {
        let of_method = self.requests.iter().filter(|r| r.method == method);
        of_method.cloned().collect()
    }
}

/// What the server's threads share.
#[derive(Default)]
pub struct Stage {
    seen: Mutex<Seen>,
    changed: Condvar,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    sockets: Vec<TcpStream>,
    ended: bool,
}

/// One connection, as a script has it.
pub struct Peer {
    stream: BufReader<Box<dyn Stream>>,
    socket: TcpStream,
    stage: Arc<Stage>,
}

/// TCP, or TLS over it.
pub trait Stream: Read + Write + Send {
    /// TLS's own goodbye.
    fn goodbye(&mut self) {}

    /// How TLS began.
    fn handshake(&self) -> Option<rustls::HandshakeKind> {
        None
    }

    /// In one write, but as TLS records of their own.
    fn together(&mut self, parts: &[Vec<u8>]) -> io::Result<()> {
        self.write_all(&parts.concat())
    }
}

impl Stream for TcpStream {}

impl Stream for rustls::StreamOwned<rustls::ServerConnection, TcpStream> {
    fn goodbye(&mut self) {
        self.conn.send_close_notify();
        let _ = self.flush();
    }

    fn handshake(&self) -> Option<rustls::HandshakeKind> {
        self.conn.handshake_kind()
    }

    fn together(&mut self, parts: &[Vec<u8>]) -> io::Result<()> {
        self.conn.set_buffer_limit(None);
        for part in parts {
            self.conn.writer().write_all(part)?;
        }
        self.flush()
    }
}

impl Server {
    /// Answers each request as `script` says.
    pub fn start(
        script: impl Fn(&Request, &mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Server {
        Server::connections(move |mut peer, number| peer.serve(number, &script))
    }

    /// The same over TLS.
    pub fn start_tls(
        config: Arc<rustls::ServerConfig>,
        script: impl Fn(&Request, &mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Server {
        Server::connections(move |peer, number| peer.tls(&config)?.serve(number, &script))
    }

    /// Answers every request with `status` and `body`.
    pub fn always(status: u16, body: impl Into<String>) -> Server {
        let body = body.into();
        Server::start(move |_, to| to.reply(status, &body))
    }

    /// Answers no request.
    pub fn silent() -> Server {
        Server::start(|_, to| to.stall())
    }

    /// Does with each connection, the first is 0, what `each` says; HTTP or not.
    pub fn connections(
        each: impl Fn(Peer, usize) -> io::Result<()> + Send + Sync + 'static,
    ) -> Server {
        Server::on(TcpListener::bind("127.0.0.1:0").expect("a free port"), each)
    }

    /// The same at a port that is already there.
    pub fn on(
        listener: TcpListener,
        each: impl Fn(Peer, usize) -> io::Result<()> + Send + Sync + 'static,
    ) -> Server {
        let address = listener.local_addr().expect("its address");
        let stage = Arc::<Stage>::default();
        let accepting = thread::spawn({
            let stage = stage.clone();
            move || accept(&listener, &stage, &Arc::new(each))
        });
        Server {
            address,
            stage,
            accepting: Some(accepting),
        }
    }

    /// `http://127.0.0.1:port`: a server, whose models are looked up.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `http://127.0.0.1:port/generate`: a gateway's endpoint, called without a look-up.
    pub fn endpoint(&self) -> String {
        format!("http://{}/generate", self.address)
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.stage.seen)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen().requests.clone()
    }

    pub fn posts(&self) -> Vec<Request> {
        self.seen().of("POST")
    }

    pub fn gets(&self) -> Vec<Request> {
        self.seen().of("GET")
    }

    pub fn count(&self) -> usize {
        self.seen().connections
    }

    /// Waits until so much has happened.
    pub fn until(&self, enough: impl Fn(&Seen) -> bool) {
        let (seen, result) = self
            .stage
            .changed
            .wait_timeout_while(self.seen(), PATIENCE, |seen| !enough(seen))
            .unwrap_or_else(PoisonError::into_inner);
        drop(seen);
        assert!(!result.timed_out(), "the server waited in vain");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut open = lock(&self.stage.open);
        open.ended = true;
        for socket in open.sockets.drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
        drop(open);
        self.stage.note(|_| ());
        let _ = TcpStream::connect(self.address); // wakes accept()
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

fn accept<F>(listener: &TcpListener, stage: &Arc<Stage>, each: &Arc<F>)
where
    F: Fn(Peer, usize) -> io::Result<()> + Send + Sync + 'static,
{
    let mut threads = Vec::new();
    for (number, socket) in listener.incoming().enumerate() {
        let Ok(socket) = socket else { break };
        if !stage.keep(&socket) {
            break;
        }
        stage.note(|seen| seen.connections += 1);
        let (stage, each) = (stage.clone(), each.clone());
        threads.push(thread::spawn(move || {
            let from = socket.peer_addr().ok();
            // An error is a client that went away, or a script that hangs up.
            if let Ok(peer) = Peer::new(socket, stage.clone()) {
                let _ = each(peer, number);
            }
            stage.forget(from);
            stage.note(|seen| seen.over += 1);
        }));
    }
    for thread in threads {
        let _ = thread.join();
    }
}

impl Stage {
    /// Writes down what happened.
    fn note<T>(&self, what: impl FnOnce(&mut Seen) -> T) -> T {
        let result = what(&mut lock(&self.seen));
        self.changed.notify_all();
        result
    }

    /// A socket that ends with the server; `false`: it has ended.
    pub fn keep(&self, socket: &TcpStream) -> bool {
        let mut open = lock(&self.open);
        open.sockets.extend(socket.try_clone());
        !open.ended
    }

    /// A socket is closed when nobody holds it any more.
    fn forget(&self, from: Option<SocketAddr>) {
        let mut open = lock(&self.open);
        open.sockets
            .retain(|socket| from.is_some() && socket.peer_addr().ok() != from);
    }

    /// Waits, but not past the server's end.
    fn pause(&self, pause: Duration) -> io::Result<()> {
        let until = Instant::now() + pause;
        while Instant::now() < until {
            if lock(&self.open).ended {
                return Err(ErrorKind::Interrupted.into());
            }
            let left = until.saturating_duration_since(Instant::now());
            thread::sleep(left.min(Duration::from_millis(50)));
        }
        Ok(())
    }
}

impl Peer {
    fn new(socket: TcpStream, stage: Arc<Stage>) -> io::Result<Peer> {
        socket.set_nodelay(true)?;
        Ok(Peer {
            stream: BufReader::new(Box::new(socket.try_clone()?)),
            socket,
            stage,
        })
    }

    /// The same connection with TLS; the handshake is done when it returns.
    pub fn tls(mut self, config: &Arc<rustls::ServerConfig>) -> io::Result<Peer> {
        let connection = rustls::ServerConnection::new(config.clone()).map_err(io::Error::other)?;
        let mut stream = rustls::StreamOwned::new(connection, self.socket.try_clone()?);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        self.stream = BufReader::new(Box::new(stream));
        Ok(self)
    }

    /// Request after request.
    pub fn serve(
        &mut self,
        connection: usize,
        script: &impl Fn(&Request, &mut Peer) -> io::Result<()>,
    ) -> io::Result<()> {
        while let Some(mut request) = Request::read(&mut self.stream)? {
            request.connection = connection;
            let request = self.record(request);
            script(&request, self)?;
        }
        Ok(())
    }

    /// Writes a request down.
    pub fn record(&self, mut request: Request) -> Request {
        self.stage.note(|seen| {
            request.number = seen.requests.len();
            seen.requests.push(request.clone());
        });
        request
    }

    pub fn reader(&mut self) -> &mut BufReader<Box<dyn Stream>> {
        &mut self.stream
    }

    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// In one write, but as TLS records of their own.
    pub fn together(&mut self, parts: &[Vec<u8>]) -> io::Result<()> {
        self.stream.get_mut().together(parts)
    }

    pub fn handshake(&self) -> Option<rustls::HandshakeKind> {
        self.stream.get_ref().handshake()
    }

    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// A whole reply in JSON; the connection stays.
    pub fn reply(&mut self, status: u16, body: &str) -> io::Result<()> {
        self.reply_with(status, &[], body)
    }

    pub fn reply_with(
        &mut self,
        status: u16,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> io::Result<()> {
        self.raw(http::reply(status, headers, body))
    }

    /// Just these bytes.
    pub fn raw(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes.as_ref())?;
        stream.flush()
    }

    pub fn pause(&self, pause: Duration) -> io::Result<()> {
        self.stage.pause(pause)
    }

    /// Nothing more, until the client goes away.
    pub fn stall(&mut self) -> io::Result<()> {
        io::copy(&mut self.stream, &mut io::sink())?;
        self.hang_up()
    }

    /// Ends the connection in order.
    pub fn hang_up(&mut self) -> io::Result<()> {
        self.stream.get_mut().goodbye();
        let _ = self.socket.shutdown(Shutdown::Both);
        Err(ErrorKind::ConnectionAborted.into())
    }

    /// Ends the connection with a reset.
    pub fn reset(&mut self) -> io::Result<()> {
        socket2::SockRef::from(&self.socket).set_linger(Some(Duration::ZERO))?;
        Err(ErrorKind::ConnectionReset.into())
    }
}

/// A port where nobody listens yet, kept from everybody else.
pub struct Reserved(socket2::Socket);

impl Reserved {
    pub fn new() -> Reserved {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).expect("a free port");
        Reserved(socket)
    }

    pub fn address(&self) -> SocketAddr {
        let address = self.0.local_addr().expect("its address");
        address.as_socket().expect("an IP address")
    }

    /// From now on somebody listens.
    pub fn listen(self) -> TcpListener {
        self.0.listen(128).expect("to listen");
        self.0.into()
    }
}

/// A port whose queue of connections is full: a further one is neither taken nor refused.
pub struct Full {
    pub address: SocketAddr,
    _queue: (socket2::Socket, Vec<TcpStream>),
}

impl Full {
    pub fn new() -> Full {
        let Reserved(socket) = Reserved::new();
        socket.listen(0).expect("to listen");
        let address = socket.local_addr().expect("its address");
        let address = address.as_socket().expect("an IP address");
        let mut waiting = Vec::new();
        while let Ok(one) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            waiting.push(one);
            assert!(waiting.len() < 1000, "this system's queues are never full");
        }
        Full {
            address,
            _queue: (socket, waiting),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
