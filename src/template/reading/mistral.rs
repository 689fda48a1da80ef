//! Mistral: `[TOOL_CALLS][{"name": …, "arguments": {…}}, …]`, and since its version 11 tokenizers
//! `[TOOL_CALLS]name[ARGS]{…}` or `[TOOL_CALLS]name{…}`, the marker before each call.
//!
//! Source: mistral-common, vLLM's `mistral`. The marker is a special token that servers leave out unless told otherwise; the
//! list is then known by its `[{` and by the name of a tool.

use super::Step;
use super::json::{Scan, Scanned};
use super::object::Object;
use super::out::{Out, is_space};
use super::watch::{Expect, Expected};
use crate::limits;

/// What calls begin with.
pub const OPEN: &str = "[TOOL_CALLS]";
/// What they begin with where the marker was left out.
pub const BARE: &str = "[{";

const ARGS: &str = "[ARGS]";
const ID: &str = "[CALL_ID]";

/// What follows the marker.
#[derive(Clone, Debug)]
pub struct Mistral {
    is_bare: bool,
    state: State,
    name: String,
    /// The JSON of the arguments, as far as this character goes.
    text: String,
}

#[derive(Clone, Debug)]
enum State {
    Start,
    Item(Object),
    /// After an item of the list.
    Comma,
    Name,
    /// The name is over by a `[`, or a blank.
    Mark(Expect),
    Id(Expect),
    /// The arguments have to come.
    Open,
    Arguments(Scan),
}

impl Mistral {
    /// After the marker, or where the next character is the `{` of a list without it.
    pub fn new(is_bare: bool) -> Mistral {
        Mistral {
            is_bare,
            state: match is_bare {
                true => State::Item(Object::new(true)),
                false => State::Start,
            },
            name: String::new(),
            text: String::new(),
        }
    }

    /// Whether a call is over, and no other was begun.
    pub fn is_between(&self) -> bool {
        matches!(self.state, State::Comma)
    }

    /// Takes the next character.
    pub fn push(&mut self, c: char, out: &mut Out) -> Step {
        match &mut self.state {
            State::Item(object) => match object.push(c, out) {
                Step::Done => {
                    self.state = State::Comma;
                    Step::Settled
                }
                step => step,
            },
            State::Name => self.name(c, out),
            State::Mark(mark) => match mark.push(c, &[ARGS, ID]) {
                Expected::Part => Step::More,
                Expected::Found(0) => self.go(State::Open),
                Expected::Found(_) => self.go(State::Id(Expect::default())),
                Expected::Wrong => Step::Refuse,
            },
            State::Id(mark) => match c {
                // The caller gets an id of ours: this one is not told to it.
                c if mark.is_fresh() && c.is_ascii_alphanumeric() => Step::More,
                c => match mark.push(c, &[ARGS]) {
                    Expected::Part => Step::More,
                    Expected::Found(_) => self.go(State::Open),
                    Expected::Wrong => Step::Refuse,
                },
            },
            State::Arguments(scan) => {
                self.text.clear();
                let scanned = scan.write(c, &mut self.text);
                out.arguments(&self.text);
                match scanned {
                    Scanned::More => Step::More,
                    Scanned::Done => {
                        out.end();
                        Step::Done
                    }
                    Scanned::Before | Scanned::Bad => Step::Refuse,
                }
            }
            _ if is_space(c) => Step::More,
            State::Start => match c {
                '[' => self.go(State::Item(Object::new(false))),
                '{' => {
                    self.state = State::Item(Object::new(false));
                    self.push(c, out)
                }
                _ => {
                    self.state = State::Name;
                    self.name(c, out)
                }
            },
            State::Comma => match c {
                ',' => self.go(State::Item(Object::new(self.is_bare))),
                ']' => Step::Done,
                _ => Step::Refuse,
            },
            State::Open if c == '{' => {
                out.begin(&self.name);
                self.state = State::Arguments(Scan::default());
                self.push(c, out)
            }
            State::Open => Step::Refuse,
        }
    }

