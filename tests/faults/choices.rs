//! Faults in the second of several choices: what was told stays told, and then comes the error.

use crate::http::chunk;
use crate::sound::{HEAD, LAST, TEXT, event};
use crate::stage::{Post, serve};
use crate::watch::alone;
use crate::ways::{client, open};
use mishikallm::{Error, Next, Status};
use serde_json::{Value, json};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// What goes wrong after the beginning of the second choice.
type Wrong = fn(&mut Post<'_>) -> io::Result<()>;

/// What is told of the choices until the error, as text and how they ended, and the error.
fn told(
    beginning: bool,
    wrong: Wrong,
    more: Value,
) -> (Vec<(String, Value)>, Option<Error>, usize) {
    let has_gone_wrong = AtomicBool::new(false);
    let server = serve(move |to| {
        // All are asked at once, in any order: the second choice is known by its seed. It goes wrong the first time.
        let body = String::from_utf8_lossy(&to.request.body);
        if !body.contains("\"seed\":11") || has_gone_wrong.swap(true, Ordering::SeqCst) {
            return to.answer();
        }
        to.raw(HEAD)?;
        if beginning {
            to.raw(chunk(event("begun")))?;
        }
        wrong(to)
    });
    let mut request = json!({"model": "triton/m", "prompt": "hi", "n": 3, "seed": 10, "idle_timeout": 0.3, "api_base": server.url()});
    let fields = request.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    let stream = open(&client(json!({})), &request);
    let mut choices: Vec<(String, Value)> = Vec::new();
    let error = loop {
        match stream.next(None) {
            Ok(Next::Chunk(chunk)) => {
                let chunk: Value = serde_json::from_str(&chunk).unwrap();
                let choice = &chunk["choices"][0];
                let index = choice["index"].as_u64().unwrap() as usize;
                choices.resize(choices.len().max(index + 1), Default::default());
                choices[index].0 += choice["text"].as_str().unwrap();
                choices[index].1 = choice["finish_reason"].clone();
            }
            Ok(_) => break None,
            Err(error) => break Some(error),
        }
    };
    drop(stream);
    (choices, error, server.posts().len())
}

fn cut(to: &mut Post<'_>) -> io::Result<()> {
    to.fin()
}

fn says(to: &mut Post<'_>) -> io::Result<()> {
    to.raw(chunk("data: {\"error\":\"out of memory\"}\n\n"))?;
    to.raw(LAST)
}

fn stalls(to: &mut Post<'_>) -> io::Result<()> {
    to.stall()
}

const FAULTS: [(Wrong, Status); 3] = [
    (cut, Status::Protocol),
    (says, Status::Server),
    (stalls, Status::Deadline),
];

#[test]
fn what_was_told_stays_and_the_error_follows() {
    alone(|| {
        let whole = (TEXT.to_owned(), json!("stop"));
        let begun = ("begun".to_owned(), Value::Null);
        for (wrong, status) in FAULTS {
            // A retry or a fallback helps nobody who has heard the beginning.
            for more in [
                json!({}),
                json!({"num_retries": 2, "fallbacks": ["triton/other"]}),
            ] {
                let (choices, error, posts) = told(true, wrong, more);
                assert_eq!(choices, [whole.clone(), begun.clone()]);
                assert_eq!(error.unwrap().status(), status);
                // The third was sent before its turn, or was about to be; none was sent twice.
                assert!(posts <= 3, "{posts} requests");
            }
            let (choices, error, posts) = told(false, wrong, json!({}));
            assert_eq!(choices, std::slice::from_ref(&whole));
            assert_eq!(error.unwrap().status(), status);
            assert!(posts <= 3, "{posts} requests");
            // Nobody has heard of the second choice: it may be tried again.
            let (choices, error, posts) = told(false, wrong, json!({"num_retries": 1}));
            assert_eq!(choices, [whole.clone(), whole.clone(), whole.clone()]);
            assert_eq!((error, posts), (None, 4));
        }
    });
}
