//! A relay to the server that counts connections, remembers what was sent, and can hold or cut connections.

use super::http::Request;
use super::server;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// Passes everything on; its threads end with their connections.
pub struct Relay {
    pub url: String,
    accepted: Arc<Mutex<Vec<Connection>>>,
    gate: Arc<Mutex<()>>,
}

/// One of a client's connections.
struct Connection {
    client: TcpStream,
    /// What the client sent over it.
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Relay {
    pub fn start() -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let accepted = Arc::<Mutex<Vec<Connection>>>::default();
        let gate = Arc::<Mutex<()>>::default();
        let (connections, guard) = (accepted.clone(), gate.clone());
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let sent = Arc::<Mutex<Vec<u8>>>::default();
                connections.lock().unwrap().push(Connection {
                    client: client.try_clone().unwrap(),
                    sent: sent.clone(),
                });
                let gate = guard.clone();
                thread::spawn(move || {
                    drop(gate.lock().unwrap());
                    join(client, &sent);
                });
            }
        });
        Relay {
            url,
            accepted,
            gate,
        }
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    /// Every request that went through, connection by connection.
    pub fn requests(&self) -> Vec<Request> {
        let accepted = self.accepted.lock().unwrap();
        let of = |connection: &Connection| {
            let sent = connection.sent.lock().unwrap().clone();
            let mut sent = io::Cursor::new(sent);
            std::iter::from_fn(move || Request::read(&mut sent).unwrap()).collect::<Vec<_>>()
        };
        accepted.iter().flat_map(of).collect()
    }

    /// Until this is dropped, what is sent over new connections does not arrive.
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap()
    }

    /// Ends all connections, in the middle of whatever is passed on.
    pub fn cut(&self) {
        for connection in &*self.accepted.lock().unwrap() {
            let _ = connection.client.shutdown(Shutdown::Both);
        }
    }
}

fn join(client: TcpStream, sent: &Mutex<Vec<u8>>) {
    let server = TcpStream::connect(server().trim_start_matches("http://")).unwrap();
    let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || pass(back.0, back.1, |_| {}));
    pass(client, server, |bytes| {
        sent.lock().unwrap().extend_from_slice(bytes)
    });
}

/// Passes all on, and tells of it before the other side can have read it.
fn pass(mut from: TcpStream, mut to: TcpStream, mut tell: impl FnMut(&[u8])) {
    let mut buffer = [0; 16 << 10];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        tell(&buffer[..n]);
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    // Whoever closes, the other side is told.
    let _ = to.shutdown(Shutdown::Both);
}
