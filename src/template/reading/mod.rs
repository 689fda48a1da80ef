//! What a model's text holds: content, reasoning and tool calls, read as it comes. Pure.
//!
//! A [`Reader`] takes a text in pieces of any size and gives [`Piece`]s; joined, they are the same however the text was cut.
//! Each file has one format, and says where it is known from.
//!
//! - **Content** goes out at once, but for what may be the beginning of a call.
//! - **Calls**: the name comes whole, then the JSON text of the arguments in fragments. It is the model's own text, but that
//!   control characters in its strings are escaped, without which it were no JSON. Where it is not JSON to begin with (pythonic,
//!   Qwen3-Coder's values) it is made from what is there.
//! - **What only looks like a call** is content, as it was. Arguments that were told already cannot be taken back: where their JSON breaks they
//!   end, and from there on all is content; where the text ends in them they end too, cut short.
//! - **White space** is left out where there are calls and no other text stands before it, or none after it: a text of nothing but
//!   calls has no content (`null` in OpenAI's JSON). Text before, between and after calls is kept.
//! - **Bounds**: `limits::CALL_HELD_BYTES` are held back at the most, then it is content; a name has `limits::CALL_NAME_BYTES`, JSON is nested
//!   `limits::CALL_DEPTH` deep.

mod deepseek;
mod hermes;
mod json;
mod llama;
mod mistral;
mod object;
mod out;
mod python;
mod pythonic;
mod qwen_coder;
mod reasoning;
mod watch;

#[cfg(test)]
mod testing;

pub use reasoning::ReasoningTags;

use crate::error::{Error, Result};
use crate::limits;
use out::Out;
use reasoning::Reasoning;
use serde_json::Value;
use watch::Watch;

/// Something that was read. No text is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text of the answer.
    Content(String),
    /// Text of the reasoning.
    Reasoning(String),
    /// A call begins.
    CallBegin {
        /// Which: the first is 0, and each one more.
        index: usize,
        /// The tool, as the model wrote it; one that nobody offered is possible.
        name: String,
    },
    /// A fragment of the JSON text of a call's arguments, an object.
    CallArguments {
        /// Which call: the last that began.
        index: usize,
        /// The fragment.
        text: String,
    },
}

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// The JSON schema of its parameters, `Null` where there is none.
    pub parameters: Value,
}

/// How a family of models writes calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolFormat {
    /// `{"name": …, "parameters": {…}}`, after `<|python_tag|>` or nothing.
    Llama3Json,
    /// `[name(key="value")]`.
    Pythonic,
    /// `[TOOL_CALLS]` and a JSON list, or a name and JSON.
    Mistral,
    /// JSON in `<tool_call>` tags.
    Hermes,
    /// `<function=name>` and `<parameter=key>` tags.
    Qwen3Coder,
    /// DeepSeek's own markers.
    DeepSeek,
}

