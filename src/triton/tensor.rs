//! Tensor datatypes, and tensor data both as JSON and as raw bytes.
//!
//! Source: KServe v2 "Tensor Data Types", and Triton's binary tensor data extension: little-endian numbers in row-major
//! order; each BYTES element is a 4-byte little-endian length and the bytes.

use super::numbers::floats;
use crate::error::{Error, Result};
use crate::openai::response::Values;
use half::{bf16, f16};
use serde::de::{self, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// KServe's datatypes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Datatype {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Int8,
    Int16,
    Int32,
    Int64,
    Fp16,
    Bf16,
    Fp32,
    Fp64,
    Bytes,
}

impl Datatype {
    const ALL: [(Datatype, &'static str); 14] = [
        (Datatype::Bool, "BOOL"),
        (Datatype::Uint8, "UINT8"),
        (Datatype::Uint16, "UINT16"),
        (Datatype::Uint32, "UINT32"),
        (Datatype::Uint64, "UINT64"),
        (Datatype::Int8, "INT8"),
        (Datatype::Int16, "INT16"),
        (Datatype::Int32, "INT32"),
        (Datatype::Int64, "INT64"),
        (Datatype::Fp16, "FP16"),
        (Datatype::Bf16, "BF16"),
        (Datatype::Fp32, "FP32"),
        (Datatype::Fp64, "FP64"),
        (Datatype::Bytes, "BYTES"),
    ];

    /// Reads the name as metadata writes it.
    pub fn parse(name: &str) -> Option<Datatype> {
        Self::ALL.iter().find(|(_, n)| *n == name).map(|(d, _)| *d)
    }

    /// The name as metadata writes it.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(d, _)| *d == self)
            .map_or("BYTES", |(_, n)| n)
    }

    /// FP16, BF16, FP32 or FP64.
    pub fn is_float(self) -> bool {
        matches!(
            self,
            Datatype::Fp16 | Datatype::Bf16 | Datatype::Fp32 | Datatype::Fp64
        )
    }

    /// Signed or unsigned whole numbers.
    pub fn is_integer(self) -> bool {
        !self.is_float() && !matches!(self, Datatype::Bool | Datatype::Bytes)
    }

    /// Triton refuses these as JSON: 400 "sending FP16 data via JSON is not supported".
    pub fn needs_binary(self) -> bool {
        matches!(self, Datatype::Fp16 | Datatype::Bf16)
    }

    /// Bytes of one element; 0 for BYTES, whose elements differ.
    pub fn size(self) -> usize {
        match self {
            Datatype::Bool | Datatype::Uint8 | Datatype::Int8 => 1,
            Datatype::Uint16 | Datatype::Int16 | Datatype::Fp16 | Datatype::Bf16 => 2,
            Datatype::Uint32 | Datatype::Int32 | Datatype::Fp32 => 4,
            Datatype::Uint64 | Datatype::Int64 | Datatype::Fp64 => 8,
            Datatype::Bytes => 0,
        }
    }

    /// What a caller has to write for this datatype.
    pub fn expectation(self) -> String {
        match self {
            Datatype::Bool => "true or false".to_owned(),
            Datatype::Bytes => "a string".to_owned(),
            d if d.is_float() => "a number".to_owned(),
            d => {
                let (least, most) = d.bounds();
                format!("a whole number from {least} to {most}")
            }
        }
    }

    /// The smallest and the largest whole number of the type.
    fn bounds(self) -> (i128, i128) {
        match self {
            Datatype::Uint8 => (0, u8::MAX.into()),
            Datatype::Uint16 => (0, u16::MAX.into()),
            Datatype::Uint32 => (0, u32::MAX.into()),
            Datatype::Uint64 => (0, u64::MAX.into()),
            Datatype::Int8 => (i8::MIN.into(), i8::MAX.into()),
            Datatype::Int16 => (i16::MIN.into(), i16::MAX.into()),
            Datatype::Int32 => (i32::MIN.into(), i32::MAX.into()),
            _ => (i64::MIN.into(), i64::MAX.into()),
        }
    }

    /// The largest number of a floating-point datatype.
    fn largest(self) -> f64 {
        match self {
            Datatype::Fp16 => half::f16::MAX.to_f64(),
            Datatype::Bf16 => half::bf16::MAX.to_f64(),
            Datatype::Fp32 => f32::MAX.into(),
            _ => f64::MAX,
        }
    }

