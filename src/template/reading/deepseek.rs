//! DeepSeek V3, R1 and V3.1: calls between markers of their own.
//!
//! V3.1 writes `<｜tool▁call▁begin｜>name<｜tool▁sep｜>{…}<｜tool▁call▁end｜>`, V3 and R1
//! `<｜tool▁call▁begin｜>function<｜tool▁sep｜>name`, a line break and `{…}` in a fence of `json`; both between
//! `<｜tool▁calls▁begin｜>` and `<｜tool▁calls▁end｜>`. Source: the models' chat templates, vLLM's `deepseek_v3` and `deepseek_v31`.

use super::Step;
use super::json::{Scan, Scanned};
use super::out::{Out, is_space};
use super::watch::{Expect, Expected};
use crate::limits;

/// What calls begin with.
pub const OPEN: &str = "<｜tool▁calls▁begin｜>";

const CLOSE: &str = "<｜tool▁calls▁end｜>";
const BEGIN: &str = "<｜tool▁call▁begin｜>";
const SEPARATOR: &str = "<｜tool▁sep｜>";
const END: &str = "<｜tool▁call▁end｜>";
const FENCE: &str = "```json";
const FENCE_END: &str = "```";

/// What follows the opening marker.
#[derive(Clone, Debug)]
pub struct DeepSeek {
    state: State,
    name: String,
    text: String,
    /// A call is over.
    has_call: bool,
}

#[derive(Clone, Debug)]
enum State {
    /// A call, or the end.
    Between(Expect),
    /// Up to the separator: the name, or the word `function`.
    Head(Expect),
    /// After the separator: a name and a line break, or the arguments.
    Name,
    Fence(Expect),
    Open,
    Arguments(Scan),
    End(Expect),
}

impl DeepSeek {
    /// After the opening marker.
    pub fn new() -> DeepSeek {
        DeepSeek {
            state: State::Between(Expect::default()),
            name: String::new(),
            text: String::new(),
            has_call: false,
        }
    }

    /// Whether a call is over, and no other was begun.
    pub fn is_between(&self) -> bool {
        self.has_call && matches!(self.state, State::Between(_) | State::End(_))
    }

    /// Takes the next character.
    pub fn push(&mut self, c: char, out: &mut Out) -> Step {
        match &mut self.state {
            State::Between(marks) if marks.is_fresh() && is_space(c) => Step::More,
            State::Between(marks) => match marks.push(c, &[BEGIN, CLOSE]) {
                Expected::Part => Step::More,
                Expected::Found(0) => {
                    self.name.clear();
                    self.go(State::Head(Expect::default()))
                }
                // An end without a call is none.
                Expected::Found(_) if self.has_call => Step::Done,
                Expected::Found(_) => Step::Drop,
                Expected::Wrong => Step::Refuse,
            },
            State::Head(mark) if mark.is_fresh() && c != '<' => self.name(c),
            State::Head(mark) => match mark.push(c, &[SEPARATOR]) {
                Expected::Part => Step::More,
                Expected::Found(_) => {
                    self.text.clear();
                    self.go(State::Name)
                }
                Expected::Wrong => Step::Refuse,
            },
            State::Name => self.after_separator(c, out),
            State::Fence(fence) if fence.is_fresh() && is_space(c) => Step::More,
            State::Fence(fence) => match fence.push(c, &[FENCE]) {
                Expected::Part => Step::More,
                Expected::Found(_) => self.go(State::Open),
                Expected::Wrong => Step::Refuse,
            },
            State::Open if is_space(c) => Step::More,
            State::Open => self.open(c, out),
            State::Arguments(scan) => {
                self.text.clear();
                let scanned = scan.write(c, &mut self.text);
                out.arguments(&self.text);
                match scanned {
                    Scanned::More => Step::More,
                    Scanned::Before | Scanned::Bad => Step::Refuse,
                    Scanned::Done => {
                        out.end();
                        self.has_call = true;
                        self.state = State::End(Expect::default());
                        Step::Settled
                    }
                }
            }
            State::End(marks) if marks.is_fresh() && is_space(c) => Step::More,
            State::End(marks) => match marks.push(c, &[FENCE_END, END]) {
                Expected::Part => Step::More,
                Expected::Found(0) => self.settle(State::End(Expect::default())),
                Expected::Found(_) => self.settle(State::Between(Expect::default())),
                Expected::Wrong => Step::Refuse,
            },
        }
    }

    fn go(&mut self, state: State) -> Step {
        self.state = state;
        Step::More
    }

    fn settle(&mut self, state: State) -> Step {
        self.state = state;
        Step::Settled
    }

    fn name(&mut self, c: char) -> Step {
        if c.is_control() || self.name.len() >= limits::CALL_NAME_BYTES {
            return Step::Refuse;
        }
        self.name.push(c);
        Step::More
    }

    fn after_separator(&mut self, c: char, out: &mut Out) -> Step {
        match c {
            '{' if self.text.is_empty() => self.open(c, out),
            '\n' if !self.text.is_empty() => {
                self.name = std::mem::take(&mut self.text);
                self.go(State::Fence(Expect::default()))
            }
            '\n' => Step::More,
            c if c.is_control() || self.text.len() >= limits::CALL_NAME_BYTES => Step::Refuse,
            c => {
                self.text.push(c);
                Step::More
            }
        }
    }

    fn open(&mut self, c: char, out: &mut Out) -> Step {
        let name = self.name.trim();
        if c != '{' || name.is_empty() {
            return Step::Refuse;
        }
        out.begin(name);
        self.state = State::Arguments(Scan::default());
        self.push(c, out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ToolFormat;
    use super::super::testing::{Setting, check, check_content};

    #[test]
    fn calls_and_what_only_looks_like_them() {
        check(
            ToolFormat::DeepSeek,
            &[
                (
                    "Let me see.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\": \"Paris\"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
                    "Let me see.",
                    &[("get_weather", r#"{"city": "Paris"}"#), ("now", "{}")],
                ),
                (
                    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{\"city\": \"```\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>\n",
                    "",
                    &[("get_weather", r#"{"city": "```"}"#), ("f", "{}")],
                ),
                (
                    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\":",
                    "",
                    &[("f", "{\"a\":")],
                ),
                (
                    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁ca",
                    "",
                    &[("f", "{}")],
                ),
                (
                    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜>so",
                    "so",
                    &[("f", "{}")],
                ),
            ],
        );
        check_content(
            &Setting::of(ToolFormat::DeepSeek),
            &[
                "<｜tool▁calls▁begin｜>",
                "<｜tool▁calls▁begin｜><｜tool▁calls▁end｜>",
                "<｜tool▁calls▁begin｜>x",
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>x",
                "<｜to",
                "<|tool▁calls▁begin|>",
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜><｜tool▁sep｜>{}",
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n{}",
            ],
        );
    }
}
