//! Any reply, with a first line as `parts::Answer` has it → its body, or the words of the error that it is.
#![no_main]

use fuzz::{errors, parts};
use libfuzzer_sys::fuzz_target;
use mishikallm::triton::reply::{self, Reply};
use mishikallm::triton::{health, repository};

fuzz_target!(|input: &[u8]| {
    let reply = parts::reply(input);
    let words = reply::words(&reply.body);
    if let Some(words) = &words {
        assert!(!words.trim().is_empty(), "words that say nothing");
        assert!(words.len() <= reply.body.len());
        // Inside Triton's JSON they are its own words, whatever these begin with.
        let is_page = reply.body.trim_ascii_start().starts_with(b"<");
        assert!(!is_page, "a page is echoed");
    }
    match reply.ok() {
        Ok(body) => assert!((200..300).contains(&reply.status) && body == reply.body),
        Err(error) => {
            errors::check_inner(&error, reply.body.len());
            if !(200..400).contains(&reply.status) {
                assert_eq!(error.http_status(), reply.status);
                assert_eq!(error.retry_after(), reply.retry_after);
            }
            if let (Some(words), 400..) = (words, reply.status) {
                assert_eq!(error.message(), words);
            }
        }
    }
    check_models(&reply);
    let report = health::report(&[reply.clone(), reply], Some("m"));
    fuzz::answers::check_answer(&fuzz::strict::json("a report", report.as_bytes()));
});

/// A list of models, each of which is there once.
fn check_models(reply: &Reply) {
    match repository::decode(reply) {
        Ok(models) => assert!(models.is_sorted_by(|a, b| a.id < b.id)),
        Err(error) => errors::check_inner(&error, reply.body.len()),
    }
}
