//! The body of a generate reply → a text, of models that are known and one that is not.
#![no_main]

use fuzz::asks::ASKS;
use libfuzzer_sys::fuzz_target;
use mishikallm::triton::endpoint::Verb;
use mishikallm::triton::reply::Reply;

fuzz_target!(|body: &[u8]| {
    let reply = Reply {
        status: 200,
        body: body.to_vec(),
        ..Default::default()
    };
    for ask in &*ASKS {
        ask.check(&reply, Verb::Generate);
    }
});
