//! A tensor's elements as JSON ↔ as raw bytes, exactly: whole numbers of 64 bits keep every digit, and floats are written as
//! the shortest text that reads back as the same float.
//!
//! serde_json's own numbers would go through a 64-bit float that may be off by its last bit. Here each number is read from its
//! text by its datatype; serde_json has checked the text's grammar before.
//!
//! | datatype | as JSON |
//! |---|---|
//! | BOOL | `true`, `false` |
//! | INT8 … UINT64 | whole numbers; `2.0` is read as 2 |
//! | FP16, BF16, FP32, FP64 | numbers; what JSON has no number for is `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | BYTES | a string, or `{"base64": "…"}` for bytes that are no UTF-8 |

use crate::json::kind;
use crate::triton::tensor::Datatype;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use half::{bf16, f16};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The deepest nesting of lists; no model has so many dimensions.
pub const DEEPEST: usize = 32;

/// Lists without an element in them that a nested answer may have: a shape `[1000000000,0]` has no data and many lists.
const MOST_EMPTY_LISTS: usize = 1 << 16;

/// Elements that were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Elements {
    /// How the lists were nested; empty for a bare element.
    pub shape: Vec<usize>,
    /// How many elements there are.
    pub count: usize,
    /// Their bytes, as Triton's binary tensor data has them.
    pub bytes: Vec<u8>,
}

/// What is wrong with a JSON value.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// Where, such as `[2][0]`; empty: the value itself.
    pub place: String,
    /// What was expected.
    pub expected: String,
    /// What came, told by its kind.
    pub got: String,
}

/// Reads nested lists of elements, all lists of one depth of one length.
pub fn read(datatype: Datatype, json: &RawValue) -> Result<Elements, Mistake> {
    let mut reader = Reader {
        datatype,
        out: Elements::default(),
        lengths: Vec::new(),
        open: Vec::new(),
        leaf_depth: None,
    };
    reader.read(json.get())?;
    reader.out.shape = reader.lengths.iter().map(|n| n.unwrap_or(0)).collect();
    Ok(reader.out)
}

struct Reader {
    datatype: Datatype,
    out: Elements,
    /// The length of the lists of each depth, where one of them is complete.
    lengths: Vec<Option<usize>>,
    /// How many items each open list has so far.
    open: Vec<usize>,
    /// How deep elements stand.
    leaf_depth: Option<usize>,
}

impl Reader {
    fn read(&mut self, text: &str) -> Result<(), Mistake> {
        let mut rest = text;
        loop {
            rest = rest.trim_ascii_start();
            let Some(first) = rest.bytes().next() else {
                return Ok(());
            };
            match first {
                b'[' => {
                    self.begin()?;
                    rest = &rest[1..];
                }
                b']' => {
                    self.end()?;
                    rest = &rest[1..];
                }
                b',' => rest = &rest[1..],
                _ => {
                    let (token, after) = rest.split_at(token_length(rest));
                    self.element(token)?;
                    rest = after;
                }
            }
        }
    }

