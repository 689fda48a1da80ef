//! HTTP as it is framed: lengths that are true and lengths that are not, chunks, interim answers, and what is none of it.

use crate::http::chunk;
use crate::sound::{DELTAS, HEAD, LAST, body, event, pieces};
use crate::table::{Fault, fault, run};
use crate::watch::alone;
use mishikallm::Status;

/// A server that sends what `reply` makes, for events or for one answer, and closes in order.
fn sends(name: &str, reply: impl Fn(bool) -> Vec<u8> + Send + Sync + 'static) -> Fault {
    fault(name, move |to| {
        let bytes = reply(to.streams);
        to.raw(bytes)?;
        to.fin()
    })
}

/// A reply with these lines in its header.
fn with_header(lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    [
        b"HTTP/1.1 200 OK\r\n",
        lines.as_bytes(),
        b"\r\n",
        body.as_ref(),
    ]
    .concat()
}

/// A reply in chunks, each of them as `frame` makes it.
fn in_chunks(streams: bool, frame: impl Fn(&str) -> String, last: &str) -> Vec<u8> {
    let chunks: String = pieces(streams).iter().map(|piece| frame(piece)).collect();
    [HEAD, &chunks, last].concat().into_bytes()
}

fn length(body: &str) -> String {
    format!("content-length: {}\r\n", body.len())
}

const CUT: [&str; 1] = ["closed the connection before its answer was whole"];
const NO_HTTP: [&str; 1] = ["does not answer in HTTP/1.1"];

#[test]
fn what_is_no_fault() {
    alone(|| {
        run(vec![
            sends("a length", |streams| {
                let body = body(streams);
                with_header(&length(&body), &body)
            }),
            sends(
                "no length: the end of the connection is the end",
                |streams| with_header("", body(streams)),
            ),
            sends("HTTP/1.0 without a length", |streams| {
                [b"HTTP/1.0 200 OK\r\n\r\n", body(streams).as_bytes()].concat()
            }),
            sends("HTTP/1.0 with a length", |streams| {
                let body = body(streams);
                format!("HTTP/1.0 200 OK\r\n{}\r\n{body}", length(&body)).into_bytes()
            }),
            sends("a status line without a reason", |streams| {
                let body = body(streams);
                format!("HTTP/1.1 200\r\n{}\r\n{body}", length(&body)).into_bytes()
            }),
            sends("a header whose lines end in LF", |streams| {
                let body = body(streams);
                format!("HTTP/1.1 200 OK\ncontent-length: {}\n\n{body}", body.len()).into_bytes()
            }),
            sends(
                "chunks and a length, which does not count then",
                |streams| {
                    let lines = "transfer-encoding: chunked\r\ncontent-length: 7\r\n";
                    with_header(lines, [&chunk(body(streams)), LAST.as_bytes()].concat())
                },
            ),
            sends("one chunk for each byte", |streams| {
                let chunks: Vec<u8> = body(streams).bytes().flat_map(|b| chunk([b])).collect();
                [HEAD.as_bytes(), &chunks, LAST.as_bytes()].concat()
            }),
            sends("chunk sizes in capitals and with zeros before", |streams| {
                in_chunks(
                    streams,
                    |piece| format!("00{:X}\r\n{piece}\r\n", piece.len()),
                    LAST,
                )
            }),
            sends("chunk extensions", |streams| {
                in_chunks(
                    streams,
                    |piece| format!("{:x};a=b;c\r\n{piece}\r\n", piece.len()),
                    LAST,
                )
            }),
            sends("trailers", |streams| {
                let last = "0\r\nx-checksum: 1\r\nx-more: 2\r\n\r\n";
                in_chunks(
                    streams,
                    |piece| format!("{:x}\r\n{piece}\r\n", piece.len()),
                    last,
                )
            }),
            // Nothing of the body is missing.
            sends("the last chunk without its empty line", |streams| {
                in_chunks(
                    streams,
                    |piece| format!("{:x}\r\n{piece}\r\n", piece.len()),
                    "0\r\n",
                )
            }),
        ]);
    });
}

