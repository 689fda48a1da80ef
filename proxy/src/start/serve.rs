//! One thread that answers requests: a runtime, connections, and a worker that a new configuration replaces.

use super::linger::{Heard, Lingering, Sent};
use crate::app::{App, Worker};
use crate::routes;
use arc_swap::{ArcSwap, ArcSwapOption};
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::{IpAddr, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// A client that takes longer to send a header, or to send the next request, is not waited for.
const HEADER_PATIENCE: Duration = Duration::from_secs(75);

/// The same for a TLS handshake.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);

/// A client that has just come when the end is wanted may take so long to begin its request.
const ARRIVAL: Duration = Duration::from_secs(1);

/// Bytes of a request's header, and what is kept of a body that nobody reads yet.
const BUFFER: usize = 64 << 10;

/// What a thread is told.
pub(super) enum Message {
    /// A client has come.
    Connection(TcpStream),
    /// The configuration is another.
    App(Arc<App>),
}

/// What all threads share.
pub(super) struct Shared {
    tls: ArcSwapOption<TlsAcceptor>,
    ends: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn new(tls: Option<TlsAcceptor>) -> Shared {
        Shared {
            tls: ArcSwapOption::from_pointee(tls),
            ends: watch::Sender::new(false),
        }
    }

    pub(super) fn set_tls(&self, tls: Option<TlsAcceptor>) {
        self.tls.store(tls.map(Arc::new));
    }

    /// Each connection ends when its present request is answered.
    pub(super) fn drain(&self) {
        self.ends.send_replace(true);
    }
}

/// Starts one. `done` is dropped when it has nothing more to do.
pub(super) fn thread(
    number: usize,
    app: Arc<App>,
    shared: Arc<Shared>,
    done: mpsc::Sender<()>,
) -> Result<mpsc::UnboundedSender<Message>, String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    std::thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || runtime.block_on(serve(receiver, app, shared, done)))
        .map_err(|e| format!("no thread: {e}"))?;
    Ok(sender)
}

async fn serve(
    mut messages: mpsc::UnboundedReceiver<Message>,
    app: Arc<App>,
    shared: Arc<Shared>,
    done: mpsc::Sender<()>,
) {
    let worker = Arc::new(ArcSwap::from_pointee(Worker::new(app)));
    while let Some(message) = messages.recv().await {
        match message {
            // Requests under way keep theirs.
            Message::App(app) => worker.store(Arc::new(Worker::new(app))),
            Message::Connection(stream) => {
                let (worker, shared, done) = (worker.clone(), shared.clone(), done.clone());
                tokio::spawn(async move {
                    connection(stream, &worker, &shared).await;
                    drop(done);
                });
            }
        }
    }
    // Connections go on until they are done.
    drop(done);
    std::future::pending::<()>().await;
}

async fn connection(stream: TcpStream, worker: &Arc<ArcSwap<Worker>>, shared: &Shared) {
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else {
        return;
    };
    let Ok(from) = stream.peer_addr() else {
        return;
    };
    let from = from.ip();
    let _ = stream.set_nodelay(true);
    match shared.tls.load_full() {
        None => exchange(stream, from, worker, shared).await,
        // Apart, so that a connection without TLS has no room for it.
        Some(tls) => {
            let encrypted = async {
                let shaken = timeout(HANDSHAKE_PATIENCE, tls.accept(stream)).await;
                if let Ok(Ok(stream)) = shaken {
                    exchange(stream, from, worker, shared).await;
                }
            };
            Box::pin(encrypted).await;
        }
    }
}

/// Answers one client's requests, one after the other.
async fn exchange<S>(stream: S, from: IpAddr, worker: &Arc<ArcSwap<Worker>>, shared: &Shared)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let sent = &Sent::default();
    let service = hyper::service::service_fn(|request: Request<Incoming>| {
        let worker = worker.load_full();
        let request = request.map(|body| Heard::new(body, sent));
        let answering = routes::answer(worker, request, from);
        async move { Ok::<_, Infallible>(answering.await) }
    });
    let mut connection = pin!(
        hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_PATIENCE)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(Lingering::new(stream, sent)), service)
    );
    let mut ends = shared.ends.subscribe();
    // What went wrong with a connection is its client's business, who has left.
    tokio::select! {
        // The end first: an answer that comes with it is to say that it is the last.
        biased;
        _ = ends.wait_for(|ends| *ends) => {}
        _ = connection.as_mut() => return,
    }
    // hyper closes at once what has said nothing yet, and a request may be on its way.
    if !sent.anything() && timeout(ARRIVAL, connection.as_mut()).await.is_ok() {
        return;
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