impl ToolFormat {
    /// The formats and the names that choose them: the first is its own, the others are those of vLLM, SGLang and Triton's OpenAI
    /// frontend.
    pub const NAMES: [(ToolFormat, &'static [&'static str]); 6] = [
        (
            ToolFormat::Llama3Json,
            &["llama3_json", "llama3", "llama4_json"],
        ),
        (ToolFormat::Pythonic, &["pythonic", "llama4_pythonic"]),
        (ToolFormat::Mistral, &["mistral"]),
        (ToolFormat::Hermes, &["hermes", "qwen", "qwen25"]),
        (ToolFormat::Qwen3Coder, &["qwen3_coder", "qwen3_xml"]),
        (
            ToolFormat::DeepSeek,
            &[
                "deepseek",
                "deepseek_v3",
                "deepseek_v31",
                "deepseekv3",
                "deepseekv31",
            ],
        ),
    ];

    /// Reads a name. `field` is where it was given, for the error.
    pub fn parse(field: &str, name: &str) -> Result<ToolFormat> {
        let found = Self::NAMES.iter().find(|(_, names)| names.contains(&name));
        found.map(|(format, _)| *format).ok_or_else(|| {
            let known: Vec<&str> = Self::NAMES.iter().map(|(_, names)| names[0]).collect();
            Error::argument(
                field,
                format!(
                    "{field}: expected one of {}, got another string",
                    known.join(", ")
                ),
            )
        })
    }

    /// Its own name.
    pub fn name(self) -> &'static str {
        let found = Self::NAMES.iter().find(|(format, _)| *format == self);
        found.map_or("", |(_, names)| names[0])
    }

    /// What calls begin with, and whether it may also be the beginning of other text: then a call is one only at the beginning of
    /// the text, or of a line where the names of tools are known, and only with one of these names.
    fn openings(self) -> &'static [(&'static str, bool)] {
        match self {
            ToolFormat::Llama3Json => &[(llama::OPEN, false), ("{", true)],
            ToolFormat::Pythonic => &[(pythonic::OPEN, false), (pythonic::BARE, true)],
            ToolFormat::Mistral => &[(mistral::OPEN, false), (mistral::BARE, true)],
            ToolFormat::Hermes => &[(hermes::OPEN, false)],
            ToolFormat::Qwen3Coder => &[(hermes::OPEN, false), (qwen_coder::BARE, true)],
            ToolFormat::DeepSeek => &[(deepseek::OPEN, false)],
        }
    }
}

/// What became of a character that a block was given.
enum Step {
    /// Taken; it may yet turn out to be text.
    More,
    /// Taken; all that was held back was no text.
    Settled,
    /// The same, and what may yet turn out to be text begins anew with this.
    Reopened(&'static str),
    /// Taken, and the block is over; what was held back was no text.
    Done,
    /// Not taken: what was held back is text, and the block is over.
    Refuse,
    /// Taken, and text as well as what was held back; the block is over.
    Drop,
}

/// What a text may be inside of.
#[derive(Clone, Debug)]
enum Block {
    DeepSeek(deepseek::DeepSeek),
    Hermes(hermes::Hermes),
    Llama(llama::Llama),
    Mistral(mistral::Mistral),
    Pythonic(pythonic::Pythonic),
    QwenCoder(qwen_coder::QwenCoder),
}

impl Block {
    fn new(format: ToolFormat, is_bare: bool) -> Block {
        match format {
            ToolFormat::Llama3Json => Block::Llama(llama::Llama::new(is_bare)),
            ToolFormat::Pythonic => Block::Pythonic(pythonic::Pythonic::new(is_bare)),
            ToolFormat::Mistral => Block::Mistral(mistral::Mistral::new(is_bare)),
            ToolFormat::Hermes => Block::Hermes(hermes::Hermes::new()),
            ToolFormat::Qwen3Coder => Block::QwenCoder(qwen_coder::QwenCoder::new(is_bare)),
            ToolFormat::DeepSeek => Block::DeepSeek(deepseek::DeepSeek::new()),
        }
    }

    fn push(&mut self, c: char, out: &mut Out) -> Step {
        match self {
            Block::DeepSeek(block) => block.push(c, out),
            Block::Hermes(block) => block.push(c, out),
            Block::Llama(block) => block.push(c, out),
            Block::Mistral(block) => block.push(c, out),
            Block::Pythonic(block) => block.push(c, out),
            Block::QwenCoder(block) => block.push(c, out),
        }
    }

