//! Parity with the reference: every recorded exchange of `sdk.json`, run against the library. See `README.md`.

mod answer;
mod chunks;
mod compare;
mod failure;
mod http;
mod judge;
mod leaks;
mod placeholders;
mod reply;
mod run;
mod selftest;
mod sent;
mod server;
mod vector;

use std::sync::OnceLock;

use judge::Outcome;

/// One client for all vectors, so that its connections are pooled across them.
fn client() -> &'static mishikallm::Client {
    static CLIENT: OnceLock<mishikallm::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        mishikallm::Client::new("{}")
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

/// Every vector without `stream: true`. The stream test will be the same with `true` and a call that opens a stream:
/// its `Outcome` has `chunks`, and `error` when the stream failed.
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
