//! The plain format: what is sent where nothing is known of the model. Names and defaults are LiteLLM's.

use crate::config::Options;
use crate::error::{Error, Result};
use crate::json::Pairs;
use crate::openai::generation::Generation;
use crate::triton::infer::{Body, Data, Input};
use crate::triton::tensor::Datatype;
use crate::triton::{dialect, generate};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Tokens where the caller names no number, in the plain format of infer.
const INFER_MAX_TOKENS: u64 = 20;

/// What a request parameter may hold: Triton refuses lists and objects there.
pub(super) fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_) | Value::Null)
}

/// Lists and objects cannot be sent: all of them are named at once, or dropped when the caller says so.
pub(super) fn refuse_structured(
    offenders: &[&str],
    options: &Options,
    hint: impl FnOnce() -> String,
) -> Result<()> {
    match offenders.first() {
        Some(first) if options.drop_params != Some(true) => Err(Error::argument(
            first,
            format!(
                "{}: a list or an object cannot be a request parameter of Triton{}",
                offenders.join(", "),
                hint()
            ),
        )),
        _ => Ok(()),
    }
}

/// Parameters that go out under their own names; the rest is refused, dropped, or forwarded because the caller says so.
fn forwarded<'a>(
    generation: &'a Generation,
    options: &'a Options,
) -> Result<Vec<(&'a String, &'a Value)>> {
    let mut forwarded = Vec::new();
    let mut offenders = Vec::new();
    for (key, value) in &generation.params {
        if is_scalar(value) || options.allowed_openai_params.contains(key) {
            forwarded.push((key, value));
        } else {
            offenders.push(key.as_str());
        }
    }
    let hint = "; a model that declares such an input can take it: give a server or …/v2/models/NAME as api_base";
    refuse_structured(&offenders, options, || hint.to_owned())?;
    Ok(forwarded)
}

pub(super) fn generate_body(
    prompt: &str,
    generation: &Generation,
    options: &Options,
    stream: bool,
) -> Result<Vec<u8>> {
    let mut parameters = Pairs::default();
    let max_tokens = generation.max_tokens.unwrap_or(dialect::DEFAULT_MAX_TOKENS);
    parameters.set("max_tokens", Cow::Owned(json!(max_tokens)));
    for (key, value) in forwarded(generation, options)? {
        parameters.set(key, Cow::Borrowed(value));
    }
    let input = options.triton.input.as_deref().unwrap_or("text_input");
    let mut top = Pairs::default();
    top.set(input, Cow::Owned(json!(prompt)));
    top.set("stream", Cow::Owned(json!(stream)));
    for (name, value) in &options.triton.inputs {
        match value {
            Value::Null => top.remove(name),
            value => top.set(name, Cow::Borrowed(value)),
        }
    }
    parameters.set_all(&options.triton.parameters);
    parameters.remove_nulls();
    top.set_all(&generation.extra_body);
    let parameters = Some(&parameters).filter(|p| !p.is_empty());
    Ok(generate::encode(top, parameters))
}

pub(super) fn infer_body(
    prompt: &str,
    generation: &Generation,
    options: &Options,
) -> Result<(Vec<u8>, Option<usize>)> {
    let one = |name, datatype, value: &Value| Input {
        name,
        datatype,
        shape: vec![1],
        data: Data::Values(vec![value.clone()]),
    };
    let input = options.triton.input.as_deref().unwrap_or("text_input");
    let max_tokens = json!(generation.max_tokens.unwrap_or(INFER_MAX_TOKENS));
    let mut inputs = vec![one(input, Datatype::Bytes, &json!(prompt))];
    let own = &options.triton.inputs;
    let forwarded = forwarded(generation, options)?.into_iter();
    let forwarded = forwarded.filter(|(key, _)| !own.contains_key(*key));
    for (key, value) in forwarded.chain(own.iter().filter(|(_, value)| !value.is_null())) {
        if key == input {
            return Err(Error::argument(
                key,
                format!("{key}: this input takes the prompt; leave it out"),
            ));
        }
        let datatype = match value {
            Value::Bool(_) => Datatype::Bool,
            Value::Number(n) if n.is_f64() && Datatype::Fp32.fit(value).is_none() => Datatype::Fp64,
            Value::Number(n) if n.is_f64() => Datatype::Fp32,
            Value::Number(n) if n.as_i64().is_none() => Datatype::Uint64,
            Value::Number(n) if n.as_i64().is_some_and(|i| i32::try_from(i).is_err()) => {
                Datatype::Int64
            }
            Value::Number(_) => Datatype::Int32,
            Value::String(_) => Datatype::Bytes,
            // Only what the caller insists on gets here.
            structured => {
                inputs.push(Input {
                    name: key,
                    datatype: Datatype::Bytes,
                    shape: vec![1],
                    data: Data::Values(vec![json!(structured.to_string())]),
                });
                continue;
            }
        };
        inputs.push(one(key, datatype, value));
    }
    if !own.contains_key("max_tokens") {
        inputs.push(one("max_tokens", Datatype::Int32, &max_tokens));
    }
    let mut parameters = options.triton.parameters.clone();
    parameters.retain(|_, value| !value.is_null());
    let body = Body {
        inputs,
        parameters,
        extra: generation.extra_body.clone(),
        ..Default::default()
    };
    Ok(body.encode())
}
