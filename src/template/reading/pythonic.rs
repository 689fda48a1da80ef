//! Llama 3.2, Llama 4 and others: calls as a Python list, `[get_weather(city="Paris"), now()]`.
//!
//! Source: Meta's prompt format, vLLM's `pythonic` and `llama4_pythonic`. `<|python_start|>` and `<|python_end|>` may stand
//! around the list. A call is told when it is whole: its arguments have to be made JSON.

use super::Step;
use super::out::{Out, is_space};
use super::python;
use super::watch::{Expect, Expected};
use crate::limits;

/// What calls may begin with.
pub const OPEN: &str = "<|python_start|>";
/// What they begin with where nothing else does.
pub const BARE: &str = "[";

const CLOSE: &str = "<|python_end|>";

/// What follows the marker or the bracket.
#[derive(Clone, Debug)]
pub struct Pythonic {
    is_bare: bool,
    state: State,
    name: String,
    /// The arguments of the call as they stand there.
    text: String,
    has_call: bool,
}

#[derive(Clone, Debug)]
enum State {
    /// The bracket has to come.
    Open,
    /// A call, or the end after a comma.
    Call,
    Name,
    /// After a name: the parenthesis has to come.
    Parenthesis,
    /// So many brackets are open inside the arguments.
    Arguments(usize),
    Quote(usize, Quote),
    Comma,
    /// After the list.
    Close(Expect),
}

#[derive(Clone, Copy, Debug)]
enum Quote {
    /// One quote came.
    One(char),
    /// Two: the string is empty, or this is the beginning of three.
    Two(char),
    In(char),
    Escaped(char),
    /// In three quotes, after so many that may end it.
    Three(char, u8),
    ThreeEscaped(char),
}

impl Pythonic {
    /// After the marker, or after the bracket where there is none.
    pub fn new(is_bare: bool) -> Pythonic {
        Pythonic {
            is_bare,
            state: if is_bare { State::Call } else { State::Open },
            name: String::new(),
            text: String::new(),
            has_call: false,
        }
    }

    /// Whether a call is over, and no other was begun.
    pub fn is_between(&self) -> bool {
        self.has_call && matches!(self.state, State::Call | State::Comma | State::Close(_))
    }

    /// Takes the next character.
    pub fn push(&mut self, c: char, out: &mut Out) -> Step {
        match &mut self.state {
            State::Name => self.name(c, out),
            State::Arguments(depth) => {
                let depth = *depth;
                self.arguments(c, depth, out)
            }
            State::Quote(depth, quote) => {
                let (depth, quote) = (*depth, *quote);
                self.quote(c, depth, quote, out)
            }
            State::Close(word) if word.is_fresh() && is_space(c) => Step::More,
            State::Close(word) => match word.push(c, &[CLOSE]) {
                Expected::Part => Step::More,
                Expected::Found(_) => Step::Done,
                Expected::Wrong => Step::Refuse,
            },
            _ if is_space(c) => Step::More,
            State::Open if c == '[' => self.go(State::Call),
            State::Call if c == ']' && self.has_call => self.close(),
            State::Call => {
                self.name.clear();
                self.state = State::Name;
                self.name(c, out)
            }
            State::Parenthesis if c == '(' => self.go(State::Arguments(0)),
            State::Comma if c == ',' => self.go(State::Call),
            State::Comma if c == ']' => self.close(),
            State::Open | State::Parenthesis | State::Comma => Step::Refuse,
        }
    }

    fn go(&mut self, state: State) -> Step {
        self.state = state;
        Step::More
    }

    fn close(&mut self) -> Step {
        self.state = State::Close(Expect::default());
        Step::Settled
    }

    fn name(&mut self, c: char, out: &mut Out) -> Step {
        let goes_on =
            c.is_alphanumeric() || c == '_' || !self.name.is_empty() && matches!(c, '.' | '-');
        let is_whole = !self.name.is_empty() && (!self.is_bare || out.may_be_called(&self.name));
        match c {
            _ if goes_on && self.name.len() < limits::CALL_NAME_BYTES => {
                self.name.push(c);
                Step::More
            }
            '(' if is_whole => {
                self.text.clear();
                self.go(State::Arguments(0))
            }
            _ if is_whole && is_space(c) => {
                self.text.clear();
                self.go(State::Parenthesis)
            }
            _ => Step::Refuse,
        }
    }

    fn arguments(&mut self, c: char, depth: usize, out: &mut Out) -> Step {
        let depth = match c {
            ')' if depth == 0 => return self.call(out),
            '(' | '[' | '{' => depth + 1,
            ')' | ']' | '}' if depth == 0 => return Step::Refuse,
            ')' | ']' | '}' => depth - 1,
            _ => depth,
        };
        self.text.push(c);
        self.go(match c {
            '"' | '\'' => State::Quote(depth, Quote::One(c)),
            _ => State::Arguments(depth),
        })
    }

