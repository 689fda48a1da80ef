//! The KServe v2 inference protocol: a request's body, and what its reply holds, as JSON and as binary tensor data.
//!
//! Source: KServe v2 "Inference", and Triton's binary tensor data extension: the header
//! `inference-header-content-length` gives the length of the JSON, after which the raw tensors follow in order.

use super::reply::Reply;
use super::skeleton::Skeleton;
use super::tensor::{Datatype, numbers_from_bytes, numbers_from_json, texts_from_bytes};
use crate::error::{Error, Result};
use crate::json::Out;
use crate::openai::response::Values;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// One input of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Input<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its datatype.
    pub datatype: Datatype,
    /// Its shape, batch dimension included.
    pub shape: Vec<usize>,
    /// Its elements in row-major order.
    pub data: Data<'a>,
}

/// Elements of an input.
#[derive(Clone, Debug, PartialEq)]
pub enum Data<'a> {
    /// BYTES.
    Texts(&'a [String]),
    /// Integers.
    Integers(Vec<i64>),
    /// Anything, already of the right type.
    Values(Vec<Value>),
    /// What JSON cannot carry.
    Raw(Vec<u8>),
}

/// A request's body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body<'a> {
    /// Inputs.
    pub inputs: Vec<Input<'a>>,
    /// Outputs to send, and whether as binary tensor data; empty: all, as JSON.
    pub outputs: Vec<(&'a str, bool)>,
    /// Request parameters.
    pub parameters: Map<String, Value>,
    /// More keys for the top level, such as `id`.
    pub extra: Map<String, Value>,
}

/// What a caller adds at the top level must not be what is there already.
pub fn check_extra(extra: &Map<String, Value>) -> Result<()> {
    match ["inputs", "outputs", "parameters"]
        .iter()
        .find(|key| extra.contains_key(**key))
    {
        None => Ok(()),
        Some(key) => Err(Error::argument(
            "extra_body",
            format!(
                "extra_body: {key} of an infer request is made from the request's own fields; give them there"
            ),
        )),
    }
}

impl Input<'_> {
    /// Bytes of its JSON, about.
    fn room(&self) -> usize {
        const FRAME: usize = 256;
        FRAME
            + match &self.data {
                Data::Texts(t) => t.iter().map(|text| text.len() + 4).sum(),
                Data::Integers(i) => i.len() * 6,
                Data::Values(v) => v.len() * 16,
                Data::Raw(_) => 0,
            }
    }

    fn put(&self, out: &mut Out) {
        out.put("{\"name\":").text(self.name);
        out.put(",\"shape\":");
        out.list(&self.shape, |out, n| {
            out.number(*n);
        });
        out.put(",\"datatype\":").text(self.datatype.name());
        match &self.data {
            Data::Raw(bytes) => out
                .put(",\"parameters\":{\"binary_data_size\":")
                .number(bytes.len())
                .put("}"),
            Data::Texts(t) => out.put(",\"data\":").list(*t, |out, text| {
                out.text(text);
            }),
            Data::Integers(i) => out.put(",\"data\":").list(i, |out, n| {
                out.number(*n);
            }),
            Data::Values(v) => out.put(",\"data\":").list(v, |out, value| {
                match value {
                    Value::String(text) => out.text(text),
                    other => out.value(other),
                };
            }),
        };
        out.put("}");
    }

    /// Whether the elements fill the shape.
    pub fn is_filled(&self) -> bool {
        let elements = match &self.data {
            Data::Texts(t) => t.len(),
            Data::Integers(i) => i.len(),
            Data::Values(v) => v.len(),
            Data::Raw(bytes) => bytes.len() / self.datatype.size().max(1),
        };
        let needed = self.shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        needed == Some(elements)
    }
}

