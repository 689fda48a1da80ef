//! Slow servers: never silent for long is no fault, and is one when it takes too long in all. A slow caller is none.

use crate::http::chunk;
use crate::sound::{self, DELTAS, HEAD, LAST, event};
use crate::stage::{Post, serve};
use crate::table::{Fault, fault, run};
use crate::watch::{alone, most_memory};
use crate::ways::{Base, Ended, How, client, open, read_on};
use mishikallm::{Next, Status};
use serde_json::json;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Sends it byte by byte.
fn dribble(to: &mut Post<'_>, bytes: &[u8], pause: Duration) -> io::Result<()> {
    for byte in bytes {
        to.raw([*byte])?;
        to.pause(pause)?;
    }
    Ok(())
}

#[test]
fn a_byte_now_and_then_is_an_answer_in_the_end() {
    alone(|| {
        let script = |to: &mut Post<'_>| {
            let reply = sound::reply(to.streams);
            dribble(to, &reply, 3 * MS)
        };
        run(vec![fault("a byte every 3 ms", script).with(
            json!({"idle_timeout": 0.6, "first_byte_timeout": 0.6}),
        )]);
    });
}

#[test]
fn a_byte_too_seldom_is_silence() {
    alone(|| {
        let seldom = |name: &str, at_once: fn(bool) -> Vec<u8>, deltas: usize| {
            let script = move |to: &mut Post<'_>| {
                let (reply, at_once) = (sound::reply(to.streams), at_once(to.streams));
                to.raw(&at_once)?;
                to.pause(50 * MS)?;
                dribble(to, &reply[at_once.len()..], 1000 * MS)
            };
            fault(name, script)
                .with(json!({"idle_timeout": 0.4}))
                .gives(&DELTAS[..deltas])
                .ends(Status::Deadline, 408, &["silent for 0.4 s (idle_timeout)"])
        };
        run(vec![
            seldom("a byte every second, in the header", |_| Vec::new(), 0),
            seldom("a byte every second, in the body", |_| HEAD.into(), 0),
            seldom(
                "a byte every second, after a delta",
                |streams| [HEAD.as_bytes(), &sound::chunks(streams)[0]].concat(),
                1,
            ),
        ]);
    });
}

#[test]
fn a_byte_now_and_then_ends_with_the_time_of_all() {
    alone(|| {
        let endless = |name: &str, begin: &'static str, byte: &'static str| -> Fault {
            let script = move |to: &mut Post<'_>| {
                to.raw(begin)?;
                loop {
                    to.pause(20 * MS)?;
                    to.raw(byte)?;
                }
            };
            fault(name, script)
                .with(json!({"timeout": 1.2, "idle_timeout": 0.9}))
                .gives(&[])
                .ends(Status::Deadline, 408, &["within 1.2 s (timeout)"])
        };
        run(vec![
            endless(
                "a header, byte by byte, without an end",
                "HTTP/1.1 200 OK\r\nx: ",
                "x",
            ),
            endless(
                "a body, byte by byte, without an end",
                "HTTP/1.1 200 OK\r\n\r\n: ",
                "x",
            ),
            endless(
                "comments without an end",
                "HTTP/1.1 200 OK\r\n\r\n",
                ": ping\n\n",
            ),
            endless("hints without an end", "", "HTTP/1.1 103 Hints\r\n\r\n"),
        ]);
    });
}

/// What the caller takes between two chunks is no silence of the server, which has said all by then.
#[test]
fn a_caller_may_take_longer_than_idle_timeout() {
    alone(|| {
        let server = serve(|to| to.answer());
        let client = client(json!({"idle_timeout": 0.1}));
        for base in [Base::Endpoint, Base::Server] {
            let way = How::Stream.at(base);
            let stream = open(&client, &way.request(&server));
            assert!(matches!(stream.next(None), Ok(Next::Chunk(_))));
            thread::sleep(300 * MS);
            let mut ended = Ended::default();
            read_on(&stream, || None, &mut ended);
            assert_eq!(ended.whole(), DELTAS[1]);
        }
    });
}

/// A caller who does not ask makes the server wait: nothing is read ahead for him.
#[test]
fn a_caller_who_does_not_read_makes_the_server_wait() {
    alone(|| {
        const LONG: usize = 16 << 10;
        const MANY: usize = 1024;
        let sent = Arc::new(AtomicUsize::new(0));
        let server = serve({
            let sent = sent.clone();
            let delta = chunk(event(&"x".repeat(LONG)));
            move |to| {
                to.raw(HEAD)?;
                for _ in 0..MANY {
                    to.raw(&delta)?;
                    sent.fetch_add(1, Ordering::SeqCst);
                }
                to.raw(LAST)
            }
        });
        let client = client(json!({}));
        let before = most_memory();
        let way = How::Stream.at(Base::Endpoint);
        let stream = open(&client, &way.request(&server));
        assert!(matches!(stream.next(None), Ok(Next::Chunk(_))));
        thread::sleep(300 * MS);
        // The system's own buffers are full by then.
        let waits_at = sent.load(Ordering::SeqCst);
        assert!(waits_at < MANY, "all of it was sent to nobody");
        let mut ended = Ended::default();
        read_on(&stream, || None, &mut ended);
        assert_eq!((ended.deltas.len(), ended.error.as_ref()), (MANY - 1, None));
        // The deltas that this test keeps, and little else.
        let memory = most_memory().saturating_sub(before);
        assert!(memory < 2 * LONG * MANY, "{memory} bytes of memory");
    });
}
