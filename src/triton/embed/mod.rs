//! Texts or token ids → infer requests that fit the model, and their replies → one row for each input.

mod fitted;
mod plain;
mod pool;
mod rows;
mod tokens;

use super::model::{Model, Tensor};
use super::roles;
use super::tensor::Datatype;
use super::usage;
use crate::config::{Options, Pooling};
use crate::error::{Error, Result};
use crate::openai::embedding::{EmbeddingRequest, Input as Asked};
use crate::tokenizer::{Row, Tokenizer};
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;

pub use rows::{Rows, decode};

/// What is to be embedded.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The request.
    pub request: Arc<EmbeddingRequest>,
    /// What turns texts into token ids, and counts them.
    pub tokenizer: Option<Arc<Tokenizer>>,
}

impl Ask {
    /// A guess at the tokens of all inputs.
    pub fn estimate(&self) -> u64 {
        match &self.request.input {
            Asked::Texts(texts) => texts.iter().map(|text| usage::estimate(text)).sum(),
            Asked::Tokens(rows) => rows.iter().map(|row| row.len() as u64).sum(),
        }
    }
}

/// How the inputs of an ask go to one model.
#[derive(Debug, Default)]
pub struct Fit {
    /// Which inputs go together in one request, in order.
    pub batches: Vec<Range<usize>>,
    /// Tokens of all inputs, where somebody knows how many there are.
    pub spent: Option<u64>,
    /// The token ids of each input, for a model that takes integers.
    tokens: Option<Vec<Row>>,
    pad_id: i64,
}

impl Fit {
    /// Finds out how the inputs from the one numbered `from` on go to a model; `None`: nothing is known of it.
    pub fn new(ask: &Ask, from: usize, options: &Options, model: Option<&Model>) -> Result<Fit> {
        let request = &*ask.request;
        let n = request.input.len();
        let (tokens, spent) = tokens_of(ask, options, model)?;
        let batches = match (&tokens, model) {
            (Some(tokens), Some(model)) => tokens::batches(tokens, from, options, model)?,
            _ => {
                let most = match model {
                    None => n,
                    Some(model) => texts_at_once(options, model)?.unwrap_or(n),
                };
                let starts = (from..n).step_by(most.max(1));
                starts.map(|i| i..n.min(i.saturating_add(most))).collect()
            }
        };
        Ok(Fit {
            batches,
            spent,
            tokens,
            pad_id: ask.tokenizer.as_ref().map_or(0, |t| t.pad_id()),
        })
    }
}

/// The token ids for a model that takes them, and how many tokens there are, where that can be told.
fn tokens_of(
    ask: &Ask,
    options: &Options,
    model: Option<&Model>,
) -> Result<(Option<Vec<Row>>, Option<u64>)> {
    let sum = |rows: &[Row]| rows.iter().map(|row| row.ids.len() as u64).sum();
    match (&ask.request.input, model) {
        (Asked::Tokens(_), None) => Err(Error::argument(
            "input",
            "input: expected texts, got token ids; only a model whose metadata is known to take integers can be given them",
        )),
        (Asked::Tokens(ids), Some(_)) => {
            let row = |ids: &Vec<i64>| Row {
                type_ids: vec![0; ids.len()],
                ids: ids.clone(),
            };
            let rows: Vec<Row> = ids.iter().map(row).collect();
            let spent = sum(&rows);
            Ok((Some(rows), Some(spent)))
        }
        (Asked::Texts(texts), model) => {
            let takes_ids = model.is_some_and(|model| !takes_text(options, model));
            let rows = match &ask.tokenizer {
                Some(tokenizer) => tokenizer.encode(texts)?,
                None if takes_ids => return Err(no_tokenizer(model)),
                None => return Ok((None, None)),
            };
            let spent = sum(&rows);
            Ok((takes_ids.then_some(rows), Some(spent)))
        }
    }
}

/// Whether a model is given texts as they are, and not their token ids.
fn takes_text(options: &Options, model: &Model) -> bool {
    let named = options.triton.input.as_deref();
    if let Some(input) = named.and_then(|name| model.input(name)) {
        return !input.datatype.is_integer();
    }
    let is_free = |t: &&Tensor| !options.triton.inputs.contains_key(&t.name);
    let mut texts = model.inputs.iter().filter(is_free);
    // One that takes neither is told so as one that takes no text.
    texts.any(|t| t.datatype == Datatype::Bytes) || tokens::input(model, named).is_err()
}

fn no_tokenizer(model: Option<&Model>) -> Error {
    Error::argument(
        "tokenizer",
        format!(
            "tokenizer: model '{}' takes token ids, not text; give the path of its tokenizer.json as tokenizer, or token ids as input",
            model.map_or("", |m| &m.name)
        ),
    )
}

/// The input that takes the texts: none of those that triton.inputs gives.
fn text_input<'m>(options: &Options, model: &'m Model) -> Result<&'m Tensor> {
    let named = options.triton.input.as_deref();
    if options.triton.inputs.is_empty() || named.is_some() {
        return roles::text_input(model, named);
    }
    let mut rest = model.clone();
    rest.inputs
        .retain(|t| !options.triton.inputs.contains_key(&t.name));
    let name = &roles::text_input(&rest, None)?.name;
    model
        .input(name)
        .ok_or_else(|| Error::argument("triton.input", "triton.input: the model has no such input"))
}

/// How many texts go in one request; `None`: as many as there are.
fn texts_at_once(options: &Options, model: &Model) -> Result<Option<usize>> {
    let input = text_input(options, model)?;
    let output = roles::vector_output(model, options.triton.output.as_deref())?;
    // Only the model knows which of the tokens pad a shorter text; one that is alone has no padding.
    let needs_mask = matches!(options.triton.pooling, Some(Pooling::Mean | Pooling::Last));
    let is_token_wise = output.dims.iter().filter(|d| **d != 1).count() == 2;
    Ok(match model.max_batch_size {
        _ if needs_mask && is_token_wise && model.max_batch_size > 0 => Some(1),
        0 if input.dims.contains(&-1) => None,
        0 => Some(1),
        most => Some(most),
    })
}

/// The body of one request, and the length of its JSON where raw tensors follow.
pub fn encode(
    ask: &Ask,
    fit: &Fit,
    rows: Range<usize>,
    options: &Options,
    model: Option<&Model>,
) -> Result<(Vec<u8>, Option<usize>)> {
    match model {
        None => plain::body(&ask.request, rows, options),
        Some(model) => fitted::body(&ask.request, fit, rows, options, model),
    }
}

fn refuse(names: &[&str], why: &str, options: &Options) -> Result<()> {
    match names.first() {
        Some(first) if options.drop_params != Some(true) => Err(Error::argument(
            first,
            format!("{}: {why}", names.join(", ")),
        )),
        _ => Ok(()),
    }
}

/// `dimensions` where the model does not take it: cut here, dropped, or refused.
fn check_dimensions(options: &Options) -> Result<()> {
    if options.triton.truncate_dimensions == Some(true) {
        return Ok(());
    }
    refuse(
        &["dimensions"],
        "the model does not say that it takes dimensions; leave it out, set triton.truncate_dimensions to true to have \
         the embeddings cut to it here, or set drop_params to true",
        options,
    )
}

fn is_structured(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

const STRUCTURED: &str = "a list or an object cannot be a request parameter of Triton";

#[cfg(test)]
mod tests;
