//! Messages → prompt. Pure.

pub mod reading;

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
            rest: Default::default(),
        };
        assert_eq!(join(&[message("a"), message(""), message(" b ")]), "a  b ");
        assert_eq!(join(&[message("")]), "");
    }
}
