//! Any tensors in and out: one `infer` request as a state machine.
//!
//! The model is looked up as for any other call: its metadata checks the inputs, types those that are names and values,
//! and tells whether the server is a Triton, which takes and gives tensors as binary data. Elsewhere tensors travel as
//! JSON, but for those that JSON cannot carry: FP16, BF16, NaN and infinities, bytes that are no UTF-8.
//!
//! The answer is KServe's: `{"model_name","model_version","id"?,"parameters"?,"outputs":[{"name","datatype","shape",
//! "data"}]}`, `data` one flat list in row-major order, or nested as the shape says where `"nested": true` asks for it.
//! [`super::data`] says how elements are written. A decoupled model's answer is another one, see [`super::decoupled`].

use super::inputs::{Inputs, Tensor};
use super::{Step, WHERE_AND_HOW, data, decoupled};
use crate::config::Options;
use crate::error::{Error, Result, Status};
use crate::json::{Fields, kind};
use crate::triton::Request;
use crate::triton::endpoint::Route;
use crate::triton::exchange::Description;
use crate::triton::infer::{self, Elements, Output};
use crate::triton::model::{self, Model};
use crate::triton::reply::Reply;
use crate::triton::tensor::Datatype;
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// Outputs that one request may name.
const MOST_OUTPUTS: usize = 4096;

/// One infer request.
#[derive(Debug)]
pub struct Infer {
    options: Arc<Options>,
    inputs: Inputs,
    outputs: Vec<Wanted>,
    parameters: Map<String, Value>,
    id: Option<String>,
    nested: bool,
    description: Description,
    /// The error that made us look again.
    doubt: Option<Error>,
    looked_again: bool,
    /// Triton refused infer for a model whose configuration does not say that it is decoupled, as an ensemble's may not.
    refused_as_decoupled: bool,
    changed: bool,
}

/// An output that is asked for.
#[derive(Clone, Debug, Default)]
struct Wanted {
    name: String,
    /// Sent as they are, such as Triton's `classification`.
    parameters: Map<String, Value>,
}

impl Infer {
    /// Takes the fields of a request.
    pub fn take(mut fields: Fields, options: Arc<Options>) -> Result<Infer> {
        let inputs = Inputs::take(fields.take_raw("inputs"))?;
        let infer = Infer {
            options,
            inputs,
            outputs: take_outputs(fields.take("outputs"))?,
            parameters: fields
                .object("parameters")?
                .map(Fields::rest)
                .unwrap_or_default(),
            id: fields.string("id")?,
            nested: fields.boolean("nested")?.unwrap_or(false),
            description: Description::default(),
            doubt: None,
            looked_again: false,
            refused_as_decoupled: false,
            changed: false,
        };
        fields.no_more(&format!(
            "model, inputs, outputs, parameters, id, nested, {WHERE_AND_HOW}"
        ))?;
        Ok(infer)
    }

    /// The first step.
    pub fn start(&mut self, route: &Route) -> Result<Step> {
        self.doubt = None;
        self.looked_again = false;
        self.refused_as_decoupled = false;
        match route.is_described() {
            true => Ok(Step::Describe { fresh: false }),
            false => self.send(route),
        }
    }

    /// Takes what the look-up gave.
    pub fn described(&mut self, route: &Route, description: Description) -> Result<Step> {
        if let Some(error) = self.doubt.take() {
            // Looked again and seen nothing new: the error was about the request.
            if description.model == self.description.model {
                return Err(error);
            }
        }
        self.description = description;
        let step = self.send(route);
        self.doubted(step)
    }

    /// Takes a whole reply.
    pub fn replied(&mut self, route: &Route, reply: &Reply) -> Result<Step> {
        let step = match self.answer(reply) {
            Err(error) if self.is_refused_as_decoupled(&error) => {
                self.refused_as_decoupled = true;
                self.send(route)
            }
            answer => answer.map(Step::Done),
        };
        self.doubted(step)
    }

