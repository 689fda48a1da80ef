//! What a known model is given: the inputs it declares, typed and shaped as it declares them.

use super::plain::{is_scalar, refuse_structured};
use super::{Ask, rules};
use crate::config::Options;
use crate::error::{Error, Result};
use crate::json::kind;
use crate::openai::format::Format;
use crate::openai::generation::Generation;
use crate::openai::message::{Image, refuse_part};
use crate::triton::dialect::{self, Dialect, Guide, Holds};
use crate::triton::infer::{Data, Input};
use crate::triton::model::{Model, Tensor, list};
use crate::triton::roles;
use crate::triton::tensor::half_to_bytes;
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
        ask: &Ask,
        options: &Options,
        model: &'m Model,
        stream: bool,
    ) -> Result<Fitted<'m>> {
        let generation = &*ask.generation;
        let dialect = dialect::of(model, options.triton.dialect);
        let prompt_input = roles::text_input(model, options.triton.input.as_deref())?;
        let prompt = fit("prompt", prompt_input, &json!(ask.prompt), model)?;
        let mut inputs = Vec::with_capacity(model.inputs.len());
        inputs.push((prompt_input, prompt));
        let mut fitted = Fitted {
            inputs,
            parameters: Map::new(),
        };
        fitted.add_images(ask, model)?;
        // Who writes the bundle himself is asked for nothing in it.
        let bundle_input = dialect.bundle(model).filter(|t| {
            !generation.params.contains_key(&t.name) && !options.triton.inputs.contains_key(&t.name)
        });
        let mut bundle = Map::new();
        let mut offenders = Vec::new();
        for (key, value) in rules::values(ask, dialect, model) {
            if let Some(input) = dialect.input_for(model, key) {
                match fit(key, input, &value, model) {
                    _ if fitted.has(&input.name) => {}
                    Ok(elements) => fitted.inputs.push((input, elements)),
                    // More of them than the input has room for are enforced here, as all of them are.
                    Err(_) if key == "stop" => {}
                    Err(error) => return Err(error),
                }
            } else if bundle_input.is_some() {
                bundle.insert(key.to_owned(), value.into_owned());
            } else if key == "stop" && !generation.params.contains_key(key) {
                // Enforced on the text that comes back.
            } else if dialect::is_reserved_parameter(key) {
                return Err(Error::argument(
                    key,
                    format!("{key}: Triton keeps this parameter to itself; leave it out"),
                ));
            } else if is_scalar(&value) || options.allowed_openai_params.iter().any(|k| k == key) {
                fitted.parameters.insert(key.to_owned(), value.into_owned());
            } else {
                offenders.push(key);
            }
        }
        refuse_structured(&offenders, options, || {
            format!(
                ", and model '{}' declares no input of that name",
                model.name
            )
        })?;

        fitted.add_logprobs(generation, dialect, model, &mut bundle)?;
        fitted.add_guide(generation, dialect, model, &mut bundle)?;
        if let Some(input) = bundle_input {
            if generation.keep_marks {
                bundle.entry("skip_special_tokens").or_insert(json!(false));
            }
            if let Some(n) = dialect.max_tokens {
                bundle.entry("max_tokens").or_insert_with(|| json!(n));
            }
            let text = Value::String(Value::Object(bundle).to_string());
            fitted
                .inputs
                .push((input, fit(&input.name, input, &text, model)?));
        }
        for (input, value) in dialect.flags(model, stream) {
            let is_given =
                fitted.has(&input.name) || generation.extra_body.contains_key(&input.name);
            // One of another shape is none of the flags that we know.
            if let (false, Ok(flag)) = (is_given, fit(&input.name, input, &value, model)) {
                fitted.inputs.push((input, flag));
            }
        }
        fitted.override_by(options, model)?;
        for input in &model.inputs {
            if input.optional == Some(false)
                && !fitted.has(&input.name)
                && !generation.extra_body.contains_key(&input.name)
            {
                let value = dialect
                    .neutral(input)
                    .ok_or_else(|| missing(input, model))?;
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

    /// An input of ours, unless the caller gave it under its own name: Triton takes each once.
    fn add(&mut self, key: &str, input: &'m Tensor, value: &Value, model: &Model) -> Result<()> {
        if !self.has(&input.name) {
            self.inputs.push((input, fit(key, input, value, model)?));
        }
        Ok(())
    }

    /// Images go into the model's input for them, in base64.
    fn add_images(&mut self, ask: &Ask, model: &'m Model) -> Result<()> {
        let Some(first) = ask.images.first() else {
            return Ok(());
        };
        let (input, is_url) =
            roles::image_input(model).ok_or_else(|| refuse_part(&first.place, "an image"))?;
        let images = ask.images.iter().map(|image| match is_url {
            true => Ok(json!(image.url)),
            false => inline_image(image).map(|data| json!(data)),
        });
        let images = Value::Array(images.collect::<Result<_>>()?);
        self.add("messages", input, &images, model)
    }

    fn add_logprobs(
        &mut self,
        generation: &Generation,
        dialect: &Dialect,
        model: &'m Model,
        bundle: &mut Map<String, Value>,
    ) -> Result<()> {
        if let (Some(top), Some(logprobs)) = (generation.logprobs, dialect.logprobs(model)) {
            if let Some(flag) = model.input(logprobs.flag) {
                self.add(&flag.name, flag, &json!(true), model)?;
            }
            if logprobs.holds == Holds::Tables {
                bundle.insert("logprobs".to_owned(), json!(top));
            }
        }
        Ok(())
    }

    fn add_guide(
        &mut self,
        generation: &Generation,
        dialect: &Dialect,
        model: &'m Model,
        bundle: &mut Map<String, Value>,
    ) -> Result<()> {
        let (Some(format), Some(guide)) = (generation.guide(), dialect.guide(model)) else {
            return Ok(());
        };
        match guide {
            Guide::Bundled(key) => {
                let inner = match format {
                    Format::Json => json!({"json_object": true}),
                    Format::Schema(schema) => json!({"json": schema}),
                };
                bundle.insert(key.to_owned(), json!(inner.to_string()));
            }
            Guide::Inputs(kind, guide) => {
                let (word, schema) = match format {
                    Format::Json => ("json", None),
                    Format::Schema(schema) => ("json_schema", Some(schema.to_string())),
                };
                for (name, value) in [(kind, Some(word.to_owned())), (guide, schema)] {
                    if let (Some(input), Some(value)) = (model.input(name), value) {
                        self.add(name, input, &json!(value), model)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The caller's own word for an input or a parameter beats everything; `null` leaves it out.
    fn override_by(&mut self, options: &Options, model: &'m Model) -> Result<()> {
        for (name, value) in &options.triton.inputs {
            let place = format!("triton.inputs.{name}");
            let input = model.input(name).ok_or_else(|| {
                Error::argument(
                    &place,
                    format!(
                        "{place}: model '{}' has no such input; it has {}",
                        model.name,
                        list(&model.inputs)
                    ),
                )
            })?;
            self.inputs.retain(|(t, _)| t.name != *name);
            if !value.is_null() {
                self.inputs.push((input, fit(&place, input, value, model)?));
            }
        }
        for (name, value) in &options.triton.parameters {
            match value {
                Value::Null => drop(self.parameters.remove(name)),
                value => drop(self.parameters.insert(name.clone(), value.clone())),
            }
        }
        Ok(())
    }
}

/// What stands in a `data:` URL (RFC 2397): models take an image's bytes, and nothing but Triton is called.
fn inline_image(image: &Image) -> Result<&str> {
    let data = image.url.strip_prefix("data:").and_then(|rest| {
        let (head, data) = rest.split_once(',')?;
        head.ends_with(";base64").then_some(data)
    });
    data.ok_or_else(|| {
        Error::argument(
            "messages",
            format!(
                "{}: expected an image as data:image/…;base64,…, got another URL",
                image.place
            ),
        )
    })
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
    let fixed: Option<i64> = match input.dims.contains(&-1) && !input.dims.contains(&0) {
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
