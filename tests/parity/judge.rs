//! The verdict on one call: every rule, applied to what was sent and to what came back.

use std::time::Duration;

use crate::http::Request;
use crate::vector::Vector;
use crate::{answer, chunks, failure, leaks, sent};

/// What the library did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// A stream's chunks, JSON each.
    pub chunks: Vec<String>,
    /// The answer of a call without a stream.
    pub answer: Option<String>,
    /// The error's JSON and the status of the ABI.
    pub error: Option<(String, i32)>,
}

/// What is wrong; nothing when the vector holds.
pub fn problems(
    vector: &Vector,
    posts: &[Request],
    outcome: &Outcome,
    took: Duration,
) -> Vec<String> {
    let mut problems = Vec::new();
    let secrets = leaks::secrets(&vector.request);
    sent::check(&vector.sent, posts, &mut problems);
    leaks::check(vector, posts, &mut problems);
    match (&vector.returned, &outcome.answer) {
        (Some(want), Some(got)) => {
            answer::check(&vector.operation, want, got, &secrets, &mut problems)
        }
        (None, Some(got)) => problems.push(format!("expected no answer, got {got}")),
        (Some(_), None) if outcome.error.is_none() => {
            problems.push("no answer and no error".to_string())
        }
        _ => {}
    }
    match (&vector.error, &outcome.error) {
        (Some(want), Some((got, _))) => failure::check(want, got, &secrets, &mut problems),
        (None, Some((got, _))) => problems.push(format!("expected no error, got {got}")),
        (Some(want), None) => problems.push(format!("expected the error {want}, got none")),
        (None, None) => {}
    }
    if let Some((_, status @ 0..)) = outcome.error {
        problems.push(format!("the status of an error is negative, got {status}"));
    }
    if vector.streams {
        chunks::check(vector, &outcome.chunks, &mut problems);
    }
    if took.as_secs_f64() < vector.seconds_at_least {
        problems.push(format!(
            "took {took:.2?}, expected no less than {} s",
            vector.seconds_at_least
        ));
    }
    problems
}
