//! Submitted calls that wait for a thread, callbacks that do what callbacks may do, and threads that end.

use crate::server::Server;
use crate::sound::TEXT;
use crate::stage::serve;
use crate::waiting::is_soon;
use crate::watch::{Held, alone};
use crate::ways::{Base, How, Job, Told, Way, client};
use mishikallm::client::{Event, Waited};
use mishikallm::openai::Operation;
use mishikallm::{Client, Status, Submitted};
use serde_json::json;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const WAY: Way = How::Submit.at(Base::Endpoint);

fn with_one_thread() -> Arc<Client> {
    client(json!({"workers": 1}))
}

/// A client whose only thread is busy with the first call, and the calls that wait behind it.
fn queued(client: &Arc<Client>, server: &Server, count: usize) -> (Job, Vec<Job>) {
    let request = WAY.request(server);
    let first = Job::submit(client, &request);
    server.until(|seen| seen.requests.len() == 1);
    let behind = (0..count).map(|_| Job::submit(client, &request)).collect();
    (first, behind)
}

/// The status of a call that failed.
#[track_caller]
fn failed(job: Job) -> Status {
    job.end().error().status()
}

#[test]
fn a_call_that_waits_for_a_thread_is_cancelled_at_once() {
    alone(|| {
        let server = Server::silent();
        let client = with_one_thread();
        let (first, behind) = queued(&client, &server, 5);
        for job in behind {
            let began = Instant::now();
            job.handle.cancel();
            assert_eq!(job.handle.wait(None), Ok(Waited::Over));
            is_soon("waiting for a thread", began.elapsed());
            assert_eq!(failed(job), Status::Cancelled);
        }
        // The one that runs is not theirs.
        assert_eq!(
            first.handle.wait(Some(Duration::from_millis(20))),
            Ok(Waited::Timeout)
        );
        assert_eq!(server.posts().len(), 1);
        first.handle.cancel();
        assert_eq!(failed(first), Status::Cancelled);
    });
}

#[test]
fn calls_that_wait_for_a_thread_are_closed_at_once() {
    alone(|| {
        let server = Server::silent();
        let client = with_one_thread();
        let (first, behind) = queued(&client, &server, 50);
        let began = Instant::now();
        client.close();
        for job in behind.into_iter().chain([first]) {
            assert_eq!(failed(job), Status::Closed);
        }
        is_soon("waiting for a thread", began.elapsed());
        assert_eq!(server.posts().len(), 1);
    });
}

/// The thread is told of the end of each call before it takes the next one, and takes it.
#[test]
fn the_calls_behind_one_that_is_cancelled_are_made() {
    alone(|| {
        let server = serve(|to| match to.number {
            0 => to.stall(),
            _ => to.answer(),
        });
        let client = with_one_thread();
        let (first, behind) = queued(&client, &server, 5);
        first.handle.cancel();
        for job in behind {
            assert_eq!(job.end().whole(), TEXT);
        }
        assert_eq!(failed(first), Status::Cancelled);
    });
}

/// Submits with a callback that has the call's own handle, once it is there.
fn submit_with(
    client: &Arc<Client>,
    server: &Server,
    does: impl Fn(&Submitted, &Arc<Client>) + Send + 'static,
) -> Vec<Told> {
    let (tell, told) = channel();
    let slot: Arc<Mutex<Option<Submitted>>> = Arc::default();
    let begun = slot.lock().expect("nobody has it");
    let request =
        json!({"model": "triton/m", "prompt": "hi", "api_base": server.endpoint(), "stream": true});
    let submitted = client.submit(Operation::Text, &request.to_string(), {
        let (slot, client) = (slot.clone(), client.clone());
        move |event| {
            let event = match event {
                Event::Piece(json) => Told::Piece(json.to_owned()),
                Event::Done => Told::Done,
                Event::Failed(error) => Told::Failed(error.clone()),
            };
            let _ = tell.send(event);
            if let Some(handle) = &*slot.lock().expect("no panic") {
                does(handle, &client);
            }
        }
    });
    let submitted = submitted.expect("submitted");
    let mut begun = begun;
    *begun = Some(submitted);
    drop(begun);
    let told = told.iter().collect();
    // The callback is gone, and with it what it held.
    slot.lock().expect("no panic").take();
    told
}

