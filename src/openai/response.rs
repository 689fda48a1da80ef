//! What answers share, and embeddings and lists of models, written straight to text: OpenAI's objects, with the fields in OpenAI's order.

use crate::json::Out;
use serde::Serialize;

pub use super::rows::{Matrix, Values, embeddings};

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

    /// Puts the same as `Serialize` does.
    pub(super) fn put(&self, out: &mut Out) {
        out.put("{\"prompt_tokens\":").number(self.prompt_tokens);
        if let Some(n) = self.completion_tokens {
            out.put(",\"completion_tokens\":").number(n);
        }
        out.put(",\"total_tokens\":").number(self.total_tokens);
        out.put(if self.estimated {
            ",\"estimated\":true}"
        } else {
            "}"
        });
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
    #[test]
    fn usage_is_put_as_it_is_serialized() {
        for usage in [
            Usage::completion(3, 2, false),
            Usage::completion(0, u64::MAX, true),
            Usage::embedding(7, true),
        ] {
            let mut out = Out::with_room(0);
            usage.put(&mut out);
            assert_eq!(out.finish(), serde_json::to_string(&usage).unwrap());
        }
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
}