    fn call(&mut self, out: &mut Out) -> Step {
        let Some(arguments) = python::arguments(&self.text) else {
            return Step::Drop;
        };
        out.call(&self.name, &arguments);
        self.has_call = true;
        self.state = State::Comma;
        Step::Settled
    }

    fn quote(&mut self, c: char, depth: usize, quote: Quote, out: &mut Out) -> Step {
        let next = match quote {
            Quote::One(q) if c == q => Quote::Two(q),
            Quote::One(q) | Quote::In(q) if c == '\\' => Quote::Escaped(q),
            Quote::One(q) | Quote::Escaped(q) => Quote::In(q),
            Quote::Two(q) if c == q => Quote::Three(q, 0),
            Quote::Two(_) => {
                self.state = State::Arguments(depth);
                return self.arguments(c, depth, out);
            }
            Quote::In(q) if c == q => {
                self.text.push(c);
                return self.go(State::Arguments(depth));
            }
            Quote::In(q) => Quote::In(q),
            Quote::Three(q, 2) if c == q => {
                self.text.push(c);
                return self.go(State::Arguments(depth));
            }
            Quote::Three(q, ends) if c == q => Quote::Three(q, ends + 1),
            Quote::Three(q, _) if c == '\\' => Quote::ThreeEscaped(q),
            Quote::Three(q, _) | Quote::ThreeEscaped(q) => Quote::Three(q, 0),
        };
        self.text.push(c);
        self.go(State::Quote(depth, next))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ToolFormat;
    use super::super::testing::{Setting, check, check_content};

    #[test]
    fn calls_and_what_only_looks_like_them() {
        check(
            ToolFormat::Pythonic,
            &[
                (
                    r#"[get_weather(city="Paris")]"#,
                    "",
                    &[("get_weather", r#"{"city": "Paris"}"#)],
                ),
                (
                    r#"[get_weather(city="Paris"), f(x=1, y=[1, 2], z={"a": None})]"#,
                    "",
                    &[
                        ("get_weather", r#"{"city": "Paris"}"#),
                        ("f", r#"{"x": 1, "y": [1, 2], "z": {"a": null}}"#),
                    ],
                ),
                (
                    "<|python_start|>[now()]<|python_end|>",
                    "",
                    &[("now", "{}")],
                ),
                (
                    "<|python_start|>[other(a='b')]",
                    "",
                    &[("other", r#"{"a": "b"}"#)],
                ),
                ("[now()]\n[f(), ]\n", "", &[("now", "{}"), ("f", "{}")]),
                (
                    "[\n  f(\n    s='a)\\'b',\n    t=\"]\",\n  ),\n  search.web(q=(1, 2))\n]",
                    "",
                    &[
                        ("f", r#"{"s": "a)'b", "t": "]"}"#),
                        ("search.web", r#"{"q": [1, 2]}"#),
                    ],
                ),
                (
                    "[f(s='''it's \"so\" ]) ''', e='', t=\"\"\"x\\\"\"\"\")]",
                    "",
                    &[("f", r#"{"s": "it's \"so\" ]) ", "e": "", "t": "x\""}"#)],
                ),
                ("I will.\n[f()]", "I will.", &[("f", "{}")]),
                ("[f()] Done.", "Done.", &[("f", "{}")]),
                ("[f(), g()]", ", g()]", &[("f", "{}")]),
                ("[f(x=1), f(1)]", ", f(1)]", &[("f", r#"{"x": 1}"#)]),
                ("[f(x=1), now(", ", now(", &[("f", r#"{"x": 1}"#)]),
                ("[f(x=1), ", "", &[("f", r#"{"x": 1}"#)]),
                ("[now()]<|python_", "", &[("now", "{}")]),
            ],
        );
        check_content(
            &Setting::of(ToolFormat::Pythonic),
            &[
                "[1, 2]",
                "[a link](http://x)",
                "[]",
                "[",
                "[f",
                "[f(",
                "[f(x=1",
                "[f(x='",
                "[f(1)]",
                "[f(x=y)]",
                "[f(x=1, x=2)]",
                "[other(x=1)]",
                "see [f()]",
                "[f]]",
                "[f)",
                "[f(]",
                "<|python_start|>",
                "<|python_start|>f()",
                "[[f()]]",
                "[f(x=[)]",
                "[.f()]",
                "[\"f()\"]",
            ],
        );
    }
}
