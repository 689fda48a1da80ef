//! Token counts and finish reasons, as models tell them.

use crate::openai::answer::FinishReason;
use crate::openai::response::Usage;
use crate::tokenizer::Tokenizer;
use serde_json::Value;
use std::sync::Arc;

/// What a model told of an answer beside its text: over all events, where it came as a stream.
///
/// Source of the names: the vLLM and TensorRT-LLM backends' outputs `num_input_tokens`, `num_output_tokens`,
/// `finish_reason`, `stop_reason`; gateways send a whole `usage` object.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Told {
    input: Option<u64>,
    output: Option<u64>,
    object: Option<(u64, u64)>,
    finish_reason: Option<FinishReason>,
    stop_reason: Option<FinishReason>,
}

impl Told {
    /// The key, where it is one that tells something; then [`Told::note`] takes it.
    pub fn name(key: &str) -> Option<&'static str> {
        const NAMES: [&str; 5] = [
            "usage",
            "num_input_tokens",
            "num_output_tokens",
            "finish_reason",
            "stop_reason",
        ];
        NAMES.into_iter().find(|name| *name == key)
    }

    /// Takes what another event says.
    pub fn add(&mut self, event: &Told) {
        self.input = self.input.or(event.input);
        self.object = event.object.or(self.object);
        self.finish_reason = event.finish_reason.or(self.finish_reason);
        self.stop_reason = event.stop_reason.or(self.stop_reason);
        if let Some(count) = event.output {
            self.output = Some(self.output.unwrap_or(0).saturating_add(count));
        }
    }

    /// Takes what one event, or the whole answer, says. Output tokens are those of the event: they add up. Input tokens
    /// are repeated on each.
    pub fn note(&mut self, key: &str, value: &Value) {
        match key {
            "usage" => {
                let count = |name| value.get(name)?.as_u64();
                self.object = count("prompt_tokens")
                    .zip(count("completion_tokens"))
                    .or(self.object);
            }
            "num_input_tokens" => self.input = self.input.or_else(|| first(value)),
            "num_output_tokens" => {
                if let Some(count) = sum(value) {
                    self.output = Some(self.output.unwrap_or(0).saturating_add(count));
                }
            }
            "finish_reason" => {
                self.finish_reason = last_text(value).map(reason).or(self.finish_reason)
            }
            "stop_reason" => self.stop_reason = last_text(value).map(reason).or(self.stop_reason),
            _ => {}
        }
    }

    /// The counts: the model's, else the tokenizer's, else guesses, which say so.
    pub fn usage(&self, prompt: &str, written: &Written) -> Usage {
        if let Some((prompt, completion)) = self.object {
            return Usage::completion(prompt, completion, false);
        }
        let told = |count: Option<u64>| count.map(|n| (n, false));
        let (input, is_guess) = told(self.input).unwrap_or_else(|| written.of_prompt(prompt));
        let (output, is_guess_too) = told(self.output).unwrap_or_else(|| written.tokens());
        // One of two counts is better than none, but the sum is then still a guess.
        Usage::completion(input, output, is_guess || is_guess_too)
    }

    /// Why the text ended: what the model says, else what its count says.
    pub fn finish_reason(&self, spent: &Usage, max_tokens: Option<u64>) -> FinishReason {
        self.finish_reason
            .or(self.stop_reason)
            .unwrap_or_else(|| reason_by_count(spent, max_tokens))
    }
}

/// What a model has written so far, for counting where it does not count itself.
#[derive(Clone, Debug, Default)]
pub struct Written {
    tokenizer: Option<Arc<Tokenizer>>,
    /// Kept only where there is something to count it with.
    text: String,
    characters: usize,
}

impl Written {
    /// Nothing yet.
    pub fn new(tokenizer: Option<Arc<Tokenizer>>) -> Written {
        Written {
            tokenizer,
            ..Default::default()
        }
    }

    /// What counts it.
    pub fn tokenizer(&self) -> Option<&Tokenizer> {
        self.tokenizer.as_deref()
    }

    /// Some more.
    pub fn push(&mut self, text: &str) {
        match self.tokenizer {
            Some(_) => self.text.push_str(text),
            None => self.characters += text.chars().count(),
        }
    }

    /// The tokens of a prompt, and whether they are a guess.
    fn of_prompt(&self, prompt: &str) -> (u64, bool) {
        match self.count(prompt) {
            Some(count) => (count, false),
            None => (estimate(prompt), true),
        }
    }

    /// The tokens that were written, and whether they are a guess. What a tokenizer puts around every text was not.
    fn tokens(&self) -> (u64, bool) {
        let counts = self.count(&self.text).zip(self.count(""));
        match counts {
            Some((all, around)) => (all.saturating_sub(around), false),
            None => {
                let characters = self.characters + self.text.chars().count();
                (characters.div_ceil(4) as u64, true)
            }
        }
    }

    fn count(&self, text: &str) -> Option<u64> {
        let count = self.tokenizer.as_ref()?.count(text).ok()?;
        Some(count as u64)
    }
}

/// A guess at a text's tokens: four characters each.
pub fn estimate(text: &str) -> u64 {
    text.chars().count().div_ceil(4) as u64
}