    fn is_between(&self) -> bool {
        match self {
            Block::DeepSeek(block) => block.is_between(),
            Block::Hermes(block) => block.is_between(),
            Block::Llama(block) => block.is_between(),
            Block::Mistral(block) => block.is_between(),
            Block::Pythonic(block) => block.is_between(),
            Block::QwenCoder(block) => block.is_between(),
        }
    }
}

/// Reads one text.
#[derive(Clone, Debug)]
pub struct Reader {
    format: Option<ToolFormat>,
    reasoning: Option<Reasoning>,
    out: Out,
    watch: Watch,
    block: Option<Block>,
    /// What stands in the block and may yet turn out to be content.
    held: String,
}

impl Reader {
    /// Looks for calls in that format, and for reasoning between those tags. `tools` are those that the model may call; where there are none,
    /// every name is taken.
    pub fn new(
        format: Option<ToolFormat>,
        tools: &[Tool],
        reasoning: Option<ReasoningTags>,
    ) -> Reader {
        let openings = format.map_or(&[][..], ToolFormat::openings);
        Reader {
            format,
            reasoning: reasoning.map(Reasoning::new),
            out: Out::new(format.is_some(), tools),
            watch: Watch::new(openings.iter().map(|(word, _)| *word)),
            block: None,
            held: String::new(),
        }
    }

    /// Takes the next piece of the text.
    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        match &mut self.reasoning {
            None => self.answer(text),
            Some(reasoning) => {
                let (first, rest) = reasoning.push(text, &mut self.out);
                self.answer(&first);
                self.answer(rest);
            }
        }
        self.out.take()
    }

    /// The text is over.
    pub fn finish(&mut self) -> Vec<Piece> {
        if let Some(reasoning) = &mut self.reasoning {
            let rest = reasoning.finish(&mut self.out);
            self.answer(&rest);
        }
        let held = std::mem::take(&mut self.held);
        let is_syntax = self.block.take().is_some_and(|block| block.is_between());
        if !is_syntax {
            self.out.content(&held);
        }
        let held = self.watch.finish();
        self.out.content(&held);
        self.out.finish();
        self.out.take()
    }

    /// Calls that were begun so far.
    pub fn calls(&self) -> usize {
        self.out.calls()
    }

    /// Text without reasoning.
    fn answer(&mut self, mut text: &str) {
        let Some(format) = self.format else {
            return self.out.content(text);
        };
        while !text.is_empty() {
            if self.block.is_none() {
                let (free, rest) = text.split_at(self.watch.free(text));
                self.out.content(free);
                text = rest;
            }
            let Some(c) = text.chars().next() else { break };
            text = &text[c.len_utf8()..];
            if !self.inside(c) {
                self.outside(c, format);
            }
        }
    }

    /// Gives a character to the block; `false` where it does not belong to one.
    fn inside(&mut self, c: char) -> bool {
        let Some(block) = &mut self.block else {
            return false;
        };
        let step = block.push(c, &mut self.out);
        if self.out.is_open() {
            self.held.clear();
        }
        match step {
            Step::More if self.out.is_open() => return true,
            Step::More if self.held.len() < limits::CALL_HELD_BYTES => {
                self.held.push(c);
                return true;
            }
            Step::Settled => {
                self.held.clear();
                return true;
            }
            Step::Reopened(word) => {
                self.held.clear();
                self.held.push_str(word);
                return true;
            }
            Step::Done => self.held.clear(),
            Step::More | Step::Drop => self.held.push(c),
            Step::Refuse => {}
        }
        self.block = None;
        self.out.end();
        let held = std::mem::take(&mut self.held);
        self.out.content(&held);
        !matches!(step, Step::Refuse)
    }

