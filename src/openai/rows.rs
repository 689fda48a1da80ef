//! Rows of numbers, and OpenAI's list of embeddings, written straight to text.

use super::embedding::Encoding;
use super::floats::Floats;
use super::numbers::write_f32s;
use super::response::{Usage, to_text};
use base64::Engine;

/// The numbers of a matrix, row by row, in the precision they came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// 32 bits or less.
    F32(Floats),
    /// Doubles, and whole numbers that a 32-bit float does not hold.
    F64(Vec<f64>),
}

impl Values {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Values::F32(v) => v.len(),
            Values::F64(v) => v.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all numbers can be had as 32-bit floats.
    pub fn fits_f32(&self) -> bool {
        match self {
            Values::F32(_) => true,
            Values::F64(v) => v.iter().all(|x| (*x as f32).is_finite()),
        }
    }

    /// The numbers as 32-bit floats, the nearest ones where they were doubles.
    pub fn into_f32(self) -> Floats {
        match self {
            Values::F32(v) => v,
            Values::F64(v) => v.iter().map(|x| *x as f32).collect::<Vec<_>>().into(),
        }
    }

    /// The first number that JSON cannot hold.
    pub fn first_not_finite(&self) -> Option<usize> {
        match self {
            Values::F32(v) => {
                const EXPONENT: u32 = 0x7f80_0000;
                // Of an exponent that is all ones, and of no other, the carry reaches the sign. Without a way out of the loop
                // the processor looks at many at once.
                let carry = |x: &f32| (x.to_bits() & EXPONENT) + (1 << 23);
                let is_odd = |carries: u32| carries >> 31 == 1;
                v.chunks(1024)
                    .any(|chunk| is_odd(chunk.iter().fold(0, |all, x| all | carry(x))))
                    .then(|| v.iter().position(|x| is_odd(carry(x))))
                    .flatten()
            }
            Values::F64(v) => v.iter().position(|x| !x.is_finite()),
        }
    }

    /// Appends the numbers of another matrix; `more`: how many are to follow after those.
    pub fn append(&mut self, other: Values, more: usize) {
        match (self, other) {
            (Values::F32(a), Values::F32(b)) => a.append(&b, more),
            (Values::F64(a), Values::F64(b)) => a.extend(b),
            (Values::F64(a), Values::F32(b)) => a.extend(b.iter().map(|x| f64::from(*x))),
            (this @ Values::F32(_), Values::F64(b)) => {
                let Values::F32(a) = &*this else { return };
                let mut all: Vec<f64> = a.iter().map(|x| f64::from(*x)).collect();
                all.extend(b);
                *this = Values::F64(all);
            }
        }
    }
}

impl From<Vec<f32>> for Values {
    fn from(own: Vec<f32>) -> Values {
        Values::F32(own.into())
    }
}

/// Vectors of one length: `values.len()` is a multiple of `columns`.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// The numbers.
    pub values: Values,
    /// The length of a vector.
    pub columns: usize,
}

/// Everything of an answer but its rows, and everything of a row but its numbers.
const FRAME: usize = 256;

/// A `list` of embeddings, by hand: half a million numbers through serde take twice as long.
pub fn embeddings(model: &str, matrix: &Matrix, encoding: Encoding, usage: Usage) -> String {
    let columns = matrix.columns.max(1);
    // One allocation for the large case: a number takes 11 to 20 characters, a float32 in base64 5.3.
    let each = match (encoding, &matrix.values) {
        (Encoding::Base64, _) => 6,
        (Encoding::Float, Values::F32(_)) => 13,
        (Encoding::Float, Values::F64(_)) => 21,
    };
    let rows = matrix.values.len() / columns;
    let mut out = room(matrix.values.len() * each + (rows + 1) * FRAME);
    out.extend_from_slice(b"{\"object\":\"list\",\"data\":[");
    match (&matrix.values, encoding) {
        (Values::F32(v), Encoding::Float) => write_rows(&mut out, v, columns, |out, row| {
            list(out, |out| write_f32s(out, row))
        }),
        (Values::F64(v), Encoding::Float) => write_rows(&mut out, v, columns, |out, row| {
            list(out, |out| write_f64s(out, row))
        }),
        (Values::F32(v), Encoding::Base64) => write_rows(&mut out, v, columns, |out, row| {
            base64(out, row.iter().copied())
        }),
        (Values::F64(v), Encoding::Base64) => write_rows(&mut out, v, columns, |out, row| {
            base64(out, row.iter().map(|x| *x as f32))
        }),
    }
    out.extend_from_slice(b"],\"model\":");
    out.extend_from_slice(to_text(&model, model.len() + 2).as_bytes());
    out.extend_from_slice(b",\"usage\":");
    out.extend_from_slice(to_text(&usage, FRAME).as_bytes());
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}

