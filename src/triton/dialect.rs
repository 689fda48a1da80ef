//! What OpenAI's names are called by the backends, as tables.
//!
//! Sources: the vLLM backend's model definition; TensorRT-LLM's `ensemble`, `tensorrt_llm_bls` and LLM-API
//! configurations, of older and newer releases.

use super::model::{Model, Tensor, list};
use super::tensor::Datatype;
use crate::error::{Error, Result};
use serde_json::{Value, json};

/// Inputs that take the prompt or the texts, most telling first.
const TEXT_INPUTS: [&str; 12] = [
    "text_input",
    "prompt",
    "input_text",
    "text",
    "texts",
    "query",
    "sentences",
    "sentence",
    "inputs",
    "input",
    "TEXT",
    "INPUT0",
];

/// Inputs that take token ids.
const TOKEN_INPUTS: [&str; 4] = ["input_ids", "token_ids", "tokens", "input"];

/// Outputs that hold the text.
const TEXT_OUTPUTS: [&str; 6] = [
    "text_output",
    "completion",
    "generated_text",
    "output_text",
    "text",
    "output",
];

/// BYTES outputs that are no text for the caller.
const NOT_TEXT: [&str; 4] = ["finish_reason", "stop_reason", "logprobs", "error"];

/// Floating-point outputs that are no embedding.
const NOT_VECTORS: [&str; 7] = [
    "cumulative_logprob",
    "cum_log_probs",
    "output_log_probs",
    "logprobs",
    "context_logits",
    "generation_logits",
    "score",
];

/// Outputs that tell how the text ended and what it took.
pub const TEXT_EXTRAS: [&str; 4] = [
    "finish_reason",
    "stop_reason",
    "num_input_tokens",
    "num_output_tokens",
];

/// vLLM's input for sampling parameters: JSON in a string, the only way to give it lists.
pub const SAMPLING_PARAMETERS: &str = "sampling_parameters";

/// Tokens to generate where nobody says how many and the model needs to know.
pub const DEFAULT_MAX_TOKENS: u64 = 2000;

/// OpenAI's name → the inputs that mean the same.
const ALIASES: [(&str, &[&str]); 12] = [
    (
        "max_tokens",
        &[
            "max_tokens",
            "sampling_param_max_tokens",
            "max_new_tokens",
            "max_output_tokens",
            "request_output_len",
        ],
    ),
    (
        "temperature",
        &["temperature", "sampling_param_temperature"],
    ),
    ("top_p", &["top_p", "sampling_param_top_p", "runtime_top_p"]),
    ("top_k", &["top_k", "sampling_param_top_k", "runtime_top_k"]),
    ("min_p", &["min_p", "sampling_param_min_p"]),
    ("seed", &["seed", "random_seed", "sampling_param_seed"]),
    (
        "presence_penalty",
        &["presence_penalty", "sampling_param_presence_penalty"],
    ),
    (
        "frequency_penalty",
        &["frequency_penalty", "sampling_param_frequency_penalty"],
    ),
    (
        "repetition_penalty",
        &["repetition_penalty", "sampling_param_repetition_penalty"],
    ),
    (
        "length_penalty",
        &["length_penalty", "sampling_param_length_penalty"],
    ),
    (
        "min_tokens",
        &["min_tokens", "min_length", "sampling_param_min_tokens"],
    ),
    (
        "stop",
        &[
            "stop_words",
            "stop",
            "stop_sequences",
            "sampling_param_stop",
        ],
    ),
];

/// BOOL inputs that are set where the model declares them: no echo of the prompt, and tell how it ended and what it took.
const ASKED_FOR: [&str; 5] = [
    "exclude_input_in_output",
    "sampling_param_exclude_input_from_output",
    "return_finish_reason",
    "return_num_input_tokens",
    "return_num_output_tokens",
];

/// BOOL inputs that ask for the text token by token, and what each event then holds.
const STREAM_FLAGS: [(&str, Events); 2] = [
    ("stream", Events::New),
    // TensorRT-LLM's LLM-API model.
    ("streaming", Events::SoFar),
];

/// What the events of a stream hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events {
    /// The text that is new.
    New,
    /// All of the text so far.
    SoFar,
}

/// What the events of a model's stream hold.
pub fn events(model: &Model) -> Events {
    stream_flag(model).map_or(Events::New, |(_, events)| events)
}

