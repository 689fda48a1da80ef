//! An infer reply, with a first line as `parts::Answer` has it → its outputs, a text, and embeddings.
#![no_main]

use fuzz::asks::{ASKS, EMBEDDER, model};
use fuzz::{answers, errors, numbers, parts};
use libfuzzer_sys::fuzz_target;
use mishikallm::config::{Options, TritonOptions};
use mishikallm::json;
use mishikallm::openai::Operation;
use mishikallm::openai::embedding::EmbeddingRequest;
use mishikallm::openai::response::Values;
use mishikallm::triton::embed;
use mishikallm::triton::endpoint::{Route, Verb};
use mishikallm::triton::exchange::Description;
use mishikallm::triton::infer::{self, Output};
use mishikallm::triton::model::Model;
use mishikallm::triton::raw::{Ask, Step};
use mishikallm::triton::reply::Reply;
use serde_json::Value;
use std::sync::{Arc, LazyLock};

static MODELS: LazyLock<[Option<Model>; 2]> = LazyLock::new(|| [None, model(EMBEDDER)]);

fuzz_target!(|input: &[u8]| {
    let reply = parts::reply(input);
    match infer::decode(&reply) {
        Ok(answer) => answer.outputs.iter().for_each(|o| check_output(o, &reply)),
        Err(error) => errors::check_inner(&error, reply.body.len()),
    }
    for ask in &*ASKS {
        ask.check(&reply, Verb::Infer);
    }
    for request in RAW {
        check_raw(&reply, request);
    }
    for model in &*MODELS {
        for count in [1, 2] {
            check_rows(&reply, count, model.as_ref());
        }
    }
});

/// Requests for tensors as they are.
const RAW: [&str; 2] = [r#"{"inputs":[]}"#, r#"{"inputs":[],"nested":true}"#];

/// The same reply as the answer to a request for tensors as they are; of a decoupled model too.
fn check_raw(reply: &Reply, request: &str) {
    let route = Route::new(Some("http://h/x/infer"), "m", &TritonOptions::default()).unwrap();
    let read = |model: Option<Model>| {
        let fields = json::object("request_json", request).unwrap();
        let mut ask = Ask::take(Operation::Infer, fields, &Arc::default(), true).unwrap();
        let described = Route::new(Some("http://h"), "m", &TritonOptions::default()).unwrap();
        let step = match model {
            None => ask.start(&route),
            Some(model) => ask.described(
                &described,
                Description {
                    model: Some(Arc::new(model)),
                    remembered: false,
                },
            ),
        };
        step.expect("a request");
        ask.replied(&route, reply.clone())
    };
    let decoupled = model(EMBEDDER).map(|m| Model {
        decoupled: Some(true),
        inputs: Vec::new(),
        ..m
    });
    for model in [None, decoupled] {
        let once = read(model.clone());
        assert_eq!(once, read(model), "the same bytes, and another answer");
        match once {
            Ok(Step::Done(answer)) => answers::check_raw(&answer),
            Ok(other) => panic!("more to do: {other:?}"),
            Err(error) => errors::check_inner(&error, reply.body.len()),
        }
    }
}

/// An output's numbers fill its shape, and are those of its value.
fn check_output(output: &Output<'_>, reply: &Reply) {
    let value = output.value();
    match output.numbers() {
        Err(error) => errors::check_inner(&error, reply.body.len()),
        Ok(numbers) => {
            assert_eq!(output.shape.iter().product::<usize>(), numbers.len());
            let value = value.as_ref().expect("what has numbers has a value");
            if let (Values::F64(numbers), None) = (&numbers, numbers.first_not_finite()) {
                assert_eq!(numbers::flatten(value).as_ref(), Some(numbers));
            }
        }
    }
    match value {
        Err(error) => errors::check_inner(&error, reply.body.len()),
        Ok(value) => drop(serde_json::from_str::<Value>(&value.to_string()).unwrap()),
    }
}

fn check_rows(reply: &Reply, count: usize, model: Option<&Model>) {
    let fields = json::object("request_json", r#"{"input":["a","b"]}"#).unwrap();
    let options = Options::default();
    let ask = embed::Ask {
        request: Arc::new(EmbeddingRequest::take(fields, &options).unwrap()),
        tokenizer: None,
    };
    let fit = embed::Fit::new(&ask, 0, &options, model).unwrap();
    let read = || embed::decode(reply.clone(), &ask, &fit, 0..count, &options, model);
    let once = read();
    assert_eq!(once, read(), "the same bytes, and another answer");
    match once {
        Ok(rows) => answers::check_rows(&rows.matrix, count),
        Err(error) => errors::check_inner(&error, reply.body.len()),
    }
}