#[test]
fn a_callback_may_cancel_its_own_call() {
    alone(|| {
        let server = serve(|to| to.answer());
        let client = client(json!({}));
        let told = submit_with(&client, &server, |handle, _| handle.cancel());
        let [Told::Piece(_), Told::Failed(error)] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(error.status(), Status::Cancelled);
    });
}

#[test]
fn a_callback_may_close_the_client() {
    alone(|| {
        let server = serve(|to| to.answer());
        let client = client(json!({}));
        let told = submit_with(&client, &server, |_, client| client.close());
        let [Told::Piece(_), Told::Failed(error)] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!(error.status(), Status::Closed);
    });
}

#[test]
fn a_callback_that_waits_for_its_own_call_is_told_so() {
    alone(|| {
        let server = serve(|to| to.answer());
        let client = client(json!({}));
        let told = submit_with(&client, &server, |handle, _| {
            let error = handle.wait(None).expect_err("no wait");
            assert_eq!(error.status(), Status::Busy);
        });
        assert_eq!(told.last(), Some(&Told::Done), "{told:?}");
    });
}

/// A callback that panics is its host's mistake; the call, the thread and the other calls go on.
#[test]
fn a_callback_that_panics_harms_nobody() {
    alone(|| {
        let server = serve(|to| to.answer());
        let client = with_one_thread();
        for _ in 0..3 {
            let request = WAY.request(&server).to_string();
            let panics = |_: Event<'_>| panic!("a mistake of the host");
            let submitted = client
                .submit(Operation::Text, &request, panics)
                .expect("submitted");
            assert_eq!(submitted.wait(None), Ok(Waited::Over));
        }
        assert_eq!(WAY.call(&client, &WAY.request(&server)).whole(), TEXT);
        assert_eq!(Held::now().threads, 1);
    });
}

/// Every call that is taken ends once, whatever happens to it meanwhile.
#[test]
fn many_calls_some_of_them_cancelled() {
    alone(|| {
        let server = serve(|to| {
            to.pause(Duration::from_millis(2))?;
            to.answer()
        });
        let client = client(json!({"workers": 4}));
        let request = WAY.request(&server);
        let jobs: Vec<Job> = (0..200).map(|_| Job::submit(&client, &request)).collect();
        for (i, job) in jobs.iter().enumerate().filter(|(i, _)| i % 3 == 0) {
            if i % 2 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
            job.handle.cancel();
        }
        for (i, job) in jobs.into_iter().enumerate() {
            let ended = job.end();
            match &ended.error {
                None => assert_eq!(ended.text(), TEXT, "call {i}"),
                Some(error) => {
                    assert_eq!(error.status(), Status::Cancelled, "call {i}: {error}");
                    assert_eq!(i % 3, 0, "call {i}");
                }
            }
        }
        assert!(Held::now().threads <= 4);
    });
}

/// A client that is not closed keeps its threads for ten seconds.
#[test]
fn threads_end_when_there_is_nothing_to_do() {
    alone(|| {
        let server = serve(|to| {
            to.pause(Duration::from_millis(50))?;
            to.answer()
        });
        let client = client(json!({"workers": 3}));
        let request = WAY.request(&server);
        let jobs: Vec<Job> = (0..6).map(|_| Job::submit(&client, &request)).collect();
        jobs.into_iter()
            .for_each(|job| assert_eq!(job.end().whole(), TEXT));
        assert_eq!(Held::now().threads, 3);
        thread::sleep(Duration::from_millis(10_100));
        let none = Held {
            sockets: usize::MAX,
            threads: 0,
        };
        none.is_all_that_is_held();
        // And begin again.
        assert_eq!(WAY.call(&client, &request).whole(), TEXT);
        assert_eq!(Held::now().threads, 1);
    });
}
