//! The request where nothing is known of the model: the format that gateways and simple models share.

use super::{STRUCTURED, check_dimensions, is_structured, refuse};
use crate::config::Options;
use crate::error::{Error, Result};
use crate::json::kind;
use crate::openai::embedding::{EmbeddingRequest, Input as Asked};
use crate::triton::infer::{Body, Data, Input};
use crate::triton::tensor::Datatype;
use serde_json::{Map, Value, json};
use std::ops::Range;

/// The input of the plain format.
const INPUT: &str = "input_text";

pub(super) fn body(
    request: &EmbeddingRequest,
    rows: Range<usize>,
    options: &Options,
) -> Result<(Vec<u8>, Option<usize>)> {
    let Asked::Texts(texts) = &request.input else {
        return Ok((Vec::new(), None));
    };
    if request.dimensions.is_some() {
        check_dimensions(options)?;
    }
    let mut parameters = Map::new();
    let mut offenders = Vec::new();
    for (key, value) in &request.params {
        if !is_structured(value) || options.allowed_openai_params.contains(key) {
            parameters.insert(key.clone(), value.clone());
        } else {
            offenders.push(key.as_str());
        }
    }
    refuse(&offenders, STRUCTURED, options)?;
    if options.triton.binary == Some(true) {
        parameters.insert("binary_data_output".to_owned(), json!(true));
    }
    let texts = &texts[rows];
    let mut inputs = vec![Input {
        name: options.triton.input.as_deref().unwrap_or(INPUT),
        datatype: Datatype::Bytes,
        shape: vec![texts.len()],
        data: Data::Texts(texts),
    }];
    for (name, value) in &options.triton.inputs {
        if !value.is_null() {
            inputs.push(guessed(name, value, texts.len())?);
        }
    }
    let body = Body {
        inputs,
        outputs: options
            .triton
            .output
            .iter()
            .map(|name| (name.as_str(), false))
            .collect(),
        parameters,
        extra: request.extra_body.clone(),
    };
    Ok(body.encode())
}

/// A further input, whose datatype is guessed from its value: one element for each text, or the list as it is.
fn guessed<'a>(name: &'a str, value: &Value, count: usize) -> Result<Input<'a>> {
    let values = match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone(); count],
    };
    let datatype = |value: &Value| match value {
        Value::String(_) => Some(Datatype::Bytes),
        Value::Bool(_) => Some(Datatype::Bool),
        Value::Number(n) if n.is_f64() => Some(Datatype::Fp32),
        Value::Number(n) if n.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {
            Some(Datatype::Int32)
        }
        Value::Number(_) => Some(Datatype::Int64),
        _ => None,
    };
    let first = values.first().and_then(datatype);
    match first.filter(|first| values.iter().all(|v| datatype(v) == Some(*first))) {
        Some(datatype) => Ok(Input {
            name,
            datatype,
            shape: vec![values.len()],
            data: Data::Values(values),
        }),
        None => Err(Error::argument(
            &format!("triton.inputs.{name}"),
            format!(
                "triton.inputs.{name}: expected a string, a number, a boolean, or a list of those of one kind, got {}",
                kind(value)
            ),
        )),
    }
}
