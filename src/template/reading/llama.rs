//! Llama 3.1 and later: `{"name": …, "parameters": {…}}`, several separated by `;` or in lines of their own.
//!
//! Source: Meta's prompt format, vLLM's `llama3_json`, Triton's `llama3`. `<|python_tag|>` stands before a call where the server
//! does not leave special tokens out; mostly it does, and nothing marks the call.

use super::Step;
use super::object::Object;
use super::out::{Out, is_space};
use super::watch::{Expect, Expected};

/// What a call may begin with.
pub const OPEN: &str = "<|python_tag|>";

/// What follows the tag, or a `{` that was the first.
#[derive(Clone, Debug)]
pub struct Llama {
    is_bare: bool,
    object: Object,
    /// After an object: the tag may come.
    after: Option<Expect>,
}

impl Llama {
    /// After the tag, or where a `{` is the next character.
    pub fn new(is_bare: bool) -> Llama {
        Llama {
            is_bare,
            object: Object::new(is_bare),
            after: None,
        }
    }

    /// Whether a call is over, and no other was begun.
    pub fn is_between(&self) -> bool {
        self.after.is_some()
    }

    /// Takes the next character.
    pub fn push(&mut self, c: char, out: &mut Out) -> Step {
        let Some(after) = &mut self.after else {
            return match self.object.push(c, out) {
                Step::Done => {
                    self.after = Some(Expect::default());
                    Step::Settled
                }
                step => step,
            };
        };
        match c {
            c if after.is_fresh() && (is_space(c) || c == ';') => Step::More,
            '{' if after.is_fresh() => {
                *self = Llama::new(self.is_bare);
                self.push(c, out)
            }
            c => match after.push(c, &[OPEN]) {
                Expected::Part => Step::More,
                Expected::Found(_) => {
                    *self = Llama::new(false);
                    Step::Reopened(OPEN)
                }
                Expected::Wrong => Step::Refuse,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ToolFormat;
    use super::super::testing::{Setting, check, check_content, check_in};

    #[test]
    fn calls_and_what_only_looks_like_them() {
        check(
            ToolFormat::Llama3Json,
            &[
                (
                    r#"{"name": "get_weather", "parameters": {"city": "Paris"}}"#,
                    "",
                    &[("get_weather", r#"{"city": "Paris"}"#)],
                ),
                (
                    r#"<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}"#,
                    "",
                    &[("get_weather", r#"{"city": "Paris"}"#)],
                ),
                (
                    "\n {\"type\": \"function\", \"name\": \"f\", \"parameters\": {\"x\": \"1\"}} \n",
                    "",
                    &[("f", r#"{"x": "1"}"#)],
                ),
                (
                    r#"{"name": "f", "parameters": {}}; {"name": "now", "arguments": {"a": [{}]}}"#,
                    "",
                    &[("f", "{}"), ("now", r#"{"a": [{}]}"#)],
                ),
                (
                    "{\"name\": \"f\", \"parameters\": {}}\n{\"name\": \"now\", \"parameters\": {}}\n",
                    "",
                    &[("f", "{}"), ("now", "{}")],
                ),
                (
                    r#"<|python_tag|>{"name": "f", "parameters": {}}; <|python_tag|>{"name": "g", "parameters": {}};"#,
                    "",
                    &[("f", "{}"), ("g", "{}")],
                ),
                (
                    r#"{"parameters": {"x": 1}, "name": "f"}"#,
                    "",
                    &[("f", r#"{"x": 1}"#)],
                ),
                (
                    r#"{"name": "f", "parameters": "{\"x\": 1}"}"#,
                    "",
                    &[("f", r#"{"x": 1}"#)],
                ),
                (
                    r#"{"name": "f", "parameters": {"x": 1}, "comment": "none"}"#,
                    "",
                    &[("f", r#"{"x": 1}"#)],
                ),
                // With known names a line may begin with a call.
                (
                    "Let me see.\n\n{\"name\": \"f\", \"parameters\": {}}",
                    "Let me see.",
                    &[("f", "{}")],
                ),
                (
                    "{\"name\": \"f\", \"parameters\": {}}; then {\"name\": \"f\"}",
                    "; then {\"name\": \"f\"}",
                    &[("f", "{}")],
                ),
                (
                    "{\"name\": \"f\", \"parameters\": {}}; {\"name\": \"other\"}",
                    "; {\"name\": \"other\"}",
                    &[("f", "{}")],
                ),
                (
                    "<|python_tag|>{\"name\": \"other\", \"parameters\": {}}",
                    "",
                    &[("other", "{}")],
                ),
            ],
        );
        check_content(
            &Setting::of(ToolFormat::Llama3Json),
            &[
                r#"{"title": "A name", "name": "f", "parameters": {}}"#,
                r#"{"name": "Bob", "parameters": {}}"#,
                r#"{"name": "f", "age": 3}"#,
                r#"so {"name": "f", "parameters": {}}"#,
                "{",
                "{}",
                "{\n",
                r#"{"name": "f", "parameters": 3}"#,
                "{{",
                "{a}",
                "<|python_tag|>print(1)",
                r#"<|python_tag|>brave_search.call(query="x")"#,
                "<|python_",
                r#"{"type": "function"}"#,
                "[{\"name\": \"f\"}]",
                "fn main() {\n{\n}}",
                r#"{"name": "f", "parameters": {"a": 1}"#.split_at(12).0,
            ],
        );
        let unknown = Setting {
            tools: Vec::new(),
            ..Setting::of(ToolFormat::Llama3Json)
        };
        check_in(
            &unknown,
            &[
                (
                    r#" {"name": "any", "parameters": {}}"#,
                    "",
                    &[("any", "{}")],
                ),
                (
                    "x\n{\"name\": \"any\", \"parameters\": {}}",
                    "x\n{\"name\": \"any\", \"parameters\": {}}",
                    &[],
                ),
            ],
        );
    }
}
