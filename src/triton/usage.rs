//! Token counts and finish reasons, as models tell them.

use crate::openai::response::{FinishReason, Usage};
use serde_json::{Map, Value};

/// Reads the counts that an answer holds, else guesses them from the texts.
///
/// Source of the names: the vLLM and TensorRT-LLM backends' outputs `num_input_tokens`, `num_output_tokens`; gateways
/// send a whole `usage` object.
pub fn usage(answer: &Map<String, Value>, prompt: &str, text: &str) -> Usage {
    let from_object = answer.get("usage").and_then(|u| {
        let prompt = u.get("prompt_tokens")?.as_u64()?;
        let completion = u.get("completion_tokens")?.as_u64()?;
        Some((prompt, completion))
    });
    let input = answer.get("num_input_tokens").and_then(first);
    let output = answer.get("num_output_tokens").and_then(sum);
    match (from_object, input, output) {
        (Some((prompt, completion)), ..) => Usage::completion(prompt, completion, false),
        (None, Some(input), Some(output)) => Usage::completion(input, output, false),
        // One of two counts is better than none, but the sum is then still a guess.
        (None, input, output) => Usage::completion(
            input.unwrap_or_else(|| estimate(prompt)),
            output.unwrap_or_else(|| estimate(text)),
            true,
        ),
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

/// Reads `finish_reason` or `stop_reason`: `length` and `max_tokens` are OpenAI's `length`, all else is `stop`.
///
/// vLLM's output holds the text `None` while the text is not finished.
pub fn finish_reason(answer: &Map<String, Value>) -> Option<FinishReason> {
    ["finish_reason", "stop_reason"]
        .iter()
        .find_map(|key| last_text(answer.get(*key)?))
        .map(|reason| match reason {
            "length" | "max_tokens" => FinishReason::Length,
            _ => FinishReason::Stop,
        })
}

/// The reason where the model tells none but counts its tokens, as TensorRT-LLM does: all that were allowed is `length`.
pub fn reason_by_count(spent: &Usage, max_tokens: Option<u64>) -> FinishReason {
    match (spent.estimated, spent.completion_tokens, max_tokens) {
        (false, Some(made), Some(allowed)) if made >= allowed => FinishReason::Length,
        _ => FinishReason::Stop,
    }
}

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

    fn answer(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_models_counts_are_used() {
        let a = answer(json!({"num_input_tokens":3,"num_output_tokens":[1,1]}));
        assert_eq!(usage(&a, "x", "y"), Usage::completion(3, 2, false));
        let a = answer(json!({"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}));
        assert_eq!(usage(&a, "x", "y"), Usage::completion(3, 2, false));
    }

    #[test]
    fn without_counts_they_are_estimated_and_say_so() {
        assert_eq!(
            usage(&answer(json!({})), "12345", ""),
            Usage::completion(2, 0, true)
        );
        let incomplete = answer(json!({"usage":{"prompt_tokens":1}}));
        assert!(usage(&incomplete, "x", "y").estimated);
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
        let reason = |v| finish_reason(&answer(v));
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
        assert_eq!(reason(json!({})), None);
    }
}