    fn outside(&mut self, c: char, format: ToolFormat) {
        let mut free = String::new();
        let found = self.watch.push(c, &mut free);
        self.out.content(&free);
        let Some((word, is_bare)) = found.and_then(|at| format.openings().get(at)) else {
            return;
        };
        if *is_bare && !self.out.may_begin() {
            return self.out.content(word);
        }
        self.block = Some(Block::new(format, *is_bare));
        // A block that begins with a bracket of its JSON is given it.
        if *is_bare && word.ends_with('{') {
            self.held.push_str(&word[..word.len() - 1]);
            self.inside('{');
        } else {
            self.held.push_str(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{Setting, tools};
    use super::*;

    #[test]
    fn without_a_format_nothing_is_held_back() {
        let mut reader = Reader::new(None, &[], None);
        assert_eq!(
            reader.push("<tool_call> \n"),
            [Piece::Content("<tool_call> \n".into())]
        );
        assert_eq!((reader.finish(), reader.calls()), (Vec::new(), 0));
    }

    #[test]
    fn text_and_arguments_go_out_as_they_come() {
        let content = |text: &str| Piece::Content(text.to_owned());
        let arguments = |text: &str| Piece::CallArguments {
            index: 0,
            text: text.to_owned(),
        };
        let begin = |name: &str| Piece::CallBegin {
            index: 0,
            name: name.to_owned(),
        };
        type Steps<'a> = &'a [(&'a str, &'a [Piece])];
        let steps: [(ToolFormat, Steps<'_>); 3] = [
            (
                ToolFormat::Hermes,
                &[
                    ("Hello", &[content("Hello")]),
                    (" wor<", &[content(" wor")]),
                    ("ld ", &[content("<ld")]),
                    ("<tool_call>{\"name\": \"f", &[]),
                    ("\", \"arguments\": ", &[]),
                    ("{\"a", &[begin("f"), arguments("{\"a")]),
                    ("\": 1", &[arguments("\": 1")]),
                    ("}", &[arguments("}")]),
                    ("}</tool_call>\n", &[]),
                    ("!", &[content(" \n!")]),
                ],
            ),
            // What is no call is known early.
            (
                ToolFormat::Llama3Json,
                &[
                    ("{\"title", &[]),
                    ("\": \"", &[content("{\"title\": \"")]),
                    ("so", &[content("so")]),
                ],
            ),
            (
                ToolFormat::Qwen3Coder,
                &[
                    (
                        "<tool_call>\n<function=f>\n<parameter=",
                        &[begin("f"), arguments("{")],
                    ),
                    ("city>\n", &[arguments("\"city\": \"")]),
                    ("Par", &[arguments("Par")]),
                    ("is\n", &[arguments("is")]),
                    ("x\n</", &[arguments("\\nx")]),
                    ("parameter></function>", &[arguments("\"}")]),
                ],
            ),
        ];
        for (format, steps) in steps {
            let mut reader = Reader::new(Some(format), &tools(), None);
            for (text, pieces) in steps {
                assert_eq!(reader.push(text), *pieces, "{text:?}");
            }
        }
    }

    #[test]
    fn what_is_held_back_and_nested_has_bounds() {
        let hermes = Setting::of(ToolFormat::Hermes);
        let long = format!(
            "<tool_call>{{\"arguments\": {{\"a\": \"{}\"}}, \"name\": \"f\"}}</tool_call>",
            "x".repeat(limits::CALL_HELD_BYTES)
        );
        assert_eq!(hermes.joined(&[&long]).content, long);
        let name = format!(
            "<tool_call>{{\"name\": \"{}\"}}</tool_call>",
            "x".repeat(limits::CALL_NAME_BYTES + 1)
        );
        assert_eq!(hermes.joined(&[&name]).content, name);
        let deep = |open: &str| {
            format!(
                "<tool_call>{{\"name\": \"f\", \"arguments\": {{\"a\": {}",
                open.repeat(1_000_000)
            )
        };
        assert_eq!(
            hermes.joined(&[&deep("[")]).calls[0].1.len(),
            "{\"a\": ".len() + limits::CALL_DEPTH - 1
        );
        let deep = format!("[f(a={})]", "[".repeat(100_000));
        assert_eq!(
            Setting::of(ToolFormat::Pythonic).joined(&[&deep]).content,
            deep
        );
        // A value that is no text is not held back for ever.
        let value = "1\n".repeat(limits::CALL_HELD_BYTES / 2 + 2);
        let text = format!("<function=f><parameter=days>{value}</parameter></function>");
        let arguments = &Setting::of(ToolFormat::Qwen3Coder).joined(&[&text]).calls[0].1;
        let arguments: Value = serde_json::from_str(arguments).unwrap();
        assert_eq!(arguments["days"], value.trim_end());
        // White space goes out too when there is much of it.
        let blanks = " ".repeat(1000);
        let mut reader = Reader::new(Some(ToolFormat::Hermes), &[], None);
        assert!(!reader.push(&blanks).is_empty());
    }

    #[test]
    fn every_name_of_a_format_is_read() {
        for (format, names) in ToolFormat::NAMES {
            assert_eq!(format.name(), names[0]);
            for name in names {
                assert_eq!(ToolFormat::parse("tool_format", name), Ok(format));
            }
        }
        let error = ToolFormat::parse("tool_format", "secret").unwrap_err();
        assert!(
            error
                .message()
                .starts_with("tool_format: expected one of llama3_json, pythonic")
        );
        assert!(!error.message().contains("secret"));
    }

    /// Whatever a model may write, made of the words of all formats: the same however it is cut, in order, and nothing lost.
    #[test]
    fn any_text_is_read_the_same_in_pieces() {
        let words = [
            "<tool_call>",
            "</tool_call>",
            "<function=",
            "f",
            ">",
            "<parameter=",
            "city",
            "days",
            "</parameter>",
            "</function>",
            "[TOOL_CALLS]",
            "[ARGS]",
            "[CALL_ID]",
            "[",
            "{",
            "}",
            "]",
            "(",
            ")",
            "\"name\"",
            "\"arguments\"",
            "\"parameters\"",
            ":",
            ",",
            ";",
            "\"f\"",
            "\"",
            "'",
            "\\",
            "\\u12",
            "=",
            "1",
            "-1.5e3",
            "null",
            "None",
            " ",
            "\n",
            "é",
            "😀",
            "<|python_tag|>",
            "<|python_start|>",
            "<|python_end|>",
            "<｜tool▁calls▁begin｜>",
            "<｜tool▁call▁begin｜>",
            "<｜tool▁sep｜>",
            "<｜tool▁call▁end｜>",
            "<｜tool▁calls▁end｜>",
            "```json",
            "```",
            "<think>",
            "</think>",
            "<",
            "x",
            "{\"name\": \"f\", \"arguments\": {",
            "{\"name\": \"f\", \"arguments\": {\"a\": 1}}",
            "[f(a=1)",
            "f(a='x')",
        ];
        let mut state: u64 = 7;
        let mut random = |below: usize| {
            // Marsaglia's xorshift.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        };
        for round in 0..4000 {
            let text: String = (0..random(24))
                .map(|_| words[random(words.len())])
                .collect();
            for (format, _) in ToolFormat::NAMES {
                let reasoning = (round % 4 == 0).then(|| ReasoningTags::think(round % 8 == 0));
                let setting = Setting {
                    reasoning,
                    ..Setting::of(format)
                };
                let whole = setting.joined(&[&text]);
                let size = 1 + random(5);
                let characters: Vec<char> = text.chars().collect();
                let parts: Vec<String> = characters
                    .chunks(size)
                    .map(|c| c.iter().collect())
                    .collect();
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                assert_eq!(
                    setting.joined(&parts),
                    whole,
                    "{format:?} {text:?} in pieces of {size}"
                );
                if whole.calls.is_empty() && setting.reasoning.is_none() {
                    assert_eq!(whole.content, text, "{format:?}");
                }
                for (_, arguments) in &whole.calls {
                    let read = serde_json::from_str::<serde::de::IgnoredAny>(arguments);
                    assert!(
                        read.is_ok() || read.is_err_and(|e| e.is_eof()),
                        "{format:?} {text:?}: {arguments}"
                    );
                }
            }
        }
    }
}
