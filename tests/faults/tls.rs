//! TLS: what goes wrong before the handshake is over, and connections that end without TLS's own goodbye.

use crate::sound::{DELTAS, HEAD, body, chunks};
use crate::stage::{Post, When};
use crate::table::{Fault, fault, fault_when, run};
use crate::watch::alone;
use mishikallm::Status;
use serde_json::json;
use std::io::{self, Read};
use std::time::Duration;

/// How the connection ends.
type End = fn(&mut Post<'_>) -> io::Result<()>;

/// Something else than a handshake.
fn instead(name: &str, bytes: &'static [u8]) -> Fault {
    fault_when(name, When::Accepted, move |to| {
        hello(to)?;
        to.raw(bytes)?;
        to.fin()
    })
    .over_tls()
    .gives(&[])
    .ends(Status::Connect, 503, &["no secure connection to"])
}

/// Reads the beginning of the client's greeting.
fn hello(to: &mut Post<'_>) -> io::Result<()> {
    to.reader().read_exact(&mut [0; 64])
}

#[test]
fn no_handshake() {
    alone(|| {
        let handshake = |name: &str, end: End| {
            fault_when(name, When::Accepted, move |to| {
                hello(to)?;
                end(to)
            })
            .over_tls()
            .gives(&[])
        };
        run(vec![
            instead(
                "words instead of a handshake",
                b"hello, who is there?\r\n\r\n",
            ),
            instead("zeros instead of a handshake", &[0; 300]),
            instead(
                "HTTP instead of a handshake",
                b"HTTP/1.1 400 Bad Request\r\n\r\n",
            ),
            instead("a record that is cut", b"\x16\x03\x03\x10\x00\x02\x00"),
            instead(
                "a record of nonsense",
                b"\x16\x03\x03\x00\x04\xff\xff\xff\xff",
            ),
            instead(
                "an alert: handshake failure",
                b"\x15\x03\x03\x00\x02\x02\x28",
            )
            .ends(
                Status::Connect,
                503,
                &["received fatal alert", "HandshakeFailure"],
            ),
            instead(
                "an alert: certificate required",
                b"\x15\x03\x03\x00\x02\x02\x74",
            )
            .ends(
                Status::Connect,
                503,
                &["received fatal alert", "CertificateRequired"],
            ),
            handshake("end in the handshake", |to| to.fin()).ends(
                Status::Connect,
                503,
                &["no secure connection to", "does it speak TLS?"],
            ),
            handshake("reset in the handshake", |to| to.reset()).ends(
                Status::Connect,
                503,
                &["no secure connection to", "does it speak TLS?"],
            ),
            handshake("silence in the handshake", |to| to.stall())
                .with(json!({"connect_timeout": 0.3}))
                .ends(Status::Deadline, 408, &["within 0.3 s (connect_timeout)"]),
        ]);
    });
}

/// How far a reply in chunks comes, and how many deltas are in that.
fn places(streams: bool) -> Vec<(&'static str, Vec<u8>, usize)> {
    let head = HEAD.as_bytes();
    let [first, second] = chunks(streams);
    vec![
        ("before the answer", Vec::new(), 0),
        ("in the header", head[..40].to_vec(), 0),
        ("after the header", head.to_vec(), 0),
        ("in a chunk", [head, &first[..20]].concat(), 0),
        ("between two chunks", [head, &first].concat(), 1),
        ("before the last chunk", [head, &first, &second].concat(), 2),
    ]
}

#[test]
fn a_connection_that_ends_inside_tls() {
    alone(|| {
        let ends: [(&str, End); 3] = [
            ("end with a goodbye", |to| to.hang_up()),
            ("end without a goodbye", |to| to.fin()),
            ("reset", |to| to.reset()),
        ];
        let mut faults = Vec::new();
        for (end, does) in ends {
            for (i, (place, _, deltas)) in places(true).into_iter().enumerate() {
                let script = move |to: &mut Post<'_>| {
                    let bytes = places(to.streams).swap_remove(i).1;
                    to.raw(bytes)?;
                    does(to)
                };
                let words = ["closed the connection before its answer was whole"];
                faults.push(
                    fault(format!("{end} {place}, TLS"), script)
                        .over_tls()
                        .gives(&DELTAS[..deltas])
                        .ends(Status::Protocol, 502, &words),
                );
            }
        }
        run(faults);
    });
}

/// Where the connection's end is the answer's, anybody on the way can end it. Only the goodbye is from the server itself: RFC 9112,
/// 9.8.
#[test]
fn an_answer_that_only_a_goodbye_ends() {
    alone(|| {
        let begin = |to: &mut Post<'_>| {
            let body = body(to.streams);
            to.raw(format!("HTTP/1.1 200 OK\r\n\r\n{body}"))
        };
        run(vec![
            fault("no length, and a goodbye, TLS", move |to| {
                begin(to)?;
                to.hang_up()
            })
            .over_tls(),
            fault("no length, and no goodbye, TLS", move |to| {
                begin(to)?;
                to.fin()
            })
            .over_tls()
            .ends(
                Status::Protocol,
                502,
                &["closed the connection before its answer was whole"],
            ),
            fault("no length, and a reset, TLS", move |to| {
                begin(to)?;
                to.reset()
            })
            .over_tls()
            .ends(
                Status::Protocol,
                502,
                &["closed the connection before its answer was whole"],
            ),
        ]);
    });
}

#[test]
fn junk_inside_the_connection() {
    alone(|| {
        let script = |to: &mut Post<'_>| {
            let [first, _] = chunks(to.streams);
            to.raw(HEAD)?;
            to.raw(first)?;
            to.pause(Duration::from_millis(100))?;
            // Past TLS, on the socket itself.
            io::Write::write_all(
                &mut to.socket(),
                b"no record at all, and long enough for one",
            )?;
            to.fin()
        };
        run(vec![
            fault("bytes that are no record, TLS", script)
                .over_tls()
                .gives(&DELTAS[..1])
                .ends(Status::Protocol, 502, &["corrupt message"]),
        ]);
    });
}
