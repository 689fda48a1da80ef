//! Streams: the chunks that came before the end or the error.

use serde_json::{Value, json};

use crate::answer;
use crate::compare::{ANSWER, values};
use crate::vector::Vector;

pub fn check(vector: &Vector, texts: &[String], problems: &mut Vec<String>) {
    let mut chunks = Vec::new();
    for text in texts {
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(chunk)) => chunks.push(chunk),
            _ => return problems.push(format!("chunks: not a JSON object: {text}")),
        }
    }
    for (index, chunk) in chunks.iter().enumerate() {
        answer::id(
            &format!("chunks[{index}]"),
            &vector.operation,
            chunk,
            problems,
        );
    }
    if chunks
        .windows(2)
        .any(|pair| pair[0].get("id") != pair[1].get("id"))
    {
        problems.push("chunks: the id changes".to_string());
    }
    let chunks: Vec<Value> = chunks.into_iter().map(Value::Object).collect();
    let said = text(&chunks);
    match (&vector.chunks, &vector.text) {
        (Some(want), _) => values("chunks", &json!(want), &json!(chunks), ANSWER, problems),
        (None, None) if !said.is_empty() => {
            problems.push(format!("chunks: expected no text, got {said:?}"))
        }
        _ => {}
    }
    if let Some(want) = &vector.text {
        values("text", &json!(want), &json!(said), ANSWER, problems);
    }
    if let Some(want) = &vector.finish_reason {
        let reasons = chunks
            .iter()
            .map(|chunk| &chunk["choices"][0]["finish_reason"]);
        let got = reasons
            .rev()
            .find(|reason| !reason.is_null())
            .unwrap_or(&Value::Null);
        values("finish_reason", want, got, ANSWER, problems);
    }
}

/// All the text of all chunks.
fn text(chunks: &[Value]) -> String {
    let choices = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"].as_array())
        .flatten();
    choices
        .filter_map(|choice| {
            choice["delta"]["content"]
                .as_str()
                .or(choice["text"].as_str())
        })
        .collect()
}
