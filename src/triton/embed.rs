//! Texts or token ids → infer requests that fit the model, and their replies → one row for each input.

use super::infer::{self, Body, Data, Input};
use super::model::{Model, Tensor};
use super::reply::Reply;
use super::text::fitted::{Elements, fit, infer_input, missing, shape};
use super::{dialect, roles};
use crate::config::Options;
use crate::error::{Error, Result};
use crate::openai::embedding::{EmbeddingRequest, Input as Asked};
use crate::openai::response::Matrix;
use serde_json::{Map, Value, json};
use std::ops::Range;

/// The input of the plain format.
const PLAIN_INPUT: &str = "input_text";

/// Which inputs go together in one request, in order.
pub fn batches(
    request: &EmbeddingRequest,
    options: &Options,
    model: Option<&Model>,
) -> Result<Vec<Range<usize>>> {
    let n = request.input.len();
    let most = match (&request.input, model) {
        (Asked::Tokens(_), None) => {
            return Err(Error::argument(
                "input",
                "input: expected texts, got token ids; only a model whose metadata is known to take integers can be given them",
            ));
        }
        // Rows of different lengths do not fit into one tensor.
        (Asked::Tokens(_), Some(_)) => 1,
        (Asked::Texts(_), None) => n,
        (Asked::Texts(_), Some(model)) => {
            let input = roles::text_input(model, options.triton.input.as_deref())?;
            match model.max_batch_size {
                0 if input.dims.contains(&-1) => n,
                0 => 1,
                most => most,
            }
        }
    };
    Ok((0..n).step_by(most).map(|i| i..n.min(i + most)).collect())
}

/// The body of one request, and the length of its JSON where raw tensors follow.
pub fn encode(
    request: &EmbeddingRequest,
    rows: Range<usize>,
    options: &Options,
    model: Option<&Model>,
) -> Result<(Vec<u8>, Option<usize>)> {
    match model {
        None => plain(request, rows, options),
        Some(model) => fitted(request, rows, options, model),
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

fn refuse_dimensions(options: &Options) -> Result<()> {
    refuse(
        &["dimensions"],
        "the model does not say that it takes dimensions; leave it out, or set drop_params to true",
        options,
    )
}

fn is_structured(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_))
}

const STRUCTURED: &str = "a list or an object cannot be a request parameter of Triton";

