//! Runs faults through the ways of calling, compares what comes out with what is expected, and prints the table.

use crate::ask::{ask, prompt, with};
use crate::certificates::Authority;
use crate::server::{Full, Reserved, Server, YO};
use crate::sound::DELTAS;
use crate::stage::{Play, Post, Script, When};
use crate::watch;
use crate::ways::{Ended, Way, at_once, client};
use mishikallm::Status;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// No fault takes longer: enough for a slow machine, and far less than the time-outs that nobody set.
const WITHIN: Duration = Duration::from_secs(15);

/// How many faults are tried at a time. Most only wait.
const AT_ONCE: usize = 24;

/// Something that goes wrong, or only looks so, and what a call has to make of it.
pub struct Fault {
    name: String,
    place: Place,
    concerns: fn(Way) -> bool,
    more: Value,
    expected: Expected,
    /// Where one JSON answer is asked for, if that is another thing there.
    as_json: Option<Expected>,
    tls: bool,
}

enum Place {
    /// Nobody listens.
    Nobody,
    /// Somebody listens, and never takes the connection.
    Full,
    There(When, Script),
}

#[derive(Clone, Debug)]
struct Expected {
    /// Statuses; of two, the machine's timing chooses.
    statuses: Vec<(Status, u16)>,
    words: Vec<String>,
    deltas: Vec<String>,
}