    fn begin(&mut self) -> Result<(), Mistake> {
        let depth = self.open.len();
        if self.leaf_depth.is_some_and(|leaf| depth >= leaf) {
            return Err(self.mistake(self.datatype_expectation(), "a list".to_owned()));
        }
        if depth == DEEPEST {
            let got = "lists in it".to_owned();
            return Err(self.mistake(format!("lists nested at most {DEEPEST} deep"), got));
        }
        if depth == self.lengths.len() {
            self.lengths.push(None);
        }
        self.open.push(0);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Mistake> {
        let length = self.open.pop().unwrap_or(0);
        match self.lengths.get_mut(self.open.len()) {
            Some(known @ None) => *known = Some(length),
            Some(Some(known)) if *known != length => {
                let expected = format!("a list of {known} as before it");
                return Err(self.mistake(expected, format!("a list of {length}")));
            }
            _ => {}
        }
        self.counted();
        Ok(())
    }

    fn element(&mut self, token: &str) -> Result<(), Mistake> {
        let depth = self.open.len();
        if depth < self.lengths.len() {
            return Err(self.mistake("a list as before it".to_owned(), kind_of(token)));
        }
        self.leaf_depth = Some(depth);
        if push(self.datatype, token, &mut self.out.bytes).is_none() {
            return Err(self.mistake(self.datatype_expectation(), kind_of(token)));
        }
        self.out.count += 1;
        self.counted();
        Ok(())
    }

    /// One more item is in the innermost open list.
    fn counted(&mut self) {
        if let Some(count) = self.open.last_mut() {
            *count += 1;
        }
    }

    fn datatype_expectation(&self) -> String {
        match self.datatype {
            Datatype::Bytes => r#"a string or {"base64": "…"}"#.to_owned(),
            d if d.is_float() => format!("a number that {} can hold", d.name()),
            d => d.expectation(),
        }
    }

    fn mistake(&self, expected: String, got: String) -> Mistake {
        Mistake {
            place: self.open.iter().map(|i| format!("[{i}]")).collect(),
            expected,
            got,
        }
    }
}

/// The length of what the text begins with: a string, an object, or a word. The text is valid JSON.
fn token_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes[0] {
        b'"' => string_length(bytes),
        b'{' => {
            let mut depth = 0;
            let mut i = 0;
            while i < bytes.len() {
                match bytes[i] {
                    b'"' => {
                        i += string_length(&bytes[i..]);
                        continue;
                    }
                    b'{' => depth += 1,
                    b'}' if depth == 1 => return i + 1,
                    b'}' => depth -= 1,
                    _ => {}
                }
                i += 1;
            }
            bytes.len()
        }
        _ => bytes
            .iter()
            .position(|b| b",] \t\r\n".contains(b))
            .unwrap_or(bytes.len()),
    }
}

/// The length of the string that the bytes begin with, its quotes included.
fn string_length(bytes: &[u8]) -> usize {
    let mut i = 1;
    while let Some(at) = bytes.get(i..).and_then(|b| memchr::memchr2(b'"', b'\\', b)) {
        i += at;
        if bytes[i] == b'"' {
            return i + 1;
        }
        i += 2;
    }
    bytes.len()
}

/// What a token is, for a message; a text is never repeated, a long number neither.
fn kind_of(token: &str) -> String {
    match token.as_bytes()[0] {
        b'"' => "a string".to_owned(),
        b'{' => "an object".to_owned(),
        b't' | b'f' => kind(&Value::Bool(token == "true")),
        b'n' => kind(&Value::Null),
        _ if token.len() > 40 => "a long number".to_owned(),
        _ => format!("the number {token}"),
    }
}

/// Pushes one element; `None`: it does not fit the datatype.
fn push(datatype: Datatype, token: &str, out: &mut Vec<u8>) -> Option<()> {
    match datatype {
        Datatype::Bool => out.push(match token {
            "true" => 1,
            "false" => 0,
            _ => return None,
        }),
        Datatype::Bytes => {
            let bytes = bytes_of(token)?;
            let length = u32::try_from(bytes.len()).ok()?;
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(&bytes);
        }
        Datatype::Fp32 => {
            out.extend_from_slice(&float(token, |x: f32| x.is_finite())?.to_le_bytes())
        }
        Datatype::Fp64 => {
            out.extend_from_slice(&float(token, |x: f64| x.is_finite())?.to_le_bytes())
        }
        Datatype::Fp16 => {
            let read = |x| f16::from_f64(x);
            let half = half_of(token, read, |h| h.is_finite())?;
            out.extend_from_slice(&half.to_le_bytes());
        }
        Datatype::Bf16 => {
            let read = |x| bf16::from_f64(x);
            let half = half_of(token, read, |h| h.is_finite())?;
            out.extend_from_slice(&half.to_le_bytes());
        }
        Datatype::Uint8 => out.extend_from_slice(&u8::try_from(whole(token)?).ok()?.to_le_bytes()),
        Datatype::Uint16 => {
            out.extend_from_slice(&u16::try_from(whole(token)?).ok()?.to_le_bytes())
        }
        Datatype::Uint32 => {
            out.extend_from_slice(&u32::try_from(whole(token)?).ok()?.to_le_bytes())
        }
        Datatype::Uint64 => {
            out.extend_from_slice(&u64::try_from(whole(token)?).ok()?.to_le_bytes())
        }
        Datatype::Int8 => out.extend_from_slice(&i8::try_from(whole(token)?).ok()?.to_le_bytes()),
        Datatype::Int16 => out.extend_from_slice(&i16::try_from(whole(token)?).ok()?.to_le_bytes()),
        Datatype::Int32 => out.extend_from_slice(&i32::try_from(whole(token)?).ok()?.to_le_bytes()),
        Datatype::Int64 => out.extend_from_slice(&i64::try_from(whole(token)?).ok()?.to_le_bytes()),
    }
    Some(())
}

