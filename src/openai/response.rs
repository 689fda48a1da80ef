//! Answers, written straight to text: OpenAI's objects, with the fields in OpenAI's order.

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

/// Why the text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FinishReason {
    /// It was over, or a stop sequence came.
    Stop,
    /// `max_tokens` were out.
    Length,
}

/// One generated text.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The text.
    pub text: String,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// What it took.
    pub usage: Usage,
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

/// `expected`: bytes, so that the text is not moved as it grows.
pub(super) fn to_text<T: Serialize>(value: &T, expected: usize) -> String {
    let mut out = Vec::with_capacity(expected);
    // Nothing here has a key that is no string, the only thing that could fail.
    match serde_json::to_writer(&mut out, value) {
        Ok(()) => String::from_utf8(out).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// Everything of a completion but its text.
const FRAME: usize = 512;

/// A `chat.completion`.
pub fn chat(stamp: &Stamp<'_>, generated: &Generated) -> String {
    #[derive(Serialize)]
    struct Answer<'a> {
        id: String,
        object: &'static str,
        created: u64,
        model: &'a str,
        choices: [Choice<'a>; 1],
        usage: Usage,
    }
    #[derive(Serialize)]
    struct Choice<'a> {
        index: u32,
        message: Message<'a>,
        logprobs: (),
        finish_reason: FinishReason,
    }
    #[derive(Serialize)]
    struct Message<'a> {
        role: &'static str,
        content: &'a str,
        refusal: (),
    }
    let answer = Answer {
        id: ["chatcmpl-", stamp.id].concat(),
        object: "chat.completion",
        created: stamp.created,
        model: stamp.model,
        choices: [Choice {
            index: 0,
            message: Message {
                role: "assistant",
                content: &generated.text,
                refusal: (),
            },
            logprobs: (),
            finish_reason: generated.finish_reason,
        }],
        usage: generated.usage,
    };
    to_text(&answer, FRAME + generated.text.len() * 9 / 8)
}

/// A `text_completion`, one choice for each prompt, in order.
pub fn text(stamp: &Stamp<'_>, generated: &[Generated]) -> String {
    #[derive(Serialize)]
    struct Answer<'a> {
        id: String,
        object: &'static str,
        created: u64,
        model: &'a str,
        choices: Vec<Choice<'a>>,
        usage: Usage,
    }
    #[derive(Serialize)]
    struct Choice<'a> {
        text: &'a str,
        index: usize,
        logprobs: (),
        finish_reason: FinishReason,
    }
    let usage = generated
        .iter()
        .map(|g| g.usage)
        .reduce(Usage::plus)
        .unwrap_or_default();
    let answer = Answer {
        id: ["cmpl-", stamp.id].concat(),
        object: "text_completion",
        created: stamp.created,
        model: stamp.model,
        choices: generated
            .iter()
            .enumerate()
            .map(|(index, g)| Choice {
                text: &g.text,
                index,
                logprobs: (),
                finish_reason: g.finish_reason,
            })
            .collect(),
        usage,
    };
    let texts: usize = generated.iter().map(|g| FRAME + g.text.len() * 9 / 8).sum();
    to_text(&answer, texts)
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
    fn a_chat_completion_is_openais() {
        let stamp = Stamp {
            id: "1",
            created: 7,
            model: "llm",
        };
        let generated = Generated {
            text: "hi \"you\"".into(),
            finish_reason: FinishReason::Length,
            usage: Usage::completion(3, 2, false),
        };
        assert_eq!(
            parsed(&chat(&stamp, &generated)),
            json!({"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"llm",
                "choices":[{"index":0,"message":{"role":"assistant","content":"hi \"you\"","refusal":null},
                "logprobs":null,"finish_reason":"length"}],
                "usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})
        );
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
