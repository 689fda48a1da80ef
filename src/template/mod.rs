//! Messages → prompt. Pure: what is in files, and the time, are arguments.
//!
//! [`Template`] renders messages with a chat template as Hugging Face's transformers does (`apply_chat_template`), byte for
//! byte: one of the built-in [`family`]s, a Jinja source, or a model's `tokenizer_config.json`. [`join`] is what is left
//! without one.

mod clock;
mod compiled;
mod detect;
mod dumps;
mod engine;
pub mod family;
pub mod messages;
mod named;
mod python;
pub mod reading;
mod source;
mod sums;
pub mod tokenizer;

pub use compiled::Template;
pub use detect::detect;
pub use named::{Named, named};

use crate::openai::message::Message;

/// Joins the contents by one space; a message without content is skipped. Roles and names play no part: without a
/// chat template the model is given the words alone.
pub fn join(messages: &[Message]) -> String {
    let contents: Vec<&str> = messages
        .iter()
        .map(|m| m.content.as_str())
        .filter(|c| !c.is_empty())
        .collect();
    contents.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_joined_by_one_space_and_empty_ones_skipped() {
        let message = |content: &str| Message {
            role: "user".into(),
            content: content.into(),
            ..Default::default()
        };
        assert_eq!(join(&[message("a"), message(""), message(" b ")]), "a  b ");
        assert_eq!(join(&[message("")]), "");
    }
}