    fn go(&mut self, state: State) -> Step {
        self.state = state;
        Step::More
    }

    fn name(&mut self, c: char, out: &mut Out) -> Step {
        let is_whole = !self.name.is_empty();
        match c {
            c if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') => {
                self.name.push(c);
                match self.name.len() <= limits::CALL_NAME_BYTES {
                    true => Step::More,
                    false => Step::Refuse,
                }
            }
            '[' if is_whole => {
                self.state = State::Mark(Expect::default());
                self.push(c, out)
            }
            '{' if is_whole => {
                self.state = State::Open;
                self.push(c, out)
            }
            _ => Step::Refuse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ToolFormat;
    use super::super::testing::{Setting, check, check_content};

    #[test]
    fn calls_and_what_only_looks_like_them() {
        check(
            ToolFormat::Mistral,
            &[
                (
                    r#"[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}]"#,
                    "",
                    &[("get_weather", r#"{"city": "Paris"}"#)],
                ),
                (
                    r#"[TOOL_CALLS] [{"name": "f", "arguments": {"x": "]"}}, {"arguments": {}, "name": "g"}]"#,
                    "",
                    &[("f", r#"{"x": "]"}"#), ("g", "{}")],
                ),
                (
                    r#"I'll see.[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}"#,
                    "I'll see.",
                    &[("get_weather", r#"{"city": "Paris"}"#)],
                ),
                (
                    r#"[TOOL_CALLS]f{"a": {"b": "}"}}[TOOL_CALLS]now{}"#,
                    "",
                    &[("f", r#"{"a": {"b": "}"}}"#), ("now", "{}")],
                ),
                (
                    r#"[TOOL_CALLS]f[CALL_ID]a1B2c3D4e[ARGS] {"a": 1}"#,
                    "",
                    &[("f", r#"{"a": 1}"#)],
                ),
                (
                    r#"[TOOL_CALLS]{"name": "f", "arguments": {}}"#,
                    "",
                    &[("f", "{}")],
                ),
                // Without the marker, as servers have it that leave special tokens out.
                (
                    r#" [{"name": "f", "arguments": {"a": 1}}, {"name": "now", "arguments": {}}]"#,
                    "",
                    &[("f", r#"{"a": 1}"#), ("now", "{}")],
                ),
                (
                    r#"[TOOL_CALLS][{"name": "f", "arguments": {}}"#,
                    "",
                    &[("f", "{}")],
                ),
                (
                    r#"[TOOL_CALLS][{"name": "f", "arguments": {}}, {"x": 1}]"#,
                    ", {\"x\": 1}]",
                    &[("f", "{}")],
                ),
                (
                    r#"[TOOL_CALLS][{"name": "f", "arguments": {}}, {"na"#,
                    ", {\"na",
                    &[("f", "{}")],
                ),
                (r#"[TOOL_CALLS]f{"a": x}"#, "x}", &[("f", r#"{"a": "#)]),
                (r#"[[TOOL_CALLS]f{}"#, "[", &[("f", "{}")]),
            ],
        );
        check_content(
            &Setting::of(ToolFormat::Mistral),
            &[
                "[TOOL_CALLS]",
                "[TOOL_CALLS] ",
                "[TOOL",
                "[",
                "[{",
                "[TOOL_CALLS] is a marker",
                "[TOOL_CALLS]f",
                "[TOOL_CALLS]f[ARGS]",
                "[TOOL_CALLS]f[ARG]{}",
                "[TOOL_CALLS]f[CALL_ID]x{}",
                "[TOOL_CALLS][1]",
                "[{\"name\": \"Bob\", \"arguments\": {}}]",
                "[{\"x\": 1}]",
                "see [{\"name\": \"f\", \"arguments\": {}}]",
                "[1, 2]",
                "[TOOL_CALLS][ARGS]{}",
                "[TOOL_CALLS]{}",
            ],
        );
    }
}
