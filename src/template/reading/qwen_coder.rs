//! Qwen3-Coder: `<tool_call><function=name><parameter=key>\nvalue\n</parameter>…</function></tool_call>`.
//!
//! Source: the model's chat template, vLLM's `qwen3_coder`. Values are bare text: the tool's JSON schema says what they are.
//! A parameter that may be text alone is streamed; others are told when they are whole, as the JSON or the Python literal that they
//! are, else as text. As in vLLM, a missing `</parameter>` and missing `<tool_call>` tags are no harm.

use super::Step;
use super::hermes;
use super::json::{self, whole};
use super::out::{Out, is_space};
use super::python;
use super::watch::{Expect, Expected, Watch};
use crate::limits;
use serde_json::Value;

/// What a call begins with where its outer tag is missing.
pub const BARE: &str = "<function=";

const PARAMETER: &str = "<parameter=";
const PARAMETER_END: &str = "</parameter>";
const FUNCTION_END: &str = "</function>";

/// What follows `<tool_call>` or `<function=`.
#[derive(Clone, Debug)]
pub struct QwenCoder {
    is_bare: bool,
    state: State,
    name: String,
    key: String,
    parameters: usize,
    has_call: bool,
}

#[derive(Clone, Debug)]
enum State {
    /// A function, or the end.
    Between(Expect),
    Name,
    /// A parameter, or the end of the function.
    Inside(Expect),
    Key,
    Value(Parameter),
}

/// A value that is being read.
#[derive(Clone, Debug)]
struct Parameter {
    watch: Watch,
    /// It is text and nothing else: it is told as it comes.
    is_text: bool,
    /// Its text that is not told yet.
    text: String,
    is_first: bool,
}

impl QwenCoder {
    /// After `<tool_call>`, or where it is missing after `<function=`.
    pub fn new(is_bare: bool) -> QwenCoder {
        QwenCoder {
            is_bare,
            state: match is_bare {
                true => State::Name,
                false => State::Between(Expect::default()),
            },
            name: String::new(),
            key: String::new(),
            parameters: 0,
            has_call: false,
        }
    }

    /// Whether a call is over, and no other was begun.
    pub fn is_between(&self) -> bool {
        self.has_call && matches!(self.state, State::Between(_))
    }

    /// Takes the next character.
    pub fn push(&mut self, c: char, out: &mut Out) -> Step {
        match &mut self.state {
            State::Between(tags) if tags.is_fresh() && is_space(c) => Step::More,
            State::Between(tags) => match tags.push(c, &[BARE, hermes::CLOSE, hermes::OPEN]) {
                Expected::Part => Step::More,
                Expected::Found(0) => {
                    self.name.clear();
                    self.go(State::Name)
                }
                // Tags around nothing are text.
                Expected::Found(1) if self.has_call => Step::Done,
                Expected::Found(2) if self.has_call => {
                    *self = QwenCoder::new(false);
                    Step::Reopened(hermes::OPEN)
                }
                Expected::Found(_) => Step::Drop,
                Expected::Wrong => Step::Refuse,
            },
            State::Name => match c {
                '>' if self.name.is_empty() => Step::Refuse,
                '>' if self.is_bare && !out.may_be_called(&self.name) => Step::Refuse,
                '>' => self.go(State::Inside(Expect::default())),
                c => text_of_tag(&mut self.name, c),
            },
            State::Inside(tags) if tags.is_fresh() && is_space(c) => Step::More,
            State::Inside(tags) => match tags.push(c, &[PARAMETER, FUNCTION_END]) {
                Expected::Part => Step::More,
                Expected::Wrong => Step::Refuse,
                Expected::Found(found) => {
                    self.begin(out);
                    match found {
                        0 => self.parameter(),
                        _ => self.end(out),
                    }
                }
            },
            State::Key => match c {
                '>' if self.key.is_empty() => Step::Refuse,
                '>' => {
                    let separator = if self.parameters > 0 { ", " } else { "" };
                    let key = json::escaped(&self.key);
                    out.arguments(&[separator, "\"", &key, "\": "].concat());
                    self.parameters += 1;
                    let is_text = is_text(out, &self.name, &self.key);
                    if is_text {
                        out.arguments("\"");
                    }
                    self.go(State::Value(Parameter::new(is_text)))
                }
                c => text_of_tag(&mut self.key, c),
            },
            State::Value(value) => match value.push(c, out) {
                None => Step::More,
                Some(0) => self.go(State::Inside(Expect::default())),
                Some(1) => self.parameter(),
                Some(_) => self.end(out),
            },
        }
    }

