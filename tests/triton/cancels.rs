//! Ending calls early: the model notices, and in time. Each test prints how soon (`cargo test -- --show-output`).

use super::log::{self, label};
use super::relay::Relay;
use super::streamed::{begun, chunk, client, drain, ends_with, open};
use super::{alone, asks, chat};
use mishikallm::client::{Event, Submitted};
use mishikallm::openai::Operation;
use mishikallm::{Client, Status, Stream};
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

const STORY: &str = "Tell me a story about the sea.";

/// A token's time: Triton looks for the client when it sends one.
const DELAY_MS: u64 = 20;

/// Four seconds of tokens.
fn long(label: &str) -> Value {
    json!({"max_tokens": 200, "ignore_eos": true, "delay_ms": DELAY_MS, "label": label})
}

/// Ends a request and looks whether the model notices before it has made all its tokens; one that did not notice would make them all.
/// `end` begins one with the label it is given, and tells when it ended it.
#[track_caller]
fn assert_noticed(how: &str, end: impl Fn(&str) -> SystemTime) {
    let _turn = alone();
    let label = label("cancel");
    let since = end(&label);
    let noticed = log::wait(&label).unwrap_or_else(|| panic!("{how}: the model never noticed"));
    let (ms, token) = (noticed.after(since), noticed.tokens);
    println!("{how}: the model noticed after {ms:.1} ms, at token {token}");
}

/// A stream of which three chunks came.
fn under_way(label: &str) -> Stream {
    let stream = begun("tiny_llm", STORY, long(label));
    (0..3).for_each(|_| drop(chunk(&stream)));
    stream
}

#[test]
fn a_stream_from_another_thread_while_one_waits() {
    assert_noticed("stream_cancel", |label| {
        let stream = under_way(label);
        let since = thread::scope(|scope| {
            let waiting = scope.spawn(|| (ends_with(&stream), SystemTime::now()));
            thread::sleep(Duration::from_millis(50));
            let since = SystemTime::now();
            stream.cancel();
            let (error, back) = waiting.join().unwrap();
            assert_eq!(error.status(), Status::Cancelled);
            println!(
                "the waiting thread came back after {:?}",
                back.duration_since(since).unwrap()
            );
            since
        });
        // Told again to whoever asks again.
        assert_eq!(ends_with(&stream).status(), Status::Cancelled);
        since
    });
}

#[test]
fn a_stream_that_nobody_waits_for() {
    assert_noticed("stream_cancel between two chunks", |label| {
        let stream = under_way(label);
        let since = SystemTime::now();
        stream.cancel();
        // It is told at once, not when the next chunk is asked for.
        log::wait(label);
        assert_eq!(ends_with(&stream).status(), Status::Cancelled);
        since
    });
}

/// While one choice is told the next ones are under way: none of them goes on.
#[test]
fn a_stream_of_several_choices() {
    let _turn = alone();
    let label = label("cancel");
    let mut more = long(&label);
    more["n"] = json!(3);
    let stream = begun("tiny_llm", STORY, more);
    (0..10).for_each(|_| drop(chunk(&stream)));
    stream.cancel();
    assert_eq!(ends_with(&stream).status(), Status::Cancelled);
    assert_eq!(log::wait_for(&label, 3).len(), 3);
}

#[test]
fn a_stream_that_is_freed() {
    assert_noticed("stream_free", |label| {
        let stream = under_way(label);
        let since = SystemTime::now();
        drop(stream);
        since
    });
}

#[test]
fn a_stream_whose_client_is_closed() {
    assert_noticed("client_close", |label| {
        let client = client();
        let stream = open(
            &client,
            Operation::Chat,
            &asks("tiny_llm", STORY, long(label)),
        );
        chunk(&stream);
        let since = SystemTime::now();
        client.close();
        assert_eq!(ends_with(&stream).status(), Status::Closed);
        since
    });
}