impl Body<'_> {
    /// The bytes, and the length of their JSON where raw tensors follow it.
    pub fn encode(&self) -> (Vec<u8>, Option<usize>) {
        let mut out = Out::with_room(self.inputs.iter().map(Input::room).sum());
        out.put("{\"inputs\":");
        out.list(&self.inputs, |out, input| input.put(out));
        if !self.outputs.is_empty() {
            out.put(",\"outputs\":");
            out.list(&self.outputs, |out, (name, binary)| {
                out.put("{\"name\":").text(name);
                out.put(match *binary {
                    true => ",\"parameters\":{\"binary_data\":true}}",
                    false => "}",
                });
            });
        }
        if !self.parameters.is_empty() {
            out.put(",\"parameters\":").value(&self.parameters);
        }
        for (key, value) in &self.extra {
            out.put(",").text(key).put(":").value(value);
        }
        out.put("}");
        let mut bytes = out.finish().into_bytes();
        let json_length = bytes.len();
        for input in &self.inputs {
            if let Data::Raw(raw) = &input.data {
                bytes.extend_from_slice(raw);
            }
        }
        let has_raw = self.inputs.iter().any(|i| matches!(i.data, Data::Raw(_)));
        (bytes, has_raw.then_some(json_length))
    }
}

/// A reply, its tensors still in the body's bytes.
#[derive(Debug)]
pub struct Answer<'a> {
    /// Who answered.
    pub model_name: Option<Cow<'a, str>>,
    /// Which version answered.
    pub model_version: Option<Cow<'a, str>>,
    /// The request's `id`, come back.
    pub id: Option<Cow<'a, str>>,
    /// What the model says beside its tensors.
    pub parameters: Option<Box<RawValue>>,
    /// Outputs in the model's order.
    pub outputs: Vec<Output<'a>>,
}

/// One output of a reply.
#[derive(Debug)]
pub struct Output<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its datatype.
    pub datatype: Datatype,
    /// Its shape, batch dimension included.
    pub shape: Vec<usize>,
    elements: Elements<'a>,
}

/// An output's elements, as they came.
#[derive(Clone, Copy, Debug)]
pub enum Elements<'a> {
    /// JSON, maybe nested.
    Json(&'a [u8]),
    /// Binary tensor data.
    Raw(&'a [u8]),
}

/// A reply as long as this has numbers that are worth leaving out of its JSON.
const LONG: usize = 2 << 10;

impl<'a> Output<'a> {
    /// The elements as they came; nothing says that they fill the shape.
    pub fn as_they_came(&self) -> Elements<'a> {
        self.elements
    }

    /// The numbers; an error when they do not fill the shape.
    pub fn numbers(&self) -> Result<Values> {
        let expected = self.elements()?;
        let values = match self.elements {
            Elements::Raw(bytes) => numbers_from_bytes(self.datatype, bytes).ok_or_else(|| {
                Error::protocol(format!(
                    "output '{}' of datatype {} has {} bytes, which are no numbers",
                    self.name,
                    self.datatype.name(),
                    bytes.len()
                ))
            })?,
            Elements::Json(text) => numbers_from_json(self.datatype, text, expected)?,
        };
        if values.len() != expected {
            return Err(Error::protocol(format!(
                "output '{}' has {} numbers where its shape {:?} needs {expected}",
                self.name,
                values.len(),
                self.shape
            )));
        }
        Ok(values)
    }

    /// The data as JSON: a list of elements, or what stands in its place.
    pub fn value(&self) -> Result<Value> {
        match self.elements {
            Elements::Json(text) => serde_json::from_slice(text)
                .map_err(|_| Error::protocol(format!("output '{}' is nested too deep", self.name))),
            Elements::Raw(bytes) if self.datatype == Datatype::Bytes => {
                texts_from_bytes(bytes).map(Value::from).ok_or_else(|| {
                    Error::protocol(format!(
                        "output '{}' has a text that is cut short",
                        self.name
                    ))
                })
            }
            Elements::Raw(_) => Ok(match self.numbers()? {
                Values::F32(v) => v.to_vec().into(),
                Values::F64(v) => v.into(),
            }),
        }
    }

    /// The bytes of 32-bit floats that fill the shape.
    pub fn raw_floats(&self) -> Option<&[u8]> {
        match self.elements {
            Elements::Raw(bytes) if self.datatype == Datatype::Fp32 => {
                let is_filled = self.elements().ok()?.checked_mul(4) == Some(bytes.len());
                is_filled.then_some(bytes)
            }
            _ => None,
        }
    }

    fn elements(&self) -> Result<usize> {
        self.shape
            .iter()
            .try_fold(1usize, |n, d| n.checked_mul(*d))
            .ok_or_else(|| {
                Error::protocol(format!("output '{}' has an impossible shape", self.name))
            })
    }
}

