//! How the backends call what OpenAI calls otherwise: a table for each, and how a model shows which it speaks.
//!
//! A table holds names; datatypes and shapes are the model's own word (its metadata). What a table cannot say — a value that
//! has to become another — is a [`Rule`], carried out in `triton/text/rules.rs`.

mod general;
mod llmapi;
mod trtllm;
mod vllm;

use super::model::{Model, Tensor};
use super::tensor::Datatype;
use crate::config::DialectName;
use crate::error::Error;
use serde_json::{Value, json};

/// How one backend is spoken to.
#[derive(Debug)]
pub struct Dialect {
    /// For messages.
    pub name: &'static str,
    /// Whether a model speaks it.
    speaks: fn(&Model) -> bool,
    /// OpenAI's name → the inputs that mean the same, the newest name first.
    inputs: &'static [(&'static str, &'static [&'static str])],
    /// The input that takes everything without an input of its own: JSON in a string.
    bundle: Option<&'static str>,
    /// BOOL inputs that are set where the model declares them: no echo of the prompt, and tell how the text ended and what it took.
    always: &'static [&'static str],
    /// Models without this input put the prompt before the text, and each event of a stream then holds all of it so far.
    repeats_prompt_without: Option<&'static str>,
    /// The BOOL input that asks for the text token by token, and what each event then holds.
    stream: &'static [(&'static str, Events)],
    /// What has to become another value.
    pub rules: &'static [Rule],
    /// How log probabilities are asked for, and how they come.
    logprobs: Option<Logprobs>,
    /// How the text is held to JSON.
    guide: Option<Guide>,
    /// What is sent for `max_tokens` where nobody says and the model does not require it.
    pub max_tokens: Option<u64>,
    /// The backend's words that tell its caller nothing, and better ones.
    riddles: &'static [(&'static str, &'static str)],
}

/// What the events of a stream hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events {
    /// The text that is new.
    New,
    /// All of the text so far.
    SoFar,
}

/// A value that has to become another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Temperature 0 is no number to divide by: the one likeliest token is asked for instead.
    GreedyByTopK,
    /// The temperature counts only beside `top_k` or `top_p`: a `top_p` of 1, all tokens, is put beside it.
    TopPBesideTemperature,
    /// Who names no seed gets the same text each time: chance gives one.
    SeedByChance,
}

/// How log probabilities are asked for, and how they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logprobs {
    /// The BOOL input that asks for them.
    pub flag: &'static str,
    /// The output that holds them.
    pub output: &'static str,
    /// What it holds.
    pub holds: Holds,
}

/// What an output of log probabilities holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// JSON in a string: for each new token an object of token id → `logprob`, `rank`, `decoded_token`, the chosen one first.
    /// How many, the bundle's `logprobs` says.
    Tables,
    /// A number for each new token, and nothing of the others.
    Numbers,
}

/// How the text is held to JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guide {
    /// A key of the bundle: JSON in a string, `{"json": SCHEMA}` or `{"json_object": true}`.
    Bundled(&'static str),
    /// Two inputs: `json` or `json_schema`, and the schema.
    Inputs(&'static str, &'static str),
}

/// The likeliest first; the last speaks to every model.
const ALL: [DialectName; 4] = [
    DialectName::Vllm,
    DialectName::LlmApi,
    DialectName::TensorrtLlm,
    DialectName::General,
];

/// Tokens to generate where nobody says how many and the model needs to know.
pub const DEFAULT_MAX_TOKENS: u64 = 2000;

/// Outputs that tell how the text ended and what it took.
pub const TEXT_EXTRAS: [&str; 4] = [
    "finish_reason",
    "stop_reason",
    "num_input_tokens",
    "num_output_tokens",
];

/// The dialect that a model speaks; `named` is the caller's word for it.
pub fn of(model: &Model, named: Option<DialectName>) -> &'static Dialect {
    table(named.unwrap_or(model.dialect))
}

/// The dialect that a model's tensors show. It is looked for once, when the model is read: each call asks for it several times.
pub fn shown_by(model: &Model) -> DialectName {
    let speaks = |name: &DialectName| (table(*name).speaks)(model);
    ALL.into_iter().find(speaks).unwrap_or(DialectName::General)
}

fn table(name: DialectName) -> &'static Dialect {
    match name {
        DialectName::Vllm => &vllm::DIALECT,
        DialectName::TensorrtLlm => &trtllm::DIALECT,
        DialectName::LlmApi => &llmapi::DIALECT,
        DialectName::General => &general::DIALECT,
    }
}

