//! Whoever cancels a call harms no other one: not the one that has its connection by now, and not those who wait for what it was
//! finding out.

use crate::ask::with;
use crate::http::{Request, chunk};
use crate::model::Model;
use crate::server::{Peer, Server};
use crate::sound::{self, DELTAS, HEAD, LAST, TEXT, event};
use crate::stage::serve;
use crate::watch::alone;
use crate::ways::{Base, How, Job, Way, client, open, read};
use mishikallm::{Client, Next, Status, Stream};
use serde_json::json;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

const STREAM: Way = How::Stream.at(Base::Endpoint);
const LOOKED_UP: Way = How::Stream.at(Base::Server);

/// A server that takes a moment.
fn thinking() -> Server {
    serve(|to| {
        if to.number > 0 {
            to.pause(100 * MS)?;
        }
        to.answer()
    })
}

#[test]
fn a_stream_that_is_over_has_no_connection_any_more() {
    alone(|| {
        let server = thinking();
        let client = client(json!({}));
        let request = STREAM.request(&server);
        let stream = open(&client, &request);
        assert_eq!(read(&stream, || None).whole(), TEXT);
        thread::scope(|scope| {
            let other = scope.spawn(|| STREAM.call(&client, &request));
            server.until(|seen| seen.requests.len() == 2);
            stream.cancel();
            drop(stream);
            assert_eq!(other.join().expect("no panic").whole(), TEXT);
        });
        // It was the same connection.
        assert_eq!(server.count(), 1);
    });
}

#[test]
fn a_submitted_call_that_is_over_has_no_connection_any_more() {
    alone(|| {
        let server = thinking();
        let client = client(json!({}));
        let request = STREAM.request(&server);
        let first = Job::submit_stream(&client, &request);
        first.handle.wait(None).expect("its end");
        let second = Job::submit_stream(&client, &request);
        server.until(|seen| seen.requests.len() == 2);
        first.handle.cancel();
        assert_eq!(
            (first.end().whole(), second.end().whole()),
            (TEXT.into(), TEXT.into())
        );
        assert_eq!(server.count(), 1);
    });
}

/// Between a look-up and the ask the connection is nobody's for a moment.
#[test]
fn a_stream_in_a_pause_has_no_connection() {
    alone(|| {
        let server = serve(|to| match to.number {
            0 => to.reply_with(503, &[("retry-after", "15")], "busy"),
            _ => {
                to.pause(100 * MS)?;
                to.answer()
            }
        });
        let client = client(json!({}));
        let request = STREAM.request(&server);
        let stream = open(&client, &with(request.clone(), json!({"num_retries": 1})));
        while server.posts().is_empty() {
            assert_eq!(stream.next(Some(5 * MS)), Ok(Next::Timeout));
        }
        assert_eq!(stream.next(Some(50 * MS)), Ok(Next::Timeout));
        thread::scope(|scope| {
            let other = scope.spawn(|| STREAM.call(&client, &request));
            server.until(|seen| seen.requests.len() == 2);
            stream.cancel();
            assert_eq!(other.join().expect("no panic").whole(), TEXT);
        });
        assert_eq!(server.count(), 1);
    });
}

/// A server of a decoupled model that says nothing at this path, the first time.
fn mute_once_at(path: &'static str) -> Server {
    let asked = AtomicUsize::new(0);
    let model = Model {
        decoupled: true,
        ..Model::default()
    };
    Server::start(move |request: &Request, to: &mut Peer| -> io::Result<()> {
        if request.path == path && asked.fetch_add(1, Ordering::SeqCst) == 0 {
            return to.stall();
        }
        match request.method.as_str() {
            "GET" => model.serve(request, to),
            // An answer to whoever asks for one, in the way that a decoupled model does not give it.
            _ => to.raw(sound::reply(request.path.contains("generate_stream"))),
        }
    })
}

const LOOK_UPS: [&str; 2] = ["/v2/models/m", "/v2/models/m/config"];

/// How the one who looks a model up ends.
type End = fn(Arc<Stream>);

const ENDS: [(&str, End); 2] = [("cancelled", |stream| stream.cancel()), ("dropped", drop)];

/// Opens a stream and leaves it in its look-up.
fn looking(client: &Arc<Client>, server: &Server, path: &str) -> Arc<Stream> {
    let stream = Arc::new(open(client, &LOOKED_UP.request(server)));
    while !server.gets().iter().any(|get| get.path == path) {
        assert_eq!(stream.next(Some(2 * MS)), Ok(Next::Timeout));
    }
    stream
}