fn stream_flag(model: &Model) -> Option<(&Tensor, Events)> {
    STREAM_FLAGS.iter().find_map(|(name, events)| {
        let input = model.input(name)?;
        (input.datatype == Datatype::Bool).then_some((input, *events))
    })
}

/// Triton keeps these parameter names to itself and refuses them from a caller.
pub fn is_reserved_parameter(name: &str) -> bool {
    matches!(
        name,
        "sequence_id" | "sequence_start" | "sequence_end" | "priority" | "timeout" | "headers"
    ) || name.starts_with("triton_")
}

/// The input for a caller's parameter.
pub fn input_for<'a>(model: &'a Model, key: &str) -> Option<&'a Tensor> {
    // TensorRT-LLM's own `stop` is a BOOL that cancels a request.
    let fits = |t: &&Tensor| key != "stop" || t.datatype == Datatype::Bytes;
    model.input(key).filter(fits).or_else(|| {
        let (_, names) = ALIASES.iter().find(|(name, _)| *name == key)?;
        names.iter().find_map(|name| model.input(name).filter(fits))
    })
}

/// The flags a model declares, and what we set them to.
pub fn asked_for(model: &Model, stream: bool) -> impl Iterator<Item = (&Tensor, Value)> {
    let asked_for = ASKED_FOR.iter().filter_map(|name| model.input(name));
    let asked_for = asked_for.filter(|input| input.datatype == Datatype::Bool);
    asked_for
        .map(|input| (input, json!(true)))
        .chain(stream_flag(model).map(|(input, _)| (input, json!(stream))))
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

/// What to give a required input that the caller left out; `None`: nothing can be guessed.
pub fn neutral(input: &Tensor) -> Option<Value> {
    let name = input.name.as_str();
    // Older ensembles require the word lists; one empty word is TensorRT-LLM's own way to say none.
    if matches!(name, "bad_words" | "stop_words") && input.datatype == Datatype::Bytes {
        return Some(json!(""));
    }
    let alias = ALIASES.iter().find(|(_, names)| names.contains(&name));
    let name = alias.map_or(name, |(name, _)| name);
    let (_, value) = NEUTRAL.iter().find(|(n, _)| *n == name)?;
    input.datatype.fit(&json!(value))
}

/// The input that takes the prompt or the texts.
pub fn text_input<'a>(model: &'a Model, named: Option<&str>) -> Result<&'a Tensor> {
    if let Some(name) = named {
        return match model.input(name) {
            Some(t) if t.datatype == Datatype::Bytes => Ok(t),
            Some(t) => Err(Error::argument(
                "triton.input",
                format!("triton.input: {t} of model '{}' takes no text", model.name),
            )),
            None => Err(Error::argument(
                "triton.input",
                format!(
                    "triton.input: model '{}' has no such input; it has {}",
                    model.name,
                    list(&model.inputs)
                ),
            )),
        };
    }
    let texts = || {
        model
            .inputs
            .iter()
            .filter(|t| t.datatype == Datatype::Bytes)
    };
    if let Some(t) = TEXT_INPUTS
        .iter()
        .find_map(|name| texts().find(|t| t.name == *name))
    {
        return Ok(t);
    }
    let required: Vec<_> = texts().filter(|t| t.optional != Some(true)).collect();
    match (required.as_slice(), texts().collect::<Vec<_>>().as_slice()) {
        ([one], _) | ([], [one]) => Ok(one),
        (_, []) => Err(Error::argument(
            "model",
            format!(
                "model: '{}' takes no text; its inputs are {}",
                model.name,
                list(&model.inputs)
            ),
        )),
        _ => Err(Error::argument(
            "triton.input",
            format!(
                "model '{}' has several text inputs and none of a usual name: {}; say which with triton.input",
                model.name,
                list(&model.inputs)
            ),
        )),
    }
}

/// The input that takes token ids.
pub fn token_input<'a>(model: &'a Model, named: Option<&str>) -> Result<&'a Tensor> {
    let integers = || model.inputs.iter().filter(|t| t.datatype.is_integer());
    let found = match named {
        Some(name) => integers().find(|t| t.name == name),
        None => TOKEN_INPUTS
            .iter()
            .find_map(|name| integers().find(|t| t.name == *name)),
    };
    found.ok_or_else(|| {
        Error::argument(
            "input",
            format!(
                "input: expected texts, got token ids; model '{}' declares no input for token ids: its inputs are {}",
                model.name,
                list(&model.inputs)
            ),
        )
    })
}