#[test]
fn answers_before_the_answer_are_none() {
    alone(|| {
        let interims = [
            ("100 Continue", "HTTP/1.1 100 Continue\r\n\r\n".to_owned()),
            (
                "102 Processing",
                "HTTP/1.1 102 Processing\r\n\r\n".to_owned(),
            ),
            (
                "103 Early Hints",
                "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n".to_owned(),
            ),
            (
                "a hundred of them",
                "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(100),
            ),
        ];
        let mut faults = Vec::new();
        for (name, interim) in interims {
            let bytes = interim.clone();
            faults.push(fault(format!("{name}, at once"), move |to| {
                to.raw(&bytes)?;
                to.answer()
            }));
            // In pieces, and the answer begins in the last one.
            faults.push(fault(format!("{name}, piece by piece"), move |to| {
                for piece in interim.as_bytes().chunks(interim.len().div_ceil(5)) {
                    to.raw(piece)?;
                    to.pause(std::time::Duration::from_millis(3))?;
                }
                to.answer()
            }));
        }
        run(faults);
    });
}

#[test]
fn lengths_that_are_not_true() {
    alone(|| {
        run(vec![
            sends("a length that is too long", |streams| {
                let body = body(streams);
                with_header(&format!("content-length: {}\r\n", body.len() + 1), body)
            })
            .ends(Status::Protocol, 502, &CUT),
            // The answer ends where the length says, and what follows belongs to nothing.
            sends("a length that is too short, in an event", |streams| {
                let body = body(streams);
                with_header(&format!("content-length: {}\r\n", body.len() - 9), body)
            })
            .gives(&DELTAS[..1])
            .ends(Status::Protocol, 502, &["is not JSON"]),
            sends("a length that is too short, between two events", |_| {
                let [first, second] = DELTAS.map(event);
                with_header(&length(&first), first.clone() + &second)
            })
            .of_events()
            .gives(&DELTAS[..1])
            .ends(Status::Done, 200, &[]),
            sends("two lengths", |streams| {
                with_header("content-length: 9\r\ncontent-length: 10\r\n", body(streams))
            })
            .gives(&[])
            .ends(Status::Protocol, 502, &NO_HTTP),
            sends("a length that is no number", |streams| {
                with_header("content-length: many\r\n", body(streams))
            })
            .gives(&[])
            .ends(Status::Protocol, 502, &NO_HTTP),
        ]);
    });
}

/// Where only the connection's end is the answer's, a reset is no end.
#[test]
fn an_answer_that_the_connections_end_ends() {
    alone(|| {
        let mut faults = Vec::new();
        for version in ["HTTP/1.0", "HTTP/1.1"] {
            let begin = move |streams: bool, cut: usize| {
                let body = body(streams);
                format!("{version} 200 OK\r\n\r\n{}", &body[..body.len() - cut])
            };
            faults.push(
                fault(
                    format!("{version}, no length, reset after the last event"),
                    move |to| {
                        let bytes = begin(to.streams, 0);
                        to.raw(bytes)?;
                        to.reset()
                    },
                )
                .ends(Status::Protocol, 502, &CUT),
            );
            faults.push(
                fault(
                    format!("{version}, no length, end in an event"),
                    move |to| {
                        let bytes = begin(to.streams, 9);
                        to.raw(bytes)?;
                        to.fin()
                    },
                )
                .gives(&DELTAS[..1])
                .ends(Status::Protocol, 502, &["is not JSON"]),
            );
        }
        run(faults);
    });
}

#[test]
fn chunks_that_are_none() {
    alone(|| {
        let mut faults = vec![
            sends("a chunk longer than its size", |streams| {
                in_chunks(
                    streams,
                    |piece| format!("{:x}\r\n{piece}\r\n", piece.len() - 1),
                    LAST,
                )
            }),
            // What came until then is a whole event but for its second line end.
            sends("chunk sizes whose lines end in LF", |streams| {
                in_chunks(
                    streams,
                    |piece| format!("{:x}\n{piece}\n", piece.len()),
                    "0\n\n",
                )
            }),
        ];
        for size in ["zz", "", "-5", "ffffffffffffffffff", "5 5"] {
            faults.push(sends(
                &format!("a chunk of the size {size:?}"),
                move |streams| in_chunks(streams, |piece| format!("{size}\r\n{piece}\r\n"), LAST),
            ));
        }
        // No chunk's line is longer than twenty bytes, whatever it says after its size.
        faults.push(sends("a long chunk extension", |streams| {
            let long = "extension".repeat(3);
            in_chunks(
                streams,
                |piece| format!("{:x};{long}\r\n{piece}\r\n", piece.len()),
                LAST,
            )
        }));
        let faults = faults.into_iter();
        run(faults
            .map(|f| f.gives(&[]).ends(Status::Protocol, 502, &[]))
            .collect());
    });
}