fn first(value: &Value) -> Option<u64> {
    match value {
        Value::Array(a) => a.iter().find_map(first),
        v => v.as_u64(),
    }
}

fn sum(value: &Value) -> Option<u64> {
    match value {
        Value::Array(a) if !a.is_empty() => {
            a.iter().map(sum).try_fold(0u64, |n, x| n.checked_add(x?))
        }
        Value::Array(_) => None,
        v => v.as_u64(),
    }
}

/// `length` and `max_tokens` are OpenAI's `length`, all else is `stop`.
fn reason(word: &str) -> FinishReason {
    match word {
        "length" | "max_tokens" => FinishReason::Length,
        _ => FinishReason::Stop,
    }
}

/// The reason where the model tells none but counts its tokens, as TensorRT-LLM does: all that were allowed is `length`.
fn reason_by_count(spent: &Usage, max_tokens: Option<u64>) -> FinishReason {
    match (spent.estimated, spent.completion_tokens, max_tokens) {
        (false, Some(made), Some(allowed)) if made >= allowed => FinishReason::Length,
        _ => FinishReason::Stop,
    }
}

/// The last word of a reason; vLLM's is `None` while the text is not finished.
fn last_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(s) if !s.is_empty() && s != "None" => Some(s),
        Value::Array(a) => a.iter().rev().find_map(last_text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(characters: usize) -> Written {
        let mut written = Written::default();
        written.push(&"x".repeat(characters));
        written
    }

    fn told(events: &[Value]) -> Told {
        let mut all = Told::default();
        for event in events {
            let mut told = Told::default();
            for (key, value) in event.as_object().unwrap() {
                assert!(Told::name(key).is_some());
                told.note(key, value);
            }
            all.add(&told);
        }
        all
    }

    #[test]
    fn the_models_counts_are_used() {
        let a = told(&[json!({"num_input_tokens":3,"num_output_tokens":[1,1]})]);
        assert_eq!(a.usage("x", &written(1)), Usage::completion(3, 2, false));
        let a =
            told(&[json!({"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})]);
        assert_eq!(a.usage("x", &written(1)), Usage::completion(3, 2, false));
    }

    #[test]
    fn output_tokens_add_up_over_a_stream_and_input_tokens_do_not() {
        let event = json!({"num_input_tokens":3,"num_output_tokens":[2],"finish_reason":"None"});
        let last = json!({"num_input_tokens":3,"num_output_tokens":[1],"finish_reason":"length"});
        let a = told(&[event.clone(), event, last]);
        let spent = a.usage("x", &written(9));
        assert_eq!(spent, Usage::completion(3, 5, false));
        assert_eq!(a.finish_reason(&spent, None), FinishReason::Length);
    }

    #[test]
    fn without_counts_they_are_estimated_and_say_so() {
        assert_eq!(
            told(&[]).usage("12345", &written(0)),
            Usage::completion(2, 0, true)
        );
        let incomplete = told(&[json!({"usage":{"prompt_tokens":1}})]);
        assert!(incomplete.usage("x", &written(1)).estimated);
    }

    #[cfg(feature = "tokenizers")]
    #[test]
    fn a_tokenizer_counts_what_nobody_tells() {
        let words = r#"{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"Whitespace"},
            "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
            "pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}},"decoder":null,"truncation":null,"padding":null,
            "model":{"type":"WordLevel","vocab":{"<s>":0,"a":1,"ship":2,"?":3},"unk_token":"?"}}"#;
        let tokenizer = Tokenizer::from_json(words.as_bytes()).unwrap();
        let mut written = Written::new(Some(Arc::new(tokenizer)));
        written.push("a sh");
        written.push("ip a");
        assert_eq!(
            told(&[]).usage("a ship", &written),
            Usage::completion(3, 3, false)
        );
        let half = told(&[json!({"num_output_tokens":9})]);
        assert_eq!(half.usage("a", &written), Usage::completion(2, 9, false));
    }

    #[test]
    fn all_tokens_that_were_allowed_is_length() {
        let told = Usage::completion(1, 5, false);
        assert_eq!(reason_by_count(&told, Some(5)), FinishReason::Length);
        assert_eq!(reason_by_count(&told, Some(6)), FinishReason::Stop);
        assert_eq!(reason_by_count(&told, None), FinishReason::Stop);
        assert_eq!(
            reason_by_count(&Usage::completion(1, 5, true), Some(5)),
            FinishReason::Stop
        );
    }

    #[test]
    fn reasons_are_mapped() {
        let reason = |v| {
            let told = told(&[v]);
            told.finish_reason.or(told.stop_reason)
        };
        assert_eq!(
            reason(json!({"finish_reason":"length"})),
            Some(FinishReason::Length)
        );
        assert_eq!(
            reason(json!({"stop_reason":"max_tokens"})),
            Some(FinishReason::Length)
        );
        assert_eq!(
            reason(json!({"finish_reason":["None","end_turn"]})),
            Some(FinishReason::Stop)
        );
        assert_eq!(reason(json!({"finish_reason":"None"})), None);
        assert_eq!(reason(json!({"stop_reason":null})), None);
    }
}