    /// Whether what is remembered of the model should be forgotten.
    pub fn saw_a_change(&self) -> bool {
        self.changed
    }

    /// A model that was changed since it was looked up makes right requests wrong.
    fn doubted(&mut self, step: Result<Step>) -> Result<Step> {
        match step {
            Err(error) if self.may_be_stale(&error) => {
                self.looked_again = true;
                self.doubt = Some(error);
                Ok(Step::Describe { fresh: true })
            }
            other => other,
        }
    }

    fn may_be_stale(&self, error: &Error) -> bool {
        let refused = match error.status() {
            Status::Server => matches!(error.http_status(), 400 | 404 | 501),
            Status::Argument | Status::Protocol => self.description.model.is_some(),
            _ => false,
        };
        self.description.remembered && !self.looked_again && refused
    }

    fn send(&mut self, route: &Route) -> Result<Step> {
        let model = self.description.model.clone();
        let model = model.as_deref();
        if model.is_none() {
            self.inputs.check_alone()?;
        }
        let tensors = self.inputs.fit(model)?;
        if let Some(model) = model {
            self.check_outputs(model)?;
            if self.is_decoupled() {
                let id = self.id.as_deref();
                let body = decoupled::encode(&tensors, id, &self.parameters, model)?;
                let url = route.below_model("/generate_stream")?;
                return Ok(Step::Send(Request::post(url, body)));
            }
        }
        // Only Triton tells a configuration, and with it whether a model is decoupled.
        let is_triton = model.is_some_and(|m| m.decoupled.is_some());
        let binary = self.options.triton.binary.unwrap_or(is_triton);
        let (body, json_length) = self.encode(&tensors, binary, model);
        Ok(Step::Send(Request {
            json_length,
            ..Request::post(route.infer_url()?, body)
        }))
    }

    fn is_decoupled(&self) -> bool {
        let says_so = |m: &Arc<Model>| m.decoupled == Some(true);
        self.refused_as_decoupled || self.description.model.as_ref().is_some_and(says_so)
    }

    /// Triton's 501, where something is known of the model: it may answer through generate_stream.
    fn is_refused_as_decoupled(&self, error: &Error) -> bool {
        self.description.model.is_some()
            && !self.is_decoupled()
            && error.status() == Status::Server
            && error.message().contains("decoupled transaction policy")
    }

    fn note_version(&mut self, version: Option<&str>) {
        if let (Some(model), Some(version)) = (&self.description.model, version) {
            let is_known = model.versions.iter().any(|v| v == version);
            self.changed = !model.versions.is_empty() && !version.is_empty() && !is_known;
        }
    }

    fn check_outputs(&self, model: &Model) -> Result<()> {
        let unknown = |(_, wanted): &(usize, &Wanted)| model.output(&wanted.name).is_none();
        match self.outputs.iter().enumerate().find(unknown) {
            None => Ok(()),
            Some((i, _)) => {
                let place = format!("outputs[{i}]");
                let gives = model::list(&model.outputs);
                let why = format!("{place}: the model has no such output; it gives {gives}");
                Err(Error::argument(&place, why))
            }
        }
    }

