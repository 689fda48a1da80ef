//! The request to a known model: the inputs it declares, typed and shaped as it declares them.

use super::{Fit, STRUCTURED, check_dimensions, is_structured, refuse, text_input, tokens};
use crate::config::Options;
use crate::error::{Error, Result};
use crate::openai::embedding::{EmbeddingRequest, Input as Asked};
use crate::triton::infer::{Body, Data, Input};
use crate::triton::model::{Model, Tensor, list};
use crate::triton::text::fitted::{Elements, fit, infer_input, missing};
use crate::triton::{dialect, roles};
use serde_json::{Map, json};
use std::ops::Range;

pub(super) fn body(
    request: &EmbeddingRequest,
    how: &Fit,
    rows: Range<usize>,
    options: &Options,
    model: &Model,
) -> Result<(Vec<u8>, Option<usize>)> {
    let output = roles::vector_output(model, options.triton.output.as_deref())?;
    let count = rows.len();
    let batched = model.max_batch_size > 0;
    let mut inputs = match (&request.input, &how.tokens) {
        (_, Some(tokens)) => tokens::inputs(
            &tokens[rows.clone()],
            rows,
            how.pad_id,
            request,
            options,
            model,
        )?,
        (Asked::Texts(texts), None) => {
            vec![text_rows(
                text_input(options, model)?,
                &texts[rows],
                batched,
            )]
        }
        (Asked::Tokens(_), None) => Vec::new(),
    };
    add_given(&mut inputs, options, model, count)?;
    let mut parameters = Map::new();
    let mut offenders = Vec::new();
    let dimensions = request
        .dimensions
        .map(|n| ("dimensions".to_owned(), json!(n)));
    let params = request.params.iter().map(|(k, v)| (k.clone(), v.clone()));
    for (key, value) in params.chain(dimensions) {
        if options.triton.inputs.contains_key(&key) {
            continue;
        }
        if inputs.iter().any(|i| i.name == key) {
            return Err(takes_the_inputs(&key, &key));
        }
        if let Some(t) = model.input(&key) {
            let elements = fit(&key, t, &value, model)?;
            inputs.push(repeated(t, elements, batched, count));
        } else if key == "dimensions" {
            check_dimensions(options)?;
        } else if dialect::is_reserved_parameter(&key) {
            return Err(Error::argument(
                &key,
                format!("{key}: Triton keeps this parameter to itself; leave it out"),
            ));
        } else if !is_structured(&value) || options.allowed_openai_params.contains(&key) {
            parameters.insert(key, value);
        } else {
            offenders.push(key);
        }
    }
    let offenders: Vec<&str> = offenders.iter().map(String::as_str).collect();
    refuse(&offenders, STRUCTURED, options)?;
    for t in &model.inputs {
        let is_left_out = options.triton.inputs.contains_key(&t.name);
        if t.optional == Some(false) && !is_left_out && !inputs.iter().any(|i| i.name == t.name) {
            return Err(missing(t, model));
        }
    }
    if let Some(odd) = inputs.iter().find(|i| !i.is_filled()) {
        return Err(Error::argument(
            "input",
            format!(
                "input: does not fit input '{}' of model '{}', whose shape is {:?}",
                odd.name, model.name, odd.shape
            ),
        ));
    }
    let binary = output.datatype.needs_binary() || options.triton.binary.unwrap_or(true);
    let body = Body {
        inputs,
        outputs: vec![(output.name.as_str(), binary)],
        parameters,
        extra: request.extra_body.clone(),
    };
    Ok(body.encode())
}

fn takes_the_inputs(param: &str, name: &str) -> Error {
    Error::argument(
        param,
        format!("{name}: this input takes what is to be embedded; leave it out"),
    )
}

/// What `triton.inputs` gives; a null leaves an input out.
fn add_given<'m>(
    inputs: &mut Vec<Input<'m>>,
    options: &Options,
    model: &'m Model,
    count: usize,
) -> Result<()> {
    for (name, value) in &options.triton.inputs {
        let param = format!("triton.inputs.{name}");
        if inputs.first().is_some_and(|i| i.name == name) {
            return Err(takes_the_inputs(&param, &param));
        }
        if value.is_null() {
            continue;
        }
        let Some(t) = model.input(name) else {
            return Err(Error::argument(
                &param,
                format!(
                    "{param}: model '{}' has no such input; it has {}",
                    model.name,
                    list(&model.inputs)
                ),
            ));
        };
        let elements = fit(&param, t, value, model)?;
        inputs.push(repeated(t, elements, model.max_batch_size > 0, count));
    }
    Ok(())
}

/// `[n,1]` where the model has a batch dimension, else the first open dimension takes the texts.
fn text_rows<'a>(tensor: &'a Tensor, texts: &'a [String], batched: bool) -> Input<'a> {
    let mut first_open = true;
    let mut shape: Vec<usize> = tensor
        .dims
        .iter()
        .map(|d| match usize::try_from(*d) {
            Ok(d) => d,
            Err(_) if !batched && std::mem::take(&mut first_open) => texts.len(),
            Err(_) => 1,
        })
        .collect();
    if batched {
        shape.insert(0, texts.len());
    }
    Input {
        name: &tensor.name,
        datatype: tensor.datatype,
        shape,
        data: Data::Texts(texts),
    }
}

/// All inputs of a batch have as many rows: a parameter is the same in each.
fn repeated(tensor: &Tensor, elements: Elements, batched: bool, count: usize) -> Input<'_> {
    let mut input = infer_input(tensor, elements, batched);
    if batched && count > 1 {
        input.shape[0] = count;
        input.data = match input.data {
            Data::Values(v) => Data::Values(std::iter::repeat_n(v, count).flatten().collect()),
            Data::Raw(bytes) => Data::Raw(bytes.repeat(count)),
            other => other,
        };
    }
    input
}
