//! One reply → a row for each input that was sent.

use super::{Ask, Fit, pool};
use crate::config::{Options, Pooling};
use crate::error::{Error, Result};
use crate::openai::floats::Floats;
use crate::openai::response::{Matrix, Values};
use crate::triton::infer::{self, Answer, Output};
use crate::triton::model::Model;
use crate::triton::reply::Reply;
use crate::triton::{roles, tensor::Datatype};
use std::ops::Range;

/// The rows of one reply.
#[derive(Debug, PartialEq)]
pub struct Rows {
    /// As many rows as inputs were sent.
    pub matrix: Matrix,
    /// Who answered.
    pub model_name: Option<String>,
    /// Which version answered.
    pub model_version: Option<String>,
}

/// What the numbers of an output are.
#[derive(Debug, PartialEq)]
enum Form {
    /// A vector for each input, of so many numbers.
    Vectors(usize),
    /// A vector for each token of each input: so many tokens, of so many numbers.
    Tokens(usize, usize),
}

/// Reads the reply to a request for the inputs of `sent`. Floats in a binary tensor stay where they are.
pub fn decode(
    reply: Reply,
    ask: &Ask,
    fit: &Fit,
    sent: Range<usize>,
    options: &Options,
    model: Option<&Model>,
) -> Result<Rows> {
    let answer = infer::decode(&reply)?;
    let output = choose(&answer, options, model)?;
    let form = form(output, sent.len(), options.triton.pooling)?;
    let name = output.name.to_string();
    let model_name = answer.model_name.as_deref().map(str::to_owned);
    let model_version = answer.model_version.as_deref().map(str::to_owned);
    let values = match output.raw_floats() {
        None => output.numbers()?,
        Some(raw) => {
            let begin = raw.as_ptr() as usize - reply.body.as_ptr() as usize;
            let range = begin..begin + raw.len();
            Values::F32(Floats::arrived(reply.body, range))
        }
    };
    if let Some(i) = values.first_not_finite() {
        return Err(Error::protocol(format!(
            "output '{name}' has a number that is not finite (NaN or infinity) in row {}",
            i / (values.len() / sent.len().max(1)).max(1)
        )));
    }
    let (values, columns) = match form {
        Form::Vectors(columns) => (values, columns),
        Form::Tokens(tokens, columns) => {
            let how = options.triton.pooling.ok_or_else(|| no_pooling(&name))?;
            let real = |i: usize| match &fit.tokens {
                Some(rows) => rows[sent.start + i].ids.len(),
                None => tokens,
            };
            (pool::pool(&values, tokens, columns, how, real), columns)
        }
    };
    Ok(Rows {
        matrix: finish(Matrix { values, columns }, ask, options, model)?,
        model_name,
        model_version,
    })
}

/// What is done to all rows alike: `dimensions` and `normalize`.
fn finish(
    mut matrix: Matrix,
    ask: &Ask,
    options: &Options,
    model: Option<&Model>,
) -> Result<Matrix> {
    let is_models = model.is_some_and(|m| m.input("dimensions").is_some());
    let asked = ask
        .request
        .dimensions
        .filter(|_| !is_models && options.triton.truncate_dimensions == Some(true));
    let mut normalize = options.triton.normalize == Some(true);
    if let Some(wanted) = asked {
        if wanted > matrix.columns as u64 {
            return Err(Error::argument(
                "dimensions",
                format!(
                    "dimensions: expected at most {}, which the model gives, got {wanted}",
                    matrix.columns
                ),
            ));
        }
        if wanted < matrix.columns as u64 {
            matrix = pool::cut(&matrix, wanted as usize);
            normalize = true;
        }
    }
    Ok(match normalize {
        true => pool::normalize(matrix),
        false => matrix,
    })
}

/// The output that holds the embeddings.
fn choose<'a, 'b>(
    answer: &'b Answer<'a>,
    options: &Options,
    model: Option<&Model>,
) -> Result<&'b Output<'a>> {
    let named = options.triton.output.as_deref();
    let known = match model {
        Some(model) => Some(roles::vector_output(model, named)?.name.as_str()),
        None => named,
    };
    let output = match known {
        Some(name) => answer.outputs.iter().find(|o| o.name == name),
        None => {
            let floats: Vec<_> = answer
                .outputs
                .iter()
                .filter(|o| o.datatype.is_float())
                .collect();
            match floats.as_slice() {
                [one] => Some(*one),
                [] => answer.outputs.iter().find(|o| o.datatype.is_integer()),
                several => {
                    let names: Vec<&str> = several.iter().map(|o| o.name.as_ref()).collect();
                    return Err(roles::several_vectors(&names.join(", ")));
                }
            }
        }
    };
    let names = || {
        let names: Vec<&str> = answer.outputs.iter().map(|o| o.name.as_ref()).collect();
        match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(", "),
        }
    };
    match output {
        Some(output) if output.datatype == Datatype::Bytes => Err(Error::protocol(format!(
            "output '{}' of the answer of Triton is text, no embedding; its outputs are {}",
            output.name,
            names()
        ))),
        Some(output) => Ok(output),
        None => Err(Error::protocol(format!(
            "the answer of Triton has no embedding{}; its outputs are {}",
            known.map(|n| format!(" '{n}'")).unwrap_or_default(),
            names()
        ))),
    }
}

/// `[n,d]`, `[n,1,d]`, and `[d]` for one input are vectors of d numbers; `[n,tokens,d]`, and `[tokens,d]` for one input, are the
/// tokens', where the caller says how to pool them.
fn form(output: &Output<'_>, count: usize, pooling: Option<Pooling>) -> Result<Form> {
    let (name, shape) = (&output.name, &output.shape);
    let wrong = |why: &str| {
        Err(Error::protocol(format!(
            "output '{name}' has shape {shape:?} for {count} inputs{why}"
        )))
    };
    let row: &[usize] = match shape.as_slice() {
        [_] if count == 1 => shape,
        [rows, row @ ..] if *rows == count => row,
        [_, _] if count == 1 && pooling.is_some() => shape,
        _ => return wrong(": as many rows as inputs were expected"),
    };
    if row.contains(&0) {
        return wrong(": the rows are empty");
    }
    let form = match (row, pooling) {
        ([tokens, columns], Some(_)) => Form::Tokens(*tokens, *columns),
        (row, _) => match row.iter().filter(|d| **d != 1).count() {
            0 | 1 => Form::Vectors(row.iter().fold(1, |n: usize, d| n.saturating_mul(*d))),
            2 if row.len() == 2 => return Err(no_pooling(name)),
            _ => {
                return wrong(
                    ": expected [inputs,numbers], [inputs,1,numbers] or [inputs,tokens,numbers]",
                );
            }
        },
    };
    Ok(form)
}

fn no_pooling(name: &str) -> Error {
    Error::protocol(format!(
        "output '{name}' has a vector for each token of an input, and one for each input was expected; say how to make one of them with \
         triton.pooling: \"mean\", \"cls\" or \"last\""
    ))
    .with_param("triton.pooling")
}
