//! For tests: a text read whole, and cut anywhere, which has to be the same.

use super::*;
use serde_json::json;

/// A text's content, reasoning and calls, joined.
#[derive(Debug, Default, PartialEq)]
pub struct Read {
    pub content: String,
    pub reasoning: String,
    pub calls: Vec<(String, String)>,
}

pub struct Setting {
    pub format: Option<ToolFormat>,
    pub tools: Vec<Tool>,
    pub reasoning: Option<ReasoningTags>,
}

pub fn tools() -> Vec<Tool> {
    let weather = json!({"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer"}, "exact": {"type": "boolean"},
        "unit": {"enum": ["celsius", "kelvin"]}, "where": {"type": "object"}, "note": {"type": ["string", "null"]},
        "list": {"anyOf": [{"type": "array"}, {"type": "null"}]}}});
    ["get_weather", "f", "now", "search.web"]
        .map(|name| Tool {
            name: name.to_owned(),
            parameters: weather.clone(),
        })
        .into()
}

impl Setting {
    pub fn of(format: ToolFormat) -> Setting {
        Setting {
            format: Some(format),
            tools: tools(),
            reasoning: None,
        }
    }

    fn pieces(&self, parts: &[&str]) -> (Vec<Piece>, usize) {
        let mut reader = Reader::new(self.format, &self.tools, self.reasoning.clone());
        let mut pieces: Vec<Piece> = parts.iter().flat_map(|part| reader.push(part)).collect();
        pieces.extend(reader.finish());
        (pieces, reader.calls())
    }

    /// What the pieces say, which have to be in order.
    pub fn joined(&self, parts: &[&str]) -> Read {
        let (pieces, calls) = self.pieces(parts);
        let mut read = Read::default();
        for piece in pieces {
            match piece {
                Piece::Content(text) | Piece::Reasoning(text) if text.is_empty() => {
                    panic!("an empty text")
                }
                Piece::Content(text) => read.content += &text,
                Piece::Reasoning(text) => read.reasoning += &text,
                Piece::CallBegin { index, name } => {
                    assert_eq!(index, read.calls.len());
                    assert!(!name.is_empty());
                    read.calls.push((name, String::new()));
                }
                Piece::CallArguments { index, text } => {
                    assert_eq!(index + 1, read.calls.len());
                    assert!(!text.is_empty());
                    read.calls[index].1 += &text;
                }
            }
        }
        assert_eq!(calls, read.calls.len());
        read
    }

    /// Reads a text whole, cut in two anywhere, and one character at a time, which has to be the same.
    pub fn read(&self, text: &str) -> Read {
        let whole = self.joined(&[text]);
        for (cut, _) in text.char_indices() {
            let (left, right) = text.split_at(cut);
            assert_eq!(self.joined(&[left, right]), whole, "{text:?} cut at {cut}");
        }
        let mut bytes = [0; 4];
        let characters: Vec<String> = text
            .chars()
            .map(|c| c.encode_utf8(&mut bytes).to_owned())
            .collect();
        let characters: Vec<&str> = characters.iter().map(String::as_str).collect();
        assert_eq!(self.joined(&characters), whole, "{text:?} by characters");
        whole
    }
}

/// A text, the content in it and the calls.
pub type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

pub fn check(format: ToolFormat, cases: &[Case<'_>]) {
    check_in(&Setting::of(format), cases);
}

pub fn check_in(setting: &Setting, cases: &[Case<'_>]) {
    for (text, content, calls) in cases {
        let read = setting.read(text);
        let found: Vec<_> = read
            .calls
            .iter()
            .map(|(n, a)| (n.as_str(), a.as_str()))
            .collect();
        assert_eq!(
            (read.content.as_str(), found.as_slice()),
            (*content, *calls),
            "{text}"
        );
    }
}

/// Texts that come out as they went in.
pub fn check_content(setting: &Setting, texts: &[&str]) {
    for text in texts {
        let read = setting.read(text);
        assert_eq!((read.content.as_str(), read.calls.len()), (*text, 0));
    }
}
