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
//! - **White space** at the beginning and the end of the content is left out where there are calls, so that a text of nothing but calls
//!   has no content (`null` in OpenAI's JSON). Text before, between and after calls is kept.
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
#[cfg(test)]
mod tests;
mod watch;

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
        if !self.out.is_open() && !is_syntax {
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