#[derive(Deserialize)]
struct WireAnswer<'a> {
    #[serde(borrow, default)]
    model_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    model_version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
    #[serde(borrow, default)]
    outputs: Option<Vec<WireOutput<'a>>>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct WireOutput<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    datatype: Cow<'a, str>,
    #[serde(default)]
    shape: Vec<usize>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    parameters: Option<WireSize>,
}

#[derive(Deserialize)]
struct WireSize {
    #[serde(default)]
    binary_data_size: Option<usize>,
}

/// Reads a reply; an error hidden in a success's status is found.
pub fn decode(reply: &Reply) -> Result<Answer<'_>> {
    let body = reply.ok()?;
    let no_answer =
        |why: &str| Error::protocol(format!("the answer of Triton's infer endpoint {why}"));
    let length = reply.json_length.unwrap_or(body.len());
    let (json, mut raw) = body
        .split_at_checked(length)
        .ok_or_else(|| no_answer("is shorter than its header says"))?;
    let skeleton = (json.len() >= LONG).then(|| Skeleton::of(json));
    let wire: WireAnswer<'_> = match &skeleton {
        Some(skeleton) => serde_json::from_slice(&skeleton.json),
        None => serde_json::from_slice(json),
    }
    .map_err(|_| {
        no_answer("is not the JSON that Triton sends (a gateway in between, or a wrong api_base?)")
    })?;
    let outputs = match (wire.outputs, wire.error) {
        (Some(outputs), _) => outputs,
        (None, Some(error)) => return Err(Reply::hidden_error(&error)),
        (None, None) => return Err(no_answer("holds no outputs")),
    };
    // The text of an output's data, in the body.
    let text = |data: &RawValue| {
        let part = data.get();
        match &skeleton {
            None => {
                let at = (part.as_ptr() as usize).checked_sub(json.as_ptr() as usize);
                at.and_then(|at| json.get(at..at + part.len()))
            }
            Some(skeleton) => skeleton.cut(part).or_else(|| {
                // It was left as it is, so it is in the body too.
                memchr::memmem::find(json, part.as_bytes()).map(|at| &json[at..at + part.len()])
            }),
        }
        .ok_or_else(|| no_answer("holds data that is not in it"))
    };
    let outputs = outputs
        .into_iter()
        .map(|o| {
            let datatype = Datatype::parse(&o.datatype).ok_or_else(|| {
                no_answer(&format!("holds output '{}' of an unknown datatype", o.name))
            })?;
            let size = o.parameters.and_then(|p| p.binary_data_size);
            let elements = match (o.data, size) {
                (Some(data), _) => Elements::Json(text(data)?),
                (None, Some(size)) => {
                    let (own, rest) = raw
                        .split_at_checked(size)
                        .ok_or_else(|| no_answer("ends before its binary data does"))?;
                    raw = rest;
                    Elements::Raw(own)
                }
                (None, None) => {
                    return Err(no_answer(&format!(
                        "holds output '{}' without data",
                        o.name
                    )));
                }
            };
            Ok(Output {
                name: o.name.into_owned().into(),
                datatype,
                shape: o.shape,
                elements,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Answer {
        model_name: wire.model_name.map(|n| n.into_owned().into()),
        model_version: wire.model_version.map(|v| v.into_owned().into()),
        id: wire.id.map(|v| v.into_owned().into()),
        parameters: wire.parameters.map(RawValue::to_owned),
        outputs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reply(body: &str) -> Reply {
        Reply {
            status: 200,
            body: body.into(),
            ..Default::default()
        }
    }

    #[test]
    fn a_body_is_kserves() {
        let texts = ["a".to_owned(), "b".to_owned()];
        let body = Body {
            inputs: vec![Input {
                name: "t",
                datatype: Datatype::Bytes,
                shape: vec![2, 1],
                data: Data::Texts(&texts),
            }],
            outputs: vec![("e", true), ("f", false)],
            extra: json!({"id": "7"}).as_object().unwrap().clone(),
            ..Default::default()
        };
        let (bytes, length) = body.encode();
        assert_eq!(length, None);
        assert_eq!(
            serde_json::from_slice::<Value>(&bytes).unwrap(),
            json!({"inputs":[{"name":"t","shape":[2,1],"datatype":"BYTES","data":["a","b"]}],
                "outputs":[{"name":"e","parameters":{"binary_data":true}},{"name":"f"}],"id":"7"})
        );
    }

    #[test]
    fn raw_inputs_follow_the_json() {
        let body = Body {
            inputs: vec![Input {
                name: "t",
                datatype: Datatype::Fp16,
                shape: vec![1],
                data: Data::Raw(vec![0, 62]),
            }],
            ..Default::default()
        };
        let (bytes, length) = body.encode();
        let (json, raw) = bytes.split_at(length.unwrap());
        assert_eq!(raw, [0, 62]);
        assert_eq!(
            serde_json::from_slice::<Value>(json).unwrap()["inputs"][0]["parameters"],
            json!({"binary_data_size":2})
        );
    }

    #[test]
    fn a_reply_as_json() {
        let r = reply(
            r#"{"model_name":"m","outputs":[{"name":"s","datatype":"FP32","shape":[2],"data":[1,2.5]},
            {"name":"t","datatype":"BYTES","shape":[1,1],"data":[["x"]]}]}"#,
        );
        let a = decode(&r).unwrap();
        assert_eq!(a.model_name.as_deref(), Some("m"));
        assert_eq!(a.outputs[0].numbers().unwrap(), vec![1.0f32, 2.5].into());
        assert_eq!(a.outputs[1].value().unwrap(), json!([["x"]]));
    }

    #[test]
    fn a_reply_with_binary_tensors() {
        let json = r#"{"outputs":[{"name":"t","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}},
            {"name":"e","datatype":"FP16","shape":[1,2],"parameters":{"binary_data_size":4}}]}"#;
        let mut body = json.as_bytes().to_vec();
        body.extend_from_slice(b"\x02\0\0\0hi\x00\x3e\x00\xc0");
        let r = Reply {
            status: 200,
            json_length: Some(json.len()),
            body,
            ..Default::default()
        };
        let a = decode(&r).unwrap();
        assert_eq!(a.outputs[0].value().unwrap(), json!(["hi"]));
        assert_eq!(a.outputs[1].numbers().unwrap(), vec![1.5f32, -2.0].into());
    }

    #[test]
    fn what_is_no_answer_is_said() {
        for bad in [
            "",
            "{",
            "[]",
            "\"x\"",
            r#"{"model_name":"m"}"#,
            r#"{"outputs":[{"name":"x","datatype":"FP8","shape":[1],"data":[1]}]}"#,
            r#"{"outputs":[{"name":"x","datatype":"FP32","shape":[1]}]}"#,
            r#"{"outputs":[{"name":"x","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}}]}"#,
            r#"{"outputs":[{"name":"x","datatype":"FP32","shape":[-1],"data":[1]}]}"#,
        ] {
            assert_eq!(decode(&reply(bad)).unwrap_err().http_status(), 502, "{bad}");
        }
        let hidden = decode(&reply(r#"{"error":"in 200"}"#)).unwrap_err();
        assert_eq!((hidden.http_status(), hidden.message()), (500, "in 200"));
        let beyond = Reply {
            json_length: Some(99),
            ..reply("{}")
        };
        assert!(decode(&beyond).is_err());
    }

    #[test]
    fn data_must_fill_the_shape() {
        for (shape, data) in [
            ("[2,2]", "[1,2,3]"),
            ("[1]", "[]"),
            ("[18446744073709551615,2]", "[1]"),
        ] {
            let r = reply(&format!(
                r#"{{"outputs":[{{"name":"x","datatype":"FP32","shape":{shape},"data":{data}}}]}}"#
            ));
            assert!(decode(&r).unwrap().outputs[0].numbers().is_err(), "{shape}");
        }
    }
}
