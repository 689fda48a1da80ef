//! The tensors of an `infer` request: KServe's own list, or names with values that the model's metadata gives a datatype
//! and a shape.
//!
//! The shape of `{"x": value}` is that of its nested lists, and is made to fit the model:
//!
//! 1. as many dimensions as the model's, its batch dimension included: as it is;
//! 2. one fewer, and the model has batches: a batch of 1. Where the model takes one element in a row (`[-1,1]`), a flat
//!    list is as many rows instead;
//! 3. a bare element: a 1 for each dimension.
//!
//! Anything else is told to the caller, with what the model takes. `{"x": {"shape": […], "data": […]}}` says the shape
//! itself, as KServe's list does; then the data may be one flat list.

use super::data::{self, Mistake};
use crate::error::{Error, Result};
use crate::triton::model::{self, Model};
use crate::triton::tensor::Datatype;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::fmt;

/// Inputs of one request; no model has so many.
const MOST: usize = 4096;

/// One input, whole and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Its datatype.
    pub datatype: Datatype,
    /// Its shape, batch dimension included.
    pub shape: Vec<usize>,
    /// Its elements, as binary tensor data.
    pub bytes: Vec<u8>,
}

/// What the caller gave.
#[derive(Clone, Debug)]
pub struct Inputs(Vec<Given>);

#[derive(Clone, Debug)]
struct Given {
    /// Where it stands: `inputs[0]` or `inputs.x`.
    place: String,
    /// Where its data stands.
    data_place: String,
    name: String,
    datatype: Option<Datatype>,
    /// What the caller says; `None`: what the lists and the model say.
    shape: Option<Vec<usize>>,
    data: Box<RawValue>,
}

impl Inputs {
    /// Reads `inputs`. Of what stands there, only the elements are still to be read.
    pub fn take(raw: Option<Box<RawValue>>) -> Result<Inputs> {
        let expected = "a list of {\"name\", \"shape\", \"datatype\", \"data\"}, or an object of names and values";
        let wrong = |got: &str| {
            Error::argument("inputs", format!("inputs: expected {expected}, got {got}"))
        };
        let raw = raw.ok_or_else(|| wrong("nothing"))?;
        let given = match raw.get().as_bytes()[0] {
            b'[' => listed(&raw)?,
            b'{' => named(&raw)?,
            b'"' => return Err(wrong("a string")),
            _ => return Err(wrong("something else")),
        };
        if given.len() > MOST {
            let why = format!("inputs: expected at most {MOST}, got {}", given.len());
            return Err(Error::argument("inputs", why));
        }
        let mut names = HashSet::new();
        if let Some(twice) = given.iter().find(|g| !names.insert(g.name.as_str())) {
            let why = format!("{}: '{}' is there twice", twice.place, twice.name);
            return Err(Error::argument("inputs", why));
        }
        Ok(Inputs(given))
    }

    /// Whether each can be sent to a model of which nothing is known.
    pub fn check_alone(&self) -> Result<()> {
        self.0.iter().try_for_each(|g| match g.datatype {
            Some(_) => Ok(()),
            None => Err(g.wrong(
                "expected a datatype and a shape, as the model's metadata cannot be looked up (an unknown model, one that is \
                 not ready, or a gateway's api_base); give inputs as a list of {\"name\", \"shape\", \"datatype\", \"data\"}",
            )),
        })
    }

    /// The tensors, with what is known of the model.
    pub fn fit(&self, model: Option<&Model>) -> Result<Vec<Tensor>> {
        if let Some(model) = model {
            let is_missing = |t: &&model::Tensor| {
                t.optional == Some(false) && !self.0.iter().any(|g| g.name == t.name)
            };
            if let Some(missing) = model.inputs.iter().find(is_missing) {
                return Err(Error::argument(
                    "inputs",
                    format!(
                        "inputs: expected {missing} too, which the model cannot do without; it takes {}",
                        model::list(&model.inputs)
                    ),
                ));
            }
        }
        self.0.iter().map(|given| given.fit(model)).collect()
    }
}