/// An input of that name and datatype.
fn input<'m>(model: &'m Model, name: &str, datatype: Datatype) -> Option<&'m Tensor> {
    model.input(name).filter(|t| t.datatype == datatype)
}

impl Dialect {
    /// The input for a caller's parameter: the one of its own name, or the backend's.
    pub fn input_for<'m>(&self, model: &'m Model, key: &str) -> Option<&'m Tensor> {
        // TensorRT-LLM's own `stop` is a BOOL that cancels a request.
        let fits = |t: &&Tensor| key != "stop" || t.datatype == Datatype::Bytes;
        model.input(key).filter(fits).or_else(|| {
            let (_, names) = self.inputs.iter().find(|(name, _)| *name == key)?;
            names.iter().find_map(|name| model.input(name).filter(fits))
        })
    }

    /// The input that takes everything without an input of its own.
    pub fn bundle<'m>(&self, model: &'m Model) -> Option<&'m Tensor> {
        input(model, self.bundle?, Datatype::Bytes)
    }

    /// The flags a model declares, and what we set them to.
    pub fn flags<'m>(
        &self,
        model: &'m Model,
        stream: bool,
    ) -> impl Iterator<Item = (&'m Tensor, Value)> {
        let always = self
            .always
            .iter()
            .filter_map(|name| input(model, name, Datatype::Bool));
        always
            .map(|input| (input, json!(true)))
            .chain(self.stream(model).map(|(input, _)| (input, json!(stream))))
    }

    fn stream<'m>(&self, model: &'m Model) -> Option<(&'m Tensor, Events)> {
        self.stream
            .iter()
            .find_map(|(name, events)| Some((input(model, name, Datatype::Bool)?, *events)))
    }

    /// What the events of a model's stream hold.
    pub fn events(&self, model: &Model) -> Events {
        self.stream(model).map_or(Events::New, |(_, events)| events)
    }

    /// Whether the prompt comes back before the text, because this model cannot be told to leave it out.
    pub fn repeats_prompt(&self, model: &Model) -> bool {
        self.repeats_prompt_without
            .is_some_and(|name| model.input(name).is_none())
    }

    /// How log probabilities are had of this model; `None`: not at all.
    pub fn logprobs(&self, model: &Model) -> Option<Logprobs> {
        let logprobs = self.logprobs?;
        input(model, logprobs.flag, Datatype::Bool)?;
        model.output(logprobs.output)?;
        match logprobs.holds {
            Holds::Tables => self.bundle(model).map(|_| logprobs),
            Holds::Numbers => Some(logprobs),
        }
    }

    /// How this model's text is held to JSON; `None`: not at all.
    pub fn guide(&self, model: &Model) -> Option<Guide> {
        let guide = self.guide?;
        match guide {
            Guide::Bundled(_) => self.bundle(model).map(|_| guide),
            Guide::Inputs(kind, schema) => {
                input(model, kind, Datatype::Bytes)?;
                input(model, schema, Datatype::Bytes).map(|_| guide)
            }
        }
    }

    /// An error in words that tell the caller what to change.
    pub fn explain(&self, error: Error) -> Error {
        let riddle = self
            .riddles
            .iter()
            .find(|(words, _)| error.message().contains(words));
        match riddle {
            Some((_, better)) => {
                let message = format!("{better}: {}", error.message());
                error.with_message(message)
            }
            None => error,
        }
    }

    /// What to give a required input that the caller left out; `None`: nothing can be guessed.
    pub fn neutral(&self, input: &Tensor) -> Option<Value> {
        let name = input.name.as_str();
        // Older ensembles require the word lists; one empty word is TensorRT-LLM's own way to say none.
        if matches!(name, "bad_words" | "stop_words") && input.datatype == Datatype::Bytes {
            return Some(json!(""));
        }
        let alias = self.inputs.iter().find(|(_, names)| names.contains(&name));
        let name = alias.map_or(name, |(name, _)| name);
        let (_, value) = NEUTRAL.iter().find(|(n, _)| *n == name)?;
        input.datatype.fit(&json!(value))
    }
}

/// What OpenAI takes for granted, and what TensorRT-LLM's backends name beside it: a value that changes nothing.
const NEUTRAL: [(&str, f64); 8] = [
    ("max_tokens", DEFAULT_MAX_TOKENS as f64),
    ("temperature", 1.0),
    ("top_p", 1.0),
    ("presence_penalty", 0.0),
    ("frequency_penalty", 0.0),
    ("repetition_penalty", 1.0),
    ("length_penalty", 1.0),
    ("beam_width", 1.0),
];