/// A whole number; a float that is one, too, up to 2^53, above which a float no longer tells one from the next.
fn whole(token: &str) -> Option<i128> {
    if let Ok(n) = token.parse::<i64>() {
        return Some(n.into());
    }
    if let Ok(n) = token.parse::<u64>() {
        return Some(n.into());
    }
    let x = number::<f64>(token)?;
    (x.fract() == 0.0 && x.abs() <= 9007199254740992.0).then_some(x as i128)
}

/// A float from a number's text. Rust reads "inf" and "nan" too, which are no tokens of JSON.
fn number<T: std::str::FromStr>(token: &str) -> Option<T> {
    let starts = token.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    starts.then(|| token.parse().ok())?
}

/// The float that a text stands for where JSON has no number.
fn special(token: &str) -> Option<f64> {
    match token {
        "\"NaN\"" => Some(f64::NAN),
        "\"Infinity\"" => Some(f64::INFINITY),
        "\"-Infinity\"" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

trait Float: std::str::FromStr + Copy {
    fn from_f64(x: f64) -> Self;
}

impl Float for f32 {
    fn from_f64(x: f64) -> f32 {
        x as f32
    }
}

impl Float for f64 {
    fn from_f64(x: f64) -> f64 {
        x
    }
}

fn float<T: Float>(token: &str, is_finite: impl Fn(T) -> bool) -> Option<T> {
    match special(token) {
        Some(x) => Some(T::from_f64(x)),
        None => number::<T>(token).filter(|x| is_finite(*x)),
    }
}

fn half_of<T: Copy>(
    token: &str,
    read: impl Fn(f64) -> T,
    is_finite: impl Fn(T) -> bool,
) -> Option<T> {
    match special(token) {
        Some(x) => Some(read(x)),
        None => number::<f64>(token).map(read).filter(|x| is_finite(*x)),
    }
}

fn bytes_of(token: &str) -> Option<Cow<'_, [u8]>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Base64<'a> {
        #[serde(borrow)]
        base64: Cow<'a, str>,
    }
    match token.as_bytes()[0] {
        // Without an escape it stands there as it is.
        b'"' if !token.contains('\\') => Some(Cow::Borrowed(&token.as_bytes()[1..token.len() - 1])),
        b'"' => {
            let text: String = serde_json::from_str(token).ok()?;
            Some(Cow::Owned(text.into_bytes()))
        }
        b'{' => {
            let wrapped: Base64<'_> = serde_json::from_str(token).ok()?;
            STANDARD
                .decode(wrapped.base64.as_bytes())
                .ok()
                .map(Cow::Owned)
        }
        _ => None,
    }
}

/// The elements' bytes, one by one. `None`: they are not as many as the shape needs, or one is cut short.
pub fn split(datatype: Datatype, shape: &[usize], bytes: &[u8]) -> Option<usize> {
    let needed = shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d))?;
    let found = match datatype.size() {
        0 => count_texts(bytes)?,
        size if bytes.len() % size == 0 => bytes.len() / size,
        _ => return None,
    };
    (found == needed).then_some(needed)
}

fn count_texts(mut bytes: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !bytes.is_empty() {
        bytes = next_text(bytes)?.1;
        count += 1;
    }
    Some(count)
}

/// The first BYTES element, and what follows it.
fn next_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// Whether JSON can carry the elements to Triton, which takes no text in place of a number.
pub fn fits_json(datatype: Datatype, bytes: &[u8]) -> bool {
    match datatype {
        d if d.needs_binary() => false,
        // All bits of the exponent set: an infinity, or no number.
        Datatype::Fp32 => !bytes
            .chunks_exact(4)
            .any(|b| b[3] & 0x7f == 0x7f && b[2] & 0x80 != 0),
        Datatype::Fp64 => !bytes
            .chunks_exact(8)
            .any(|b| b[7] & 0x7f == 0x7f && b[6] & 0xf0 == 0xf0),
        Datatype::Bytes => {
            let mut rest = bytes;
            while let Some((text, after)) = next_text(rest) {
                if std::str::from_utf8(text).is_err() {
                    return false;
                }
                rest = after;
            }
            true
        }
        _ => true,
    }
}