/// The model is known for what it is: asked as a decoupled one, for events.
#[track_caller]
fn is_known(what: &str, client: &Arc<Client>, server: &Server) {
    let one_shot = How::Invoke.at(Base::Server);
    let ended = one_shot.call(client, &one_shot.request(server));
    assert_eq!(ended.error, None, "{what}");
    let posts: Vec<String> = server.posts().into_iter().map(|r| r.path).collect();
    let last = posts.last().map(String::as_str);
    assert_eq!(last, Some("/v2/models/m/generate_stream"), "{what}");
}

#[test]
fn a_look_up_that_was_left_is_made_again_by_the_next() {
    alone(|| {
        for path in LOOK_UPS {
            for (end, ends) in ENDS {
                // With an idle connection there, and without.
                for warm in [false, true] {
                    let server = mute_once_at(path);
                    let client = client(json!({}));
                    if warm {
                        STREAM.call(&client, &STREAM.request(&server));
                    }
                    ends(looking(&client, &server, path));
                    is_known(&format!("{path}, {end}, {warm}"), &client, &server);
                }
            }
        }
    });
}

#[test]
fn a_look_up_that_is_cancelled_while_its_caller_waits_is_made_again_by_the_next() {
    alone(|| {
        for path in LOOK_UPS {
            for warm in [false, true] {
                let server = mute_once_at(path);
                let client = client(json!({}));
                if warm {
                    // Two, so that one is idle while the look-up has the other.
                    let request = STREAM.request(&server);
                    let jobs = [(); 4].map(|()| Job::submit_stream(&client, &request));
                    jobs.into_iter()
                        .for_each(|job| assert_eq!(job.end().whole(), TEXT));
                }
                let stream = open(&client, &LOOKED_UP.request(&server));
                thread::scope(|scope| {
                    let caller = scope.spawn(|| read(&stream, || None));
                    server.until(|seen| seen.of("GET").iter().any(|get| get.path == path));
                    thread::sleep(20 * MS);
                    stream.cancel();
                    let error = caller.join().expect("no panic").error();
                    assert_eq!(error.status(), Status::Cancelled);
                });
                is_known(&format!("{path}, {warm}"), &client, &server);
            }
        }
    });
}

#[test]
fn who_waits_for_a_look_up_that_is_cancelled_makes_his_own() {
    alone(|| {
        for path in LOOK_UPS {
            for how in [How::Invoke, How::Stream, How::Polled, How::Submit] {
                let server = mute_once_at(path);
                let client = client(json!({}));
                let first = open(&client, &LOOKED_UP.request(&server));
                let way = how.at(Base::Server);
                thread::scope(|scope| {
                    let caller = scope.spawn(|| read(&first, || None));
                    server.until(|seen| seen.of("GET").iter().any(|get| get.path == path));
                    let second = scope.spawn(|| way.call(&client, &way.request(&server)));
                    thread::sleep(50 * MS);
                    first.cancel();
                    let error = caller.join().expect("no panic").error();
                    assert_eq!(error.status(), Status::Cancelled);
                    let ended = second.join().expect("no panic");
                    assert_eq!(ended.error, None, "{path}, {way}");
                    assert_eq!(ended.text(), TEXT, "{path}, {way}");
                });
                is_known(path, &client, &server);
            }
        }
    });
}

#[test]
fn half_of_many_streams() {
    alone(|| {
        const MANY: usize = 40;
        let server = serve(|to| {
            to.raw(HEAD)?;
            for _ in 0..20 {
                to.pause(3 * MS)?;
                to.raw(chunk(event(DELTAS[0])))?;
            }
            to.raw(LAST)
        });
        let client = client(json!({}));
        let request = STREAM.request(&server);
        // Those of the second round have the connections of the first.
        for _ in 0..2 {
            thread::scope(|scope| {
                let callers: Vec<_> = (0..MANY)
                    .map(|i| {
                        let stream = Arc::new(open(&client, &request));
                        let cancels = (i % 2 == 0).then(|| stream.clone());
                        (scope.spawn(move || read(&stream, || None)), cancels)
                    })
                    .collect();
                for (i, (caller, cancels)) in callers.into_iter().enumerate() {
                    let is_cancelled = cancels.is_some();
                    if let Some(stream) = cancels {
                        thread::sleep(MS);
                        stream.cancel();
                    }
                    let ended = caller.join().expect("no panic");
                    match ended.error {
                        None => assert_eq!(ended.deltas.len(), 20, "stream {i}"),
                        Some(error) => {
                            assert!(is_cancelled, "stream {i}: {error}");
                            assert_eq!(error.status(), Status::Cancelled);
                        }
                    }
                }
            });
        }
        assert!(server.count() < 2 * MANY, "no connection was used again");
    });
}
