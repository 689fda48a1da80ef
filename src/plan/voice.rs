//! What a model writes → what the assistant says: content, reasoning, and calls of tools.

use crate::openai::answer::{Said, ToolCall};
use crate::template::reading::{Piece, Reader, ReasoningTags, Tool, ToolFormat};

/// How what a model writes is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// How calls are written; `None`: there are no tools.
    pub(super) format: Option<ToolFormat>,
    pub(super) tools: Vec<Tool>,
    /// Only the first call counts.
    pub(super) one_call: bool,
    /// What stands around thoughts, where they are to be told apart.
    pub(super) reasoning: Option<ReasoningTags>,
    /// The text was held to JSON so that a call has to come of it.
    pub(super) forced: Option<Forced>,
}

/// What text that was held to a tool's schema is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Forced {
    /// The arguments of this tool.
    Arguments(String),
    /// A list of `{"name", "parameters"}`.
    List,
}

/// Reads one choice.
#[derive(Debug)]
pub(super) struct Voice {
    reader: Option<Reader>,
    /// The tool whose arguments the text is, until it is told.
    unsaid: Option<String>,
    is_arguments: bool,
    one_call: bool,
    calls: usize,
    /// What we have put before the text, as far as it has not come back.
    ours: &'static str,
}

/// Mistral's marker: a list of calls is its form, but for that.
const MARKER: &str = "[TOOL_CALLS]";

impl Voice {
    pub(super) fn new(reading: &Reading) -> Voice {
        let format = match &reading.forced {
            Some(Forced::List) => Some(ToolFormat::Mistral),
            Some(Forced::Arguments(_)) => None,
            None => reading.format,
        };
        let reads = format.is_some() || reading.reasoning.is_some();
        let mut reader =
            reads.then(|| Reader::new(format, &reading.tools, reading.reasoning.clone()));
        let mut ours = "";
        if reading.forced == Some(Forced::List) {
            if let Some(reader) = &mut reader {
                reader.push(MARKER);
                ours = MARKER;
            }
        }
        let unsaid = match &reading.forced {
            Some(Forced::Arguments(name)) => Some(name.clone()),
            _ => None,
        };
        Voice {
            reader,
            is_arguments: unsaid.is_some(),
            unsaid,
            one_call: reading.one_call,
            calls: 0,
            ours,
        }
    }

    /// Whether all text is content as it comes.
    pub(super) fn is_plain(&self) -> bool {
        self.reader.is_none() && !self.is_arguments
    }

    /// Whether a tool is called.
    pub(super) fn calls(&self) -> bool {
        self.calls > 0
    }

    /// Takes some more text.
    pub(super) fn push(&mut self, text: &str) -> Vec<Piece> {
        let pieces = match &mut self.reader {
            Some(reader) => reader.push(text),
            None if text.is_empty() => Vec::new(),
            None => vec![Piece::Content(text.to_owned())],
        };
        self.take(pieces)
    }

    /// The text is over.
    pub(super) fn finish(&mut self) -> Vec<Piece> {
        let pieces = self.reader.as_mut().map(Reader::finish);
        self.take(pieces.unwrap_or_default())
    }

    fn take(&mut self, pieces: Vec<Piece>) -> Vec<Piece> {
        let mut taken = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let piece = match piece {
                Piece::Content(text) if self.is_arguments => {
                    if let Some(name) = self.unsaid.take() {
                        taken.push(Piece::CallBegin { index: 0, name });
                        self.calls = 1;
                    }
                    Piece::CallArguments { index: 0, text }
                }
                // What is no call comes back as it was, with what we put before it.
                Piece::Content(text) if !self.ours.is_empty() => {
                    match text.strip_prefix(self.ours) {
                        Some("") => {
                            self.ours = "";
                            continue;
                        }
                        Some(rest) => {
                            self.ours = "";
                            Piece::Content(rest.to_owned())
                        }
                        None if self.ours.starts_with(&text) => {
                            self.ours = &self.ours[text.len()..];
                            continue;
                        }
                        None => Piece::Content(text),
                    }
                }
                piece => piece,
            };
            match &piece {
                Piece::CallBegin { index, .. } | Piece::CallArguments { index, .. } => {
                    if self.one_call && *index > 0 {
                        continue;
                    }
                    self.calls = self.calls.max(index + 1);
                }
                Piece::Content(_) | Piece::Reasoning(_) => {}
            }
            taken.push(piece);
        }
        taken
    }
}

impl Reading {
    /// Whether all text is content.
    fn is_plain(&self) -> bool {
        self.format.is_none() && self.reasoning.is_none() && self.forced.is_none()
    }

    /// A call's identity: unique, as the tool's answer names it. `answer` is the answer's.
    pub(super) fn call_id(&self, answer: &str, choice: usize, call: usize) -> String {
        // Mistral's templates refuse others than nine letters or digits.
        let (prefix, length) = match self.format {
            Some(ToolFormat::Mistral) => ("", 5),
            _ => ("call_", 20),
        };
        let unique = answer.get(..length).unwrap_or(answer);
        format!("{prefix}{unique}{}{}", two(choice), two(call))
    }
}

/// A small number in two digits or letters, each number in others: there are 128 choices, and may be more than 100 calls.
fn two(number: usize) -> String {
    const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let digit = |n: usize| char::from(DIGITS[n % DIGITS.len()]);
    [digit(number / DIGITS.len()), digit(number)]
        .iter()
        .collect()
}

