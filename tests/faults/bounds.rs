//! Servers without an end: whatever they send for ever, memory stays small, and they are not listened to for long.

use crate::sound::{DELTAS, HEAD, LAST, event};
use crate::stage::serve;
use crate::watch::{alone, most_memory};
use crate::ways::{Base, How, Way, client};
use mishikallm::{Error, Status};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;

/// One event's limit.
const MOST: usize = 16 * MIB;

/// What a call may take beside what it holds of an event: its copies, and the machinery of the test.
const ROOM: usize = 64 * MIB;

/// What the system itself may take in before a server notices that nobody reads.
const IN_THE_SYSTEM: usize = 32 * MIB;

const BLOCK: usize = 64 << 10;

/// What came of a server that sends `head`, and then the same for ever.
struct Flooded {
    error: Error,
    deltas: Vec<String>,
    sent: usize,
    memory: usize,
    took: Duration,
}

fn flood(way: Way, head: String, endless: &'static str, more: Value) -> Flooded {
    let sent = Arc::new(AtomicUsize::new(0));
    let server = serve({
        let sent = sent.clone();
        let block = endless.repeat(BLOCK / endless.len());
        move |to| {
            to.raw(&head)?;
            loop {
                to.raw(&block)?;
                sent.fetch_add(block.len(), Ordering::SeqCst);
            }
        }
    });
    let client = client(json!({"timeout": 30}));
    let before = most_memory();
    let began = Instant::now();
    let ended = way.call(&client, &crate::ask::with(way.request(&server), more));
    let took = began.elapsed();
    // The kernel counts in batches: what it tells may be a page less than a moment ago.
    let memory = most_memory().saturating_sub(before);
    // It cannot send any more.
    server.until(|seen| seen.over == seen.connections);
    let deltas = ended.deltas.clone();
    Flooded {
        error: ended.error(),
        deltas,
        sent: sent.load(Ordering::SeqCst),
        memory,
        took,
    }
}

/// A body without a length, that begins like this.
fn body(begin: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{begin}")
}

#[track_caller]
fn is_a_limit(flooded: &Flooded, words: &str) {
    let error = &flooded.error;
    assert_eq!(
        (error.status(), error.http_status()),
        (Status::Limit, 502),
        "{error}"
    );
    assert!(error.message().contains(words), "{error}");
    assert!(
        flooded.sent < MOST + IN_THE_SYSTEM,
        "{} bytes sent",
        flooded.sent
    );
    assert!(
        flooded.memory < 2 * MOST + ROOM,
        "{} bytes of memory",
        flooded.memory
    );
    assert!(flooded.took < Duration::from_secs(15), "{:?}", flooded.took);
}

fn stream(how: How) -> Way {
    how.at(Base::Endpoint)
}

/// The same through each way that reads events.
fn too_long(begin: &str, endless: &'static str, deltas: usize) {
    let assembled = How::Invoke.at(Base::Server);
    for way in [stream(How::Stream), stream(How::Polled), assembled] {
        let begin = DELTAS[..deltas]
            .iter()
            .map(|d| event(d))
            .collect::<String>()
            + begin;
        let flooded = flood(way, body(&begin), endless, json!({}));
        is_a_limit(
            &flooded,
            "event of the server's stream is longer than the limit of 16777216 bytes",
        );
        let expected = if way.is_told_in_deltas() { deltas } else { 0 };
        assert_eq!(flooded.deltas, DELTAS[..expected], "{way}");
    }
}

#[test]
fn a_line_of_data_that_never_ends() {
    alone(|| too_long("data: {\"text_output\":\"", "x", 1));
}

#[test]
fn a_comment_that_never_ends() {
    alone(|| too_long(": ", "x", 0));
}

#[test]
fn an_event_of_lines_without_an_end() {
    alone(|| {
        too_long(
            "",
            "data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
            1,
        )
    });
}

#[test]
fn a_json_value_that_never_ends() {
    alone(|| too_long("{\"text_output\":\"", "x", 2));
}

/// Before a JSON value there may be spaces; that is no reason to look at them again and again.
#[test]
fn spaces_that_never_end() {
    alone(|| too_long("", " ", 0));
}

/// What holds nothing costs nothing: a stream of it ends with its time.
#[test]
fn comments_that_never_end() {
    alone(|| {
        for way in [stream(How::Stream), stream(How::Polled)] {
            let flooded = flood(
                way,
                body(&event(DELTAS[0])),
                ": ping\n\n",
                json!({"timeout": 0.7}),
            );
            assert_eq!(
                flooded.error.status(),
                Status::Deadline,
                "{}",
                flooded.error
            );
            assert_eq!(flooded.deltas, DELTAS[..1]);
            assert!(flooded.memory < ROOM, "{} bytes of memory", flooded.memory);
        }
    });
}

