//! Tensors of a decoupled model, which Triton's infer endpoint refuses over HTTP: they go through `generate_stream`, as far
//! as that carries them, and all responses come back in one answer.
//!
//! Source: Triton's "Generate Extension", as a real Triton 2.51 was seen to behave: an input is one JSON value or one flat list,
//! its shape is made by the server; an output is the same, without its shape. So an input has one dimension beside a batch
//! of one, or none but ones; and an output's shape is what the metadata says, where at most one dimension of it is open,
//! else that of a flat list.
//!
//! The answer is `{"model_name","model_version","id"?,"responses":[{"outputs":[…],"parameters"?}]}`: any number of responses,
//! also none.

use super::data;
use super::infer::{field, key, write_tensor};
use super::inputs::{Entries, Tensor};
use crate::error::{Error, Result};
use crate::limits;
use crate::triton::model::{self, Model};
use crate::triton::reply::Reply;
use crate::triton::sse::Decoder;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// Makes the body of a generate request.
pub fn encode(
    tensors: &[Tensor],
    id: Option<&str>,
    parameters: &Map<String, Value>,
    model: &Model,
) -> Result<Vec<u8>> {
    let mut out = b"{".to_vec();
    if let Some(id) = id {
        field(&mut out, "id", id);
    }
    if !parameters.is_empty() {
        field(&mut out, "parameters", parameters);
    }
    for t in tensors {
        let place = format!("inputs.{}", t.name);
        let cannot = |why: &str| {
            let why = format!(
                "{place}: the model is decoupled, and Triton's generate endpoint, the only way to one over HTTP, {why}"
            );
            Error::argument(&place, why)
        };
        if ["id", "parameters"].contains(&t.name.as_str()) {
            return Err(cannot("takes no input of this name"));
        }
        let batch = usize::from(model.max_batch_size > 0);
        let inner = t.shape.get(batch..).unwrap_or_default();
        let is_flat = inner.len() <= 1 || inner.iter().all(|n| *n == 1);
        let is_one = t.shape.iter().take(batch).all(|n| *n == 1);
        let elements = t.shape.iter().product::<usize>();
        if !is_flat || !is_one || elements == 0 {
            return Err(cannot(&format!(
                "takes one element or one flat list, and no batch; got the shape {:?}",
                t.shape
            )));
        }
        if !data::fits_json(t.datatype, &t.bytes) {
            let name = t.datatype.name();
            return Err(cannot(&format!(
                "takes JSON only, which cannot carry this {name}"
            )));
        }
        // The caller's own word, so it is escaped.
        let name = serde_json::to_string(&t.name).unwrap_or_default();
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        // A bare element for one, as the server takes it for any shape of ones.
        let shape: &[usize] = if elements == 1 { &[] } else { &[elements] };
        data::write_nested(t.datatype, shape, &t.bytes, &mut out);
    }
    out.push(b'}');
    Ok(out)
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// Its JSON.
    pub json: String,
    /// Which version of the model answered.
    pub version: Option<String>,
}

/// Reads all events of a reply. `wanted`: only these outputs, or all where it is empty.
pub fn decode(reply: &Reply, model: &Model, wanted: &[&str], nested: bool) -> Result<Answer> {
    let mut decoder = Decoder::new(limits::EVENT_BYTES);
    decoder.push(reply.ok()?);
    let mut out = Vec::new();
    let mut version = None;
    let mut id = None;
    while let Some(event) = decoder.end()? {
        if event.trim_ascii() == b"[DONE]" {
            continue;
        }
        let no_answer =
            || Error::protocol("an event of the answer is not the JSON that Triton sends");
        let text = std::str::from_utf8(event).map_err(|_| no_answer())?;
        let Entries(entries) = serde_json::from_str(text).map_err(|_| no_answer())?;
        out.extend_from_slice(if out.is_empty() { b"{" } else { b",{" });
        let mut outputs = Vec::new();
        let mut others = Map::new();
        for (name, value) in entries {
            let parsed = || serde_json::from_str::<Value>(value.get()).map_err(|_| no_answer());
            match (name.as_str(), model.output(&name)) {
                ("error", None) => return Err(Reply::hidden_error(&parsed()?)),
                ("model_name", None) => {}
                ("model_version", None) => version = parsed()?.as_str().map(str::to_owned),
                ("id", None) => id = Some(parsed()?),
                (_, None) => drop(others.insert(name, parsed()?)),
                (_, Some(tensor))
                    if wanted.is_empty() || wanted.contains(&tensor.name.as_str()) =>
                {
                    outputs.push((tensor, value));
                }
                (_, Some(_)) => {}
            }
        }
        key(&mut out, "outputs");
        out.push(b'[');
        for (i, (tensor, value)) in outputs.into_iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            write_output(tensor, value, model, nested, &mut out)?;
        }
        out.push(b']');
        if !others.is_empty() {
            field(&mut out, "parameters", &others);
        }
        out.push(b'}');
    }
    let mut json = b"{".to_vec();
    field(&mut json, "model_name", &model.name);
    if let Some(version) = &version {
        field(&mut json, "model_version", version);
    }
    if let Some(id) = id {
        field(&mut json, "id", &id);
    }
    key(&mut json, "responses");
    json.push(b'[');
    json.extend_from_slice(&out);
    json.extend_from_slice(b"]}");
    let json = String::from_utf8(json)
        .map_err(|_| Error::protocol("the answer holds text that is no UTF-8"))?;
    Ok(Answer { json, version })
}