    /// The bytes, and the length of their JSON where binary tensor data follows it.
    fn encode(
        &self,
        tensors: &[Tensor],
        binary: bool,
        model: Option<&Model>,
    ) -> (Vec<u8>, Option<usize>) {
        let travels_raw = |t: &Tensor| binary || !data::fits_json(t.datatype, &t.bytes);
        let (outputs, all_binary) = self.wanted(binary, model);
        let mut parameters = Cow::Borrowed(&self.parameters);
        if all_binary && !parameters.contains_key("binary_data_output") {
            let key = "binary_data_output".to_owned();
            parameters.to_mut().insert(key, true.into());
        }

        let raw: Vec<bool> = tensors.iter().map(travels_raw).collect();
        let mut out = b"{".to_vec();
        if let Some(id) = &self.id {
            field(&mut out, "id", id);
        }
        if !parameters.is_empty() {
            field(&mut out, "parameters", &parameters);
        }
        key(&mut out, "inputs");
        out.push(b'[');
        for (i, (t, is_raw)) in tensors.iter().zip(&raw).enumerate() {
            out.extend_from_slice(if i > 0 { b",{" } else { b"{" });
            field(&mut out, "name", &t.name);
            field(&mut out, "shape", &t.shape);
            field(&mut out, "datatype", &t.datatype.name());
            match is_raw {
                true => {
                    let size = serde_json::json!({ "binary_data_size": t.bytes.len() });
                    field(&mut out, "parameters", &size);
                }
                false => {
                    key(&mut out, "data");
                    data::write(t.datatype, &t.bytes, &mut out);
                }
            }
            out.push(b'}');
        }
        out.push(b']');
        if !outputs.is_empty() {
            key(&mut out, "outputs");
            out.push(b'[');
            for (i, wanted) in outputs.iter().enumerate() {
                out.extend_from_slice(if i > 0 { b",{" } else { b"{" });
                field(&mut out, "name", &wanted.name);
                if !wanted.parameters.is_empty() {
                    field(&mut out, "parameters", &wanted.parameters);
                }
                out.push(b'}');
            }
            out.push(b']');
        }
        out.push(b'}');
        let json_length = out.len();
        let follows = tensors.iter().zip(&raw).filter(|(_, is_raw)| **is_raw);
        follows.for_each(|(t, _)| out.extend_from_slice(&t.bytes));
        (out, raw.contains(&true).then_some(json_length))
    }

    /// The outputs to name, and whether all that the model gives are to come as binary data.
    fn wanted(&self, binary: bool, model: Option<&Model>) -> (Cow<'_, [Wanted]>, bool) {
        let datatype = |name: &str| Some(model?.output(name)?.datatype);
        let comes_raw = |name: &str| binary || datatype(name).is_some_and(Datatype::needs_binary);
        let mut outputs = Cow::Borrowed(self.outputs.as_slice());
        if outputs.is_empty() {
            let given = model.map_or(&[][..], |m| &m.outputs);
            if binary || !given.iter().any(|t| t.datatype.needs_binary()) {
                return (outputs, binary);
            }
            // Some of them cannot come as JSON, which is said for each by its name.
            let name = |t: &model::Tensor| Wanted {
                name: t.name.clone(),
                ..Default::default()
            };
            outputs = Cow::Owned(given.iter().map(name).collect());
        }
        if outputs.iter().any(|w| comes_raw(&w.name)) {
            for wanted in outputs.to_mut().iter_mut().filter(|w| comes_raw(&w.name)) {
                let says = wanted.parameters.entry("binary_data");
                says.or_insert(Value::Bool(true));
            }
        }
        (outputs, false)
    }

    fn answer(&mut self, reply: &Reply) -> Result<String> {
        if let (Some(model), true) = (self.description.model.clone(), self.is_decoupled()) {
            let wanted: Vec<&str> = self.outputs.iter().map(|w| w.name.as_str()).collect();
            let answer = decoupled::decode(reply, &model, &wanted, self.nested)?;
            self.note_version(answer.version.as_deref());
            return Ok(answer.json);
        }
        let answer = infer::decode(reply)?;
        self.note_version(answer.model_version.as_deref());
        let mut out = b"{".to_vec();
        if let Some(name) = &answer.model_name {
            field(&mut out, "model_name", name);
        }
        if let Some(version) = &answer.model_version {
            field(&mut out, "model_version", version);
        }
        if let Some(id) = &answer.id {
            field(&mut out, "id", id);
        }
        if let Some(parameters) = answer.parameters {
            let parameters: Value = serde_json::from_str(parameters.get())
                .map_err(|_| Error::protocol("the answer's parameters are nested too deep"))?;
            field(&mut out, "parameters", &parameters);
        }
        key(&mut out, "outputs");
        out.push(b'[');
        for (i, output) in answer.outputs.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            self.write(output, &mut out)?;
        }
        out.extend_from_slice(b"]}");
        String::from_utf8(out)
            .map_err(|_| Error::protocol("the answer holds text that is no UTF-8"))
    }

    fn write(&self, output: &Output<'_>, out: &mut Vec<u8>) -> Result<()> {
        let (name, datatype) = (&output.name, output.datatype);
        let bytes = match output.as_they_came() {
            Elements::Raw(bytes) => Cow::Borrowed(bytes),
            Elements::Json(json) => {
                let json = serde_json::from_slice(json)
                    .map_err(|_| Error::protocol(format!("output '{name}' is no JSON")))?;
                let elements = data::read(datatype, json).map_err(|m| {
                    Error::protocol(format!(
                        "output '{name}' of datatype {} has data{}: expected {}, got {}",
                        datatype.name(),
                        m.place,
                        m.expected,
                        m.got
                    ))
                })?;
                Cow::Owned(elements.bytes)
            }
        };
        write_tensor(name, datatype, &output.shape, &bytes, self.nested, out)
    }
}

