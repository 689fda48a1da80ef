//! Token ids for models that take integers: rows of one length, padded where the model is told which ids pad.

use crate::config::Options;
use crate::error::{Error, Result};
use crate::limits;
use crate::openai::embedding::EmbeddingRequest;
use crate::tokenizer::Row;
use crate::triton::infer::{Data, Input};
use crate::triton::model::{Model, Tensor};
use crate::triton::roles;
use crate::triton::tensor::Datatype;
use serde_json::json;
use std::ops::Range;

/// What tells real ids from padding.
const MASK: &str = "attention_mask";

/// Which sentence an id belongs to, for BERT-like models.
const TYPES: &str = "token_type_ids";

/// The input that takes the ids: one of a usual name, or the only one of integers that a request must have.
pub(super) fn input<'m>(model: &'m Model, named: Option<&str>) -> Result<&'m Tensor> {
    roles::token_input(model, named).or_else(|error| {
        let is_main = |t: &&Tensor| {
            t.datatype.is_integer() && t.optional != Some(true) && t.name != MASK && t.name != TYPES
        };
        let mut required = model.inputs.iter().filter(is_main);
        match (named, required.next(), required.next()) {
            (None, Some(only), None) => Ok(only),
            _ => Err(error),
        }
    })
}

/// An input beside the ids, where the model has it and the caller does not give it himself.
fn companion<'m>(
    name: &str,
    request: Option<&EmbeddingRequest>,
    options: &Options,
    model: &'m Model,
) -> Option<&'m Tensor> {
    let is_given = options.triton.inputs.contains_key(name)
        || request.is_some_and(|request| request.params.contains_key(name));
    model
        .input(name)
        .filter(|t| !is_given && !matches!(t.datatype, Datatype::Bytes))
}

/// The length that all rows have to have, where the model says one.
fn width(ids: &Tensor) -> Option<usize> {
    ids.dims.last().and_then(|d| usize::try_from(*d).ok())
}

/// How many rows one request may have.
fn most(ids: &Tensor, model: &Model) -> usize {
    match (model.max_batch_size, ids.dims.as_slice()) {
        (0, [-1, _, ..]) => limits::TOKEN_ROWS,
        (0, _) => 1,
        (most, _) => most,
    }
}

/// Which rows go together: as many as the model takes, and, where it cannot be told which ids pad, only rows of one length.
pub(super) fn batches(
    rows: &[Row],
    from: usize,
    options: &Options,
    model: &Model,
) -> Result<Vec<Range<usize>>> {
    let ids = input(model, options.triton.input.as_deref())?;
    let most = most(ids, model);
    let may_pad = width(ids).is_some() || companion(MASK, None, options, model).is_some();
    let mut batches: Vec<Range<usize>> = Vec::new();
    for i in from..rows.len() {
        match batches.last_mut() {
            Some(batch)
                if batch.len() < most
                    && (may_pad || rows[batch.start].ids.len() == rows[i].ids.len()) =>
            {
                batch.end = i + 1;
            }
            _ => batches.push(i..i + 1),
        }
    }
    Ok(batches)
}

/// The inputs for some rows; `at`: their numbers, for messages.
pub(super) fn inputs<'m>(
    rows: &[Row],
    at: Range<usize>,
    pad_id: i64,
    request: &EmbeddingRequest,
    options: &Options,
    model: &'m Model,
) -> Result<Vec<Input<'m>>> {
    let ids = input(model, options.triton.input.as_deref())?;
    let longest = rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
    let width = width(ids).unwrap_or(longest);
    if longest > width {
        let i = rows.iter().position(|row| row.ids.len() > width);
        let place = at.start + i.unwrap_or(0);
        return Err(Error::argument(
            "input",
            format!(
                "input[{place}]: {longest} tokens, more than the {width} that input {ids} of model '{}' takes; shorten it, or let the \
                 tokenizer's file truncate",
                model.name
            ),
        ));
    }
    let padded = |part: &dyn Fn(&Row) -> Vec<i64>, filler: i64| -> Vec<i64> {
        let mut all = Vec::with_capacity(rows.len() * width);
        for (i, row) in rows.iter().enumerate() {
            all.extend(part(row));
            all.resize((i + 1) * width, filler);
        }
        all
    };
    let tensor = |t: &'m Tensor, values: Vec<i64>| Input {
        name: &t.name,
        datatype: t.datatype,
        shape: shape(t, rows.len(), width, model),
        data: data(t.datatype, values),
    };
    let mut inputs = vec![tensor(ids, padded(&|row| row.ids.clone(), pad_id))];
    if let Some(mask) = companion(MASK, Some(request), options, model) {
        inputs.push(tensor(mask, padded(&|row| vec![1; row.ids.len()], 0)));
    }
    if let Some(types) = companion(TYPES, Some(request), options, model) {
        inputs.push(tensor(types, padded(&|row| row.type_ids.clone(), 0)));
    }
    Ok(inputs)
}

/// Whole numbers as their tensor wants them.
fn data(datatype: Datatype, values: Vec<i64>) -> Data<'static> {
    match datatype {
        Datatype::Bool => Data::Values(values.iter().map(|x| json!(*x != 0)).collect()),
        d if d.is_float() && !d.needs_binary() => {
            Data::Values(values.iter().map(|x| json!(*x as f64)).collect())
        }
        _ => Data::Integers(values),
    }
}

/// The last dimension takes the ids of a row; the batch dimension, or else the first open one, takes the rows.
fn shape(tensor: &Tensor, rows: usize, width: usize, model: &Model) -> Vec<usize> {
    let last = tensor.dims.len().saturating_sub(1);
    let batched = model.max_batch_size > 0;
    let own = tensor.dims.iter().enumerate().map(|(i, d)| match i {
        i if i == last => width,
        0 if !batched && *d == -1 => rows,
        _ => usize::try_from(*d).unwrap_or(1),
    });
    batched.then_some(rows).into_iter().chain(own).collect()
}
