//! What holds for whatever is read from a model's text.

use crate::pieces::Cuts;
use mishikallm::template::reading::{Piece, Reader, ReasoningTags, Tool, ToolFormat};
use serde::de::IgnoredAny;
use serde_json::json;
use std::sync::LazyLock;

/// How a text is read.
pub struct Spoken {
    pub format: Option<ToolFormat>,
    /// Whether the names of the tools are known.
    pub knows_tools: bool,
    pub reasoning: Option<ReasoningTags>,
}

/// What a text held, joined.
#[derive(Debug, Default, PartialEq)]
struct Read {
    content: String,
    reasoning: String,
    calls: Vec<(String, String)>,
}

static TOOLS: LazyLock<[Tool; 2]> = LazyLock::new(|| {
    let parameters = json!({"properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "a": {"type": "object"}}});
    ["f", "get_weather"].map(|name| Tool {
        name: name.to_owned(),
        parameters: parameters.clone(),
    })
});

impl Spoken {
    /// Reads a text whole and in pieces.
    pub fn check(&self, text: &str, cuts: &Cuts) {
        let whole = self.read(&[text]);
        assert_eq!(
            self.read(&characters(text, cuts)),
            whole,
            "cut in another way, and read otherwise"
        );
        for (name, arguments) in &whole.calls {
            assert!(!name.is_empty());
            if let Err(error) = serde_json::from_str::<IgnoredAny>(arguments) {
                // Cut short is no fault; serde_json tells it otherwise of a number.
                let is_cut = error.is_eof() || arguments.ends_with(['-', '+', '.', 'e', 'E']);
                assert!(is_cut, "arguments that are no JSON: {error}");
            }
            assert!(arguments.is_empty() || arguments.starts_with('{'));
        }
        if whole.calls.is_empty() && self.reasoning.is_none() {
            assert_eq!(whole.content, text, "a text without calls is not as it was");
        }
        // What is told stands in the text, in that order.
        assert!(is_within(&whole.reasoning, text));
        assert!(is_within(&whole.content, text));
        if !whole.calls.is_empty() {
            let blanks = [' ', '\t', '\n', '\r'];
            let few = whole.content.len() < 256;
            assert!(!few || !whole.content.ends_with(blanks));
        }
        self.check_nothing_lost(text, &whole);
    }

    /// What stands before anything that a call may be made of is told; and where a call is told only when it is whole, every letter is.
    fn check_nothing_lost(&self, text: &str, whole: &Read) {
        let end = text.find(['<', '[', '{']).unwrap_or(text.len());
        if self.reasoning.is_none() {
            let content = whole.content.trim_start();
            assert!(
                content.starts_with(text[..end].trim()),
                "the beginning was lost"
            );
        }
        if self.format != Some(ToolFormat::Pythonic) {
            return;
        }
        // Python's syntax has none of these, and escapes can only add some.
        let letters = |text: &str| {
            text.chars()
                .filter(|c| !c.is_ascii() && c.is_alphabetic())
                .count()
        };
        let calls = whole
            .calls
            .iter()
            .map(|(name, arguments)| letters(name) + letters(arguments));
        let told = letters(&whole.content) + letters(&whole.reasoning) + calls.sum::<usize>();
        assert!(told >= letters(text), "letters were lost");
    }

    fn read(&self, pieces: &[&str]) -> Read {
        let tools = if self.knows_tools { &TOOLS[..] } else { &[] };
        let mut reader = Reader::new(self.format, tools, self.reasoning.clone());
        let mut read = Read::default();
        for piece in pieces {
            read.take(reader.push(piece));
        }
        read.take(reader.finish());
        assert_eq!(reader.calls(), read.calls.len());
        read
    }
}

impl Read {
    fn take(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            match piece {
                Piece::Content(text) => add(&mut self.content, &text),
                Piece::Reasoning(text) => {
                    assert!(self.content.is_empty() && self.calls.is_empty());
                    add(&mut self.reasoning, &text);
                }
                Piece::CallBegin { index, name } => {
                    assert_eq!(index, self.calls.len());
                    self.calls.push((name, String::new()));
                }
                Piece::CallArguments { index, text } => {
                    assert_eq!(index + 1, self.calls.len());
                    add(&mut self.calls[index].1, &text);
                }
            }
        }
    }
}

fn add(to: &mut String, text: &str) {
    assert!(!text.is_empty());
    to.push_str(text);
}

/// Pieces of so many bytes, or some more where a character is not over.
fn characters<'a>(text: &'a str, cuts: &Cuts) -> Vec<&'a str> {
    let mut pieces = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for piece in cuts.cut(text.as_bytes()) {
        end += piece.len();
        if end > begin && text.is_char_boundary(end) {
            pieces.push(&text[begin..end]);
            begin = end;
        }
    }
    pieces
}

/// Whether all characters of a part stand in the whole, in their order.
fn is_within(part: &str, whole: &str) -> bool {
    let mut rest = whole.chars();
    part.chars().all(|c| rest.any(|other| other == c))
}
