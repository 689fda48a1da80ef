//! Sizes of pieces in the first line, and below it a generate reply that is read as it comes → the deltas of its text, the
//! same however it is cut.
#![no_main]

use fuzz::asks::STREAMED;
use fuzz::parts;
use fuzz::pieces::Cuts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (line, stream) = parts::head(input);
    let cuts = Cuts::read(line);
    for ask in &*STREAMED {
        ask.check_stream(stream, &cuts);
    }
});
