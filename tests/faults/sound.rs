//! What a sound answer looks like on the wire, in the pieces that faults come between.

use crate::http::chunk;
use serde_json::json;

/// The deltas of a sound answer.
pub const DELTAS: [&str; 2] = ["Hel", "lo"];

/// The same as one text.
pub const TEXT: &str = "Hello";

/// The header of an answer in chunks.
pub const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// The last chunk.
pub const LAST: &str = "0\r\n\r\n";

/// Triton's answer with this text, whole or one event's.
pub fn answer(text: &str) -> String {
    json!({"model_name": "m", "model_version": "1", "text_output": text}).to_string()
}

/// One event.
pub fn event(text: &str) -> String {
    format!("data: {}\n\n", answer(text))
}

/// The body, in the two pieces that it comes in.
pub fn pieces(streams: bool) -> [String; 2] {
    if streams {
        return DELTAS.map(event);
    }
    let whole = answer(TEXT);
    let (begin, end) = whole.split_at(whole.len() / 2);
    [begin.to_owned(), end.to_owned()]
}

/// The body.
pub fn body(streams: bool) -> String {
    pieces(streams).concat()
}

/// The body in its chunks, without the last one.
pub fn chunks(streams: bool) -> [Vec<u8>; 2] {
    pieces(streams).map(chunk)
}

/// All of it.
pub fn reply(streams: bool) -> Vec<u8> {
    [HEAD.as_bytes(), &chunks(streams).concat(), LAST.as_bytes()].concat()
}