/// Submits a chat; what it tells comes through the channel, the end of the call as its status.
fn submit(client: &Arc<Client>, request: &Value) -> (Submitted, Receiver<Result<String, Status>>) {
    let (tell, told) = channel();
    let call = client.submit(Operation::Chat, &request.to_string(), move |event| {
        let _: Result<(), mpsc::SendError<_>> = tell.send(match event {
            Event::Piece(json) => Ok(json.to_owned()),
            Event::Done => Err(Status::Done),
            Event::Failed(error) => Err(error.status()),
        });
    });
    (call.unwrap(), told)
}

#[test]
fn a_submitted_stream() {
    assert_noticed("call_cancel of a stream", |label| {
        let mut request = asks("tiny_llm", STORY, long(label));
        request["stream"] = json!(true);
        let (call, told) = submit(&client(), &request);
        told.recv().unwrap().unwrap();
        let since = SystemTime::now();
        call.cancel();
        assert_eq!(told.iter().find_map(Result::err), Some(Status::Cancelled));
        since
    });
}

/// Without a stream too: the answer is read as one, where the URL leaves the choice.
#[test]
fn a_submitted_call_for_one_answer() {
    assert_noticed("call_cancel of a one-shot call", |label| {
        let (call, told) = submit(&client(), &asks("tiny_llm", STORY, long(label)));
        // Time for the model to begin.
        thread::sleep(Duration::from_millis(300));
        let since = SystemTime::now();
        call.cancel();
        assert_eq!(told.iter().collect::<Vec<_>>(), [Err(Status::Cancelled)]);
        since
    });
}

#[test]
fn an_answer_that_takes_longer_than_its_timeout() {
    assert_noticed("timeout of a one-shot call", |label| {
        let mut more = long(label);
        more["timeout"] = json!(0.5);
        let since = SystemTime::now() + Duration::from_millis(500);
        assert_eq!(chat("tiny_llm", STORY, more).unwrap_err()["status"], 408);
        since
    });
}

#[test]
fn a_stream_that_takes_longer_than_its_timeout() {
    assert_noticed("stream_timeout", |label| {
        let mut more = long(label);
        more["stream_timeout"] = json!(0.5);
        let stream = begun("tiny_llm", STORY, more);
        let since = SystemTime::now() + Duration::from_millis(500);
        assert_eq!(ends_with(&stream).status(), Status::Deadline);
        since
    });
}

/// Calls share the look-up of a model. Who is cancelled in the middle of it has learnt nothing about the model, and fails nobody.
#[test]
fn a_cancelled_look_up_is_taken_over() {
    let relay = Relay::start();
    let client = client();
    // Asked in the plain format this model answers with an error.
    let request = asks(
        "infer_only",
        STORY,
        json!({"api_base": relay.url, "max_tokens": 3}),
    );
    let [first, second, third] = [(); 3].map(|()| open(&client, Operation::Chat, &request));
    let held = relay.hold();
    thread::scope(|scope| {
        let looks = scope.spawn(|| first.next(None));
        while relay.connections() == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        let waits = scope.spawn(|| drain(&second));
        thread::sleep(Duration::from_millis(100));
        first.cancel();
        assert_eq!(
            looks.join().unwrap().unwrap_err().status(),
            Status::Cancelled
        );
        drop(held);
        assert_eq!(waits.join().unwrap().end, Ok(()));
    });
    assert_eq!(drain(&third).end, Ok(()));
}

#[test]
fn every_shape_notices() {
    for (model, delay_ms) in [
        ("vllm_shape", DELAY_MS),
        ("trtllm_bls", DELAY_MS),
        ("llmapi_shape", DELAY_MS),
        ("no_stop", DELAY_MS),
        // These make few tokens, so that each has to take long.
        ("several_responses", 200),
        ("fails_midway", 200),
    ] {
        let label = label(model);
        let more = json!({"max_tokens": 60, "delay_ms": delay_ms, "label": label});
        let stream = begun(model, STORY, more);
        chunk(&stream);
        stream.cancel();
        assert!(log::wait(&label).is_some(), "{model}");
    }
}
