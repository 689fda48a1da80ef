//! A model's metadata and, after a line of three dashes, its configuration → what it is sent.
#![no_main]

use fuzz::asks::{Ask, UNKNOWN};
use fuzz::{errors, parts, sent};
use libfuzzer_sys::fuzz_target;
use mishikallm::Result;
use mishikallm::config::Options;
use mishikallm::json;
use mishikallm::openai::embedding::EmbeddingRequest;
use mishikallm::triton::endpoint::Verb;
use mishikallm::triton::model::{Model, list};
use mishikallm::triton::{embed, text};
use std::sync::{Arc, LazyLock};

static ASKS: LazyLock<[Ask; 5]> = LazyLock::new(|| {
    [
        Ask::new("{}", UNKNOWN),
        Ask::new(
            r#"{"n":2,"logprobs":true,"top_logprobs":1,"response_format":{"type":"json_object"}}"#,
            UNKNOWN,
        ),
        Ask::new(
            r#"{"seed":9007199254740993,"n":128,"temperature":0,"triton":{"dialect":"tensorrtllm"}}"#,
            UNKNOWN,
        ),
        Ask::new(
            r#"{"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required",
                "triton":{"dialect":"vllm","inputs":{"text_input":"other","x":[1,2]},"parameters":{"p":1}}}"#,
            UNKNOWN,
        ),
        Ask::new(
            r#"{"max_tokens":3,"temperature":0.5,"top_k":2,"seed":1,"stop":["a","b"],"bad_words":["c","d","e"],
                "drop_params":true}"#,
            UNKNOWN,
        ),
    ]
});

static EMBEDDINGS: LazyLock<[EmbeddingRequest; 3]> = LazyLock::new(|| {
    [
        r#"{"input":["a","b","c"]}"#,
        r#"{"input":[[1,2],[3]],"dimensions":8}"#,
        r#"{"input":["a","b"],"dimensions":8,"truncate":true,"weight":[0.5,2]}"#,
    ]
    .map(|request| {
        let fields = json::object("request_json", request).unwrap();
        EmbeddingRequest::take(fields, &Options::default()).unwrap()
    })
});

fuzz_target!(|input: &[u8]| {
    let parts = parts::parts(input);
    let read = || Model::read(parts[0], parts.get(1).copied());
    let Some(model) = read() else {
        return;
    };
    assert_eq!(read().as_ref(), Some(&model));
    list(&model.inputs);
    for ask in &*ASKS {
        for (verb, stream) in [
            (Verb::Generate, false),
            (Verb::Generate, true),
            (Verb::Infer, false),
        ] {
            let (ask, options) = (&ask.ask, &ask.options);
            let allowed = text::check(ask, options, Some(&model));
            let body =
                allowed.and_then(|()| text::encode(ask, options, verb, Some(&model), stream));
            check(body, verb, input.len());
        }
    }
    for request in &*EMBEDDINGS {
        check_embeddings(request, &model, input.len());
    }
});

/// Every input is in one batch and in its order, and none is larger than the model takes.
fn check_embeddings(request: &EmbeddingRequest, model: &Model, about: usize) {
    let options = Options {
        drop_params: Some(true),
        ..Default::default()
    };
    let ask = embed::Ask {
        request: Arc::new(request.clone()),
        tokenizer: None,
    };
    match embed::Fit::new(&ask, 0, &options, Some(model)) {
        Err(error) => errors::check_inner(&error, about),
        Ok(fit) => {
            let rows: Vec<usize> = fit.batches.iter().cloned().flatten().collect();
            assert_eq!(rows, (0..request.input.len()).collect::<Vec<_>>());
            for batch in fit.batches.clone() {
                assert!(model.max_batch_size == 0 || batch.len() <= model.max_batch_size);
                check(
                    embed::encode(&ask, &fit, batch, &options, Some(model)),
                    Verb::Infer,
                    about,
                );
            }
        }
    }
}

fn check(body: Result<(Vec<u8>, Option<usize>)>, verb: Verb, about: usize) {
    match body {
        Ok((body, json_length)) => sent::check_body(&body, json_length, verb == Verb::Infer),
        Err(error) => errors::check_inner(&error, about),
    }
}