/// Writes the elements as one flat list.
pub fn write(datatype: Datatype, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    elements(datatype, bytes, |i, element| {
        if i > 0 {
            out.push(b',');
        }
        write_element(datatype, element, out);
    });
    out.push(b']');
}

/// Writes the elements as lists nested as the shape says; a bare element for a shape without dimensions. `None`: the shape is
/// too much to be written.
pub fn write_nested(
    datatype: Datatype,
    shape: &[usize],
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Option<()> {
    if shape.len() > DEEPEST {
        return None;
    }
    if shape.contains(&0) {
        let mut left = MOST_EMPTY_LISTS;
        return write_empty(shape, &mut left, out);
    }
    // How many elements a list of each depth holds, outermost first.
    let held: Vec<usize> = (0..shape.len())
        .map(|depth| shape[depth..].iter().product())
        .collect();
    elements(datatype, bytes, |i, element| {
        if i > 0 {
            out.push(b',');
        }
        let opened = held.iter().filter(|n| i % **n == 0).count();
        out.resize(out.len() + opened, b'[');
        write_element(datatype, element, out);
        let closed = held.iter().filter(|n| (i + 1) % **n == 0).count();
        out.resize(out.len() + closed, b']');
    });
    Some(())
}

fn write_empty(shape: &[usize], left: &mut usize, out: &mut Vec<u8>) -> Option<()> {
    *left = left.checked_sub(1)?;
    out.push(b'[');
    if let [length, inner @ ..] = shape {
        for i in 0..*length {
            if i > 0 {
                out.push(b',');
            }
            write_empty(inner, left, out)?;
        }
    }
    out.push(b']');
    Some(())
}

/// Goes through the bytes of each element.
fn elements(datatype: Datatype, bytes: &[u8], mut each: impl FnMut(usize, &[u8])) {
    match datatype.size() {
        0 => {
            let (mut i, mut rest) = (0, bytes);
            while let Some((text, after)) = next_text(rest) {
                each(i, text);
                (i, rest) = (i + 1, after);
            }
        }
        size => bytes
            .chunks_exact(size)
            .enumerate()
            .for_each(|(i, element)| each(i, element)),
    }
}

fn write_element(datatype: Datatype, element: &[u8], out: &mut Vec<u8>) {
    fn number<const N: usize>(element: &[u8]) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(element);
        bytes
    }
    fn whole(out: &mut Vec<u8>, n: impl itoa::Integer) {
        out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
    }
    match datatype {
        Datatype::Bool if element == [0] => out.extend_from_slice(b"false"),
        Datatype::Bool => out.extend_from_slice(b"true"),
        Datatype::Uint8 => whole(out, u8::from_le_bytes(number(element))),
        Datatype::Uint16 => whole(out, u16::from_le_bytes(number(element))),
        Datatype::Uint32 => whole(out, u32::from_le_bytes(number(element))),
        Datatype::Uint64 => whole(out, u64::from_le_bytes(number(element))),
        Datatype::Int8 => whole(out, i8::from_le_bytes(number(element))),
        Datatype::Int16 => whole(out, i16::from_le_bytes(number(element))),
        Datatype::Int32 => whole(out, i32::from_le_bytes(number(element))),
        Datatype::Int64 => whole(out, i64::from_le_bytes(number(element))),
        Datatype::Fp16 => write_float(f16::from_le_bytes(number(element)).to_f32(), out),
        Datatype::Bf16 => write_float(bf16::from_le_bytes(number(element)).to_f32(), out),
        Datatype::Fp32 => write_float(f32::from_le_bytes(number(element)), out),
        Datatype::Fp64 => write_float(f64::from_le_bytes(number(element)), out),
        Datatype::Bytes => match std::str::from_utf8(element) {
            Ok(text) => write_json(&text, out),
            Err(_) => {
                out.extend_from_slice(b"{\"base64\":");
                write_json(&STANDARD.encode(element), out);
                out.push(b'}');
            }
        },
    }
}

fn write_float<T: Serialize + Into<f64> + Copy>(x: T, out: &mut Vec<u8>) {
    let wide: f64 = x.into();
    if wide.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if wide.is_infinite() {
        out.extend_from_slice(if wide > 0.0 {
            b"\"Infinity\""
        } else {
            b"\"-Infinity\""
        });
    } else {
        write_json(&x, out);
    }
}

