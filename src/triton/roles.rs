//! Which of a model's tensors plays which part: the prompt or the texts, token ids, the text that comes back, the embedding.

use super::model::{Model, Tensor, list};
use super::tensor::Datatype;
use crate::error::{Error, Result};

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

/// The input that takes images, and whether it takes their URLs: vLLM's backend takes base64, TensorRT-LLM's LLM-API model URLs.
pub fn image_input(model: &Model) -> Option<(&Tensor, bool)> {
    let names = [
        ("image", false),
        ("image_url", true),
        ("image_url_input", true),
    ];
    names.into_iter().find_map(|(name, is_url)| {
        let input = model.input(name)?;
        (input.datatype == Datatype::Bytes).then_some((input, is_url))
    })
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