fn write_output(
    tensor: &model::Tensor,
    value: &RawValue,
    model: &Model,
    nested: bool,
    out: &mut Vec<u8>,
) -> Result<()> {
    let elements = data::read(tensor.datatype, value).map_err(|m| {
        Error::protocol(format!(
            "output '{}'{}: expected {}, got {}",
            tensor.name, m.place, m.expected, m.got
        ))
    })?;
    let shape = solved(tensor, model, elements.count);
    write_tensor(
        &tensor.name,
        tensor.datatype,
        &shape,
        &elements.bytes,
        nested,
        out,
    )
}

/// The shape that the metadata and the number of elements tell; where they do not, that of a flat list.
fn solved(tensor: &model::Tensor, model: &Model, count: usize) -> Vec<usize> {
    let flat = || vec![count];
    let mut open = None;
    let mut shape = Vec::new();
    if model.max_batch_size > 0 {
        shape.push(1);
    }
    for dim in &tensor.dims {
        match usize::try_from(*dim) {
            Ok(n) => shape.push(n),
            Err(_) if open.is_some() => return flat(),
            Err(_) => {
                open = Some(shape.len());
                shape.push(1);
            }
        }
    }
    let known = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    match (known, open) {
        (Some(known), None) if known == count => shape,
        (Some(known), Some(i)) if known > 0 && count % known == 0 => {
            shape[i] = count / known;
            shape
        }
        _ => flat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triton::model::tests::model;
    use crate::triton::tensor::Datatype;
    use serde_json::json;

    fn tensor(name: &str, datatype: Datatype, shape: &[usize], bytes: &[u8]) -> Tensor {
        Tensor {
            name: name.to_owned(),
            datatype,
            shape: shape.to_vec(),
            bytes: bytes.to_vec(),
        }
    }

    fn gives() -> Model {
        model(
            "t:BYTES[1] n:INT8[-1]?",
            "y:FP32[-1,2] t:BYTES[-1,-1] n:INT8[2]",
            4,
            true,
        )
    }

    #[test]
    fn inputs_are_values_by_name() {
        let tensors = [
            tensor("t", Datatype::Bytes, &[1, 1], b"\x02\0\0\0\"a"),
            tensor("n", Datatype::Int8, &[1, 2], &[1, 255]),
        ];
        let parameters = json!({"p": 1}).as_object().unwrap().clone();
        let body = encode(&tensors, Some("7"), &parameters, &gives()).unwrap();
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"id":"7","parameters":{"p":1},"t":"\"a","n":[1,-1]}"#
        );
    }

    #[test]
    fn what_generate_cannot_carry_is_told() {
        for (t, said) in [
            (
                tensor("n", Datatype::Int8, &[2, 1], &[1, 2]),
                "got the shape [2, 1]",
            ),
            (
                tensor("n", Datatype::Int8, &[1, 1, 2], &[1, 2]),
                "got the shape [1, 1, 2]",
            ),
            (
                tensor("n", Datatype::Int8, &[1, 0], &[]),
                "got the shape [1, 0]",
            ),
            (
                tensor("n", Datatype::Fp16, &[1, 1], &[0, 0]),
                "cannot carry this FP16",
            ),
            (
                tensor("id", Datatype::Int8, &[1, 1], &[0]),
                "no input of this name",
            ),
        ] {
            let e = encode(&[t], None, &Map::new(), &gives()).unwrap_err();
            assert!(e.message().ends_with(said) && e.param().is_some(), "{e}");
        }
    }

    fn decoded(body: &str, wanted: &[&str]) -> Result<Value> {
        let reply = Reply {
            status: 200,
            body: body.into(),
            ..Default::default()
        };
        let answer = decode(&reply, &gives(), wanted, false)?;
        Ok(serde_json::from_str(&answer.json).unwrap())
    }

    #[test]
    fn all_responses_come_back() {
        let body = "data: {\"model_name\":\"m\",\"model_version\":\"1\",\"id\":\"7\",\"y\":[1,2,3,4],\"n\":[1,2],\"p\":true}\n\n\
                    data: {\"model_name\":\"m\",\"model_version\":\"1\",\"t\":\"a\"}\n\n";
        assert_eq!(
            decoded(body, &[]).unwrap(),
            json!({"model_name":"m","model_version":"1","id":"7","responses":[
                {"outputs":[{"name":"y","datatype":"FP32","shape":[1,2,2],"data":[1.0,2.0,3.0,4.0]},
                    {"name":"n","datatype":"INT8","shape":[1,2],"data":[1,2]}],"parameters":{"p":true}},
                {"outputs":[{"name":"t","datatype":"BYTES","shape":[1],"data":["a"]}]}]})
        );
        let one = decoded(body, &["n"]).unwrap();
        assert_eq!(one["responses"][0]["outputs"].as_array().unwrap().len(), 1);
        assert_eq!(decoded("", &[]).unwrap()["responses"], json!([]));
    }

    #[test]
    fn errors_and_nonsense_are_told() {
        let e = decoded(
            "data: {\"y\":[1,2]}\n\ndata: {\"error\":\"exploded\"}\n\n",
            &[],
        )
        .unwrap_err();
        assert_eq!((e.http_status(), e.message()), (500, "exploded"));
        for bad in [
            "data: [1]\n\n",
            "data: {\"y\":\"a\"}\n\n",
            "data: {\"n\":[300]}\n\n",
            "<html>",
        ] {
            assert_eq!(decoded(bad, &[]).unwrap_err().http_status(), 502, "{bad}");
        }
    }
}
