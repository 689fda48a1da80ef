//! What replies are read as an answer to: the shapes of backends, and requests that make a difference in the reading.

use crate::pieces::Cuts;
use crate::{answers, errors};
use mishikallm::config::Options;
use mishikallm::openai::Operation;
use mishikallm::openai::answer::{FinishReason, Generated};
use mishikallm::openai::generation::Generation;
use mishikallm::openai::logprobs::Token;
use mishikallm::openai::response::Usage;
use mishikallm::triton::endpoint::Verb;
use mishikallm::triton::model::Model;
use mishikallm::triton::reply::Reply;
use mishikallm::triton::text;
use mishikallm::triton::text::events::{Events, Pull};
use mishikallm::{Result, json, limits};
use std::sync::{Arc, LazyLock};

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
"inputs":[{"name":"text_input","datatype":"BYTES","shape":[1]},{"name":"streaming","datatype":"BOOL","shape":[1]},
{"name":"sampling_param_top_k","datatype":"INT32","shape":[1]}],
"outputs":[{"name":"text_output","datatype":"BYTES","shape":[-1]}]}"#;

/// An embedding model with half-precision rows.
pub const EMBEDDER: &str = r#"{"name":"e","versions":["1","2"],
"inputs":[{"name":"input_text","datatype":"BYTES","shape":[-1,1]}],
"outputs":[{"name":"embedding","datatype":"FP16","shape":[-1,4]},{"name":"tokens","datatype":"INT32","shape":[-1,1]}]}"#;

/// vLLM's backend.
const VLLM: &str = r#"{"name":"vllm","inputs":[{"name":"text_input","datatype":"BYTES","shape":[1]},
    {"name":"sampling_parameters","datatype":"BYTES","shape":[1]},{"name":"return_logprobs","datatype":"BOOL","shape":[1]}],
    "outputs":[{"name":"text_output","datatype":"BYTES","shape":[-1]},{"name":"logprobs","datatype":"BYTES","shape":[-1]}]}"#;

/// TensorRT-LLM's.
const TRTLLM: &str = r#"{"name":"trtllm","inputs":[{"name":"text_input","datatype":"BYTES","shape":[1]},
    {"name":"max_tokens","datatype":"INT32","shape":[1]},{"name":"stop_words","datatype":"BYTES","shape":[-1]},
    {"name":"end_id","datatype":"INT32","shape":[1]},{"name":"return_log_probs","datatype":"BOOL","shape":[1]}],
    "outputs":[{"name":"text_output","datatype":"BYTES","shape":[-1]},{"name":"output_log_probs","datatype":"FP32","shape":[-1]}]}"#;

/// A model from its metadata.
pub fn model(metadata: &str) -> Option<Model> {
    Model::read(metadata.as_bytes(), None)
}

/// What a stream gave: its deltas, and their tokens.
type Said = (Vec<String>, Vec<Token>);

/// A request for text.
pub struct Ask {
    pub ask: text::Ask,
    pub options: Options,
    pub model: Option<Model>,
}

impl Ask {
    /// A request in OpenAI's JSON, of a model in Triton's.
    pub fn new(request: &str, metadata: &str) -> Ask {
        let mut fields = json::object("request_json", request).unwrap();
        let options = Options::take(&mut fields).unwrap();
        Ask {
            ask: text::Ask::new(
                "hi",
                Arc::new(Generation::take(fields, &options, Operation::Chat).unwrap()),
            ),
            options,
            model: model(metadata),
        }
    }

    /// Reads a reply, twice alike, and looks at what came out.
    pub fn check(&self, reply: &Reply, verb: Verb) {
        let read = || text::decode(reply, &self.ask, &self.options, verb, self.model.as_ref());
        let once = read();
        assert_eq!(once, read(), "the same bytes, and another answer");
        match &once {
            Ok((generated, _)) => answers::check_generated(generated, &self.ask.generation.stop),
            Err(error) => errors::check_inner(error, reply.body.len()),
        }
        // A gateway may answer a request for a stream so: the text is the same.
        if let (Ok((generated, _)), Verb::Generate) = (once, verb) {
            let ((deltas, _), end) = self.deltas(&[&reply.body]);
            assert_eq!(deltas.concat(), generated.text);
            assert_eq!(end, Ok((generated.finish_reason, generated.usage)));
        }
    }

    /// Reads a reply as it comes, whole and in pieces alike.
    pub fn check_stream(&self, stream: &[u8], cuts: &Cuts) {
        let (said, end) = self.deltas(&[stream]);
        assert_eq!(
            self.deltas(&cuts.cut(stream)),
            (said.clone(), end.clone()),
            "cut in another way, and other deltas"
        );
        let (deltas, logprobs) = said;
        let wants_logprobs = self.ask.generation.logprobs.is_some();
        assert!(wants_logprobs || logprobs.is_empty());
        assert!(wants_logprobs || deltas.iter().all(|delta| !delta.is_empty()));
        let text = deltas.concat();
        match end {
            Err(error) => errors::check_inner(&error, stream.len()),
            Ok((finish_reason, usage)) => {
                let generated = Generated {
                    text,
                    finish_reason,
                    usage,
                    logprobs,
                };
                answers::check_generated(&generated, &self.ask.generation.stop);
            }
        }
    }

    /// The deltas and their tokens, and how it ended.
    fn deltas(&self, pieces: &[&[u8]]) -> (Said, Result<(FinishReason, Usage)>) {
        let mut pieces = pieces.iter();
        let (mut deltas, mut tokens) = (Vec::new(), Vec::new());
        let options = &self.options;
        let model = self.model.as_ref();
        let mut events = match Events::new(&self.ask, options, model, limits::EVENT_BYTES) {
            Ok(events) => events,
            Err(error) => return ((deltas, tokens), Err(error)),
        };
        loop {
            match events.pull(&self.ask) {
                Ok(Pull::Delta(delta)) => {
                    deltas.push(delta.text);
                    tokens.extend(delta.tokens);
                }
                Ok(Pull::Starved) => match pieces.next() {
                    Some(piece) => events.push(piece),
                    None => events.end(),
                },
                Ok(Pull::End(reason, usage)) => return ((deltas, tokens), Ok((reason, usage))),
                Err(error) => return ((deltas, tokens), Err(error)),
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
pub static STREAMED: LazyLock<[Ask; 6]> = LazyLock::new(|| {
    [
        Ask::new("{}", UNKNOWN),
        Ask::new(
            r#"{"max_tokens":3,"stop":["END","ND x","\n\n"]}"#,
            LANGUAGE_MODEL,
        ),
        Ask::new("{}", REPEATER),
        Ask::new(r#"{"stop":["b","ab c"]}"#, REPEATER),
        Ask::new(r#"{"logprobs":true,"top_logprobs":2,"stop":"ab"}"#, VLLM),
        Ask::new(r#"{"logprobs":true}"#, TRTLLM),
    ]
});
