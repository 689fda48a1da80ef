//! What was read so far, and the rules for white space around calls.

use super::{Piece, Tool};

/// White space that is held back because a call may follow; more of it is text.
const SPACE_BYTES: usize = 256;

/// Whether a character separates the parts of a call.
pub fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Collects pieces.
#[derive(Clone, Debug, Default)]
pub struct Out {
    pieces: Vec<Piece>,
    tools: Vec<Tool>,
    /// Whether calls are read at all; white space is held back only then.
    reads_calls: bool,
    calls: usize,
    is_open: bool,
    said: bool,
    /// White space after which a call may follow.
    space: String,
    /// Something that is no white space stands before it in its line.
    line_used: bool,
}

impl Out {
    /// Of a reader that looks for calls of `tools`, or for none.
    pub fn new(reads_calls: bool, tools: &[Tool]) -> Out {
        Out {
            reads_calls,
            tools: tools.to_vec(),
            ..Default::default()
        }
    }

    /// Hands out what there is.
    pub fn take(&mut self) -> Vec<Piece> {
        std::mem::take(&mut self.pieces)
    }

    /// Calls that were begun.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Whether a call was begun and is not over: what it is made of is known to be no content.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// A tool of that name, where tools are known.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    /// Whether a call without a marker may be one: where the tools are known it has to be one of them.
    pub fn may_be_called(&self, name: &str) -> bool {
        self.tools.is_empty() || self.tool(name).is_some()
    }

    /// Whether a call without a marker may begin here: at the beginning of the text, and of a line where a name can tell
    /// it from other text.
    pub fn may_begin(&self) -> bool {
        match self.tools.is_empty() {
            true => !self.said,
            false => !self.line_used,
        }
    }

    /// Text of the answer.
    pub fn content(&mut self, text: &str) {
        if !self.reads_calls {
            return self.say(text);
        }
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if is_space(c) {
                self.space(c);
                rest = &rest[1..];
                continue;
            }
            let (run, after) = rest.split_at(rest.find(is_space).unwrap_or(rest.len()));
            self.say_space();
            self.say(run);
            self.said = true;
            self.line_used = true;
            rest = after;
        }
    }

    fn space(&mut self, c: char) {
        if c == '\n' {
            self.line_used = false;
        }
        if self.calls > 0 && !self.said {
            return;
        }
        self.space.push(c);
        if self.space.len() > SPACE_BYTES {
            self.say_space();
            self.said = true;
        }
    }

    fn say_space(&mut self) {
        let space = std::mem::take(&mut self.space);
        self.say(&space);
    }

    fn say(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::Content(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Content(text.to_owned())),
        }
    }

    /// Text of the reasoning.
    pub fn reasoning(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::Reasoning(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Reasoning(text.to_owned())),
        }
    }

    /// A call begins.
    pub fn begin(&mut self, name: &str) {
        if !self.said {
            self.space.clear();
        }
        self.line_used = false;
        self.is_open = true;
        self.pieces.push(Piece::CallBegin {
            index: self.calls,
            name: name.to_owned(),
        });
        self.calls += 1;
    }

    /// Some of the JSON text of the arguments of the call that is open.
    pub fn arguments(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::CallArguments { text: last, .. }) => last.push_str(text),
            _ => self.pieces.push(Piece::CallArguments {
                index: self.calls.saturating_sub(1),
                text: text.to_owned(),
            }),
        }
    }

    /// The call that is open is over.
    pub fn end(&mut self) {
        self.is_open = false;
    }

    /// A whole call.
    pub fn call(&mut self, name: &str, arguments: &str) {
        self.begin(name);
        self.arguments(arguments);
        self.end();
    }

    /// The text is over.
    pub fn finish(&mut self) {
        match self.calls {
            0 => self.say_space(),
            _ => self.space.clear(),
        }
    }
}