fn named_output<'a>(
    model: &'a Model,
    name: &str,
    wanted: &str,
    fits: fn(Datatype) -> bool,
) -> Result<&'a Tensor> {
    match model.output(name) {
        Some(t) if fits(t.datatype) => Ok(t),
        Some(t) => Err(Error::argument(
            "triton.output",
            format!(
                "triton.output: {t} of model '{}' is no {wanted}",
                model.name
            ),
        )),
        None => Err(Error::argument(
            "triton.output",
            format!(
                "triton.output: model '{}' has no such output; it has {}",
                model.name,
                list(&model.outputs)
            ),
        )),
    }
}

/// The output that holds the text.
pub fn text_output<'a>(model: &'a Model, named: Option<&str>) -> Result<&'a Tensor> {
    if let Some(name) = named {
        return named_output(model, name, "text", |d| d == Datatype::Bytes);
    }
    let texts = || {
        model
            .outputs
            .iter()
            .filter(|t| t.datatype == Datatype::Bytes && !NOT_TEXT.contains(&t.name.as_str()))
    };
    TEXT_OUTPUTS
        .iter()
        .find_map(|name| texts().find(|t| t.name == *name))
        .or_else(|| texts().next())
        .ok_or_else(|| {
            let hint = match model.outputs.iter().any(|t| t.datatype.is_float()) {
                true => "; is it an embedding model?",
                false => "",
            };
            Error::argument(
                "model",
                format!(
                    "model: '{}' gives no text; its outputs are {}{hint}",
                    model.name,
                    list(&model.outputs)
                ),
            )
        })
}

/// The output that holds the embeddings.
pub fn vector_output<'a>(model: &'a Model, named: Option<&str>) -> Result<&'a Tensor> {
    if let Some(name) = named {
        return named_output(model, name, "vector of numbers", |d| d != Datatype::Bytes);
    }
    let candidates: Vec<&Tensor> = model
        .outputs
        .iter()
        .filter(|t| !NOT_VECTORS.contains(&t.name.as_str()))
        .collect();
    // A language model's scores and timings are floating-point outputs too.
    let generates_text = candidates
        .iter()
        .any(|t| t.datatype == Datatype::Bytes && TEXT_OUTPUTS[..4].contains(&t.name.as_str()));
    let floats: Vec<&Tensor> = candidates
        .iter()
        .copied()
        .filter(|t| t.datatype.is_float())
        .collect();
    let integers: Vec<&Tensor> = candidates
        .iter()
        .copied()
        .filter(|t| t.datatype.is_integer())
        .collect();
    match (floats.as_slice(), integers.as_slice()) {
        _ if generates_text => Err(not_an_embedding_model(model)),
        ([one], _) => Ok(one),
        // Quantised embeddings.
        ([], [one]) if candidates.len() == 1 => Ok(one),
        ([], _) => Err(not_an_embedding_model(model)),
        _ => {
            let owned: Vec<Tensor> = floats.into_iter().cloned().collect();
            Err(several_vectors(&list(&owned)))
        }
    }
}

fn not_an_embedding_model(model: &Model) -> Error {
    Error::argument(
        "model",
        format!(
            "model: '{}' gives no embeddings; its outputs are {}",
            model.name,
            list(&model.outputs)
        ),
    )
}

/// Of several floating-point outputs none may be taken by guess.
pub fn several_vectors(names: &str) -> Error {
    Error::protocol(format!(
        "the model has several floating-point outputs: {names}; say which is the embedding with triton.output"
    ))
    .with_param("triton.output")
}

/// Which of an answer's outputs, of a model that is not known, holds the text.
pub fn is_usual_text_output(name: &str) -> bool {
    name == TEXT_OUTPUTS[0]
}

