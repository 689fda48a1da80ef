//! Stop sequences in streams: met by the model, or cut here, across the borders of chunks.

use super::log::{self, label};
use super::streamed::stream;
use serde_json::json;
use std::thread;
use std::time::{Duration, SystemTime};

const QUESTION: &str = "What is an inference server?";

#[test]
fn the_text_ends_before_the_first_of_them_on_every_model() {
    for model in [
        "tiny_llm",
        "vllm_shape",
        "trtllm_bls",
        "llmapi_shape",
        "no_stop",
        "trtllm_ensemble",
        "infer_only",
        "infer_batched",
    ] {
        let more = json!({"max_tokens": 30, "temperature": 0, "stop": ["memory", "never"]});
        let streamed = stream(model, QUESTION, more);
        assert_eq!(
            streamed.text().trim_start(),
            "An inference server keeps trained models in ",
            "{model}"
        );
        assert_eq!(streamed.finish_reason(), "stop", "{model}");
    }
}

/// The tokens are "models", " in" and " memory": the sequence begins in one chunk and ends in another.
#[test]
fn a_sequence_over_several_chunks_is_cut_and_ends_the_request() {
    let label = label("across");
    let more = json!({"stop": ["dels in mem"], "delay_ms": 20, "label": label});
    let streamed = stream("no_stop", QUESTION, more);
    let ended = SystemTime::now();
    assert_eq!(
        streamed.deltas().concat().trim_start(),
        "An inference server keeps trained mo"
    );
    assert_eq!(streamed.finish_reason(), "stop");
    // Of the 64 tokens that it would write, the model has written those up to "memory", and those until it noticed.
    let noticed = log::wait(&label).expect("the model goes on");
    println!(
        "cut at a stop sequence: the model noticed {:.1} ms after the end of the stream, at token {}",
        noticed.after(ended),
        noticed.tokens
    );
    assert!((8..30).contains(&noticed.tokens), "{noticed:?}");
}

#[test]
fn what_only_looked_like_one_is_given_after_all() {
    for stop in [
        "models in mercury",
        "server kept",
        "memory and answers requests for me",
    ] {
        let cut = stream("no_stop", QUESTION, json!({"max_tokens": 12, "stop": stop}));
        let uncut = stream("no_stop", QUESTION, json!({"max_tokens": 12}));
        assert_eq!(cut.text(), uncut.text(), "{stop}");
    }
}

#[test]
fn a_model_that_knows_the_word_stops_by_itself() {
    let label = label("native");
    let more = json!({"stop": "models in mem", "label": label, "max_tokens": 60});
    let streamed = stream("tiny_llm", QUESTION, more);
    assert_eq!(
        streamed.text().trim_start(),
        "An inference server keeps trained "
    );
    assert_eq!(
        (streamed.finish_reason(), &streamed.usage()["estimated"]),
        ("stop", &json!(null))
    );
    // It was not told to: long after, its log has no cancel.
    thread::sleep(Duration::from_millis(300));
    assert!(log::look(&label).is_empty());
}
