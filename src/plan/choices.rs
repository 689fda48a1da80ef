//! The texts that came → the choices of a whole answer.

use super::voice::{Reading, said};
use crate::openai::answer::{self, ChatChoice, FinishReason, Generated, TextChoice};
use crate::openai::logprobs::Token;
use crate::openai::response::{Stamp, Usage};

/// A `chat.completion`. `top`: how many alternatives of each token are told; `None`: no log probabilities.
pub(super) fn chat(
    stamp: &Stamp<'_>,
    texts: Vec<Generated>,
    reading: &Reading,
    top: Option<usize>,
) -> String {
    let usage = usage(&texts);
    let choices = texts.into_iter().enumerate();
    let choices = choices.map(|(index, text)| chat_choice(text, reading, top, stamp.id, index));
    answer::chat(stamp, &choices.collect::<Vec<_>>(), usage)
}

/// A `text_completion`, likewise.
pub(super) fn text(stamp: &Stamp<'_>, texts: Vec<Generated>, top: Option<usize>) -> String {
    let usage = usage(&texts);
    let choices = texts.into_iter().map(|text| TextChoice {
        text: text.text,
        finish_reason: text.finish_reason,
        logprobs: told_logprobs(text.logprobs, top),
    });
    answer::text(stamp, &choices.collect::<Vec<_>>(), usage)
}

/// What all of them took.
fn usage(texts: &[Generated]) -> Usage {
    let usage = texts.iter().map(|text| text.usage).reduce(Usage::plus);
    usage.unwrap_or_default()
}

/// Tokens that are told; `null` where they were asked for and a model has none, as in a stream.
fn told_logprobs(tokens: Vec<Token>, top: Option<usize>) -> Option<(Vec<Token>, usize)> {
    top.filter(|_| !tokens.is_empty()).map(|top| (tokens, top))
}

fn chat_choice(
    generated: Generated,
    reading: &Reading,
    top: Option<usize>,
    id: &str,
    index: usize,
) -> ChatChoice {
    let (said, calls) = said(reading, generated.text, id, index);
    ChatChoice {
        said,
        finish_reason: match (generated.finish_reason, calls) {
            (FinishReason::Stop, true) => FinishReason::ToolCalls,
            (reason, _) => reason,
        },
        logprobs: told_logprobs(generated.logprobs, top),
    }
}