/// Writing into memory, and a number or a string, cannot fail.
fn write_json(value: &impl Serialize, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    fn read_text(datatype: &str, json: &str) -> Result<Elements, Mistake> {
        read(Datatype::parse(datatype).unwrap(), &raw(json))
    }

    fn written(datatype: &str, bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write(Datatype::parse(datatype).unwrap(), bytes, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn nested(datatype: &str, shape: &[usize], bytes: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        write_nested(Datatype::parse(datatype).unwrap(), shape, bytes, &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_datatype_comes_back_as_it_was() {
        for (datatype, json) in [
            ("BOOL", "[true,false]"),
            ("UINT8", "[0,255]"),
            ("UINT16", "[0,65535]"),
            ("UINT32", "[0,4294967295]"),
            ("UINT64", "[0,9007199254740993,18446744073709551615]"),
            ("INT8", "[-128,127]"),
            ("INT16", "[-32768,32767]"),
            ("INT32", "[-2147483648,2147483647]"),
            ("INT64", "[-9223372036854775808,9007199254740993]"),
            ("FP16", "[-65504.0,0.00012207031,1.5,\"NaN\"]"),
            ("BF16", "[1.5,-3.3895314e+38]"),
            ("FP32", "[0.1,-0.0,3.4028235e+38,1e-45,\"Infinity\"]"),
            (
                "FP64",
                "[0.1,1.7976931348623157e+308,5e-324,123456789.12345679,\"-Infinity\"]",
            ),
            ("BYTES", r#"["a\"\\é","",{"base64":"/wA="},"\u0000"]"#),
        ] {
            let elements =
                read_text(datatype, json).unwrap_or_else(|e| panic!("{datatype}: {e:?}"));
            assert_eq!(written(datatype, &elements.bytes), json, "{datatype}");
            assert_eq!(elements.shape, [elements.count], "{datatype}");
        }
    }

    #[test]
    fn a_float_is_the_nearest_to_its_digits() {
        // serde_json's own reading is off by the last bit for some of these.
        let mut seed = 7u64;
        for _ in 0..10_000 {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let x = f64::from_bits(seed);
            if !x.is_finite() {
                continue;
            }
            let elements = read_text("FP64", &format!("[{x:e}]")).unwrap();
            assert_eq!(elements.bytes, x.to_le_bytes(), "{x:e}");
        }
        let halfway = "[1.000000059604644775390625001]";
        assert_eq!(
            read_text("FP32", halfway).unwrap().bytes,
            1.000_000_1_f32.to_le_bytes()
        );
    }

    #[test]
    fn lists_tell_the_shape() {
        let shape = |json: &str| read_text("INT32", json).unwrap().shape;
        assert_eq!(shape("7"), [] as [usize; 0]);
        assert_eq!(shape(" [ [1 , 2,3] ,[4,5,6]\n] "), [2, 3]);
        assert_eq!(shape("[[[1]],[[2]]]"), [2, 1, 1]);
        assert_eq!(shape("[]"), [0]);
        assert_eq!(shape("[[],[]]"), [2, 0]);
        assert_eq!(shape("[2.0,1e2]"), [2]);
    }

    #[test]
    fn mistakes_tell_their_place() {
        let told = |datatype: &str, json: &str| {
            let m = read_text(datatype, json).unwrap_err();
            format!("{}: expected {}, got {}", m.place, m.expected, m.got)
        };
        for (datatype, json, said) in [
            (
                "INT8",
                "[[1,2],[3,200]]",
                "[1][1]: expected a whole number from -128 to 127, got the number 200",
            ),
            (
                "INT32",
                "[1.5]",
                "[0]: expected a whole number from -2147483648 to 2147483647, got the number 1.5",
            ),
            (
                "UINT64",
                "[18446744073709551616]",
                "[0]: expected a whole number from 0 to 18446744073709551615, got the number 18446744073709551616",
            ),
            (
                "BOOL",
                "[1]",
                "[0]: expected true or false, got the number 1",
            ),
            (
                "FP16",
                "[65520]",
                "[0]: expected a number that FP16 can hold, got the number 65520",
            ),
            (
                "FP32",
                "[1, 1e39]",
                "[1]: expected a number that FP32 can hold, got the number 1e39",
            ),
            (
                "FP64",
                "[1e999]",
                "[0]: expected a number that FP64 can hold, got the number 1e999",
            ),
            (
                "FP64",
                "[null]",
                "[0]: expected a number that FP64 can hold, got null",
            ),
            (
                "FP64",
                "[\"secret\"]",
                "[0]: expected a number that FP64 can hold, got a string",
            ),
            (
                "BYTES",
                "[{\"a\":[\"}\",{}]}]",
                "[0]: expected a string or {\"base64\": \"…\"}, got an object",
            ),
            (
                "BYTES",
                "[{\"base64\":\"?\"}]",
                "[0]: expected a string or {\"base64\": \"…\"}, got an object",
            ),
            (
                "BYTES",
                "[\"\\ud800\"]",
                "[0]: expected a string or {\"base64\": \"…\"}, got a string",
            ),
            (
                "BYTES",
                "[7]",
                "[0]: expected a string or {\"base64\": \"…\"}, got the number 7",
            ),
            (
                "INT32",
                "[[1,2],[3]]",
                "[1]: expected a list of 2 as before it, got a list of 1",
            ),
            (
                "INT32",
                "[[1,2],3]",
                "[1]: expected a list as before it, got the number 3",
            ),
            (
                "INT32",
                "[1,[2]]",
                "[1]: expected a whole number from -2147483648 to 2147483647, got a list",
            ),
            (
                "INT32",
                "{\"a\":1}",
                ": expected a whole number from -2147483648 to 2147483647, got an object",
            ),
        ] {
            assert_eq!(told(datatype, json), said, "{datatype} {json}");
        }
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert!(told("INT32", &deep).contains("at most 32 deep"));
    }

    #[test]
    fn nested_as_the_shape_says() {
        let bytes: Vec<u8> = (0..6).collect();
        assert_eq!(
            nested("UINT8", &[2, 3], &bytes).unwrap(),
            "[[0,1,2],[3,4,5]]"
        );
        assert_eq!(
            nested("UINT8", &[3, 1, 2], &bytes).unwrap(),
            "[[[0,1]],[[2,3]],[[4,5]]]"
        );
        assert_eq!(nested("UINT8", &[], &[7]).unwrap(), "7");
        assert_eq!(nested("UINT8", &[2, 0], &[]).unwrap(), "[[],[]]");
        assert_eq!(nested("UINT8", &[0, 2], &[]).unwrap(), "[]");
        assert_eq!(
            nested("BYTES", &[1, 1], b"\x01\0\0\0a").unwrap(),
            "[[\"a\"]]"
        );
        assert_eq!(nested("UINT8", &[1_000_000_000, 0], &[]), None);
        assert_eq!(nested("UINT8", &[1; 33], &[1]), None);
    }

    #[test]
    fn elements_fill_their_shape_or_are_refused() {
        let fills = |datatype: &str, shape: &[usize], bytes: &[u8]| {
            split(Datatype::parse(datatype).unwrap(), shape, bytes)
        };
        assert_eq!(fills("FP32", &[2], &[0; 8]), Some(2));
        assert_eq!(fills("FP32", &[2], &[0; 9]), None);
        assert_eq!(fills("FP32", &[3], &[0; 8]), None);
        assert_eq!(fills("FP32", &[usize::MAX, 2], &[0; 8]), None);
        assert_eq!(fills("BYTES", &[2], b"\x01\0\0\0a\0\0\0\0"), Some(2));
        assert_eq!(fills("BYTES", &[1], b"\x02\0\0\0a"), None);
        assert_eq!(fills("BYTES", &[1], b"\xff\xff\xff\xffa"), None);
    }

    #[test]
    fn what_json_cannot_carry_is_known() {
        let fits = |datatype: &str, json: &str| {
            let elements = read_text(datatype, json).unwrap();
            fits_json(Datatype::parse(datatype).unwrap(), &elements.bytes)
        };
        assert!(fits("FP32", "[1]") && fits("BYTES", "[\"é\"]") && fits("INT64", "[1]"));
        assert!(!fits("FP32", "[\"NaN\"]") && !fits("FP64", "[\"Infinity\"]"));
        assert!(!fits("BYTES", "[\"a\",{\"base64\":\"/w==\"}]") && !fits("BF16", "[1]"));
    }
}
