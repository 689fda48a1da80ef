//! Cancelling from another thread ends a call at once, wherever it waits, with `CANCELLED`; the server is told.

use crate::server::Server;
use crate::stage::serve;
use crate::waiting::{Scene, in_each, is_soon};
use crate::watch::alone;
use crate::ways::{Base, Ended, How, Job, Told, client, open, read, read_on};
use mishikallm::client::Waited;
use mishikallm::{Error, Next, Status};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

#[track_caller]
fn is_cancelled(name: &str, error: &Error) {
    let came = (error.status(), error.http_status(), error.message());
    assert_eq!(
        came,
        (Status::Cancelled, 499, "the call was cancelled"),
        "{name}"
    );
    assert!(!error.is_retryable(), "{name}");
}

/// What a call that was ended in this place came to.
#[track_caller]
fn ended_there(scene: &Scene, ended: &Ended) {
    assert_eq!(ended.deltas.len(), scene.deltas, "{}", scene.name);
    is_cancelled(scene.name, ended.error.as_ref().expect("an error"));
    scene.is_told();
}

#[test]
fn a_stream_whose_caller_waits() {
    alone(|| {
        in_each(|scene| {
            let stream = open(&scene.client, &scene.request);
            thread::scope(|scope| {
                let caller = scope.spawn(|| (read(&stream, || None), Instant::now()));
                scene.until_it_waits();
                assert!(!caller.is_finished(), "{} does not wait", scene.name);
                let began = Instant::now();
                stream.cancel();
                let (ended, at) = caller.join().expect("no panic");
                is_soon(scene.name, at - began);
                ended_there(&scene, &ended);
            });
        });
    });
}

#[test]
fn a_submitted_call() {
    alone(|| {
        for submit in [Job::submit, Job::submit_stream] {
            in_each(|scene| {
                let job = submit(&scene.client, &scene.request);
                scene.until_it_waits();
                let began = Instant::now();
                job.handle.cancel();
                assert_eq!(job.handle.wait(None), Ok(Waited::Over));
                is_soon(scene.name, began.elapsed());
                let mut told: Vec<Told> = job.told.iter().collect();
                let Some(Told::Failed(error)) = told.pop() else {
                    panic!("{}: {told:?}", scene.name);
                };
                is_cancelled(scene.name, &error);
                // Whoever is not told in chunks is told nothing before the end.
                assert!(told.len() <= scene.deltas, "{}: {told:?}", scene.name);
                scene.is_told();
            });
        }
    });
}

/// Nobody waits then: the one who cancels ends it all by himself.
#[test]
fn a_stream_whose_caller_is_elsewhere() {
    alone(|| {
        in_each(|scene| {
            if scene.keeps_the_caller {
                return;
            }
            let stream = open(&scene.client, &scene.request);
            let mut chunks = 0;
            while chunks < scene.deltas || !scene.is_reached() {
                match stream.next(Some(Duration::from_millis(5))) {
                    Ok(Next::Chunk(_)) => chunks += 1,
                    next => assert_eq!(next, Ok(Next::Timeout), "{}", scene.name),
                }
            }
            assert_eq!(
                stream.next(Some(Duration::from_millis(20))),
                Ok(Next::Timeout)
            );
            let began = Instant::now();
            thread::scope(|scope| scope.spawn(|| stream.cancel()).join().expect("no panic"));
            scene.is_told();
            is_soon(scene.name, began.elapsed());
            let mut ended = Ended::default();
            read_on(&stream, || None, &mut ended);
            is_soon(scene.name, began.elapsed());
            is_cancelled(scene.name, &ended.error());
        });
    });
}

#[test]
fn a_stream_that_was_not_begun() {
    alone(|| {
        let server = Server::silent();
        let client = client(json!({}));
        for base in [Base::Endpoint, Base::Server] {
            let way = How::Stream.at(base);
            let stream = open(&client, &way.request(&server));
            stream.cancel();
            is_cancelled("not begun", &read(&stream, || None).error());
        }
        assert_eq!(server.count(), 0);
    });
}

/// What came before is not given any more: the caller said that he does not want it.
#[test]
fn a_stream_with_deltas_that_nobody_took() {
    alone(|| {
        let server = serve(|to| to.answer());
        let client = client(json!({}));
        let way = How::Stream.at(Base::Endpoint);
        let stream = open(&client, &way.request(&server));
        assert!(matches!(stream.next(None), Ok(Next::Chunk(_))));
        thread::sleep(Duration::from_millis(20));
        stream.cancel();
        let mut ended = Ended::default();
        read_on(&stream, || None, &mut ended);
        assert!(ended.deltas.is_empty());
        is_cancelled("with deltas", &ended.error());
    });
}

/// `read` cancels what has ended, in each test of the table; here is what it may not do.
#[test]
fn many_times_and_from_many_threads() {
    alone(|| {
        let server = Server::silent();
        let client = client(json!({}));
        let way = How::Stream.at(Base::Endpoint);
        for _ in 0..20 {
            let stream = open(&client, &way.request(&server));
            thread::scope(|scope| {
                let caller = scope.spawn(|| read(&stream, || None));
                for _ in 0..4 {
                    scope.spawn(|| (0..50).for_each(|_| stream.cancel()));
                }
                is_cancelled("many times", &caller.join().expect("no panic").error());
            });
        }
        server.until(|seen| seen.over == seen.connections);
    });
}

/// At whatever moment it comes: the call ends as cancelled or was over before, and the next one is served.
#[test]
fn at_any_moment() {
    alone(|| {
        let server = serve(|to| to.answer());
        let client = client(json!({}));
        for base in [Base::Endpoint, Base::Server] {
            let way = How::Stream.at(base);
            for microseconds in (0..4000).step_by(20) {
                let stream = open(&client, &way.request(&server));
                thread::scope(|scope| {
                    let caller = scope.spawn(|| read(&stream, || None));
                    thread::sleep(Duration::from_micros(microseconds));
                    stream.cancel();
                    if let Some(error) = &caller.join().expect("no panic").error {
                        is_cancelled("at any moment", error);
                    }
                });
            }
            assert_eq!(way.call(&client, &way.request(&server)).whole(), "Hello");
        }
    });
}
