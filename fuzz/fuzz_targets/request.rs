//! A request → its answer, without any I/O: what is sent, looked up and answered stands in the input too.
//!
//! Parts: the request; the client's configuration; the model's metadata; its configuration; and replies in their order.
#![no_main]

use fuzz::drive::{World, drive};
use fuzz::errors;
use fuzz::parts::{self, Answer};
use libfuzzer_sys::fuzz_target;
use mishikallm::config::ClientConfig;
use mishikallm::json::{self, Fields};
use mishikallm::openai::Operation;
use mishikallm::plan::call::{Call, Env, Manner};
use mishikallm::plan::fleet::Fleet;
use mishikallm::plan::resources::Nothing;
use mishikallm::triton::model::Model;
use mishikallm::{Error, Result};
use std::sync::Arc;
use std::time::Instant;

/// Each is read in every way there is; more of them show nothing new.
const MOST_ANSWERS: usize = 8;

fuzz_target!(|input: &[u8]| {
    let mut parts = parts::parts(input).into_iter();
    let mut text = || std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    let (request, config, metadata, model) = (text(), text(), text(), text());
    let answers: Vec<Answer> = parts.take(MOST_ANSWERS).map(Answer::read).collect();

    let client = match (read(request, None), ClientConfig::read(config)) {
        (Ok(_), Ok(client)) => client,
        (fields, client) => {
            fields.err().iter().for_each(errors::check_final);
            client.err().iter().for_each(errors::check_final);
            return;
        }
    };
    let found = |config: Option<&str>| {
        Model::read(metadata.as_bytes(), config.map(str::as_bytes)).map(Arc::new)
    };
    for (operation, manner) in ways() {
        // As text a value may be nested as deep as it likes: the same requests are read, and more.
        let fields = read(request, operation.raw_field()).expect("it was read before");
        let run = |remembered: bool| -> Result<Vec<String>> {
            let world = World {
                model: found(Some(model)),
                changed: found(None),
                remembered,
                answers: &answers,
                said: &[request, config],
                is_raw: is_raw(operation),
            };
            // Each course has a fleet of its own: what one call does to it is not to lead the next.
            let fleet = Arc::new(Fleet::new(client.clone(), Box::new(Nothing))?);
            let mut call = call(operation, &fields, &fleet, manner)?;
            Ok(drive(&mut call, &world))
        };
        match run(false) {
            Err(error) => check_refusal(&error),
            Ok(once) => {
                assert_eq!(
                    run(false).as_ref(),
                    Ok(&once),
                    "the same request, and another course"
                );
                drop(run(true));
            }
        }
    }
});

fn ways() -> impl Iterator<Item = (Operation, Manner)> {
    let manners = [Manner::Whole, Manner::Chunks];
    Operation::ALL
        .into_iter()
        .flat_map(move |operation| manners.map(|manner| (operation, manner)))
}

fn read(request: &str, raw: Option<&str>) -> Result<Fields> {
    json::object_with_raw("request_json", request, raw)
}

fn is_raw(operation: Operation) -> bool {
    use Operation::*;
    !matches!(operation, Chat | Text | Embeddings | Models | Health)
}

fn call(operation: Operation, fields: &Fields, fleet: &Arc<Fleet>, manner: Manner) -> Result<Call> {
    let env = Env {
        unix_time: 7,
        id: "7".to_owned(),
        random: 7,
        trace: None,
    };
    Call::new(
        operation,
        fields.clone(),
        fleet,
        env,
        manner,
        Instant::now(),
    )
}

/// A request that is refused is wrong, and a field of it is named.
fn check_refusal(error: &Error) {
    assert_eq!(error.http_status() / 100, 4);
    assert!(error.param().is_some());
    errors::check_final(error);
}
