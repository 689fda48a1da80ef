//! What answers share, and embeddings and lists of models, written straight to text: OpenAI's objects, with the fields in OpenAI's order.

use super::embedding::Encoding;
use base64::Engine;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

/// Token counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer; embeddings have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_tokens: Option<u64>,
    /// Their sum.
    pub total_tokens: u64,
    /// Set where the numbers are guessed from the text's length, because the model told none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

impl Usage {
    /// Counts of a completion.
    pub fn completion(prompt: u64, completion: u64, estimated: bool) -> Usage {
        Usage {
            prompt_tokens: prompt,
            completion_tokens: Some(completion),
            total_tokens: prompt.saturating_add(completion),
            estimated,
        }
    }

    /// Counts of embeddings.
    pub fn embedding(prompt: u64, estimated: bool) -> Usage {
        Usage {
            prompt_tokens: prompt,
            completion_tokens: None,
            total_tokens: prompt,
            estimated,
        }
    }

    /// What a further choice of the same prompt took: its own tokens alone.
    pub fn without_prompt(self) -> Usage {
        Usage {
            prompt_tokens: 0,
            total_tokens: self.completion_tokens.unwrap_or(0),
            ..self
        }
    }

    /// The sum over several prompts.
    pub fn plus(self, other: Usage) -> Usage {
        Usage {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            completion_tokens: match (self.completion_tokens, other.completion_tokens) {
                (None, None) => None,
                (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
            },
            total_tokens: self.total_tokens.saturating_add(other.total_tokens),
            estimated: self.estimated || other.estimated,
        }
    }
}

/// What all answers share.
#[derive(Clone, Debug)]
pub struct Stamp<'a> {
    /// Unique, without its prefix.
    pub id: &'a str,
    /// Seconds since 1970.
    pub created: u64,
    /// The model's name as the caller gave it, without `triton/`.
    pub model: &'a str,
}

/// Everything of an answer but its text or numbers.
pub(super) const FRAME: usize = 512;

/// `expected`: bytes, so that the text is not moved as it grows.
pub(super) fn to_text<T: Serialize>(value: &T, expected: usize) -> String {
    let mut out = Vec::with_capacity(expected);
    // Nothing here has a key that is no string, the only thing that could fail.
    match serde_json::to_writer(&mut out, value) {
        Ok(()) => String::from_utf8(out).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// The numbers of a matrix, row by row, in the precision they came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// From binary tensor data.
    F32(Vec<f32>),
    /// From JSON, whose numbers are doubles, and from FP64 tensors.
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

    /// The first number that JSON cannot hold.
    pub fn first_not_finite(&self) -> Option<usize> {
        match self {
            Values::F32(v) => v.iter().position(|x| !x.is_finite()),
            Values::F64(v) => v.iter().position(|x| !x.is_finite()),
        }
    }

    /// Appends the numbers of another matrix.
    pub fn append(&mut self, other: Values) {
        match (self, other) {
            (Values::F32(a), Values::F32(b)) => a.extend(b),
            (Values::F64(a), Values::F64(b)) => a.extend(b),
            (Values::F64(a), Values::F32(b)) => a.extend(b.into_iter().map(f64::from)),
            (this @ Values::F32(_), Values::F64(b)) => {
                let Values::F32(a) = &*this else { return };
                let mut all: Vec<f64> = a.iter().map(|x| f64::from(*x)).collect();
                all.extend(b);
                *this = Values::F64(all);
            }
        }
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

/// A `list` of embeddings.
pub fn embeddings(model: &str, matrix: &Matrix, encoding: Encoding, usage: Usage) -> String {
    #[derive(Serialize)]
    struct Answer<'a> {
        object: &'static str,
        data: Rows<'a>,
        model: &'a str,
        usage: Usage,
    }
    let answer = Answer {
        object: "list",
        data: Rows { matrix, encoding },
        model,
        usage,
    };
    // One allocation for the large case: a number takes 11 to 20 characters, a float32 in base64 5.3.
    let each = match (encoding, &matrix.values) {
        (Encoding::Base64, _) => 6,
        (Encoding::Float, Values::F32(_)) => 13,
        (Encoding::Float, Values::F64(_)) => 21,
    };
    to_text(&answer, matrix.values.len() * each + FRAME)
}

struct Rows<'a> {
    matrix: &'a Matrix,
    encoding: Encoding,
}

#[derive(Serialize)]
struct Row<T> {
    object: &'static str,
    index: usize,
    embedding: T,
}

/// Writes the rows of `numbers`, each as `write` has it.
fn write_rows<'a, S: SerializeSeq, T, E: Serialize>(
    seq: &mut S,
    numbers: &'a [T],
    columns: usize,
    write: impl Fn(&'a [T]) -> E,
) -> Result<(), S::Error> {
    numbers
        .chunks_exact(columns.max(1))
        .enumerate()
        .try_for_each(|(index, row)| {
            seq.serialize_element(&Row {
                object: "embedding",
                index,
                embedding: write(row),
            })
        })
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = self.matrix.columns;
        let mut seq = serializer.serialize_seq(None)?;
        match (&self.matrix.values, self.encoding) {
            (Values::F32(v), Encoding::Float) => write_rows(&mut seq, v, columns, |row| row)?,
            (Values::F64(v), Encoding::Float) => write_rows(&mut seq, v, columns, |row| row)?,
            (Values::F32(v), Encoding::Base64) => {
                write_rows(&mut seq, v, columns, |row| base64(row.iter().copied()))?
            }
            (Values::F64(v), Encoding::Base64) => write_rows(&mut seq, v, columns, |row| {
                base64(row.iter().map(|x| *x as f32))
            })?,
        }
        seq.end()
    }
}

