//! Sizes of pieces in the first line, and below it a stream → its events, the same however it is cut.
#![no_main]

use fuzz::pieces::Cuts;
use fuzz::{errors, parts};
use libfuzzer_sys::fuzz_target;
use mishikallm::Error;
use mishikallm::triton::sse::Decoder;

/// Small, so that it is met.
const MOST: usize = 200;

fuzz_target!(|input: &[u8]| {
    let (line, stream) = parts::head(input);
    let whole = events(&[stream]);
    let cut = events(&Cuts::read(line).cut(stream));
    assert_eq!(cut, whole, "cut in another way, and other events");
});

/// All events up to the end or to an error.
fn events(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<Error>) {
    let mut decoder = Decoder::new(MOST);
    let mut events = Vec::new();
    let end = read(&mut decoder, pieces, &mut events);
    if let Some(error) = &end {
        errors::check_inner(error, 0);
    }
    (events, end)
}

fn read(decoder: &mut Decoder, pieces: &[&[u8]], events: &mut Vec<Vec<u8>>) -> Option<Error> {
    let mut take = |event: Option<&[u8]>| -> bool {
        let Some(event) = event else { return false };
        assert!(event.len() <= MOST, "an event of {} bytes", event.len());
        events.push(event.to_vec());
        true
    };
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_event() {
                Err(error) => return Some(error),
                Ok(event) if take(event) => {}
                Ok(_) => break,
            }
        }
    }
    loop {
        match decoder.end() {
            Err(error) => return Some(error),
            Ok(event) if take(event) => {}
            Ok(_) => return None,
        }
    }
}
