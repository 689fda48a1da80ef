//! Connections that do not come about, and connections that end, by a reset or in order, at every phase of an exchange.

use crate::sound;
use crate::stage::{Post, When};
use crate::table::{Fault, fault, fault_when, full, nobody, run};
use crate::watch::alone;
use crate::ways::{Base, How};
use mishikallm::Status;
use serde_json::json;
use std::io;
use std::time::Duration;

/// How the connection ends.
type End = fn(&mut Post<'_>) -> io::Result<()>;

const ENDS: [(&str, End, &str); 2] = [
    ("reset", |to| to.reset(), "connection reset"),
    (
        "end",
        |to| to.fin(),
        "closed the connection before its answer was whole",
    ),
];

/// How far an answer comes: its name, its bytes, and how many deltas are in them.
fn phases(streams: bool) -> Vec<(&'static str, Vec<u8>, usize)> {
    let head = sound::HEAD.as_bytes();
    let [first, second] = sound::chunks(streams);
    let until = |parts: &[&[u8]]| parts.concat();
    vec![
        ("before the answer", until(&[]), 0),
        ("in the status line", until(&[&head[..7]]), 0),
        ("in the header", until(&[&head[..40]]), 0),
        (
            "before the header's empty line",
            until(&[&head[..head.len() - 2]]),
            0,
        ),
        ("after the header", until(&[head]), 0),
        ("in a chunk's size", until(&[head, &first[..1]]), 0),
        ("after a chunk's size", until(&[head, &first[..4]]), 0),
        ("in the first chunk", until(&[head, &first[..20]]), 0),
        ("between two chunks", until(&[head, &first]), 1),
        (
            "in the second chunk's size",
            until(&[head, &first, &second[..1]]),
            1,
        ),
        (
            "in the second chunk",
            until(&[head, &first, &second[..20]]),
            1,
        ),
        ("before the last chunk", until(&[head, &first, &second]), 2),
    ]
}

#[test]
fn a_connection_that_does_not_come_about() {
    alone(|| {
        run(vec![
            nobody("connection refused").gives(&[]).ends(
                Status::Connect,
                503,
                &["connection refused", "is the server running?"],
            ),
            full("connection not taken")
                .with(json!({"connect_timeout": 0.3}))
                .gives(&[])
                .ends(Status::Deadline, 408, &["within 0.3 s (connect_timeout)"]),
            full("connection not taken, in all of the time")
                .with(json!({"timeout": 0.3}))
                .gives(&[])
                .ends(Status::Deadline, 408, &["within 0.3 s (timeout)"]),
        ]);
    });
}

#[test]
fn a_connection_that_ends_before_the_request_was_read() {
    alone(|| {
        let mut faults: Vec<Fault> = Vec::new();
        for (end, does, words) in ENDS {
            for (when, place) in [
                (When::Accepted, "when it is accepted"),
                (When::Headed, "after the request's header"),
            ] {
                let name = format!("{end} {place}");
                let fault =
                    fault_when(name, when, does)
                        .gives(&[])
                        .ends(Status::Protocol, 502, &[words]);
                faults.push(match when {
                    // It may be gone before connecting is over.
                    When::Accepted => fault.or(Status::Connect, 503),
                    _ => fault,
                });
            }
        }
        run(faults);
    });
}

#[test]
fn a_connection_that_ends_in_an_answer() {
    alone(|| {
        let mut faults: Vec<Fault> = Vec::new();
        for (end, does, words) in ENDS {
            for (i, (place, _, deltas)) in phases(true).into_iter().enumerate() {
                let script = move |to: &mut Post<'_>| {
                    let bytes = phases(to.streams).swap_remove(i).1;
                    to.raw(bytes)?;
                    does(to)
                };
                faults.push(
                    fault(format!("{end} {place}"), script)
                        .gives(&sound::DELTAS[..deltas])
                        .ends(Status::Protocol, 502, &[words]),
                );
            }
        }
        run(faults);
    });
}

#[test]
fn a_request_that_is_never_read() {
    alone(|| {
        // More than what a connection that nobody reads takes in.
        let much = "x".repeat(5 << 20);
        let script = |to: &mut Post<'_>| to.pause(Duration::from_secs(20));
        let never = fault_when("a request that is never read", When::Headed, script);
        run(vec![
            never
                .with(json!({"prompt": much, "timeout": 0.5}))
                .only(|way| way.base == Base::Endpoint && way.how != How::Polled)
                .gives(&[])
                .ends(Status::Deadline, 408, &["within 0.5 s (timeout)"]),
        ]);
    });
}