    /// The JSON value as Triton wants it for this datatype (`1` for FP32 becomes `1.0`, `2.0` for INT32 becomes `2`),
    /// or `None` when it does not fit.
    pub fn fit(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Datatype::Bool, Value::Bool(_)) | (Datatype::Bytes, Value::String(_)) => {
                Some(value.clone())
            }
            // A structured value for a text input is what such inputs (`sampling_parameters`) hold: JSON in a string.
            (Datatype::Bytes, Value::Object(_)) => Some(Value::String(value.to_string())),
            (d, Value::Number(n)) if d.is_float() => {
                let number = n.as_f64().filter(|x| x.abs() <= d.largest())?;
                serde_json::Number::from_f64(number).map(Value::Number)
            }
            (d, Value::Number(n)) if d.is_integer() => {
                let whole = match (n.as_i64(), n.as_u64(), n.as_f64()) {
                    (Some(i), ..) => i128::from(i),
                    (_, Some(u), _) => i128::from(u),
                    (_, _, Some(f)) if f.fract() == 0.0 && f.abs() < 9.0e15 => f as i128,
                    _ => return None,
                };
                let (least, most) = d.bounds();
                if whole < least || whole > most {
                    return None;
                }
                match i64::try_from(whole) {
                    Ok(i) => Some(i.into()),
                    Err(_) => u64::try_from(whole).ok().map(Value::from),
                }
            }
            _ => None,
        }
    }
}

/// Reads numbers out of raw bytes. `None`: BYTES, or a length that is no multiple of the element's.
pub fn numbers_from_bytes(datatype: Datatype, bytes: &[u8]) -> Option<Values> {
    let size = datatype.size();
    if size == 0 || bytes.len() % size != 0 {
        return None;
    }
    fn read<const N: usize, T>(bytes: &[u8], convert: impl Fn([u8; N]) -> T) -> Vec<T> {
        bytes
            .chunks_exact(N)
            .map(|c| {
                let mut element = [0; N];
                element.copy_from_slice(c);
                convert(element)
            })
            .collect()
    }
    Some(match datatype {
        Datatype::Fp32 => read(bytes, f32::from_le_bytes).into(),
        Datatype::Fp16 => read(bytes, |b| f16::from_le_bytes(b).to_f32()).into(),
        Datatype::Bf16 => read(bytes, |b| bf16::from_le_bytes(b).to_f32()).into(),
        Datatype::Fp64 => Values::F64(read(bytes, f64::from_le_bytes)),
        Datatype::Bool | Datatype::Uint8 => read(bytes, |b| f32::from(u8::from_le_bytes(b))).into(),
        Datatype::Int8 => read(bytes, |b| f32::from(i8::from_le_bytes(b))).into(),
        Datatype::Uint16 => read(bytes, |b| f32::from(u16::from_le_bytes(b))).into(),
        Datatype::Int16 => read(bytes, |b| f32::from(i16::from_le_bytes(b))).into(),
        Datatype::Uint32 => Values::F64(read(bytes, |b| f64::from(u32::from_le_bytes(b)))),
        Datatype::Int32 => Values::F64(read(bytes, |b| f64::from(i32::from_le_bytes(b)))),
        Datatype::Uint64 => Values::F64(read(bytes, |b| u64::from_le_bytes(b) as f64)),
        Datatype::Int64 => Values::F64(read(bytes, |b| i64::from_le_bytes(b) as f64)),
        Datatype::Bytes => return None,
    })
}

/// Reads texts out of raw bytes. `None`: a length points beyond the end.
pub fn texts_from_bytes(mut bytes: &[u8]) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (text, rest) = rest.split_at_checked(length)?;
        texts.push(String::from_utf8_lossy(text).into_owned());
        bytes = rest;
    }
    Some(texts)
}

/// Raw bytes of one element that cannot travel as JSON.
pub fn half_to_bytes(datatype: Datatype, value: f64) -> [u8; 2] {
    match datatype {
        Datatype::Bf16 => bf16::from_f64(value).to_le_bytes(),
        _ => f16::from_f64(value).to_le_bytes(),
    }
}

/// Reads the numbers of a JSON tensor, however deep its lists are nested: as 32-bit floats where the datatype is no wider.
pub fn numbers_from_json(datatype: Datatype, text: &[u8], expected: usize) -> Result<Values> {
    use Datatype::{Bf16, Fp16, Fp32, Int8, Int16, Uint8, Uint16};
    let is_short = matches!(datatype, Fp32 | Fp16 | Bf16 | Int8 | Int16 | Uint8 | Uint16);
    if is_short {
        if let Some(numbers) = floats(text, expected) {
            return Ok(numbers.into());
        }
    }
    let numbers = doubles_from_json(text, expected)?;
    Ok(match is_short {
        true => Values::F64(numbers).into_f32().into_vec().into(),
        false => Values::F64(numbers),
    })
}

fn doubles_from_json(text: &[u8], expected: usize) -> Result<Vec<f64>> {
    // Not more than there are: the shape is the server's word.
    let mut numbers = Vec::with_capacity(expected.min(text.len() / 2 + 1));
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Flatten(&mut numbers)
        .deserialize(&mut deserializer)
        .map_err(|_| {
            Error::protocol("a tensor's data in the answer of Triton is not a list of numbers")
        })?;
    Ok(numbers)
}

