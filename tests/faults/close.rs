//! Closing a client ends its streams and its submitted calls at once, wherever they wait, with `CLOSED`.

use crate::sound::TEXT;
use crate::stage::serve;
use crate::waiting::{Scene, in_each, is_soon};
use crate::watch::alone;
use crate::ways::{Base, Ended, How, Job, Told, Way, client, open, read, read_on};
use mishikallm::client::Waited;
use mishikallm::openai::Operation;
use mishikallm::{Error, Next, Status};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

#[track_caller]
fn is_closed(name: &str, error: &Error) {
    let came = (error.status(), error.http_status(), error.message());
    assert_eq!(
        came,
        (Status::Closed, 499, "the client was closed"),
        "{name}"
    );
}

/// Nothing begins any more, and what was told stays told.
#[track_caller]
fn stays_closed(scene: &Scene) {
    let request = scene.request.to_string();
    let stream = scene.client.stream(Operation::Text, &request);
    is_closed(scene.name, &stream.expect_err("no stream"));
    let job = Job::try_submit(&scene.client, &scene.request);
    is_closed(scene.name, &job.err().expect("no job"));
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
                scene.client.close();
                is_soon(scene.name, began.elapsed());
                let (ended, at) = caller.join().expect("no panic");
                is_soon(scene.name, at - began);
                assert_eq!(ended.deltas.len(), scene.deltas, "{}", scene.name);
                is_closed(scene.name, &ended.error());
            });
            stays_closed(&scene);
        });
    });
}

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
            let began = Instant::now();
            scene.client.close();
            scene.is_told();
            let mut ended = Ended::default();
            read_on(&stream, || None, &mut ended);
            is_soon(scene.name, began.elapsed());
            is_closed(scene.name, &ended.error());
            stays_closed(&scene);
        });
    });
}

#[test]
fn submitted_calls_each_with_one_last_event() {
    alone(|| {
        for submit in [Job::submit, Job::submit_stream] {
            in_each(|scene| {
                let job = submit(&scene.client, &scene.request);
                scene.until_it_waits();
                let began = Instant::now();
                scene.client.close();
                assert_eq!(job.handle.wait(None), Ok(Waited::Over));
                is_soon(scene.name, began.elapsed());
                let mut told: Vec<Told> = job.told.iter().collect();
                let Some(Told::Failed(error)) = told.pop() else {
                    panic!("{}: {told:?}", scene.name);
                };
                is_closed(scene.name, &error);
                assert!(told.len() <= scene.deltas, "{}: {told:?}", scene.name);
                stays_closed(&scene);
            });
        }
    });
}

/// A stream keeps what it needs of its client: dropping the handle is no closing while a stream has another.
#[test]
fn a_client_that_is_dropped_is_closed_with_its_last_stream() {
    alone(|| {
        let server = serve(|to| to.answer());
        let client = client(json!({}));
        let way = How::Stream.at(Base::Endpoint);
        let stream = open(&client, &way.request(&server));
        drop(client);
        assert_eq!(read(&stream, || None).whole(), TEXT);
        drop(stream);
        server.until(|seen| seen.over == seen.connections);
    });
}

/// At whatever moment it comes: a call ends as closed or was over before.
#[test]
fn at_any_moment() {
    alone(|| {
        let server = serve(|to| to.answer());
        for microseconds in (0..4000).step_by(40) {
            let client = client(json!({}));
            thread::scope(|scope| {
                for way in Way::all() {
                    let (client, server) = (&client, &server);
                    let request = way.request(server);
                    if way.how == How::Submit || way.how == How::SubmitStream {
                        let Ok(job) = Job::try_submit(client, &request) else {
                            continue;
                        };
                        scope.spawn(move || is_closed_or_whole(&job.end()));
                    } else if way.how != How::Invoke {
                        let stream = open(client, &request);
                        scope.spawn(move || is_closed_or_whole(&read(&stream, || None)));
                    }
                }
                thread::sleep(Duration::from_micros(microseconds));
                client.close();
            });
        }
    });
}

#[track_caller]
fn is_closed_or_whole(ended: &Ended) {
    match &ended.error {
        None => assert_eq!(ended.text(), TEXT),
        Some(error) => is_closed("at any moment", error),
    }
}