#[test]
fn statuses_without_a_body() {
    alone(|| {
        let empty = |status: &'static str, http: u16, words: &[&str]| {
            let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").into_bytes();
            let kind = match http {
                502 => Status::Protocol,
                _ => Status::Server,
            };
            sends(status, move |_| reply.clone())
                .gives(&[])
                .ends(kind, http, words)
        };
        run(vec![
            empty("204 No Content", 502, &["HTTP 204 without a body"]),
            empty("205 Reset Content", 502, &["HTTP 205 without a body"]),
            empty("301 Moved Permanently", 502, &["a redirect", "api_base"]),
            empty("307 Temporary Redirect", 502, &["a redirect", "api_base"]),
            empty("304 Not Modified", 502, &["HTTP 304"]),
            empty("101 Switching Protocols", 101, &["HTTP 101"]),
            empty("400 Bad Request", 400, &["HTTP 400 with an empty body"]),
            empty(
                "503 Service Unavailable",
                503,
                &["HTTP 503 with an empty body"],
            ),
            empty("999 Nonsense", 999, &["HTTP 999"]),
            // Whoever reads a stream sees that nothing came; whoever waits for an answer would take it for one.
            sends("an empty body, with a length", |_| {
                with_header("content-length: 0\r\n", "")
            })
            .of_events()
            .gives(&[])
            .ends(Status::Done, 200, &[])
            .only(|way| way.is_told_in_deltas()),
            sends("an empty body, in no chunk", |_| {
                [HEAD, LAST].concat().into_bytes()
            })
            .gives(&[])
            .ends(Status::Done, 200, &[])
            .only(|way| way.is_told_in_deltas()),
            sends("an empty body for an answer", |_| {
                [HEAD, LAST].concat().into_bytes()
            })
            .gives(&[])
            .ends(Status::Protocol, 502, &["gave no response"])
            .json_ends(Status::Protocol, 502, &["is not JSON"])
            .only(|way| !way.is_told_in_deltas()),
        ]);
    });
}

#[test]
fn what_is_no_http() {
    alone(|| {
        let replies: [(&str, &[u8]); 6] = [
            ("words instead of HTTP", b"hello, who is there?\r\n\r\n"),
            ("events without HTTP", b"data: {\"text_output\":\"a\"}\n\n"),
            ("zeros instead of HTTP", &[0; 300]),
            (
                "HTTP/2",
                b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x64",
            ),
            ("HTTP of another version", b"HTTP/3.9 200 OK\r\n\r\n"),
            (
                "a header with a zero",
                b"HTTP/1.1 200 OK\r\nx-a: \0\r\n\r\n",
            ),
        ];
        let faults = replies.map(|(name, reply)| {
            sends(name, move |_| reply.to_vec())
                .gives(&[])
                .ends(Status::Protocol, 502, &NO_HTTP)
        });
        run(faults.into());
    });
}

#[test]
fn an_encoding_that_nobody_asked_for() {
    alone(|| {
        // gzip's own header, and then what no event begins with.
        const GZIP: &[u8] =
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x49\x2c\x49\xb4\x52\x28\x2e";
        let zipped = || with_header("content-encoding: gzip\r\ncontent-length: 18\r\n", GZIP);
        run(vec![
            sends("gzip", move |_| zipped())
                .gives(&[])
                .ends(Status::Protocol, 502, &["not with events"])
                .json_ends(Status::Protocol, 502, &["is not JSON"]),
            sends("an encoding that is only said", |streams| {
                let body = body(streams);
                with_header(
                    &format!("content-encoding: gzip\r\n{}", length(&body)),
                    body,
                )
            }),
        ]);
    });
}
