//! What a known model is given: the inputs it declares, typed and shaped as it declares them.

use super::plain::{is_scalar, refuse_structured};
use crate::config::Options;
use crate::error::{Error, Result};
use crate::json::kind;
use crate::openai::generation::Generation;
use crate::triton::dialect;
use crate::triton::infer::{Data, Input};
use crate::triton::model::{Model, Tensor};
use crate::triton::tensor::{Datatype, half_to_bytes};
use serde_json::{Map, Value, json};

/// Elements of an input: bare, or a list.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::triton) enum Elements {
    /// One.
    One(Value),
    /// As many as the caller gave.
    Many(Vec<Value>),
}

/// What a known model is given.
pub(super) struct Fitted<'m> {
    pub(super) inputs: Vec<(&'m Tensor, Elements)>,
    pub(super) parameters: Map<String, Value>,
}

impl<'m> Fitted<'m> {
    pub(super) fn new(
        prompt: &str,
        generation: &Generation,
        options: &Options,
        model: &'m Model,
        stream: bool,
    ) -> Result<Fitted<'m>> {
        let prompt_input = dialect::text_input(model, options.triton.input.as_deref())?;
        let prompt = fit("prompt", prompt_input, &json!(prompt), model)?;
        let mut fitted = Fitted {
            inputs: vec![(prompt_input, prompt)],
            parameters: Map::new(),
        };
        // vLLM's JSON in a string takes what has no input of its own, lists too.
        let sampling_input = model
            .input(dialect::SAMPLING_PARAMETERS)
            .filter(|t| t.datatype == Datatype::Bytes)
            .filter(|_| !generation.params.contains_key(dialect::SAMPLING_PARAMETERS));
        let mut sampling = Map::new();
        let mut offenders = Vec::new();

        let max_tokens = generation.max_tokens.map(|n| ("max_tokens", json!(n)));
        let stop = (!generation.stop.is_empty()).then(|| ("stop", json!(generation.stop)));
        let params = generation
            .params
            .iter()
            .map(|(k, v)| (k.as_str(), v.clone()));
        for (key, value) in params.chain(max_tokens).chain(stop) {
            if let Some(input) = dialect::input_for(model, key) {
                if !fitted.has(&input.name) {
                    fitted.inputs.push((input, fit(key, input, &value, model)?));
                }
            } else if sampling_input.is_some() {
                sampling.insert(key.to_owned(), value);
            } else if key == "stop" {
                // Enforced on the text that comes back.
            } else if dialect::is_reserved_parameter(key) {
                return Err(Error::argument(
                    key,
                    format!("{key}: Triton keeps this parameter to itself; leave it out"),
                ));
            } else if is_scalar(&value) || options.allowed_openai_params.iter().any(|k| k == key) {
                fitted.parameters.insert(key.to_owned(), value);
            } else {
                offenders.push(key.to_owned());
            }
        }
        let offenders: Vec<&str> = offenders.iter().map(String::as_str).collect();
        let hint = format!(
            ", and model '{}' declares no input of that name",
            model.name
        );
        refuse_structured(&offenders, options, &hint)?;

        if let Some(input) = sampling_input {
            sampling
                .entry("max_tokens")
                .or_insert_with(|| json!(dialect::DEFAULT_MAX_TOKENS));
            let text = Value::String(Value::Object(sampling).to_string());
            let text = fit(dialect::SAMPLING_PARAMETERS, input, &text, model)?;
            fitted.inputs.push((input, text));
        }
        for (input, value) in dialect::asked_for(model, stream) {
            let is_given =
                fitted.has(&input.name) || generation.extra_body.contains_key(&input.name);
            // One of another shape is none of the flags that we know.
            if let (false, Ok(flag)) = (is_given, fit(&input.name, input, &value, model)) {
                fitted.inputs.push((input, flag));
            }
        }
        for input in &model.inputs {
            if input.optional == Some(false)
                && !fitted.has(&input.name)
                && !generation.extra_body.contains_key(&input.name)
            {
                let value = dialect::neutral(input).ok_or_else(|| missing(input, model))?;
                fitted
                    .inputs
                    .push((input, fit(&input.name, input, &value, model)?));
            }
        }
        Ok(fitted)
    }

    fn has(&self, name: &str) -> bool {
        self.inputs.iter().any(|(t, _)| t.name == name)
    }
}