fn base64(row: impl Iterator<Item = f32>) -> String {
    let bytes: Vec<u8> = row.flat_map(f32::to_le_bytes).collect();
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// One model of a list of models.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelEntry {
    /// What to write as `model` in a request.
    pub id: String,
    /// `model`.
    pub object: &'static str,
    /// Unknown to Triton: always 0.
    pub created: u64,
    /// `triton`.
    pub owned_by: &'static str,
    /// Versions that are ready.
    pub versions: Vec<String>,
}

/// A `list` of models.
pub fn models(data: &[ModelEntry]) -> String {
    #[derive(Serialize)]
    struct Answer<'a> {
        object: &'static str,
        data: &'a [ModelEntry],
    }
    to_text(
        &Answer {
            object: "list",
            data,
        },
        data.len() * 128,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn usage_adds_up_and_stays_an_estimate() {
        let sum = Usage::completion(1, 2, false).plus(Usage::completion(3, 4, true));
        assert_eq!(
            sum,
            Usage {
                prompt_tokens: 4,
                completion_tokens: Some(6),
                total_tokens: 10,
                estimated: true
            }
        );
    }

    #[test]
    fn rows_as_numbers_and_as_base64() {
        let matrix = Matrix {
            values: Values::F64(vec![0.1, 0.2, 0.3, 1.0]),
            columns: 2,
        };
        let usage = Usage::embedding(1, true);
        let floats = parsed(&embeddings("e", &matrix, Encoding::Float, usage));
        assert_eq!(
            floats["data"][1],
            json!({"object":"embedding","index":1,"embedding":[0.3,1.0]})
        );
        let text = parsed(&embeddings("e", &matrix, Encoding::Base64, usage));
        assert_eq!(text["data"][0]["embedding"], "zczMPc3MTD4=");
    }

    #[test]
    fn float32_rows_are_written_as_float32() {
        let matrix = Matrix {
            values: Values::F32(vec![0.1]),
            columns: 1,
        };
        let text = embeddings("e", &matrix, Encoding::Float, Usage::embedding(1, true));
        assert!(text.contains("[0.1]"), "{text}");
    }

    #[test]
    fn matrices_of_two_precisions_append() {
        let mut a = Values::F32(vec![0.5]);
        a.append(Values::F64(vec![0.1]));
        assert_eq!(a, Values::F64(vec![0.5, 0.1]));
    }
}