fn plain(
    request: &EmbeddingRequest,
    rows: Range<usize>,
    options: &Options,
) -> Result<(Vec<u8>, Option<usize>)> {
    let Asked::Texts(texts) = &request.input else {
        return Ok((Vec::new(), None));
    };
    if request.dimensions.is_some() {
        refuse_dimensions(options)?;
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
    let body = Body {
        inputs: vec![Input {
            name: options.triton.input.as_deref().unwrap_or(PLAIN_INPUT),
            datatype: super::tensor::Datatype::Bytes,
            shape: vec![texts.len()],
            data: Data::Texts(texts),
        }],
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

fn fitted(
    request: &EmbeddingRequest,
    rows: Range<usize>,
    options: &Options,
    model: &Model,
) -> Result<(Vec<u8>, Option<usize>)> {
    let named = options.triton.input.as_deref();
    let output = roles::vector_output(model, options.triton.output.as_deref())?;
    let count = rows.len();
    let batched = model.max_batch_size > 0;
    let mut inputs = Vec::new();
    match &request.input {
        Asked::Texts(texts) => {
            let input = roles::text_input(model, named)?;
            inputs.push(text_rows(input, &texts[rows], batched));
        }
        Asked::Tokens(tokens) => {
            let input = roles::token_input(model, named)?;
            let ids = &tokens[rows.start];
            inputs.push(token_row(input, ids.clone(), batched));
            // What BERT-like models want beside the ids, where they have it: every id counts, all are one sentence.
            for (name, filler) in [("attention_mask", 1), ("token_type_ids", 0)] {
                let companion = model.input(name).filter(|t| t.datatype.is_integer());
                if let Some(t) = companion.filter(|_| !request.params.contains_key(name)) {
                    inputs.push(token_row(t, vec![filler; ids.len()], batched));
                }
            }
        }
    }
    let mut parameters = Map::new();
    let mut offenders = Vec::new();
    let dimensions = request
        .dimensions
        .map(|n| ("dimensions".to_owned(), json!(n)));
    let params = request.params.iter().map(|(k, v)| (k.clone(), v.clone()));
    for (key, value) in params.chain(dimensions) {
        if inputs.iter().any(|i| i.name == key) {
            return Err(Error::argument(
                &key,
                format!("{key}: this input takes what is to be embedded; leave it out"),
            ));
        }
        if let Some(t) = model.input(&key) {
            let elements = fit(&key, t, &value, model)?;
            inputs.push(repeated(t, elements, batched, count));
        } else if key == "dimensions" {
            refuse_dimensions(options)?;
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
        if t.optional == Some(false) && !inputs.iter().any(|i| i.name == t.name) {
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

/// One row of token ids.
fn token_row(tensor: &Tensor, ids: Vec<i64>, batched: bool) -> Input<'_> {
    Input {
        name: &tensor.name,
        datatype: tensor.datatype,
        shape: shape(tensor, ids.len(), batched),
        data: Data::Integers(ids),
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

/// Reads the reply to a request of `count` inputs.
pub fn decode(
    reply: &Reply,
    count: usize,
    options: &Options,
    model: Option<&Model>,
) -> Result<Rows> {
    let answer = infer::decode(reply)?;
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
    let Some(output) = output else {
        let names: Vec<&str> = answer.outputs.iter().map(|o| o.name.as_ref()).collect();
        return Err(Error::protocol(format!(
            "the answer of Triton has no embedding{}; its outputs are {}",
            known.map(|n| format!(" '{n}'")).unwrap_or_default(),
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        )));
    };
    let columns = columns(&output.name, &output.shape, count)?;
    let values = output.numbers()?;
    if let Some(i) = values.first_not_finite() {
        return Err(Error::protocol(format!(
            "output '{}' has a number that is not finite (NaN or infinity) in row {}",
            output.name,
            i / columns
        )));
    }
    Ok(Rows {
        matrix: Matrix { values, columns },
        model_name: answer.model_name.map(|n| n.into_owned()),
        model_version: answer.model_version.map(|v| v.into_owned()),
    })
}

/// The length of a row: `[n,d]`, `[n,1,d]`, and `[d]` for one input are rows of d numbers.
fn columns(name: &str, shape: &[usize], count: usize) -> Result<usize> {
    let wrong = |why: &str| {
        Err(Error::protocol(format!(
            "output '{name}' has shape {shape:?} for {count} inputs{why}"
        )))
    };
    let row: &[usize] = match shape {
        [_] if count == 1 => shape,
        [rows, row @ ..] if *rows == count => row,
        _ => return wrong(": as many rows as inputs were expected"),
    };
    if row.iter().filter(|d| **d != 1).count() > 1 {
        return wrong(", a vector for each token: the model has to pool them");
    }
    match row.iter().fold(1, |n: usize, d| n.saturating_mul(*d)) {
        0 => wrong(": the rows are empty"),
        columns => Ok(columns),
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::model;
    use super::*;
    use crate::json;
    use crate::openai::response::Values;

    fn asked(json: &str) -> (EmbeddingRequest, Options) {
        let mut fields = json::object("request_json", json).unwrap();
        let options = Options::take(&mut fields).unwrap();
        (EmbeddingRequest::take(fields, &options).unwrap(), options)
    }

    fn bodies(json: &str, model: Option<&Model>) -> Result<Vec<Value>> {
        let (request, options) = asked(json);
        batches(&request, &options, model)?
            .into_iter()
            .map(|rows| {
                let (bytes, _) = encode(&request, rows, &options, model)?;
                Ok(serde_json::from_slice(&bytes).unwrap())
            })
            .collect()
    }

    fn rows(reply: &str, count: usize) -> Result<Matrix> {
        let reply = Reply {
            status: 200,
            body: reply.into(),
            ..Default::default()
        };
        decode(&reply, count, &Options::default(), None).map(|r| r.matrix)
    }

    #[test]
    fn the_plain_format_is_the_references() {
        assert_eq!(
            bodies(
                r#"{"input":["a","b"],"input_type":"query","user":"u","extra_body":{"id":"7"}}"#,
                None
            )
            .unwrap(),
            [
                json!({"inputs":[{"name":"input_text","shape":[2],"datatype":"BYTES","data":["a","b"]}],"parameters":{"input_type":"query"},"id":"7"})
            ]
        );
        assert!(bodies(r#"{"input":"a","dimensions":2}"#, None).is_err());
        assert!(bodies(r#"{"input":"a","dimensions":2,"drop_params":true}"#, None).is_ok());
        assert!(bodies(r#"{"input":"a","x":[1]}"#, None).is_err());
        assert_eq!(
            bodies(r#"{"input":[1,2]}"#, None).unwrap_err().param(),
            Some("input")
        );
    }

    #[test]
    fn a_batch_dimension_and_its_limit() {
        let m = model(
            "text:BYTES[1] dimensions:INT32[1]?",
            "embedding:FP32[8]",
            2,
            false,
        );
        let b = bodies(r#"{"input":["a","b","c"],"dimensions":4}"#, Some(&m)).unwrap();
        assert_eq!(b.len(), 2);
        assert_eq!(
            b[0],
            json!({"inputs":[{"name":"text","shape":[2,1],"datatype":"BYTES","data":["a","b"]},
                {"name":"dimensions","shape":[2,1],"datatype":"INT32","data":[4,4]}],
                "outputs":[{"name":"embedding","parameters":{"binary_data":true}}]})
        );
        assert_eq!(b[1]["inputs"][0]["shape"], json!([1, 1]));
    }

    #[test]
    fn without_a_batch_dimension_the_open_one_takes_the_texts() {
        let flat = model("text:BYTES[-1]", "embedding:FP32[-1,8]", 0, false);
        assert_eq!(
            bodies(r#"{"input":["a","b"]}"#, Some(&flat)).unwrap()[0]["inputs"][0]["shape"],
            json!([2])
        );
        let column = model("text:BYTES[-1,1]", "embedding:FP32[-1,8]", 0, false);
        assert_eq!(
            bodies(r#"{"input":["a","b"]}"#, Some(&column)).unwrap()[0]["inputs"][0]["shape"],
            json!([2, 1])
        );
        let one = model("text:BYTES[1]", "embedding:FP32[8]", 0, false);
        assert_eq!(
            bodies(r#"{"input":["a","b"]}"#, Some(&one)).unwrap().len(),
            2
        );
    }

    #[test]
    fn half_precision_is_always_asked_for_as_bytes() {
        let m = model("text:BYTES[1]", "embedding:FP16[8]", 8, false);
        let b = bodies(r#"{"input":"a","triton":{"binary":false}}"#, Some(&m)).unwrap();
        assert_eq!(b[0]["outputs"][0]["parameters"]["binary_data"], true);
    }

    #[test]
    fn token_ids_go_to_models_that_take_integers() {
        let m = model(
            "input_ids:INT64[-1] attention_mask:INT64[-1]?",
            "embedding:FP32[8]",
            8,
            false,
        );
        let b = bodies(r#"{"input":[[1,2],[3]]}"#, Some(&m)).unwrap();
        assert_eq!(b.len(), 2);
        assert_eq!(
            b[0]["inputs"][1],
            json!({"name":"attention_mask","shape":[1,2],"datatype":"INT64","data":[1,1]})
        );
        let texts = model("text:BYTES[1]", "embedding:FP32[8]", 8, false);
        assert!(
            bodies(r#"{"input":[1]}"#, Some(&texts))
                .unwrap_err()
                .message()
                .contains("no input for token ids")
        );
    }

    #[test]
    fn shapes_of_rows() {
        let out = |shape: &str, data: &str| {
            format!(
                r#"{{"outputs":[{{"name":"e","datatype":"FP32","shape":{shape},"data":{data}}}]}}"#
            )
        };
        assert_eq!(rows(&out("[2,2]", "[1,2,3,4]"), 2).unwrap().columns, 2);
        assert_eq!(rows(&out("[2,1,2]", "[1,2,3,4]"), 2).unwrap().columns, 2);
        assert_eq!(
            rows(&out("[1,2]", "[[1,2]]"), 1).unwrap().values,
            Values::F64(vec![1.0, 2.0])
        );
        assert_eq!(rows(&out("[3]", "[1,2,3]"), 1).unwrap().columns, 3);
        for (shape, data, count) in [
            ("[3,1]", "[1,2,3]", 1),
            ("[2,2]", "[1,2,3]", 2),
            ("[1,3,2]", "[1,2,3,4,5,6]", 1),
            ("[1,0]", "[]", 1),
            ("[]", "[1]", 1),
        ] {
            assert_eq!(
                rows(&out(shape, data), count).unwrap_err().http_status(),
                502,
                "{shape}"
            );
        }
    }

    #[test]
    fn of_several_outputs_the_floating_point_one() {
        let reply = r#"{"outputs":[{"name":"count","datatype":"INT32","shape":[1],"data":[7]},{"name":"e","datatype":"FP32","shape":[1,2],"data":[0.5,-1.5]}]}"#;
        assert_eq!(rows(reply, 1).unwrap().values, Values::F64(vec![0.5, -1.5]));
        let two = r#"{"outputs":[{"name":"a","datatype":"FP32","shape":[1,1],"data":[1]},{"name":"b","datatype":"FP32","shape":[1,1],"data":[1]}]}"#;
        let e = rows(two, 1).unwrap_err();
        assert!(e.message().contains("a, b"), "{e}");
        let integers =
            r#"{"outputs":[{"name":"e","datatype":"INT64","shape":[1,2],"data":[1,2]}]}"#;
        assert_eq!(rows(integers, 1).unwrap().columns, 2);
        assert!(rows(r#"{"outputs":[]}"#, 1).is_err());
    }

    #[test]
    fn a_number_that_is_not_finite_is_told() {
        let json = r#"{"outputs":[{"name":"e","datatype":"FP32","shape":[2,1],"parameters":{"binary_data_size":8}}]}"#;
        let mut body = json.as_bytes().to_vec();
        body.extend([1.0f32, f32::NAN].map(f32::to_le_bytes).concat());
        let reply = Reply {
            status: 200,
            json_length: Some(json.len()),
            body,
            ..Default::default()
        };
        let e = decode(&reply, 2, &Options::default(), None).unwrap_err();
        assert!(e.message().contains("row 1"), "{e}");
    }
}