/// A required input that the caller has to give.
pub(in crate::triton) fn missing(input: &Tensor, model: &Model) -> Error {
    Error::argument(
        &input.name,
        format!(
            "{}: model '{}' requires this input ({input}); give it in the request under its name",
            input.name, model.name
        ),
    )
}

/// A caller's value as elements of an input.
pub(in crate::triton) fn fit(
    key: &str,
    input: &Tensor,
    value: &Value,
    model: &Model,
) -> Result<Elements> {
    let wrong = |expected: String, got: &Value| {
        Error::argument(
            key,
            format!(
                "{key}: expected {expected} for input {input} of model '{}', got {}",
                model.name,
                kind(got)
            ),
        )
    };
    let fixed: Option<i64> = match input.dims.contains(&-1) {
        true => None,
        // A model may say anything; more elements than there can be are too many for any value.
        false => Some(input.dims.iter().fold(1, |n: i64, d| n.saturating_mul(*d))),
    };
    // Beside an open dimension, the others say how many elements go together.
    let together = known_size(input);
    let count = value.as_array().map_or(1, Vec::len);
    if fixed.is_none() && count % together.max(1) != 0 {
        return Err(wrong(format!("a multiple of {together} elements"), value));
    }
    match value {
        Value::Array(items) => {
            if fixed.is_some_and(|n| n != items.len() as i64) {
                return Err(wrong(format!("{} elements", fixed.unwrap_or(1)), value));
            }
            items
                .iter()
                .map(|item| {
                    input.datatype.fit(item).ok_or_else(|| {
                        wrong(
                            format!("a list of which each is {}", input.datatype.expectation()),
                            item,
                        )
                    })
                })
                .collect::<Result<_>>()
                .map(Elements::Many)
        }
        one => {
            if fixed.is_some_and(|n| n != 1) {
                return Err(wrong(
                    format!("a list of {} elements", fixed.unwrap_or(1)),
                    one,
                ));
            }
            input
                .datatype
                .fit(one)
                .map(Elements::One)
                .ok_or_else(|| wrong(input.datatype.expectation(), one))
        }
    }
}

/// The product of the dimensions that are not open.
fn known_size(tensor: &Tensor) -> usize {
    let known = tensor.dims.iter().filter_map(|d| usize::try_from(*d).ok());
    known.fold(1, usize::saturating_mul)
}

/// The shape of an input of so many elements: of several open dimensions the innermost takes them.
pub(in crate::triton) fn shape(tensor: &Tensor, elements: usize, batched: bool) -> Vec<usize> {
    let innermost = tensor.dims.iter().rposition(|d| *d == -1);
    let known = known_size(tensor);
    let own = tensor
        .dims
        .iter()
        .enumerate()
        .map(|(i, d)| match usize::try_from(*d) {
            Ok(d) => d,
            Err(_) if Some(i) == innermost => elements / known.max(1),
            Err(_) => 1,
        });
    batched.then_some(1).into_iter().chain(own).collect()
}

/// An input with its shape filled in.
pub(in crate::triton) fn infer_input(
    tensor: &Tensor,
    elements: Elements,
    batched: bool,
) -> Input<'_> {
    let values = match elements {
        Elements::One(value) => vec![value],
        Elements::Many(values) => values,
    };
    let shape = shape(tensor, values.len(), batched);
    let data = match tensor.datatype.needs_binary() {
        true => Data::Raw(
            values
                .iter()
                .flat_map(|v| half_to_bytes(tensor.datatype, v.as_f64().unwrap_or(f64::NAN)))
                .collect(),
        ),
        false => Data::Values(values),
    };
    Input {
        name: &tensor.name,
        datatype: tensor.datatype,
        shape,
        data,
    }
}