/// A fault in what the server does with a POST.
pub fn fault(
    name: impl Into<String>,
    script: impl Fn(&mut Post<'_>) -> io::Result<()> + Send + Sync + 'static,
) -> Fault {
    fault_when(name, When::Asked, script)
}

/// A fault of another place.
pub fn fault_when(
    name: impl Into<String>,
    when: When,
    script: impl Fn(&mut Post<'_>) -> io::Result<()> + Send + Sync + 'static,
) -> Fault {
    Fault::new(name, Place::There(when, Arc::new(script)))
}

/// There is no server.
pub fn nobody(name: &str) -> Fault {
    Fault::new(name, Place::Nobody)
}

/// There is a server that takes no connection.
pub fn full(name: &str) -> Fault {
    Fault::new(name, Place::Full)
}

impl Fault {
    fn new(name: impl Into<String>, place: Place) -> Fault {
        Fault {
            name: name.into(),
            place,
            concerns: |_| true,
            more: json!({}),
            expected: Expected {
                statuses: vec![(Status::Done, 200)],
                words: Vec::new(),
                deltas: DELTAS.map(str::to_owned).into(),
            },
            as_json: None,
            tls: false,
        }
    }

    /// These come first.
    pub fn gives(mut self, deltas: &[&str]) -> Fault {
        self.expected.deltas = deltas.iter().map(|d| (*d).to_owned()).collect();
        self
    }

    /// This is the end.
    pub fn ends(mut self, status: Status, http: u16, words: &[&str]) -> Fault {
        self.expected.statuses = vec![(status, http)];
        self.expected.words = words.iter().map(|w| (*w).to_owned()).collect();
        self
    }

    /// Or this; the words are then others.
    pub fn or(mut self, status: Status, http: u16) -> Fault {
        self.expected.statuses.push((status, http));
        self
    }

    /// This is the end where one JSON answer is asked for.
    pub fn json_ends(mut self, status: Status, http: u16, words: &[&str]) -> Fault {
        self.as_json = Some(Expected {
            statuses: vec![(status, http)],
            words: words.iter().map(|w| (*w).to_owned()).collect(),
            deltas: Vec::new(),
        });
        self
    }

    /// The request says more.
    pub fn with(mut self, more: Value) -> Fault {
        self.more = more;
        self
    }

    /// Only for these ways.
    pub fn only(mut self, concerns: fn(Way) -> bool) -> Fault {
        self.concerns = concerns;
        self
    }

    /// A fault of events, which concerns only those who read them.
    pub fn of_events(self) -> Fault {
        self.only(Way::reads_events)
    }

    /// Over `https`. The script sees what is inside, unless it begins before the handshake.
    pub fn over_tls(mut self) -> Fault {
        self.tls = true;
        self
    }

    fn expected(&self, way: Way) -> Expected {
        let expected = match &self.as_json {
            Some(expected) if !way.reads_events() => expected,
            _ => &self.expected,
        };
        let mut expected = expected.clone();
        if !way.is_told_in_deltas() {
            // Nothing is better than half of an answer.
            let text = expected.deltas.concat();
            let is_whole = expected.statuses.contains(&(Status::Done, 200));
            expected.deltas = if is_whole { vec![text] } else { Vec::new() };
        }
        expected
    }
}

/// Tries each fault in each way, and says all that is not as expected.
#[track_caller]
pub fn run(faults: Vec<Fault>) {
    let authority = Authority::new();
    let sound = Server::always(200, YO);
    let is_full = |fault: &Fault| matches!(fault.place, Place::Full);
    let full = faults.iter().any(is_full).then(Full::new);
    let company = Company {
        sound: &sound,
        full: full.as_ref(),
        serves: authority.local().serves(),
        ca_file: authority.file(),
    };
    let pairs = faults.iter().flat_map(|fault| {
        let ways = Way::all().filter(|way| (fault.concerns)(*way));
        ways.map(move |way| (fault, way))
    });
    let tried = at_once(AT_ONCE, pairs.collect(), |(fault, way)| {
        company.try_it(fault, way)
    });
    assert!(!tried.is_empty(), "an empty table");
    watch::print(|| {
        let rows = tried.iter().map(|tried| tried.row.as_str());
        HEADER
            .into_iter()
            .chain(rows)
            .collect::<Vec<_>>()
            .join("\n")
    });
    let wrong: Vec<String> = tried.into_iter().flat_map(|tried| tried.wrong).collect();
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

const HEADER: [&str; 2] = [
    "| fault | way | status | HTTP | message | ms | deltas |",
    "|---|---|---|---|---|---|---|",
];

/// One fault in one way.
struct Tried {
    row: String,
    wrong: Vec<String>,
}

struct Company<'a> {
    sound: &'a Server,
    full: Option<&'a Full>,
    serves: Arc<rustls::ServerConfig>,
    ca_file: String,
}

impl Company<'_> {
    fn try_it(&self, fault: &Fault, way: Way) -> Tried {
        let reserved = Reserved::new();
        let mut server = None;
        let address = match &fault.place {
            Place::Nobody => reserved.address(),
            Place::Full => self.full.map_or(reserved.address(), |full| full.address),
            Place::There(when, script) => {
                let play = Play::new(*when, script.clone());
                let tls = (fault.tls && *when != When::Accepted).then(|| self.serves.clone());
                let started = Server::connections(move |mut peer, number| match &tls {
                    Some(config) => play.act(&mut peer.tls(config)?, number),
                    None => play.act(&mut peer, number),
                });
                server.insert(started).address
            }
        };
        let scheme = if fault.tls { "https" } else { "http" };
        let config = json!({"tls": {"ca_file": self.ca_file}, "timeout": WITHIN.as_secs() + 2});
        let client = client(config);
        let request = with(
            way.request_to(&format!("{scheme}://{address}")),
            fault.more.clone(),
        );
        let ended = way.call(&client, &request);
        let mut wrong = differences(&fault.expected(way), &ended);
        // A POST may have set the model to work: without `num_retries` it is sent once.
        let posts = server.as_ref().map_or(0, |server| server.posts().len());
        if posts > 1 {
            wrong.push(format!("{posts} POSTs"));
        }
        // The client is as good as before.
        if ask(&client, &prompt(&self.sound.endpoint())).as_deref() != Ok("yo") {
            wrong.push("the next call failed".to_owned());
        }
        let name = &fault.name;
        Tried {
            row: row(fault, way, &ended, &address.to_string()),
            wrong: wrong
                .iter()
                .map(|what| format!("{name} ({way}): {what}"))
                .collect(),
        }
    }
}

fn differences(expected: &Expected, ended: &Ended) -> Vec<String> {
    let mut wrong = Vec::new();
    let (came, message) = end(ended);
    match expected.statuses.iter().position(|status| *status == came) {
        None => wrong.push(format!("{came:?} {message:?}, not {:?}", expected.statuses)),
        Some(0) => {
            let missing = expected
                .words
                .iter()
                .filter(|word| !message.contains(*word));
            wrong.extend(missing.map(|word| format!("no {word:?} in {message:?}")));
        }
        Some(_) => {}
    }
    if ended.deltas != expected.deltas {
        wrong.push(format!(
            "gave {:?}, not {:?}",
            ended.deltas, expected.deltas
        ));
    }
    if ended.took > WITHIN {
        wrong.push(format!("took {:?}", ended.took));
    }
    wrong
}

/// The end's statuses, and its words.
fn end(ended: &Ended) -> ((Status, u16), &str) {
    match &ended.error {
        Some(error) => ((error.status(), error.http_status()), error.message()),
        None => ((Status::Done, 200), ""),
    }
}

fn row(fault: &Fault, way: Way, ended: &Ended, address: &str) -> String {
    let ((status, http), message) = end(ended);
    let message = message.replace(address, "HOST").replace('|', "\\|");
    let deltas = if way.is_told_in_deltas() {
        ended.deltas.len()
    } else {
        0
    };
    format!(
        "| {} | {way} | {} | {http} | {message} | {} | {deltas} |",
        fault.name,
        status.name(),
        ended.took.as_millis(),
    )
}