/// Writes `{"name","datatype","shape","data"}`; an error where the elements do not fill the shape.
pub(super) fn write_tensor(
    name: &str,
    datatype: Datatype,
    shape: &[usize],
    bytes: &[u8],
    nested: bool,
    out: &mut Vec<u8>,
) -> Result<()> {
    let wrong = |why: &str| Error::protocol(format!("output '{name}' {why}"));
    data::split(datatype, shape, bytes).ok_or_else(|| {
        wrong(&format!(
            "has {} bytes of {}, which do not fill its shape {shape:?}",
            bytes.len(),
            datatype.name()
        ))
    })?;
    out.push(b'{');
    field(out, "name", name);
    field(out, "datatype", datatype.name());
    field(out, "shape", shape);
    key(out, "data");
    match nested {
        false => data::write(datatype, bytes, out),
        true => data::write_nested(datatype, shape, bytes, out)
            .ok_or_else(|| wrong("has a shape that cannot be nested; leave nested out"))?,
    }
    out.push(b'}');
    Ok(())
}

/// Writes a key of an object that has been begun.
pub(super) fn key(out: &mut Vec<u8>, key: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Writes a key and its value. Writing into memory, and keys that are strings, cannot fail.
pub(super) fn field(out: &mut Vec<u8>, name: &str, value: &(impl Serialize + ?Sized)) {
    key(out, name);
    let _ = serde_json::to_writer(out, value);
}

fn take_outputs(value: Option<Value>) -> Result<Vec<Wanted>> {
    let wrong = |place: &str, expected: &str, got: &Value| {
        let why = format!("{place}: expected {expected}, got {}", kind(got));
        Error::argument(place, why)
    };
    let items = match value {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() <= MOST_OUTPUTS => items,
        Some(other) => {
            let expected = format!("a list of at most {MOST_OUTPUTS} outputs' names");
            return Err(wrong("outputs", &expected, &other));
        }
    };
    let expected = "an output's name, or {\"name\", \"parameters\"}";
    let read = |(i, item): (usize, Value)| -> Result<Wanted> {
        let place = format!("outputs[{i}]");
        let (name, parameters) = match item {
            Value::String(name) => (name, Map::new()),
            Value::Object(mut o) => match (o.remove("name"), o.remove("parameters")) {
                (Some(Value::String(name)), None) if o.is_empty() => (name, Map::new()),
                (Some(Value::String(name)), Some(Value::Object(p))) if o.is_empty() => (name, p),
                _ => return Err(wrong(&place, expected, &Value::Object(o))),
            },
            other => return Err(wrong(&place, expected, &other)),
        };
        match name.is_empty() {
            true => Err(wrong(&place, expected, &Value::String(name))),
            false => Ok(Wanted { name, parameters }),
        }
    };
    items.into_iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ask, done, reply, route, sent};
    use super::super::{Ask, Step};
    use super::*;
    use crate::operation::Operation;
    use crate::triton::model::tests::model;
    use serde_json::json;

    fn infer(request: Value) -> Ask {
        ask(Operation::Infer, &request.to_string()).unwrap()
    }

    fn known(model: Model, remembered: bool) -> Description {
        Description {
            model: Some(Arc::new(model)),
            remembered,
        }
    }

    /// A request's JSON, and the binary data after it.
    fn parts(request: &Request) -> (Value, &[u8]) {
        let (json, raw) = request
            .body
            .split_at(request.json_length.unwrap_or(request.body.len()));
        (serde_json::from_slice(json).unwrap(), raw)
    }

    /// What is sent to a model.
    fn sent_to(request: Value, model: Model) -> Request {
        let route = route("http://h");
        let mut ask = infer(request);
        assert_eq!(ask.start(&route), Ok(Step::Describe { fresh: false }));
        sent(ask.described(&route, known(model, false)))
    }

    #[test]
    fn binary_where_the_server_is_a_triton() {
        let model = model("a:FP32[2] t:BYTES[1]?", "y:FP32[2]", 8, false);
        let request = json!({"inputs":{"a":[1,2],"t":"hi"},"id":"7","parameters":{"sequence_id":5,"timeout":9}});
        let request = sent_to(request, model);
        assert_eq!(request.url, "http://h/v2/models/m/infer");
        let (json, raw) = parts(&request);
        assert_eq!(
            json,
            json!({"id":"7","parameters":{"sequence_id":5,"timeout":9,"binary_data_output":true},"inputs":[
                {"name":"a","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}},
                {"name":"t","shape":[1,1],"datatype":"BYTES","parameters":{"binary_data_size":6}}]})
        );
        assert_eq!(raw, b"\0\0\x80\x3f\0\0\0\x40\x02\0\0\0hi");
    }

    #[test]
    fn json_where_it_is_asked_for_but_for_what_it_cannot_carry() {
        let gives = model("a:FP32[-1] h:FP16[1]?", "y:FP32[2] z:BF16[1]", 0, false);
        let request = |inputs: Value| json!({"inputs":inputs,"triton":{"binary":false}});
        let first = sent_to(request(json!({"a":[1,2.5],"h":1})), gives.clone());
        let (json, raw) = parts(&first);
        assert_eq!(json["inputs"][0]["data"], json!([1.0, 2.5]));
        assert_eq!(
            json["inputs"][1]["parameters"],
            json!({"binary_data_size":2})
        );
        assert_eq!(
            json["outputs"],
            json!([{"name":"y"},{"name":"z","parameters":{"binary_data":true}}])
        );
        assert_eq!(raw, [0, 0x3c]);
        let second = sent_to(request(json!({"a":[1,"NaN"]})), gives);
        assert_eq!(parts(&second).1.len(), 8);
    }

    #[test]
    fn outputs_that_are_named_come_as_binary_too() {
        let model = model("x:INT8[1]", "y:FP32[2] z:BF16[1]", 0, false);
        let request = json!({"inputs":{"x":1},"outputs":["z",{"name":"y","parameters":{"classification":1}}]});
        let request = sent_to(request, model);
        let (json, _) = parts(&request);
        assert_eq!(
            json["outputs"],
            json!([{"name":"z","parameters":{"binary_data":true}},
                {"name":"y","parameters":{"classification":1,"binary_data":true}}])
        );
        assert!(json.get("parameters").is_none());
    }

    #[test]
    fn a_gateway_gets_json_and_kserves_list() {
        let route = route("http://h/x/infer");
        let list = json!({"inputs":[{"name":"x","shape":[2],"datatype":"INT64","data":[1,9007199254740993i64]}]});
        let request = sent(infer(list).start(&route));
        assert_eq!(request.url, "http://h/x/infer");
        assert_eq!(
            request.body,
            br#"{"inputs":[{"name":"x","shape":[2],"datatype":"INT64","data":[1,9007199254740993]}]}"#
        );
        let e = infer(json!({"inputs":{"x":1}})).start(&route).unwrap_err();
        assert!(e.message().contains("cannot be looked up"), "{e}");
        // A server whose look-up failed is one of which nothing is known, too.
        let mut short = infer(json!({"inputs":{"x":1}}));
        let e = short.described(&self::route("http://h"), Description::default());
        assert!(e.is_err());
    }

    fn answered(request: Value, reply: Reply) -> Result<Step> {
        let route = route("http://h");
        let mut ask = infer(request);
        let gives = model("x:INT8[1]", "y:FP32[2]", 0, false);
        sent(ask.described(&route, known(gives, false)));
        ask.replied(&route, reply)
    }

    fn binary(json: Value, raw: &[u8]) -> Reply {
        let json = json.to_string();
        Reply {
            json_length: Some(json.len()),
            body: [json.as_bytes(), raw].concat(),
            ..reply(200, "")
        }
    }

    #[test]
    fn answers_are_kserves() {
        let ask = json!({"inputs":{"x":1}});
        let outputs = json!([{"name":"y","datatype":"FP16","shape":[1,2],"parameters":{"binary_data_size":4}},
            {"name":"t","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":10}}]);
        let whole = json!({"model_name":"m","model_version":"1","id":"7","parameters":{"p":1},"outputs":outputs});
        let raw = b"\x00\x3e\x00\xfc\x01\0\0\0a\x01\0\0\0\xff";
        assert_eq!(
            done(answered(ask.clone(), binary(whole.clone(), raw))),
            json!({"model_name":"m","model_version":"1","id":"7","parameters":{"p":1},"outputs":[
                {"name":"y","datatype":"FP16","shape":[1,2],"data":[1.5,"-Infinity"]},
                {"name":"t","datatype":"BYTES","shape":[2],"data":["a",{"base64":"/w=="}]}]})
        );
        let nested = json!({"inputs":{"x":1},"nested":true});
        let answer = done(answered(nested, binary(whole, raw)));
        assert_eq!(answer["outputs"][0]["data"], json!([[1.5, "-Infinity"]]));

        let text = r#"{"outputs":[{"name":"y","datatype":"FP64","shape":[2],"data":[[0.1],[123456789.12345679]]}]}"#;
        let Step::Done(answer) = answered(ask, reply(200, text)).unwrap() else {
            panic!("expected an answer");
        };
        assert!(answer.contains("[0.1,123456789.12345679]"), "{answer}");
    }

    #[test]
    fn replies_that_lie_are_refused() {
        let ask = json!({"inputs":{"x":1},"nested":true});
        let output = |shape: Value, size: usize, datatype: &str| json!({"outputs":[{"name":"y","datatype":datatype,"shape":shape,"parameters":{"binary_data_size":size}}]});
        for (shape, size, datatype, raw) in [
            (json!([3]), 8, "FP32", vec![0; 8]),
            (json!([2]), 7, "FP32", vec![0; 7]),
            (json!([2]), 8, "FP32", vec![0; 4]),
            (json!([u64::MAX, 2]), 8, "FP32", vec![0; 8]),
            (json!([1_000_000_000, 0]), 0, "FP32", vec![]),
            (json!([-1]), 4, "FP32", vec![0; 4]),
            (json!([1]), 4, "BYTES", vec![255; 4]),
            (json!([2]), 5, "BYTES", vec![1, 0, 0, 0, 65]),
            (json!(vec![1; 40]), 4, "FP32", vec![0; 4]),
        ] {
            let e = answered(
                ask.clone(),
                binary(output(shape.clone(), size, datatype), &raw),
            );
            let e = e.expect_err(&shape.to_string());
            assert_eq!(e.status(), Status::Protocol, "{shape}: {e}");
        }
        for data in ["[1]", "[1,\"a\"]", "[[1],2]", "null", "{}", "[1,1e999]"] {
            let text = format!(
                r#"{{"outputs":[{{"name":"y","datatype":"FP32","shape":[2],"data":{data}}}]}}"#
            );
            let e = answered(ask.clone(), reply(200, &text)).unwrap_err();
            assert_eq!(e.status(), Status::Protocol, "{data}: {e}");
        }
    }

    #[test]
    fn what_was_remembered_is_looked_up_again() {
        let route = route("http://h");
        let old = model("x:INT8[1]", "y:FP32[2]", 0, false);
        let new = model("x:INT8[2]", "y:FP32[2]", 0, false);
        // A request that does not fit the old one.
        let mut ask = infer(json!({"inputs":{"x":[1,2]}}));
        let again = ask.described(&route, known(old.clone(), true));
        assert_eq!(again, Ok(Step::Describe { fresh: true }));
        sent(ask.described(&route, known(new, false)));
        // One that fits no more, as the server says.
        let mut ask = infer(json!({"inputs":{"x":[1]}}));
        sent(ask.described(&route, known(old.clone(), true)));
        let again = ask.replied(&route, reply(400, r#"{"error":"unexpected shape"}"#));
        assert_eq!(again, Ok(Step::Describe { fresh: true }));
        let e = ask.described(&route, known(old, false)).unwrap_err();
        assert_eq!((e.http_status(), e.message()), (400, "unexpected shape"));
    }

    #[test]
    fn decoupled_models_answer_through_generate_stream() {
        let route = route("http://h");
        let events = "data: {\"model_version\":\"1\",\"y\":[1,2]}\n\n";
        let mut ask = infer(json!({"inputs":{"x":1}}));
        let gives = model("x:INT8[1]", "y:FP32[2]", 0, true);
        let request = sent(ask.described(&route, known(gives, false)));
        assert_eq!(request.url, "http://h/v2/models/m/generate_stream");
        let answer = done(ask.replied(&route, reply(200, events)));
        assert_eq!(
            answer["responses"][0]["outputs"][0]["data"],
            json!([1.0, 2.0])
        );

        // Triton says so where the configuration does not.
        let mut ask = infer(json!({"inputs":{"x":1}}));
        let gives = model("x:INT8[1]", "y:FP32[2]", 0, false);
        sent(ask.described(&route, known(gives, true)));
        let refusal = r#"{"error":"HTTP end point doesn't support models with decoupled transaction policy"}"#;
        let request = sent(ask.replied(&route, reply(501, refusal)));
        assert_eq!(request.url, "http://h/v2/models/m/generate_stream");
        let answer = done(ask.replied(&route, reply(200, events)));
        assert_eq!(answer["responses"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn wrong_fields_are_named() {
        for (request, said) in [
            (json!({}), "inputs: expected a list of"),
            (
                json!({"inputs":{"x":1},"outputs":"y"}),
                "outputs: expected a list of at most 4096 outputs' names, got a string",
            ),
            (
                json!({"inputs":{"x":1},"outputs":[1]}),
                "outputs[0]: expected an output's name",
            ),
            (
                json!({"inputs":{"x":1},"outputs":[{"name":"y","form":1}]}),
                "outputs[0]: expected an output's name",
            ),
            (
                json!({"inputs":{"x":1},"parameters":[]}),
                "parameters: expected an object, got an empty list",
            ),
            (json!({"inputs":{"x":1},"id":7}), "id: expected a string"),
            (
                json!({"inputs":{"x":1},"nested":1}),
                "nested: expected true or false",
            ),
            (
                json!({"inputs":{"x":1},"stream":true}),
                "stream: unknown field; known here are model, inputs",
            ),
        ] {
            let e = ask(Operation::Infer, &request.to_string()).unwrap_err();
            assert!(e.message().starts_with(said), "{request}: {e}");
        }
        let mut unknown = infer(json!({"inputs":{"x":1},"outputs":["q"]}));
        let gives = model("x:INT8[1]", "y:FP32[2]", 0, false);
        let e = unknown
            .described(&route("http://h"), known(gives, false))
            .unwrap_err();
        assert_eq!(
            e.message(),
            "outputs[0]: the model has no such output; it gives y FP32[2]"
        );
    }
}