/// Room for a text that is made shorter before it is handed out.
///
/// glibc gives a large block back to the system when it is freed, unless it has seen a larger one freed. A text is shorter when it is
/// freed than its block was when it was allocated; so each would be mapped and faulted in anew, page by page. A block of the
/// first size, freed untouched, costs two system calls, once.
fn room(bytes: usize) -> Vec<u8> {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(bytes)));
    Vec::with_capacity(bytes)
}

/// What `mishikallm_embeddings_info` tells.
pub fn info(model: &str, usage: Usage) -> String {
    #[derive(serde::Serialize)]
    struct Info<'a> {
        model: &'a str,
        usage: Usage,
    }
    to_text(&Info { model, usage }, FRAME)
}

/// Writes each row of `numbers`, its vector as `write` has it.
fn write_rows<T>(
    out: &mut Vec<u8>,
    numbers: &[T],
    columns: usize,
    write: impl Fn(&mut Vec<u8>, &[T]),
) {
    for (index, row) in numbers.chunks_exact(columns).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"object\":\"embedding\",\"index\":");
        out.extend_from_slice(itoa::Buffer::new().format(index).as_bytes());
        out.extend_from_slice(b",\"embedding\":");
        write(out, row);
        out.push(b'}');
    }
}

fn list(out: &mut Vec<u8>, write: impl Fn(&mut Vec<u8>)) {
    out.push(b'[');
    write(out);
    out.push(b']');
}

fn write_f64s(out: &mut Vec<u8>, numbers: &[f64]) {
    let mut buffer = zmij::Buffer::new();
    for (i, x) in numbers.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(buffer.format_finite(*x).as_bytes());
    }
}

fn base64(out: &mut Vec<u8>, row: impl Iterator<Item = f32>) {
    let bytes: Vec<u8> = row.flat_map(f32::to_le_bytes).collect();
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn rows_as_numbers_and_as_base64() {
        let matrix = Matrix {
            values: Values::F64(vec![0.1, 0.2, 0.3, 1.0]),
            columns: 2,
        };
        let usage = Usage::embedding(1, true);
        let floats = parsed(&embeddings("e\"", &matrix, Encoding::Float, usage));
        assert_eq!(
            floats,
            json!({"object":"list","model":"e\"","usage":{"prompt_tokens":1,"total_tokens":1,"estimated":true},
                "data":[{"object":"embedding","index":0,"embedding":[0.1,0.2]},
                    {"object":"embedding","index":1,"embedding":[0.3,1.0]}]})
        );
        let text = parsed(&embeddings("e", &matrix, Encoding::Base64, usage));
        assert_eq!(text["data"][0]["embedding"], "zczMPc3MTD4=");
        let matrix = Matrix {
            values: matrix.values.into_f32().into_vec().into(),
            columns: 2,
        };
        let text = parsed(&embeddings("e", &matrix, Encoding::Base64, usage));
        assert_eq!(text["data"][0]["embedding"], "zczMPc3MTD4=");
    }

    #[test]
    fn float32_rows_are_written_as_float32() {
        let matrix = Matrix {
            values: vec![0.1f32, -3.0].into(),
            columns: 1,
        };
        let text = embeddings("e", &matrix, Encoding::Float, Usage::embedding(1, true));
        assert!(text.contains("[0.1]") && text.contains("[-3.0]"), "{text}");
    }

    #[test]
    fn matrices_of_two_precisions_append() {
        let mut a = Values::from(vec![0.5f32]);
        a.append(Values::F64(vec![0.1]), 0);
        assert_eq!(a, Values::F64(vec![0.5, 0.1]));
        a.append(vec![1.0f32].into(), 0);
        assert_eq!(a, Values::F64(vec![0.5, 0.1, 1.0]));
    }

    #[test]
    fn what_is_not_finite_is_found_wherever_it_stands() {
        for at in [0, 7, 1023, 1024, 2999] {
            for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut numbers = vec![f32::MAX; 3000];
                assert_eq!(Values::from(numbers.clone()).first_not_finite(), None);
                numbers[at] = odd;
                assert_eq!(Values::from(numbers).first_not_finite(), Some(at));
            }
        }
    }
}
