//! Servers that stop in the middle, and the time-out that ends the wait, named with its seconds.

use crate::sound;
use crate::stage::Post;
use crate::table::{Fault, fault, run};
use crate::watch::alone;
use crate::ways::Way;
use mishikallm::Status;
use serde_json::{Value, json};

/// How far an answer comes before the silence, whether its header has begun by then and ended, and how many deltas are out.
fn places(streams: bool) -> Vec<(&'static str, Vec<u8>, Phase, usize)> {
    let head = sound::HEAD.as_bytes();
    let [first, second] = sound::chunks(streams);
    let until = |parts: &[&[u8]]| parts.concat();
    vec![
        ("silence instead of an answer", until(&[]), Phase::Head, 0),
        (
            "silence in the status line",
            until(&[&head[..7]]),
            Phase::Head,
            0,
        ),
        (
            "silence in the header",
            until(&[&head[..40]]),
            Phase::Head,
            0,
        ),
        ("silence after the header", until(&[head]), Phase::Body, 0),
        (
            "silence in a chunk's size",
            until(&[head, &first[..1]]),
            Phase::Body,
            0,
        ),
        (
            "silence in a chunk",
            until(&[head, &first[..20]]),
            Phase::Body,
            0,
        ),
        (
            "silence between two chunks",
            until(&[head, &first]),
            Phase::Body,
            1,
        ),
        (
            "silence before the last chunk",
            until(&[head, &first, &second]),
            Phase::Body,
            2,
        ),
    ]
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Head,
    Body,
}

/// Each place with this time-out; only where it holds.
fn silences(more: Value, holds: fn(Phase) -> bool, words: &[&str]) -> Vec<Fault> {
    let named: Vec<&String> = more.as_object().expect("an object").keys().collect();
    let named = named[0].clone();
    let places = places(true).into_iter().enumerate();
    places
        .filter(|(_, (_, _, phase, _))| holds(*phase))
        .map(|(i, (place, _, _, deltas))| {
            let script = move |to: &mut Post<'_>| {
                let bytes = places_of(to.streams, i);
                to.raw(bytes)?;
                to.stall()
            };
            fault(format!("{place} ({named})"), script)
                .with(more.clone())
                .gives(&sound::DELTAS[..deltas])
                .ends(Status::Deadline, 408, words)
        })
        .collect()
}

fn places_of(streams: bool, i: usize) -> Vec<u8> {
    places(streams).swap_remove(i).1
}

#[test]
fn idle_timeout_ends_a_silence_wherever_it_is() {
    alone(|| {
        let words = ["silent for 0.4 s (idle_timeout)"];
        run(silences(json!({"idle_timeout": 0.4}), |_| true, &words));
    });
}

#[test]
fn first_byte_timeout_ends_a_silence_before_the_body() {
    alone(|| {
        let words = ["began within 0.4 s (first_byte_timeout)"];
        let is_before = |phase| phase == Phase::Head;
        run(silences(
            json!({"first_byte_timeout": 0.4}),
            is_before,
            &words,
        ));
        // It is the shorter time there even where it is the longer one: whoever sets both means a model that thinks first.
        let more = json!({"first_byte_timeout": 0.6, "idle_timeout": 0.3});
        let words = ["began within 0.6 s (first_byte_timeout)"];
        run(silences(more, is_before, &words));
    });
}

#[test]
fn timeout_ends_all_of_it() {
    alone(|| {
        let words = ["within 0.5 s (timeout)"];
        run(silences(json!({"timeout": 0.5}), |_| true, &words));
        // A shorter idle_timeout would have ended it before, a longer one does not.
        let more = json!({"timeout": 0.5, "idle_timeout": 5, "first_byte_timeout": 5});
        run(silences(more, |_| true, &words));
    });
}

#[test]
fn stream_timeout_stands_in_its_place_where_there_are_chunks() {
    alone(|| {
        let more = json!({"stream_timeout": 0.5, "timeout": 5});
        let silences = silences(more, |_| true, &["within 0.5 s (stream_timeout)"]);
        run(silences
            .into_iter()
            .map(|f| f.only(Way::is_told_in_deltas))
            .collect());
    });
}
