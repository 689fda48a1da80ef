//! Parity with the reference: every recorded exchange of `sdk.json`, run against the library. See `README.md`.

mod answer;
mod chunks;
mod common;
mod judge;
mod leaks;
mod run;
mod selftest;
mod vector;

use std::sync::{Arc, OnceLock};

use mishikallm::Next;
use mishikallm::openai::Operation;

use common::{compare, failure, http, placeholders, read, reply, sent, server};
use judge::Outcome;

/// One client for all vectors, so that its connections are pooled across them.
fn client() -> &'static Arc<mishikallm::Client> {
    static CLIENT: OnceLock<Arc<mishikallm::Client>> = OnceLock::new();
    CLIENT.get_or_init(|| {
        mishikallm::Client::new("{}")
            .map(Arc::new)
            .unwrap_or_else(|error| panic!("no client: {}", error.to_json()))
    })
}

/// The seam to the library: the answer or `{"error":{…}}`, and 0 or the negative status of the error.
fn invoke(operation: &str, request_json: &str) -> (String, i32) {
    match client().invoke(operation, request_json) {
        Ok(answer) => (answer, 0),
        Err(error) => (error.to_json(), error.status().as_i32()),
    }
}

/// A stream to its end: the chunks, and the error where it failed.
fn stream(operation: &str, request_json: &str) -> Outcome {
    let mut outcome = Outcome::default();
    let mut run = || {
        let stream = client().stream(Operation::parse(operation)?, request_json)?;
        while let Next::Chunk(chunk) = stream.next(None)? {
            outcome.chunks.push(chunk);
        }
        Ok(())
    };
    if let Err(error) = run() {
        let error: mishikallm::Error = error;
        outcome.error = Some((error.to_json(), error.status().as_i32()));
    }
    outcome
}

/// Every vector with `stream: true`.
#[test]
fn stream_vectors() {
    run::all(&run::load(), true, stream);
}

/// Every vector without.
#[test]
fn invoke_vectors() {
    run::all(&run::load(), false, |operation, request| {
        match invoke(operation, request) {
            (answer, 0) => Outcome {
                answer: Some(answer),
                ..Outcome::default()
            },
            error => Outcome {
                error: Some(error),
                ..Outcome::default()
            },
        }
    });
}
