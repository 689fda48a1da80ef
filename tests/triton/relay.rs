//! A relay to the server that counts connections, and can hold or cut them.

use super::server;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// Passes everything on; its threads end with their connections.
pub struct Relay {
    pub url: String,
    accepted: Arc<Mutex<Vec<TcpStream>>>,
    gate: Arc<Mutex<()>>,
}

impl Relay {
    pub fn start() -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let accepted = Arc::<Mutex<Vec<TcpStream>>>::default();
        let gate = Arc::<Mutex<()>>::default();
        let (clients, guard) = (accepted.clone(), gate.clone());
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                clients.lock().unwrap().push(client.try_clone().unwrap());
                let gate = guard.clone();
                thread::spawn(move || {
                    drop(gate.lock().unwrap());
                    join(client);
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

    /// Until this is dropped, what is sent over new connections does not arrive.
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap()
    }

    /// Ends all connections, in the middle of whatever is passed on.
    pub fn cut(&self) {
        for client in &*self.accepted.lock().unwrap() {
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

fn join(client: TcpStream) {
    let server = TcpStream::connect(server().trim_start_matches("http://")).unwrap();
    let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || pass(back.0, back.1));
    pass(client, server);
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    // Whoever closes, the other side is told.
    let _ = to.shutdown(Shutdown::Both);
}