/// Reads a whole text. `answer` is the answer's identity.
pub(super) fn said(reading: &Reading, text: String, answer: &str, choice: usize) -> (Said, bool) {
    if reading.is_plain() {
        let said = Said {
            content: Some(text),
            ..Default::default()
        };
        return (said, false);
    }
    let mut voice = Voice::new(reading);
    let mut said = Said::default();
    let mut pieces = voice.push(&text);
    pieces.extend(voice.finish());
    for piece in pieces {
        match piece {
            Piece::Content(text) => said.content.get_or_insert_default().push_str(&text),
            Piece::Reasoning(text) => said.reasoning.get_or_insert_default().push_str(&text),
            Piece::CallBegin { index, name } => said.calls.push(ToolCall {
                id: reading.call_id(answer, choice, index),
                name,
                arguments: String::new(),
            }),
            Piece::CallArguments { text, .. } => {
                if let Some(call) = said.calls.last_mut() {
                    call.arguments.push_str(&text);
                }
            }
        }
    }
    if said.calls.is_empty() {
        said.content.get_or_insert_default();
    }
    (said, voice.calls())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reading: &Reading, text: &str) -> Said {
        said(
            reading,
            text.to_owned(),
            "0123456789abcdef0123456789abcdef",
            0,
        )
        .0
    }

    /// What is told as content where each character comes alone; anything else is a failure.
    fn content_by_characters(reading: &Reading, text: &str) -> String {
        let mut voice = Voice::new(reading);
        let mut pieces: Vec<Piece> = text
            .chars()
            .flat_map(|c| voice.push(c.encode_utf8(&mut [0; 4])))
            .collect();
        pieces.extend(voice.finish());
        let told = pieces.iter().map(|piece| match piece {
            Piece::Content(text) => text.as_str(),
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    #[test]
    fn text_without_tools_is_content() {
        let said = read(&Reading::default(), "<tool_call>x");
        assert_eq!(said.content.as_deref(), Some("<tool_call>x"));
    }

    #[test]
    fn calls_are_read_and_only_the_first_where_one_is_wanted() {
        let text = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>\n<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>";
        let mut reading = Reading {
            format: Some(ToolFormat::Hermes),
            ..Default::default()
        };
        let said = read(&reading, text);
        assert_eq!((said.content, said.calls.len()), (None, 2));
        assert_eq!(said.calls[0].id, "call_0123456789abcdef01230000");
        assert_ne!(said.calls[0].id, said.calls[1].id);
        reading.one_call = true;
        let said = read(&reading, text);
        assert_eq!(
            (said.calls.len(), said.calls[0].arguments.as_str()),
            (1, "{\"a\": 1}")
        );
    }

    #[test]
    fn text_that_was_held_to_a_schema_is_a_call() {
        let named = Reading {
            forced: Some(Forced::Arguments("f".into())),
            ..Default::default()
        };
        let said = read(&named, "{\"a\":1}");
        assert_eq!(
            (
                said.calls[0].name.as_str(),
                said.calls[0].arguments.as_str()
            ),
            ("f", "{\"a\":1}")
        );
        let any = Reading {
            forced: Some(Forced::List),
            ..Default::default()
        };
        let said = read(
            &any,
            "[{\"name\": \"f\", \"parameters\": {\"a\": 1}}, {\"name\": \"g\", \"parameters\": {}}]",
        );
        assert_eq!(said.content, None);
        assert_eq!(said.calls.len(), 2);
        assert_eq!(
            (
                said.calls[0].name.as_str(),
                said.calls[0].arguments.as_str()
            ),
            ("f", "{\"a\": 1}")
        );
    }

    #[test]
    fn a_list_of_calls_that_is_none_is_given_as_the_model_wrote_it() {
        let any = Reading {
            forced: Some(Forced::List),
            ..Default::default()
        };
        // Cut short by `max_tokens`, and from a backend that did not keep to the schema.
        for text in ["[{\"name\": \"f", "[", "I cannot do that.", ""] {
            let said = read(&any, text);
            assert_eq!((said.content.as_deref(), said.calls.len()), (Some(text), 0));
            assert_eq!(content_by_characters(&any, text), text);
        }
    }

    #[test]
    fn thoughts_are_told_apart_where_that_is_asked_for() {
        let reading = Reading {
            reasoning: Some(ReasoningTags::think(false)),
            ..Default::default()
        };
        let said = read(&reading, "<think>hm</think>yes");
        assert_eq!(
            (said.reasoning.as_deref(), said.content.as_deref()),
            (Some("hm"), Some("yes"))
        );
    }

    #[test]
    fn what_was_put_before_the_text_never_comes_back() {
        let reading = Reading {
            forced: Some(Forced::List),
            ..Default::default()
        };
        for text in ["One, two, three", "[{\"name\": ", "", "[TOOL_CALLS]x", "{"] {
            let said = read(&reading, text);
            assert_eq!(said.content.as_deref(), Some(text));
            assert_eq!(content_by_characters(&reading, text), text);
        }
    }

    #[test]
    fn each_call_has_an_id_of_its_own() {
        let mistral = Reading {
            format: Some(ToolFormat::Mistral),
            ..Default::default()
        };
        for reading in [Reading::default(), mistral] {
            let calls = (0..128).flat_map(|choice| (0..150).map(move |call| (choice, call)));
            let ids: std::collections::HashSet<String> = calls
                .map(|(choice, call)| reading.call_id("0123456789abcdef01234567", choice, call))
                .collect();
            assert_eq!(ids.len(), 128 * 150);
            assert!(
                ids.iter()
                    .all(|id| id.len() == 9 || id.starts_with("call_"))
            );
        }
    }
}