/// Triton keeps these parameter names to itself and refuses them from a caller.
pub fn is_reserved_parameter(name: &str) -> bool {
    matches!(
        name,
        "sequence_id" | "sequence_start" | "sequence_end" | "priority" | "timeout" | "headers"
    ) || name.starts_with("triton_")
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::model;
    use super::*;

    fn text_model(inputs: &str) -> Model {
        model(inputs, "text_output:BYTES[-1]", 0, false)
    }

    #[test]
    fn a_model_shows_its_dialect_by_its_inputs() {
        for (inputs, name) in [
            ("text_input:BYTES[1] sampling_parameters:BYTES[1]?", "vLLM"),
            (
                "text_input:BYTES[1] sampling_param_max_tokens:INT32[1]?",
                "TensorRT-LLM LLM-API",
            ),
            (
                "text_input:BYTES[1] max_tokens:INT32[1] bad_words:BYTES[-1]? stop_words:BYTES[-1]? end_id:INT32[1]?",
                "TensorRT-LLM",
            ),
            (
                "text_input:BYTES[1] max_tokens:INT32[1] stop_words:BYTES[-1]?",
                "general",
            ),
            ("prompt:BYTES[1]", "general"),
        ] {
            assert_eq!(of(&text_model(inputs), None).name, name, "{inputs}");
        }
        let vllm = text_model("text_input:BYTES[1] sampling_parameters:BYTES[1]?");
        assert_eq!(of(&vllm, Some(DialectName::General)).name, "general");
    }

    #[test]
    fn older_and_newer_names_of_tensorrt_llm() {
        let base = "text_input:BYTES[1] max_tokens:INT32[1] stop_words:BYTES[-1]? bad_words:BYTES[-1]? end_id:INT32[1]?";
        for (more, seed, least) in [
            (
                "random_seed:UINT64[1]? min_length:INT32[1]?",
                "random_seed",
                "min_length",
            ),
            ("seed:UINT64[1]? min_tokens:INT32[1]?", "seed", "min_tokens"),
        ] {
            let m = text_model(&format!("{base} {more}"));
            let dialect = of(&m, None);
            let name = |key| dialect.input_for(&m, key).map(|t| t.name.as_str());
            assert_eq!(name("seed"), Some(seed));
            assert_eq!(name("min_tokens"), Some(least));
            assert_eq!(name("stop"), Some("stop_words"));
            assert_eq!(name("top_p"), None);
        }
    }

    #[test]
    fn the_llm_apis_own_stop_cancels_and_is_no_stop_sequence() {
        let m = text_model(
            "text_input:BYTES[1] stop:BOOL[1]? sampling_param_max_tokens:INT32[1]? sampling_param_stop:BYTES[-1]?",
        );
        let dialect = of(&m, None);
        let name = |key| dialect.input_for(&m, key).map(|t| t.name.as_str());
        assert_eq!(name("max_tokens"), Some("sampling_param_max_tokens"));
        assert_eq!(name("stop"), Some("sampling_param_stop"));
    }

    #[test]
    fn what_a_model_can_is_what_it_declares() {
        let able = text_model(
            "text_input:BYTES[1] max_tokens:INT32[1] stop_words:BYTES[-1]? bad_words:BYTES[-1]? end_id:INT32[1]? \
             guided_decoding_guide_type:BYTES[1]? guided_decoding_guide:BYTES[1]?",
        );
        assert!(of(&able, None).guide(&able).is_some());
        // The flag alone, without the output, is nothing to ask for.
        assert_eq!(of(&able, None).logprobs(&able), None);
        let not = text_model(
            "text_input:BYTES[1] max_tokens:INT32[1] bad_words:BYTES[-1]? stop_words:BYTES[-1]? end_id:INT32[1]?",
        );
        assert_eq!(of(&not, None).guide(&not), None);
    }

    #[test]
    fn required_inputs_get_a_value_that_changes_nothing() {
        let m = text_model(
            "t:BYTES[1] max_new_tokens:INT32[1] temperature:FP32[1] stop_words:BYTES[-1] other:INT32[1]",
        );
        let value = |name: &str| of(&m, None).neutral(m.input(name).unwrap());
        assert_eq!(value("max_new_tokens"), Some(json!(2000)));
        assert_eq!(value("temperature"), Some(json!(1.0)));
        assert_eq!(value("stop_words"), Some(json!("")));
        assert_eq!(value("other"), None);
    }
}
