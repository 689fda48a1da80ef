//! Parity with the reference: every recorded exchange of `proxy.json`, with the command itself. See `README.md`.

mod events;
mod judge;
mod selftest;
mod stage;
mod told;
mod vector;
mod vectors;
mod yaml;

/// All of them but those that are calls in OpenAI's SDK, which are the test `sdk`.
#[test]
fn vectors() {
    vectors::all();
}
