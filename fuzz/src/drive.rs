//! Drives a call from an input's replies, as the client does from a socket's.

use crate::chunks::Chunks;
use crate::parts::Answer;
use crate::{answers, errors, sent};
use mishikallm::plan::call::{Call, Event, Todo};
use mishikallm::plan::credentials::Header;
use mishikallm::triton::exchange::Description;
use mishikallm::triton::model::Model;
use mishikallm::{Error, limits};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the world answers.
pub struct World<'a> {
    /// What the first look-up finds.
    pub model: Option<Arc<Model>>,
    /// What a second one finds, where the first is in doubt.
    pub changed: Option<Arc<Model>>,
    /// Whether the first was made before the call.
    pub remembered: bool,
    /// In order; then no server can be reached.
    pub answers: &'a [Answer],
    /// All that the caller wrote.
    pub said: &'a [&'a str],
    /// Raw access: tensors as the caller wrote them, and the server's own words.
    pub is_raw: bool,
}

/// Asks that a call may make when nobody answers: its fallbacks and itself, each tried as often as allowed, with a
/// look-up, a request and a pause each time.
const MOST_IN_VAIN: usize = 3 * (limits::FALLBACKS + 1) * (limits::RETRIES as usize + 1) + 3;

/// A body that is read as it comes.
#[derive(Default)]
struct Incoming<'a> {
    pieces: VecDeque<&'a [u8]>,
    is_cut: bool,
}

/// Drives a call to its end and gives all that happened, for a comparison.
pub fn drive(call: &mut Call, world: &World<'_>) -> Vec<String> {
    let mut answers = world.answers.iter();
    let mut incoming = Incoming::default();
    let mut chunks = Chunks::default();
    let mut in_vain = 0;
    let mut happened = Vec::new();
    let mut event = Event::Start;
    // Time stands still: the same input takes the same course.
    let now = Instant::now();
    loop {
        let todo = match call.on(event, now) {
            Ok(todo) => todo,
            Err(error) => {
                check_error(&error, call, world);
                happened.push(format!("{error:?}"));
                return happened;
            }
        };
        if !call.wants_more() {
            incoming.pieces.clear();
        }
        happened.push(told(&todo));
        let asks = !matches!(todo, Todo::Read | Todo::Chunk(_) | Todo::Done(_));
        assert!(
            !asks || !chunks.are_in_a_choice(),
            "asked again after a chunk"
        );
        event = match todo {
            Todo::Done(answer) if chunks.have_begun() => {
                assert!(answer.is_empty());
                chunks.end();
                return happened;
            }
            Todo::Done(answer) if world.is_raw => {
                answers::check_raw(&answer);
                return happened;
            }
            Todo::Done(answer) => {
                answers::check_answer(&crate::strict::json("an answer", answer.as_bytes()));
                return happened;
            }
            Todo::Chunk(chunk) => {
                chunks.take(&chunk);
                Event::Next
            }
            Todo::Describe { fresh } => {
                assert!(call.route().is_some_and(|r| r.is_described()));
                Event::Described(Description {
                    model: if fresh {
                        world.changed.clone()
                    } else {
                        world.model.clone()
                    },
                    remembered: world.remembered && !fresh,
                })
            }
            Todo::Send(request) => {
                sent::check(&request, world.is_raw);
                check_headers(call.headers());
                match answers.next() {
                    Some(answer) => Event::Replied(answer.reply.clone()),
                    None => unreachable(&mut in_vain),
                }
            }
            Todo::Open(request) => {
                sent::check(&request, world.is_raw);
                check_headers(call.headers());
                match answers.next() {
                    Some(answer) if answer.is_stream() => {
                        incoming = Incoming {
                            pieces: answer.pieces().into(),
                            is_cut: answer.is_cut,
                        };
                        Event::Opened
                    }
                    Some(answer) => Event::Replied(answer.reply.clone()),
                    None => unreachable(&mut in_vain),
                }
            }
            Todo::Read => match incoming.pieces.pop_front() {
                Some(piece) => Event::Arrived(piece),
                None if incoming.is_cut => Event::Failed(Error::cut("the connection was closed")),
                None => Event::Ended,
            },
            Todo::Wait(pause, error) => {
                check_error(&error, call, world);
                assert!(pause <= limits::RETRY_WAIT);
                match pause > Duration::from_secs(30) {
                    true => Event::TooLate(error),
                    false => Event::Waited,
                }
            }
        };
    }
}

/// What is to be done, for a person too.
fn told(todo: &Todo) -> String {
    match todo {
        Todo::Send(request) | Todo::Open(request) => {
            let body = String::from_utf8_lossy(&request.body);
            format!("{} {:?} {body}", request.url, request.json_length)
        }
        other => format!("{other:?}"),
    }
}

fn unreachable(in_vain: &mut usize) -> Event<'static> {
    *in_vain += 1;
    assert!(*in_vain <= MOST_IN_VAIN, "the call finds no end");
    Event::Failed(Error::connect("nobody is there"))
}

fn check_error(error: &Error, call: &Call, world: &World<'_>) {
    errors::check_final(error);
    errors::check_secret(error, call.options(), world.said);
}

/// Each header once, not too much of them, and no value that a log would show: only the type of the body is no secret.
fn check_headers(headers: &[Header]) {
    let mut bytes = 0;
    for (i, (name, value)) in headers.iter().enumerate() {
        assert!(
            headers[..i].iter().all(|(other, _)| other != name),
            "a header twice: {name}"
        );
        assert!(
            value.is_sensitive() || value == "application/json",
            "a header that is shown: {name}"
        );
        bytes += value.len();
    }
    assert!(bytes <= 2 * limits::HEADER_BYTES);
}