/// They are read about as fast as comments.
#[test]
fn empty_lines_that_never_end() {
    alone(|| {
        let sent = |endless| {
            let way = stream(How::Stream);
            let flooded = flood(way, body(""), endless, json!({"timeout": 1}));
            assert_eq!(
                flooded.error.status(),
                Status::Deadline,
                "{}",
                flooded.error
            );
            flooded.sent
        };
        let (comments, empty) = (sent(": ping\n\n"), sent("\n"));
        assert!(
            empty > comments / 10,
            "{empty} bytes of empty lines, {comments} of comments"
        );
    });
}

#[test]
fn http_that_never_ends() {
    alone(|| {
        let cases = [
            ("HTTP/1.1 200 OK\r\nx-long: ", "x", Status::Limit),
            ("HTTP/1.1 200 OK\r\n", "x-more: 1\r\n", Status::Limit),
            ("HTTP/1.1 ", "x", Status::Protocol),
            ("", "HTTP/1.1 103 Hints\r\n\r\n", Status::Limit),
            // The size of a chunk.
            (HEAD, "0", Status::Limit),
        ];
        for (begin, endless, status) in cases {
            for way in [
                stream(How::Stream),
                stream(How::Polled),
                stream(How::Invoke),
            ] {
                let flooded = flood(way, begin.to_owned(), endless, json!({}));
                let error = &flooded.error;
                assert_eq!(
                    (error.status(), error.http_status()),
                    (status, 502),
                    "{way}: {error}"
                );
                assert!(flooded.memory < ROOM, "{} bytes of memory", flooded.memory);
                assert!(flooded.sent < IN_THE_SYSTEM, "{} bytes sent", flooded.sent);
            }
        }
    });
}

/// Trailers are passed over, and only time ends them.
#[test]
fn trailers_that_never_end() {
    alone(|| {
        for way in [
            stream(How::Stream),
            stream(How::Polled),
            stream(How::Invoke),
        ] {
            let flooded = flood(
                way,
                format!("{HEAD}0\r\n"),
                "x-more: 1\r\n",
                json!({"timeout": 0.5}),
            );
            assert_eq!(
                flooded.error.status(),
                Status::Deadline,
                "{way}: {}",
                flooded.error
            );
            assert!(flooded.memory < ROOM, "{} bytes of memory", flooded.memory);
        }
    });
}

/// An event of just the limit is an event, and one byte more is none.
#[test]
fn an_event_may_be_as_long_as_the_limit() {
    alone(|| {
        let rest = "data: {\"text_output\":\"\"}\n\n".len();
        for (length, is_one) in [(MOST, true), (MOST + 1, false)] {
            let text = "x".repeat(length - rest);
            let body = format!("data: {{\"text_output\":\"{text}\"}}\n\n");
            let server = serve(move |to| {
                to.raw(HEAD)?;
                to.raw(crate::http::chunk(&body))?;
                to.raw(LAST)
            });
            let client = client(json!({}));
            let way = stream(How::Stream);
            let ended = way.call(&client, &way.request(&server));
            match is_one {
                true => assert_eq!(ended.whole().len(), text.len()),
                false => assert_eq!(ended.error().status(), Status::Limit),
            }
        }
    });
}

/// What a host allows for a reply holds for one that is put together from events, too. A stream is not held by anybody.
#[test]
fn max_reply_bytes_is_for_an_answer_of_events_too() {
    alone(|| {
        let server = serve(|to| {
            to.raw(HEAD)?;
            for _ in 0..20 {
                to.raw(crate::http::chunk(event(&"x".repeat(1000))))?;
            }
            to.raw(LAST)
        });
        let client = client(json!({"max_reply_bytes": 10_000}));
        for how in [How::Invoke, How::Submit] {
            let way = how.at(Base::Server);
            let error = way.call(&client, &way.request(&server)).error();
            assert_eq!(error.status(), Status::Limit, "{way}: {error}");
            assert!(error.message().contains("10000 bytes"), "{way}: {error}");
            assert!(
                error.message().contains("max_reply_bytes"),
                "{way}: {error}"
            );
        }
        let way = stream(How::Stream);
        let ended = way.call(&client, &way.request(&server));
        assert_eq!((ended.deltas.len(), ended.error), (20, None));
    });
}