impl Given {
    fn fit(&self, model: Option<&Model>) -> Result<Tensor> {
        let declared = match model {
            None => None,
            Some(model) => Some((
                model,
                model.input(&self.name).ok_or_else(|| {
                    let takes = model::list(&model.inputs);
                    self.wrong(&format!("the model has no such input; it takes {takes}"))
                })?,
            )),
        };
        let datatype = match (self.datatype, declared) {
            (Some(own), Some((_, d))) if own != d.datatype => {
                return Err(self.wrong(&format!(
                    "expected the datatype {}, got {}",
                    d.datatype.name(),
                    own.name()
                )));
            }
            (Some(own), _) => own,
            (None, Some((_, d))) => d.datatype,
            (None, None) => return Err(self.wrong("expected a datatype, got nothing")),
        };
        let elements = data::read(datatype, &self.data).map_err(|m| self.mistaken(m))?;
        let shape = match (&self.shape, declared) {
            (Some(shape), _) => {
                self.check_filled(shape, &elements)?;
                shape.clone()
            }
            (None, Some((model, declared))) => fitted(&elements.shape, model, declared),
            (None, None) => elements.shape,
        };
        if let Some((model, declared)) = declared {
            check_shape(&shape, model, declared).map_err(|why| self.wrong(&why))?;
        }
        Ok(Tensor {
            name: self.name.clone(),
            datatype,
            shape,
            bytes: elements.bytes,
        })
    }

    /// Data is flat, or nested as its shape says.
    fn check_filled(&self, shape: &[usize], elements: &data::Elements) -> Result<()> {
        let needed = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        let is_flat = elements.shape.len() <= 1;
        if needed != Some(elements.count) {
            return Err(self.wrong_data(&format!(
                "expected {} for the shape {shape:?}, got {}",
                needed.map_or("more elements than there can be".to_owned(), count),
                count(elements.count)
            )));
        }
        if !is_flat && elements.shape != shape {
            return Err(self.wrong_data(&format!(
                "expected a flat list or lists nested as the shape {shape:?}, got {:?}",
                elements.shape
            )));
        }
        Ok(())
    }

    fn wrong(&self, why: &str) -> Error {
        Error::argument(&self.place, format!("{}: {why}", self.place))
    }

    fn wrong_data(&self, why: &str) -> Error {
        Error::argument(&self.data_place, format!("{}: {why}", self.data_place))
    }

    fn mistaken(&self, m: Mistake) -> Error {
        let place = [self.data_place.as_str(), &m.place].concat();
        Error::argument(
            &place,
            format!("{place}: expected {}, got {}", m.expected, m.got),
        )
    }
}

fn count(n: usize) -> String {
    match n {
        1 => "1 element".to_owned(),
        n => format!("{n} elements"),
    }
}

/// The shape of nested lists, made to fit, see above.
fn fitted(lists: &[usize], model: &Model, declared: &model::Tensor) -> Vec<usize> {
    let batch = usize::from(model.max_batch_size > 0);
    let rank = declared.dims.len() + batch;
    match lists {
        [] => vec![1; rank],
        [rows] if batch == 1 && declared.dims == [1] => vec![*rows, 1],
        _ if batch == 1 && lists.len() + 1 == rank => [&[1], lists].concat(),
        _ => lists.to_vec(),
    }
}

fn check_shape(
    shape: &[usize],
    model: &Model,
    declared: &model::Tensor,
) -> std::result::Result<(), String> {
    let batched = model.max_batch_size > 0;
    let rank = declared.dims.len() + usize::from(batched);
    let inner = shape.get(usize::from(batched)..).unwrap_or_default();
    let fits = shape.len() == rank
        && inner
            .iter()
            .zip(&declared.dims)
            .all(|(n, dim)| *dim < 0 || usize::try_from(*dim) == Ok(*n));
    if !fits {
        let batch = batched.then_some(-1);
        let dims: Vec<i64> = batch
            .into_iter()
            .chain(declared.dims.iter().copied())
            .collect();
        let with = if batched {
            ", the batch dimension first"
        } else {
            ""
        };
        return Err(format!("expected the shape {dims:?}{with}, got {shape:?}"));
    }
    // Without the configuration the batch size is a guess.
    let is_known = model.decoupled.is_some();
    match shape.first() {
        Some(rows) if batched && is_known && *rows > model.max_batch_size => Err(format!(
            "expected a batch of at most {}, got {rows}",
            model.max_batch_size
        )),
        _ => Ok(()),
    }
}