    fn go(&mut self, state: State) -> Step {
        self.state = state;
        Step::More
    }

    fn begin(&mut self, out: &mut Out) {
        if !out.is_open() {
            self.parameters = 0;
            out.begin(&self.name);
            out.arguments("{");
        }
    }

    fn parameter(&mut self) -> Step {
        self.key.clear();
        self.go(State::Key)
    }

    fn end(&mut self, out: &mut Out) -> Step {
        out.arguments("}");
        out.end();
        self.has_call = true;
        self.state = State::Between(Expect::default());
        Step::Settled
    }
}

/// A name inside of a tag goes on.
fn text_of_tag(name: &mut String, c: char) -> Step {
    if matches!(c, '<' | '\n') || name.len() >= limits::CALL_NAME_BYTES {
        return Step::Refuse;
    }
    name.push(c);
    Step::More
}

/// Whether a parameter can be nothing but text. One that no schema tells of is text.
fn is_text(out: &Out, tool: &str, key: &str) -> bool {
    let schema = out
        .tool(tool)
        .and_then(|tool| tool.parameters.get("properties")?.get(key));
    match schema {
        None => true,
        Some(schema) => match schema.get("type") {
            Some(Value::String(kind)) => kind == "string",
            Some(_) => false,
            None => {
                let is_string = |values: &Vec<Value>| values.iter().all(Value::is_string);
                schema
                    .get("enum")
                    .and_then(Value::as_array)
                    .is_some_and(is_string)
            }
        },
    }
}

impl Parameter {
    fn new(is_text: bool) -> Parameter {
        Parameter {
            watch: Watch::new([PARAMETER_END, PARAMETER, FUNCTION_END]),
            is_text,
            text: String::new(),
            is_first: true,
        }
    }

    /// Takes the next character; gives the number of the tag that ends the value.
    fn push(&mut self, c: char, out: &mut Out) -> Option<usize> {
        let mut free = String::new();
        let found = self.watch.push(c, &mut free);
        for c in free.chars() {
            self.character(c, out);
        }
        found.inspect(|_| self.end(out))
    }

    fn character(&mut self, c: char, out: &mut Out) {
        // The line breaks after the one tag and before the other belong to the tags.
        let is_first = std::mem::take(&mut self.is_first);
        if is_first && c == '\n' {
            return;
        }
        if !self.is_text && self.text.len() >= limits::CALL_HELD_BYTES {
            // Nothing that long is waited for: it is told as text.
            out.arguments("\"");
            self.is_text = true;
        }
        match (self.is_text, c) {
            (false, _) => self.text.push(c),
            (true, '\n') => {
                self.say(out);
                self.text.push(c);
            }
            (true, _) => {
                self.text.push(c);
                self.say(out);
            }
        }
    }

    /// Tells what is held of a text.
    fn say(&mut self, out: &mut Out) {
        out.arguments(&json::escaped(&self.text));
        self.text.clear();
    }

