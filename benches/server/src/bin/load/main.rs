//! Puts load on an HTTP server on this machine, and tells as one line of JSON what came of it.
//!
//!     load ADDRESS REQUEST closed CONNECTIONS SECONDS             as many requests as so many connections get answered
//!     load ADDRESS REQUEST rate CONNECTIONS SECONDS PER_SECOND    so many requests a second, whether answers come or not
//!     load ADDRESS REQUEST hold STREAMS                           so many replies begun, and held open
//!
//! REQUEST is a file: the request as it goes over the wire. A reply is right when its status is 200 and its body as long as the first
//! one's; what is in it is for the caller to look at, once.
//!
//! With `hold` a line is printed when all replies have begun. From then on a line on stdin is a number: so many more connections are closed,
//! which is answered with a line. At the end of stdin all end.

mod client;
mod hold;
mod reply;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};
use serde_json::{Value, json};

use client::{Answer, Client, Progress};

/// How long answers are waited for when no more requests are made.
const PATIENCE: Duration = Duration::from_secs(20);

const USAGE: &str = "usage: load ADDRESS REQUEST closed CONNECTIONS SECONDS | rate CONNECTIONS SECONDS PER_SECOND | hold STREAMS";

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [address, request, ref rest @ ..] = words[..] else {
        return Err(io::Error::other(USAGE));
    };
    let address: SocketAddr = parse(address)?;
    let request: Rc<[u8]> = std::fs::read(request)?.into();
    match *rest {
        ["closed", connections, seconds] => {
            let mut load = Load::new(address, &request, parse(connections)?, parse(seconds)?)?;
            load.run(None)?;
            println!("{}", load.report());
        }
        ["rate", connections, seconds, per_second] => {
            let mut load = Load::new(address, &request, parse(connections)?, parse(seconds)?)?;
            load.run(Some(Duration::from_secs_f64(
                1.0 / parse::<f64>(per_second)?,
            )))?;
            println!("{}", load.report());
        }
        ["hold", streams] => hold::run(address, &request, parse(streams)?)?,
        _ => return Err(io::Error::other(USAGE)),
    }
    Ok(())
}

fn parse<T: std::str::FromStr>(word: &str) -> io::Result<T> {
    word.parse()
        .map_err(|_| io::Error::other(format!("{word}?\n{USAGE}")))
}

struct Load {
    poll: Poll,
    clients: Vec<Client>,
    /// Requests that were sent.
    sent: usize,
    /// Of each client: since when its answer is waited for.
    asked: Vec<Option<Instant>>,
    idle: VecDeque<usize>,
    /// When requests were due for which no client was idle.
    late: VecDeque<Instant>,
    began: Instant,
    ends: Instant,
    last: Instant,
    /// Of the first right answer.
    length: Option<usize>,
    answers_us: Vec<f64>,
    firsts_us: Vec<f64>,
    bad: usize,
}

impl Load {
    fn new(
        address: SocketAddr,
        request: &Rc<[u8]>,
        connections: usize,
        seconds: f64,
    ) -> io::Result<Load> {
        let began = Instant::now();
        let client = |i| Client::new(address, Rc::clone(request), Token(i));
        Ok(Load {
            poll: Poll::new()?,
            clients: (0..connections).map(client).collect(),
            sent: 0,
            asked: vec![None; connections],
            idle: (0..connections).collect(),
            late: VecDeque::new(),
            began,
            ends: began + Duration::from_secs_f64(seconds),
            last: began,
            length: None,
            answers_us: Vec::new(),
            firsts_us: Vec::new(),
            bad: 0,
        })
    }

    /// With `every`, a request is due each time it has gone by; without, whenever a client is idle.
    fn run(&mut self, every: Option<Duration>) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 256 * 1024];
        let mut due = self.began;
        loop {
            let now = Instant::now();
            match every {
                None => {
                    while now < self.ends {
                        let Some(client) = self.idle.pop_front() else {
                            break;
                        };
                        self.ask(client, Instant::now())?;
                    }
                }
                Some(every) => {
                    while due <= now && due < self.ends {
                        match self.idle.pop_front() {
                            // That this program woke up late is not the server's doing.
                            Some(client) => self.ask(client, Instant::now())?,
                            None => self.late.push_back(due),
                        }
                        due += every;
                    }
                }
            }
            let is_over = now >= self.ends && self.idle.len() == self.clients.len();
            if is_over || now > self.ends + PATIENCE {
                return Ok(());
            }
            let until = match every {
                Some(_) if due < self.ends => due,
                _ if now < self.ends => self.ends,
                _ => self.ends + PATIENCE,
            };
            self.poll.poll(
                &mut events,
                Some(until.saturating_duration_since(now) + Duration::from_micros(1)),
            )?;
            for event in &events {
                let client = event.token().0;
                let progress = self.clients[client].advance(&mut buffer);
                self.progress(client, progress)?;
            }
        }
    }

    fn ask(&mut self, client: usize, since: Instant) -> io::Result<()> {
        self.asked[client] = Some(since);
        self.sent += 1;
        self.clients[client].ask(self.poll.registry())
    }

    fn progress(&mut self, client: usize, progress: Progress) -> io::Result<()> {
        let answer = match progress {
            Progress::Waiting => return Ok(()),
            Progress::Answered(answer) => Some(answer),
            Progress::Broken => None,
        };
        // A connection that is closed between two requests is the server's right.
        let Some(since) = self.asked[client].take() else {
            return Ok(());
        };
        self.last = Instant::now();
        match answer.filter(|answer| self.is_right(answer)) {
            Some(answer) => {
                self.answers_us.push(microseconds(self.last - since));
                self.firsts_us.push(microseconds(answer.first - since));
            }
            None => self.bad += 1,
        }
        match self.late.pop_front() {
            Some(due) => self.ask(client, due),
            None => {
                self.idle.push_back(client);
                Ok(())
            }
        }
    }

    fn is_right(&mut self, answer: &Answer) -> bool {
        answer.status == 200 && *self.length.get_or_insert(answer.length) == answer.length
    }

    fn report(&mut self) -> Value {
        let seconds = (self.last - self.began).as_secs_f64();
        let count = self.answers_us.len();
        json!({
            "n": count, "sent": self.sent, "bad": self.bad, "unfinished": self.late.len() + self.asked.iter().flatten().count(),
            "seconds": seconds, "per_second": if count == 0 { 0.0 } else { count as f64 / seconds },
            "p50_us": quantile(&mut self.answers_us, 0.5), "p99_us": quantile(&mut self.answers_us, 0.99),
            "first_p50_us": quantile(&mut self.firsts_us, 0.5), "first_p99_us": quantile(&mut self.firsts_us, 0.99),
        })
    }
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * part) as usize;
    values
        .get(place.min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}