/// Whether a BYTES output, of a model that is not known, may be the text.
pub fn may_be_text(name: &str) -> bool {
    !NOT_TEXT.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::model;
    use super::*;

    #[test]
    fn names_of_backends() {
        let bls = model(
            "text_input:BYTES[1] max_tokens:INT32[1] random_seed:UINT64[1]?",
            "text_output:BYTES[-1]",
            8,
            false,
        );
        assert_eq!(input_for(&bls, "seed").unwrap().name, "random_seed");
        assert_eq!(input_for(&bls, "top_p"), None);
        let api = model(
            "text_input:BYTES[1] sampling_param_max_tokens:INT32[1]?",
            "text_output:BYTES[-1]",
            0,
            true,
        );
        assert_eq!(
            input_for(&api, "max_tokens").unwrap().name,
            "sampling_param_max_tokens"
        );
        let cancels = model(
            "text_input:BYTES[1] stop:BOOL[1]? sampling_param_stop:BYTES[-1]?",
            "text_output:BYTES[-1]",
            0,
            true,
        );
        assert_eq!(
            input_for(&cancels, "stop").unwrap().name,
            "sampling_param_stop"
        );
    }

    #[test]
    fn required_inputs_get_a_value_that_changes_nothing() {
        let m = model(
            "t:BYTES[1] max_new_tokens:INT32[1] temperature:FP32[1] stop_words:BYTES[-1] other:INT32[1]",
            "text_output:BYTES[-1]",
            0,
            false,
        );
        let value = |name: &str| neutral(m.input(name).unwrap());
        assert_eq!(value("max_new_tokens"), Some(json!(2000)));
        assert_eq!(value("temperature"), Some(json!(1.0)));
        assert_eq!(value("stop_words"), Some(json!("")));
        assert_eq!(value("other"), None);
    }

    #[test]
    fn the_text_input_is_found() {
        let m = model(
            "stop_words:BYTES[-1]? question:BYTES[1]",
            "answer:BYTES[1]",
            0,
            false,
        );
        assert_eq!(text_input(&m, None).unwrap().name, "question");
        assert_eq!(text_output(&m, None).unwrap().name, "answer");
        let two = model("a:BYTES[1] b:BYTES[1]", "answer:BYTES[1]", 0, false);
        assert!(
            text_input(&two, None)
                .unwrap_err()
                .message()
                .contains("triton.input")
        );
        assert_eq!(text_input(&two, Some("b")).unwrap().name, "b");
        assert!(
            text_input(&two, Some("c"))
                .unwrap_err()
                .message()
                .contains("a BYTES[1], b BYTES[1]")
        );
    }

    #[test]
    fn the_wrong_kind_of_model_is_said() {
        let embedder = model("text:BYTES[1]", "embedding:FP32[8]", 8, false);
        let e = text_output(&embedder, None).unwrap_err();
        assert_eq!((e.http_status(), e.param()), (400, Some("model")));
        assert!(e.message().contains("embedding FP32[8]"), "{e}");
        let llm = model(
            "text_input:BYTES[1]",
            "text_output:BYTES[-1] cumulative_logprob:FP32[-1] num_input_tokens:UINT32[1]",
            0,
            true,
        );
        assert_eq!(vector_output(&llm, None).unwrap_err().http_status(), 400);
        let ids = model("input_ids:INT64[-1]", "embedding:FP32[8]", 8, false);
        assert!(
            text_input(&ids, None)
                .unwrap_err()
                .message()
                .contains("takes no text")
        );
    }

    #[test]
    fn the_one_floating_point_output_is_the_embedding() {
        let m = model(
            "text:BYTES[1]",
            "token_count:INT32[1] sentence:FP16[8]",
            8,
            false,
        );
        assert_eq!(vector_output(&m, None).unwrap().name, "sentence");
        let two = model(
            "text:BYTES[1]",
            "embedding:FP32[8] pooled:FP32[2]",
            8,
            false,
        );
        let e = vector_output(&two, None).unwrap_err();
        assert!(
            e.http_status() == 502
                && e.message().contains("embedding")
                && e.message().contains("pooled")
        );
        assert_eq!(vector_output(&two, Some("pooled")).unwrap().name, "pooled");
        assert!(
            text_output(&two, Some("pooled"))
                .unwrap_err()
                .message()
                .contains("is no text")
        );
        let quantised = model("text:BYTES[1]", "embedding:INT8[8]", 8, false);
        assert_eq!(vector_output(&quantised, None).unwrap().name, "embedding");
    }
}