    fn end(&mut self, out: &mut Out) {
        if self.text.ends_with('\n') {
            self.text.pop();
        }
        if self.is_text {
            self.say(out);
            return out.arguments("\"");
        }
        let value = whole(&self.text).or_else(|| python::literal(&self.text));
        out.arguments(&value.unwrap_or_else(|| ["\"", &json::escaped(&self.text), "\""].concat()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::ToolFormat;
    use super::super::testing::{Setting, check, check_content, check_in};

    #[test]
    fn calls_and_what_only_looks_like_them() {
        check(
            ToolFormat::Qwen3Coder,
            &[
                (
                    "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>",
                    "",
                    &[("get_weather", r#"{"city": "Paris", "days": 3}"#)],
                ),
                (
                    "I'll look.\n<tool_call>\n<function=f>\n<parameter=city>\nline \"one\"\n\n  </tool_call> <b>\ttwo\n\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=now>\n</function>\n</tool_call>",
                    "I'll look.",
                    &[
                        (
                            "f",
                            r#"{"city": "line \"one\"\n\n  </tool_call> <b>\ttwo\n"}"#,
                        ),
                        ("now", "{}"),
                    ],
                ),
                // As the schema has it.
                (
                    "<tool_call><function=f><parameter=exact>True</parameter><parameter=where>\n{\"a\": [1, \"x\"]}\n</parameter><parameter=unit>\nkelvin\n</parameter><parameter=note>null</parameter></function></tool_call>",
                    "",
                    &[(
                        "f",
                        r#"{"exact": true, "where": {"a": [1, "x"]}, "unit": "kelvin", "note": null}"#,
                    )],
                ),
                (
                    "<function=f><parameter=where>{'a': None}</parameter><parameter=days>soon</parameter><parameter=list>[1, 2]</parameter><parameter=other>12</parameter><parameter=note>it's\n</parameter></function>",
                    "",
                    &[(
                        "f",
                        r#"{"where": {"a": null}, "days": "soon", "list": [1, 2], "other": "12", "note": "it's"}"#,
                    )],
                ),
                // Missing tags.
                (
                    "<tool_call><function=f><parameter=city>\nA\n<parameter=days>1</function></tool_call>",
                    "",
                    &[("f", r#"{"city": "A", "days": 1}"#)],
                ),
                (
                    "<function=f></function>\n<function=now></function>",
                    "",
                    &[("f", "{}"), ("now", "{}")],
                ),
                (
                    "<tool_call><function=f></function><tool_call><function=other></function>",
                    "",
                    &[("f", "{}"), ("other", "{}")],
                ),
                (
                    "<tool_call><function=f><parameter=city>\nParis",
                    "",
                    &[("f", r#"{"city": "Paris"#)],
                ),
                (
                    "<tool_call><function=f><parameter=city></parameter></function></tool_call>ok",
                    "ok",
                    &[("f", r#"{"city": ""}"#)],
                ),
                (
                    "<tool_call><function=f></function>so<tool_call>",
                    "so<tool_call>",
                    &[("f", "{}")],
                ),
                (
                    "<function=f><parameter=a\"b>x</parameter></function>",
                    "",
                    &[("f", r#"{"a\"b": "x"}"#)],
                ),
                (
                    "<function=f><parameter=city>x</parameter>oops",
                    "oops",
                    &[("f", r#"{"city": "x""#)],
                ),
            ],
        );
        check_content(
            &Setting::of(ToolFormat::Qwen3Coder),
            &[
                "<tool_call>",
                "<tool_call></tool_call>",
                "<tool_call><function=f>",
                "<function=other></function>",
                "<function=>",
                "<function=f>x",
                "Say <function=f> to call.",
                "<tool_call>{\"name\": \"f\"}</tool_call>",
                "<function=f\n>",
                "<tool_call><tool_call><function=f>",
                "so <function=f></function>",
            ],
        );
        let unknown = Setting {
            tools: Vec::new(),
            ..Setting::of(ToolFormat::Qwen3Coder)
        };
        check_in(
            &unknown,
            &[(
                "<tool_call><function=g><parameter=n>5</parameter></function></tool_call>",
                "",
                &[("g", r#"{"n": "5"}"#)],
            )],
        );
    }
}