/// KServe's list.
fn listed(raw: &RawValue) -> Result<Vec<Given>> {
    let items: Vec<&RawValue> = parse(raw, "inputs")?;
    let read = |(i, item): (usize, &&RawValue)| -> Result<Given> {
        let place = format!("inputs[{i}]");
        let wrong = |field: &str, why: String| {
            let place = format!("{place}{field}");
            Error::argument(&place, format!("{place}: {why}"))
        };
        let mut wire: Wire<'_> = read_object(item, &place)?;
        let name = match wire.name.take() {
            Some(name) if !name.is_empty() => name,
            _ => {
                return Err(wrong(
                    ".name",
                    "expected a tensor's name, got none".to_owned(),
                ));
            }
        };
        let (datatype, shape, data) = wire.rest(&place)?;
        let datatype = datatype.ok_or_else(|| {
            wrong(
                ".datatype",
                "expected one such as FP32, got nothing".to_owned(),
            )
        })?;
        Ok(Given {
            data_place: format!("{place}.data"),
            place,
            name,
            datatype: Some(datatype),
            shape,
            data,
        })
    };
    items.iter().enumerate().map(read).collect()
}

/// Names and values.
fn named(raw: &RawValue) -> Result<Vec<Given>> {
    let Entries(entries) = parse(raw, "inputs")?;
    let read = |(name, value): (String, &RawValue)| -> Result<Given> {
        let place = format!("inputs.{name}");
        // {"base64": …} is an element; any other object says more of the tensor.
        let is_wrapped = value.get().starts_with('{')
            && parse::<Entries<'_>>(value, &place)?
                .0
                .iter()
                .any(|(key, _)| key == "data");
        let (datatype, shape, data, data_place) = match is_wrapped {
            false => (None, None, value.to_owned(), place.clone()),
            true => {
                let mut wire: Wire<'_> = read_object(value, &place)?;
                if wire.name.take().is_some() {
                    return Err(unknown(&place, "name", "shape, datatype, data"));
                }
                let (datatype, shape, data) = wire.rest(&place)?;
                (datatype, shape, data, format!("{place}.data"))
            }
        };
        Ok(Given {
            place,
            data_place,
            name,
            datatype,
            shape,
            data,
        })
    };
    entries.into_iter().map(read).collect()
}

/// The grammar was checked before.
fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue, place: &str) -> Result<T> {
    serde_json::from_str(raw.get()).map_err(|_| {
        Error::argument(
            place,
            format!("{place}: expected one list or object, got something else"),
        )
    })
}

#[derive(Default)]
struct Wire<'a> {
    name: Option<String>,
    datatype: Option<&'a RawValue>,
    shape: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
}

fn unknown(place: &str, key: &str, known: &str) -> Error {
    let field = format!("{place}.{key}");
    Error::argument(
        &field,
        format!("{field}: unknown field; known here are {known}"),
    )
}

fn read_object<'a>(raw: &'a RawValue, place: &str) -> Result<Wire<'a>> {
    if !raw.get().starts_with('{') {
        let expected = "an object {\"name\", \"shape\", \"datatype\", \"data\"}";
        return Err(Error::argument(
            place,
            format!("{place}: expected {expected}, got something else"),
        ));
    }
    let Entries(entries) = parse(raw, place)?;
    let mut wire = Wire::default();
    for (key, value) in entries.into_iter().filter(|(_, v)| v.get() != "null") {
        match key.as_str() {
            "name" => {
                let name = serde_json::from_str(value.get()).map_err(|_| {
                    let field = format!("{place}.name");
                    Error::argument(
                        &field,
                        format!("{field}: expected a string, got something else"),
                    )
                })?;
                wire.name = Some(name);
            }
            "datatype" => wire.datatype = Some(value),
            "shape" => wire.shape = Some(value),
            "data" => wire.data = Some(value),
            key => return Err(unknown(place, key, "name, shape, datatype, data")),
        }
    }
    Ok(wire)
}

type Rest = (Option<Datatype>, Option<Vec<usize>>, Box<RawValue>);

impl Wire<'_> {
    fn rest(self, place: &str) -> Result<Rest> {
        let wrong = |field: &str, why: &str| {
            let place = format!("{place}.{field}");
            Error::argument(&place, format!("{place}: {why}"))
        };
        let datatype = match self.datatype {
            None => None,
            Some(raw) => {
                let name: Option<String> = serde_json::from_str(raw.get()).ok();
                let datatype = name.and_then(|name| Datatype::parse(&name));
                let expected = "expected BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, FP16, BF16, \
                                FP32, FP64 or BYTES, got something else";
                Some(datatype.ok_or_else(|| wrong("datatype", expected))?)
            }
        };
        let shape = match self.shape {
            None => None,
            Some(raw) => {
                let shape: Option<Vec<usize>> = serde_json::from_str(raw.get()).ok();
                let shape = shape.filter(|s| s.len() <= data::DEEPEST);
                let expected = "expected a list of whole numbers of at least 0, got something else";
                Some(shape.ok_or_else(|| wrong("shape", expected))?)
            }
        };
        let data = self
            .data
            .ok_or_else(|| wrong("data", "expected a list, got nothing"))?;
        Ok((datatype, shape, data.to_owned()))
    }
}

