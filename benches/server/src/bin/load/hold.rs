//! Many replies that are begun and held open, of which some are given up when the caller says so.

use std::io::{self, BufRead as _, ErrorKind};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use serde_json::json;

use crate::client::{Client, Progress};
use crate::{microseconds, quantile};

/// How many are asked for at a time: it is open streams that are measured, not a stampede.
const AT_ONCE: usize = 32;

/// How long their beginnings are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

const SAID: Token = Token(usize::MAX);

pub fn run(address: SocketAddr, request: &Rc<[u8]>, streams: usize) -> io::Result<()> {
    let mut poll = Poll::new()?;
    // Kept here too: a waker that is gone takes its last word with it.
    let waker = Arc::new(Waker::new(poll.registry(), SAID)?);
    let said = listen(Arc::clone(&waker));
    let mut clients: Vec<Client> = (0..streams)
        .map(|i| Client::new(address, Rc::clone(request), Token(i)))
        .collect();
    let mut asked: Vec<Instant> = Vec::with_capacity(streams);
    let mut firsts_us = Vec::with_capacity(streams);
    let (mut broken, mut is_told, mut closed) = (0, false, 0);
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; 256 * 1024];
    let gives_up = Instant::now() + PATIENCE;
    loop {
        while asked.len() < streams && asked.len() - firsts_us.len() - broken < AT_ONCE {
            let client = &mut clients[asked.len()];
            asked.push(Instant::now());
            client.ask(poll.registry())?;
        }
        let is_late = Instant::now() > gives_up;
        if !is_told && (firsts_us.len() + broken == streams || is_late) {
            is_told = true;
            println!(
                "{}",
                json!({
                    "begun": firsts_us.len(), "broken": broken,
                    "first_p50_us": quantile(&mut firsts_us, 0.5), "first_p99_us": quantile(&mut firsts_us, 0.99),
                })
            );
        }
        let patience = (!is_told).then(|| gives_up.saturating_duration_since(Instant::now()));
        match poll.poll(&mut events, patience) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            if event.token() == SAID {
                continue;
            }
            let client = &mut clients[event.token().0];
            let had_begun = client.has_begun();
            // An answer that is complete is as bad as none: it was to be held open.
            if !matches!(client.advance(&mut buffer), Progress::Waiting) {
                client.hang_up();
                broken += 1;
            } else if client.has_begun() && !had_begun {
                firsts_us.push(microseconds(asked[event.token().0].elapsed()));
            }
        }
        loop {
            match said.try_recv() {
                Ok(count) => {
                    for client in clients.iter_mut().skip(closed).take(count) {
                        client.hang_up();
                    }
                    closed += count;
                    println!("{}", json!({"closed": count, "broken": broken}));
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        }
    }
}

/// The numbers on stdin, each with a word to the loop; the channel's end is stdin's.
fn listen(waker: Arc<Waker>) -> Receiver<usize> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let Ok(Ok(count)) = line.map(|line| line.trim().parse()) else {
                break;
            };
            if sender.send(count).is_err() || waker.wake().is_err() {
                return;
            }
        }
        drop(sender);
        let _ = waker.wake();
    });
    receiver
}