/// Pushes every number of nested lists into one vector, without building the lists.
struct Flatten<'a>(&'a mut Vec<f64>);

impl<'de> DeserializeSeed<'de> for Flatten<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> std::result::Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Flatten<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a list of numbers")
    }
    fn visit_f64<E: de::Error>(self, x: f64) -> std::result::Result<(), E> {
        self.0.push(x);
        Ok(())
    }
    fn visit_i64<E: de::Error>(self, x: i64) -> std::result::Result<(), E> {
        self.0.push(x as f64);
        Ok(())
    }
    fn visit_u64<E: de::Error>(self, x: u64) -> std::result::Result<(), E> {
        self.0.push(x as f64);
        Ok(())
    }
    fn visit_bool<E: de::Error>(self, x: bool) -> std::result::Result<(), E> {
        self.0.push(if x { 1.0 } else { 0.0 });
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> std::result::Result<(), A::Error> {
        while seq.next_element_seed(Flatten(self.0))?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_get_their_tensors_type() {
        assert_eq!(Datatype::Fp32.fit(&json!(1)).unwrap().to_string(), "1.0");
        assert_eq!(Datatype::Int32.fit(&json!(2.0)).unwrap().to_string(), "2");
        assert_eq!(
            Datatype::Uint64.fit(&json!(u64::MAX)).unwrap(),
            json!(u64::MAX)
        );
        assert_eq!(
            Datatype::Bytes.fit(&json!({"a":1})).unwrap(),
            json!("{\"a\":1}")
        );
        for (datatype, value) in [
            (Datatype::Int32, json!(2.5)),
            (Datatype::Int32, json!(3_000_000_000_u64)),
            (Datatype::Uint64, json!(-1)),
            (Datatype::Bool, json!(1)),
            (Datatype::Bytes, json!(1)),
            (Datatype::Fp32, json!("1")),
        ] {
            assert_eq!(datatype.fit(&value), None, "{datatype:?} {value}");
        }
    }

    #[test]
    fn raw_numbers() {
        let bytes = [1.5f32, -2.0].map(f32::to_le_bytes).concat();
        assert_eq!(
            numbers_from_bytes(Datatype::Fp32, &bytes),
            Some(vec![1.5f32, -2.0].into())
        );
        let half = [
            half_to_bytes(Datatype::Fp16, 1.5),
            half_to_bytes(Datatype::Fp16, -2.0),
        ]
        .concat();
        assert_eq!(
            numbers_from_bytes(Datatype::Fp16, &half),
            Some(vec![1.5f32, -2.0].into())
        );
        let brain = half_to_bytes(Datatype::Bf16, -2.0);
        assert_eq!(
            numbers_from_bytes(Datatype::Bf16, &brain),
            Some(vec![-2.0f32].into())
        );
        assert_eq!(
            numbers_from_bytes(Datatype::Int64, &(-3i64).to_le_bytes()),
            Some(Values::F64(vec![-3.0]))
        );
        assert_eq!(numbers_from_bytes(Datatype::Fp32, &bytes[..7]), None);
        assert_eq!(numbers_from_bytes(Datatype::Bytes, &bytes), None);
    }

    #[test]
    fn raw_texts() {
        assert_eq!(
            texts_from_bytes(b"\x02\0\0\0hi\0\0\0\0"),
            Some(vec!["hi".into(), String::new()])
        );
        assert_eq!(texts_from_bytes(b"\x03\0\0\0hi"), None);
        assert_eq!(texts_from_bytes(b"\x03\0"), None);
        assert_eq!(texts_from_bytes(b"\xff\xff\xff\xff"), None);
    }

    #[test]
    fn nested_json_is_flattened() {
        let numbers = [1.0, 2.5, 3.0, 1.0];
        let read = |datatype, text: &str| numbers_from_json(datatype, text.as_bytes(), 4);
        let (text, bare) = ("[[1,2.5],[[3]],true]", "7");
        assert_eq!(
            read(Datatype::Fp64, text).unwrap(),
            Values::F64(numbers.to_vec())
        );
        let short: Values = numbers.map(|x| x as f32).to_vec().into();
        assert_eq!(read(Datatype::Fp32, text).unwrap(), short);
        assert_eq!(read(Datatype::Int8, bare).unwrap(), vec![7.0f32].into());
        for bad in ["[1,\"a\"]", "[1,null]", "{}", "[1"] {
            for datatype in [Datatype::Fp32, Datatype::Int64] {
                assert!(read(datatype, bad).is_err(), "{bad}");
            }
        }
    }

    #[test]
    fn names_round_trip() {
        for (datatype, name) in Datatype::ALL {
            assert_eq!(Datatype::parse(name), Some(datatype));
            assert_eq!(datatype.name(), name);
        }
    }
}