/// An object's entries, values as text.
pub(super) struct Entries<'a>(pub(super) Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Entries<'a>, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
            fn visit_seq<A: SeqAccess<'de>>(
                self,
                _: A,
            ) -> std::result::Result<Entries<'de>, A::Error> {
                Err(de::Error::custom("a list"))
            }
        }
        d.deserialize_map(EntriesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triton::model::tests::model;

    fn inputs(json: &str) -> Result<Inputs> {
        Inputs::take(Some(serde_json::from_str(json).unwrap()))
    }

    fn shape(declared: &str, batch: u32, value: &str) -> Result<Vec<usize>> {
        let model = model(&format!("x:{declared}"), "y:FP32[1]", batch, false);
        let tensors = inputs(&format!(r#"{{"x":{value}}}"#))?.fit(Some(&model))?;
        Ok(tensors[0].shape.clone())
    }

    #[test]
    fn values_get_their_models_shape() {
        for (declared, batch, value, expected) in [
            // As it is.
            ("FP32[2,2]", 0, "[[1,2],[3,4]]", vec![2, 2]),
            ("FP32[2]", 8, "[[1,2],[3,4],[5,6]]", vec![3, 2]),
            ("FP32[-1]", 0, "[1,2,3]", vec![3]),
            ("FP32[-1]", 0, "[]", vec![0]),
            // A batch of one.
            ("FP32[2]", 8, "[1,2]", vec![1, 2]),
            ("INT64[-1]", 8, "[1,2,3]", vec![1, 3]),
            ("FP32[1,2]", 8, "[[1,2]]", vec![1, 1, 2]),
            // One element in a row: as many rows.
            ("BYTES[1]", 8, r#"["a","b"]"#, vec![2, 1]),
            ("BYTES[1]", 8, r#"["a"]"#, vec![1, 1]),
            // A bare element.
            ("INT32[1]", 0, "7", vec![1]),
            ("INT32[1]", 8, "7", vec![1, 1]),
            ("BYTES[-1,1]", 8, r#"{"base64":"/w=="}"#, vec![1, 1, 1]),
            // What the caller says.
            (
                "FP32[2,2]",
                0,
                r#"{"shape":[2,2],"data":[1,2,3,4]}"#,
                vec![2, 2],
            ),
            (
                "FP32[2,2]",
                0,
                r#"{"data":[[1,2],[3,4]],"datatype":"FP32"}"#,
                vec![2, 2],
            ),
            ("FP32[-1,3]", 0, r#"{"shape":[0,3],"data":[]}"#, vec![0, 3]),
        ] {
            assert_eq!(
                shape(declared, batch, value),
                Ok(expected),
                "{declared} {value}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        for (declared, batch, value, said) in [
            (
                "FP32[2,3]",
                0,
                "[1,2,3,4,5,6]",
                "inputs.x: expected the shape [2, 3], got [6]",
            ),
            (
                "FP32[2]",
                8,
                "[1,2,3]",
                "inputs.x: expected the shape [-1, 2], the batch dimension first, got [1, 3]",
            ),
            (
                "FP32[2]",
                2,
                "[[1,2],[1,2],[1,2]]",
                "inputs.x: expected a batch of at most 2, got 3",
            ),
            (
                "FP32[3]",
                0,
                "7",
                "inputs.x: expected the shape [3], got [1]",
            ),
            (
                "FP32[2,2]",
                0,
                "[[1,2],[3,\"four\"]]",
                "inputs.x[1][1]: expected a number that FP32 can hold, got a string",
            ),
            (
                "FP32[2]",
                0,
                r#"{"shape":[2],"data":[1]}"#,
                "inputs.x.data: expected 2 elements for the shape [2], got 1 element",
            ),
            (
                "FP32[4]",
                0,
                r#"{"shape":[4],"data":[[1,2],[3,4]]}"#,
                "inputs.x.data: expected a flat list or lists nested as the shape [4], got [2, 2]",
            ),
            (
                "FP32[4]",
                0,
                r#"{"shape":[18446744073709551615,2],"data":[1]}"#,
                "inputs.x.data: expected more elements than there can be for the shape [18446744073709551615, 2], got 1 element",
            ),
            (
                "FP32[1]",
                0,
                r#"{"datatype":"INT8","data":[1]}"#,
                "inputs.x: expected the datatype FP32, got INT8",
            ),
            (
                "FP32[1]",
                0,
                r#"{"data":[1],"form":1}"#,
                "inputs.x.form: unknown field; known here are name, shape, datatype, data",
            ),
            (
                "FP32[1]",
                0,
                r#"{"data":[1],"name":"x"}"#,
                "inputs.x.name: unknown field; known here are shape, datatype, data",
            ),
            (
                "FP32[1]",
                0,
                r#"{"data":[1],"shape":[-1]}"#,
                "inputs.x.shape: expected a list of whole numbers of at least 0, got something else",
            ),
            (
                "FP32[1]",
                0,
                "null",
                "inputs.x: expected a number that FP32 can hold, got null",
            ),
        ] {
            let e = shape(declared, batch, value).unwrap_err();
            assert_eq!(e.message(), said);
            assert!(e.param().is_some_and(|p| said.starts_with(p)), "{e:?}");
        }
    }

    #[test]
    fn kserves_list_needs_no_metadata() {
        let list = r#"[{"name":"a","shape":[1,2],"datatype":"INT8","data":[1,2]},
            {"name":"b","datatype":"BYTES","data":[["x"]]}]"#;
        let given = inputs(list).unwrap();
        given.check_alone().unwrap();
        let tensors = given.fit(None).unwrap();
        assert_eq!(
            (tensors[0].shape.as_slice(), tensors[0].bytes.as_slice()),
            ([1, 2].as_slice(), [1, 2].as_slice())
        );
        assert_eq!(
            (tensors[1].shape.as_slice(), tensors[1].bytes.as_slice()),
            ([1, 1].as_slice(), b"\x01\0\0\0x".as_slice())
        );
        let e = inputs(r#"{"x":1}"#).unwrap().check_alone().unwrap_err();
        assert!(
            e.message().starts_with("inputs.x: expected a datatype"),
            "{e}"
        );
    }

    #[test]
    fn what_is_no_list_of_tensors_is_told() {
        for (json, said) in [
            ("\"x\"", "inputs: expected a list of"),
            ("7", "inputs: expected a list of"),
            ("[1]", "inputs[0]: expected an object"),
            ("[{}]", "inputs[0].name: expected a tensor's name, got none"),
            (r#"[{"name":7}]"#, "inputs[0].name: expected a string"),
            (
                r#"[{"name":"x"}]"#,
                "inputs[0].data: expected a list, got nothing",
            ),
            (
                r#"[{"name":"x","data":[]}]"#,
                "inputs[0].datatype: expected one such as FP32, got nothing",
            ),
            (
                r#"[{"name":"x","datatype":"FP8","data":[]}]"#,
                "inputs[0].datatype: expected BOOL,",
            ),
            (
                r#"[{"name":"x","datatype":"FP32","shape":[1.5],"data":[]}]"#,
                "inputs[0].shape: expected a list of whole",
            ),
            (
                r#"[{"name":"x","datatype":"FP32","parameters":{},"data":[]}]"#,
                "inputs[0].parameters: unknown field",
            ),
            (r#"{"x":1,"x":2}"#, "inputs.x: 'x' is there twice"),
        ] {
            let e = inputs(json).unwrap_err();
            assert!(e.message().starts_with(said), "{json}: {e}");
        }
        assert_eq!(Inputs::take(None).unwrap_err().param(), Some("inputs"));
    }

    #[test]
    fn names_are_the_models() {
        let model = model("a:FP32[1] b:FP32[1]?", "y:FP32[1]", 0, false);
        let fit = |json: &str| inputs(json).unwrap().fit(Some(&model));
        assert_eq!(fit(r#"{"a":1}"#).unwrap().len(), 1);
        assert_eq!(fit(r#"{"a":1,"b":2}"#).unwrap().len(), 2);
        let e = fit(r#"{"b":1}"#).unwrap_err();
        assert!(
            e.message().starts_with("inputs: expected a FP32[1] too"),
            "{e}"
        );
        let e = fit(r#"{"a":1,"c":1}"#).unwrap_err();
        assert_eq!(
            e.message(),
            "inputs.c: the model has no such input; it takes a FP32[1], b FP32[1]"
        );
    }
}
