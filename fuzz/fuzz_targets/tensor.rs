//! A datatype's name in the first line, and below it a tensor's data, read as raw bytes and as JSON.
#![no_main]

use fuzz::{errors, numbers, parts};
use libfuzzer_sys::fuzz_target;
use mishikallm::openai::response::Values;
use mishikallm::triton::tensor::{
    Datatype, half_to_bytes, numbers_from_bytes, numbers_from_json, texts_from_bytes,
};
use serde::Deserialize;
use serde_json::Value;

fuzz_target!(|input: &[u8]| {
    let (name, data) = parts::head(input);
    if let Some(datatype) = Datatype::parse(name) {
        assert_eq!(datatype.name(), name);
        check_raw(datatype, data);
    }
    check_texts(data);
    if let Ok(text) = std::str::from_utf8(data) {
        check_json(text);
    }
});

/// As many numbers as the bytes hold, and from them the bytes again.
fn check_raw(datatype: Datatype, data: &[u8]) {
    let size = datatype.size();
    let Some(values) = numbers_from_bytes(datatype, data) else {
        return assert!(size == 0 || data.len() % size != 0);
    };
    assert_eq!(values.len() * size, data.len());
    let again: Vec<u8> = match (datatype, &values) {
        (Datatype::Fp32, Values::F32(v)) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        (Datatype::Fp64, Values::F64(v)) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        (Datatype::Int32, Values::F64(v)) => {
            v.iter().flat_map(|x| (*x as i32).to_le_bytes()).collect()
        }
        (Datatype::Uint32, Values::F64(v)) => {
            v.iter().flat_map(|x| (*x as u32).to_le_bytes()).collect()
        }
        // A NaN may come back as another one.
        (Datatype::Fp16 | Datatype::Bf16, Values::F32(v)) if v.iter().all(|x| !x.is_nan()) => v
            .iter()
            .flat_map(|x| half_to_bytes(datatype, f64::from(*x)))
            .collect(),
        _ => return,
    };
    assert_eq!(again, data);
}

fn check_texts(data: &[u8]) {
    let Some(texts) = texts_from_bytes(data) else {
        return;
    };
    // What is no UTF-8 was replaced, and has other bytes.
    if texts.iter().all(|t| !t.contains('\u{fffd}')) {
        let again: Vec<u8> = texts
            .iter()
            .flat_map(|t| [&(t.len() as u32).to_le_bytes(), t.as_bytes()].concat())
            .collect();
        assert_eq!(again, data);
    }
}

/// The numbers are those that serde_json finds, and a value that fits once fits as it is.
fn check_json(text: &str) {
    let value = Value::deserialize(&mut serde_json::Deserializer::from_str(text)).ok();
    let expected = value.as_ref().and_then(numbers::flatten);
    let count = expected.as_ref().map_or(0, Vec::len);
    for datatype in [Datatype::Fp64, Datatype::Fp32] {
        match (numbers_from_json(datatype, text.as_bytes(), count), &expected) {
            (Ok(Values::F64(numbers)), Some(expected)) => assert_eq!(numbers, *expected),
            (Ok(Values::F32(numbers)), Some(expected)) => {
                assert_eq!(numbers.len(), expected.len());
                // Through a double a float is rounded twice: it may be the neighbour.
                let is_near = |(a, b): (&f32, &f64)| {
                    let b = *b as f32;
                    *a == b || *a == b.next_up() || *a == b.next_down()
                };
                assert!(numbers.iter().zip(expected).all(is_near));
            }
            (Ok(_), None) => panic!("numbers where there are none"),
            (Err(_), Some(_)) => panic!("no numbers where there are some"),
            (Err(error), None) => errors::check_inner(&error, text.len()),
        }
    }
    let Some(value) = value else { return };
    for datatype in ALL {
        if let Some(fitted) = datatype.fit(&value) {
            assert_eq!(datatype.fit(&fitted).as_ref(), Some(&fitted));
            match datatype {
                Datatype::Bool => assert!(fitted.is_boolean()),
                Datatype::Bytes => assert!(fitted.is_string()),
                d if d.is_float() => assert!(fitted.is_f64() && numbers::fit(d, &fitted)),
                _ => assert!(fitted.is_i64() || fitted.is_u64()),
            }
            assert!(!fitted.is_number() || fitted.as_f64() == value.as_f64());
        }
    }
}

const ALL: [Datatype; 14] = [
    Datatype::Bool,
    Datatype::Uint8,
    Datatype::Uint16,
    Datatype::Uint32,
    Datatype::Uint64,
    Datatype::Int8,
    Datatype::Int16,
    Datatype::Int32,
    Datatype::Int64,
    Datatype::Fp16,
    Datatype::Bf16,
    Datatype::Fp32,
    Datatype::Fp64,
    Datatype::Bytes,
];
