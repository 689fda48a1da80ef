//! A request whose connection does not take it at once.

use super::super::connect::{Connector, Stream};
use super::*;
use http::{HeaderValue, Method, header};
use mishikallm::config::{ClientConfig, TlsConfig};
use running::certificates::Authority;
use running::upstream::Upstream;
use serde_json::json;
use socket2::SockRef;
use std::future::poll_fn;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// It takes milliseconds; a busy machine may need longer.
const GIVE_UP: Duration = Duration::from_secs(30);

fn post(connection: Connection, body: Vec<u8>) -> Asked {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    let host = HeaderValue::from_static("h");
    request.headers_mut().insert(header::HOST, host);
    Asked::new(connection, request, body.into()).expect("a request")
}

fn tls_of(connection: &Connection) -> (&TcpStream, &rustls::ClientConnection) {
    match &connection.stream {
        Stream::Tls(tls) => tls.get_ref(),
        Stream::Plain(_) => panic!("no TLS"),
    }
}

/// All of it was written, and TLS still holds a part, for which the socket has no room yet.
#[tokio::test]
async fn what_tls_has_kept_is_sent_when_there_is_room() {
    let (read, reads) = channel::<()>();
    let reads = Arc::new(Mutex::new(reads));
    let authority = Authority::new();
    let upstream = Upstream::secure(authority.local().serves(), move |mut peer| {
        peer.agree();
        reads.lock().unwrap().recv().unwrap();
        if let Some((_, body)) = peer.request() {
            peer.reply(200, &json!(body.len()));
        }
    });
    let config = ClientConfig {
        tls: TlsConfig {
            insecure: true,
            ..TlsConfig::default()
        },
        ..ClientConfig::default()
    };
    let connector = Arc::new(Connector::new(&config).expect("a configuration"));
    let connecting = connector.connect(&upstream.securely_at(""), GIVE_UP);
    let connection = connecting.await.expect("a connection");
    let socket = SockRef::from(tls_of(&connection).0);
    socket.set_send_buffer_size(0).expect("the smallest");
    let mut asked = post(connection, vec![b'a'; 100_000]);
    let mut has_kept = false;
    let head = poll_fn(|cx| {
        let head = asked.poll_head(cx);
        if head.is_pending() && asked.dialogue.is_sent() {
            has_kept |= tls_of(&asked.connection).1.wants_write();
            let _ = read.send(());
        }
        head
    });
    let head = timeout(GIVE_UP, head).await.expect("a server that has all");
    assert_eq!(head.expect("a reply").status(), 200);
    assert!(has_kept, "the socket took it at once");
    let mut body = Vec::new();
    while poll_fn(|cx| asked.poll_body(cx, &mut body))
        .await
        .expect("a body")
    {}
    assert_eq!(body, b"100000");
}
