//! What replies are read as an answer to: the shapes of backends, and requests that make a difference in the reading.

use crate::pieces::Cuts;
use crate::{answers, errors};
use mishikallm::config::Options;
use mishikallm::openai::generation::Generation;
use mishikallm::openai::response::{FinishReason, Generated, Usage};
use mishikallm::triton::endpoint::Verb;
use mishikallm::triton::model::Model;
use mishikallm::triton::reply::Reply;
use mishikallm::triton::text;
use mishikallm::triton::text::events::{Events, Pull};
use mishikallm::{Result, json, limits};
use std::sync::LazyLock;

/// Nothing is known of the model.
pub const UNKNOWN: &str = "";

/// A language model that counts and says why it ended, as vLLM's backend does.
pub const LANGUAGE_MODEL: &str = r#"{"name":"m","versions":["1"],"platform":"python",
"inputs":[{"name":"text_input","datatype":"BYTES","shape":[-1,1]}],
"outputs":[{"name":"score","datatype":"FP32","shape":[-1,1]},{"name":"text_output","datatype":"BYTES","shape":[-1,-1]},
{"name":"finish_reason","datatype":"BYTES","shape":[-1,1]},{"name":"num_input_tokens","datatype":"UINT32","shape":[-1,1]},
{"name":"num_output_tokens","datatype":"UINT32","shape":[-1,-1]}]}"#;

/// A model whose text has a name of its own.
pub const ANSWERER: &str = r#"{"name":"m","inputs":[{"name":"question","datatype":"BYTES","shape":[1]}],
"outputs":[{"name":"answer","datatype":"BYTES","shape":[1]}]}"#;

/// A model whose events repeat the text from its beginning, as TensorRT-LLM's LLM-API does.
pub const REPEATER: &str = r#"{"name":"m","versions":["1"],
"inputs":[{"name":"text_input","datatype":"BYTES","shape":[1]},{"name":"streaming","datatype":"BOOL","shape":[1]}],
"outputs":[{"name":"text_output","datatype":"BYTES","shape":[-1]}]}"#;

/// An embedding model with half-precision rows.
pub const EMBEDDER: &str = r#"{"name":"e","versions":["1","2"],
"inputs":[{"name":"input_text","datatype":"BYTES","shape":[-1,1]}],
"outputs":[{"name":"embedding","datatype":"FP16","shape":[-1,4]},{"name":"tokens","datatype":"INT32","shape":[-1,1]}]}"#;

/// A model from its metadata.
pub fn model(metadata: &str) -> Option<Model> {
    Model::read(metadata.as_bytes(), None)
}

/// A request for text.
pub struct Ask {
    pub generation: Generation,
    pub options: Options,
    pub model: Option<Model>,
}

impl Ask {
    /// A request in OpenAI's JSON, of a model in Triton's.
    pub fn new(request: &str, metadata: &str) -> Ask {
        let mut fields = json::object("request_json", request).unwrap();
        let options = Options::take(&mut fields).unwrap();
        Ask {
            generation: Generation::take(fields, &options).unwrap(),
            options,
            model: model(metadata),
        }
    }

    /// Reads a reply, twice alike, and looks at what came out.
    pub fn check(&self, reply: &Reply, verb: Verb) {
        let read = || {
            let (generation, options) = (&self.generation, &self.options);
            text::decode(reply, "hi", generation, options, verb, self.model.as_ref())
        };
        let once = read();
        assert_eq!(once, read(), "the same bytes, and another answer");
        match &once {
            Ok((generated, _)) => answers::check_generated(generated, &self.generation.stop),
            Err(error) => errors::check_inner(error, reply.body.len()),
        }
        // A gateway may answer a request for a stream so: the text is the same.
        if let (Ok((generated, _)), Verb::Generate) = (once, verb) {
            let (deltas, end) = self.deltas(&[&reply.body]);
            assert_eq!(deltas.concat(), generated.text);
            assert_eq!(end, Ok((generated.finish_reason, generated.usage)));
        }
    }

    /// Reads a reply as it comes, whole and in pieces alike.
    pub fn check_stream(&self, stream: &[u8], cuts: &Cuts) {
        let (deltas, end) = self.deltas(&[stream]);
        assert_eq!(
            self.deltas(&cuts.cut(stream)),
            (deltas.clone(), end.clone()),
            "cut in another way, and other deltas"
        );
        assert!(deltas.iter().all(|delta| !delta.is_empty()));
        let text = deltas.concat();
        match end {
            Err(error) => errors::check_inner(&error, stream.len()),
            Ok((finish_reason, usage)) => {
                let generated = Generated {
                    text,
                    finish_reason,
                    usage,
                };
                answers::check_generated(&generated, &self.generation.stop);
            }
        }
    }

    fn deltas(&self, pieces: &[&[u8]]) -> (Vec<String>, Result<(FinishReason, Usage)>) {
        let mut pieces = pieces.iter();
        let mut deltas = Vec::new();
        let (generation, options) = (&self.generation, &self.options);
        let model = self.model.as_ref();
        let mut events = match Events::new(generation, options, model, limits::EVENT_BYTES) {
            Ok(events) => events,
            Err(error) => return (deltas, Err(error)),
        };
        loop {
            match events.pull("hi") {
                Ok(Pull::Delta(delta)) => deltas.push(delta),
                Ok(Pull::Starved) => match pieces.next() {
                    Some(piece) => events.push(piece),
                    None => events.end(),
                },
                Ok(Pull::End(reason, usage)) => return (deltas, Ok((reason, usage))),
                Err(error) => return (deltas, Err(error)),
            }
        }
    }
}

/// Those that a reply is tried with.
pub static ASKS: LazyLock<[Ask; 4]> = LazyLock::new(|| {
    [
        Ask::new("{}", UNKNOWN),
        Ask::new(r#"{"max_tokens":3,"stop":["END","\n\n"]}"#, LANGUAGE_MODEL),
        Ask::new(r#"{"triton":{"output":"answer"},"stop":"ab"}"#, UNKNOWN),
        Ask::new("{}", ANSWERER),
    ]
});

/// Those that a stream is read with.
pub static STREAMED: LazyLock<[Ask; 4]> = LazyLock::new(|| {
    [
        Ask::new("{}", UNKNOWN),
        Ask::new(
            r#"{"max_tokens":3,"stop":["END","ND x","\n\n"]}"#,
            LANGUAGE_MODEL,
        ),
        Ask::new("{}", REPEATER),
        Ask::new(r#"{"stop":["b","ab c"]}"#, REPEATER),
    ]
});
