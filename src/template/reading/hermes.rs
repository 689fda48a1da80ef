//! Hermes and Qwen: `<tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>`, one after the other.
//!
//! Source: the models' chat templates; vLLM's `hermes`, SGLang's `qwen25`. Several objects between the tags, and a missing
//! end tag, are taken too.

use super::Step;
use super::object::Object;
use super::out::{Out, is_space};
use super::watch::{Expect, Expected};

/// What a call begins with.
pub const OPEN: &str = "<tool_call>";
/// What it ends with.
pub const CLOSE: &str = "</tool_call>";

/// What follows a `<tool_call>`.
#[derive(Clone, Debug)]
pub struct Hermes {
    object: Object,
    /// After an object: what may come.
    after: Option<Expect>,
}

impl Hermes {
    /// After the opening tag.
    pub fn new() -> Hermes {
        Hermes {
            object: Object::new(false),
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
            c if after.is_fresh() && is_space(c) => Step::More,
            '{' if after.is_fresh() => {
                *self = Hermes::new();
                self.push(c, out)
            }
            c => match after.push(c, &[CLOSE, OPEN]) {
                Expected::Part => Step::More,
                Expected::Found(0) => Step::Done,
                Expected::Found(_) => {
                    *self = Hermes::new();
                    // Held back again from here: if no call follows, the tag is text.
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
    use super::super::testing::{Setting, check, check_content};

    #[test]
    fn calls_and_what_only_looks_like_them() {
        check(
            ToolFormat::Hermes,
            &[
                (
                    "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}\n</tool_call>",
                    "",
                    &[("get_weather", r#"{"city": "Paris", "days": 3}"#)],
                ),
                (
                    "I'll look.\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"arguments\": {\"x\": [1, {\"y\": null}]}, \"name\": \"now\"}\n</tool_call>\n",
                    "I'll look.",
                    &[("f", "{}"), ("now", r#"{"x": [1, {"y": null}]}"#)],
                ),
                (
                    "<tool_call>{\"name\":\"f\",\"arguments\":{\"s\":\"a </tool_call> \\\"}{ é \\u00e9 😀 \\\\\"}}</tool_call> and more ",
                    "and more",
                    &[("f", "{\"s\":\"a </tool_call> \\\"}{ é \\u00e9 😀 \\\\\"}")],
                ),
                // Text between calls keeps its blanks.
                (
                    "a <tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call> b",
                    "a  b",
                    &[("f", "{}")],
                ),
                (
                    " \n<tool_call>{\"name\":\"f\"}</tool_call> x",
                    "x",
                    &[("f", "{}")],
                ),
                // A string is unwrapped, and nothing is no arguments.
                (
                    r#"<tool_call>{"name":"f","arguments":"{\"x\": \"\\n\"}"}</tool_call>"#,
                    "",
                    &[("f", r#"{"x": "\n"}"#)],
                ),
                (
                    r#"<tool_call>{"arguments":"{\"x\": 1}","name":"f","id":7}</tool_call>"#,
                    "",
                    &[("f", r#"{"x": 1}"#)],
                ),
                (
                    r#"<tool_call>{"name":"f","arguments":""}</tool_call>"#,
                    "",
                    &[("f", "{}")],
                ),
                (
                    r#"<tool_call>{"name":"f","arguments":null}</tool_call>"#,
                    "",
                    &[("f", "{}")],
                ),
                (r#"<tool_call>{"name":"f"}</tool_call>"#, "", &[("f", "{}")]),
                // Other keys, before and after.
                (
                    r#"<tool_call>{"id": 12, "x": {"name": "no"}, "name": "f", "arguments": {"a": 1}, "name": "g", "z": -1.5e3}</tool_call>"#,
                    "",
                    &[("f", r#"{"a": 1}"#)],
                ),
                // No end tag; two objects; a tag instead of the end tag.
                (
                    r#"<tool_call>{"name":"f","arguments":{}}"#,
                    "",
                    &[("f", "{}")],
                ),
                (
                    r#"<tool_call>{"name":"f","arguments":{}}</tool_c"#,
                    "",
                    &[("f", "{}")],
                ),
                (
                    "<tool_call>{\"name\":\"f\"}\n{\"name\":\"now\"}</tool_call>",
                    "",
                    &[("f", "{}"), ("now", "{}")],
                ),
                (
                    r#"<tool_call>{"name":"f"}<tool_call>{"name":"now"}</tool_call>"#,
                    "",
                    &[("f", "{}"), ("now", "{}")],
                ),
                (
                    r#"<tool_call>{"name":"f"}<tool_call>no"#,
                    "<tool_call>no",
                    &[("f", "{}")],
                ),
                // A name that nobody offered is a call where a marker says so.
                (
                    r#"<tool_call>{"name":"other","arguments":{}}</tool_call>"#,
                    "",
                    &[("other", "{}")],
                ),
                // Control characters in strings.
                (
                    "<tool_call>{\"name\":\"f\",\"arguments\":{\"s\":\"a\nb\tc\"}}</tool_call>",
                    "",
                    &[("f", r#"{"s":"a\nb\tc"}"#)],
                ),
                // A break after the arguments began: what follows is text.
                (
                    r#"<tool_call>{"name":"f","arguments":{"a":1,oops}}</tool_call>"#,
                    "oops}}</tool_call>",
                    &[("f", r#"{"a":1,"#)],
                ),
                (
                    r#"<tool_call>{"name":"f","arguments":{"a":1}oops</tool_call>"#,
                    "oops</tool_call>",
                    &[("f", r#"{"a":1}"#)],
                ),
                (
                    r#"<tool_call>{"name":"f","arguments":{"a":x <tool_call>no <tool_call>{"name":"now"}"#,
                    "x <tool_call>no",
                    &[("f", r#"{"a":"#), ("now", "{}")],
                ),
                // The end in the middle of the arguments.
                (
                    r#"<tool_call>{"name":"f","arguments":{"a":"x"#,
                    "",
                    &[("f", r#"{"a":"x"#)],
                ),
                (
                    r#"<tool_call>{"name":"f","arguments":{}}Then"#,
                    "Then",
                    &[("f", "{}")],
                ),
                // A marker that is none, and then one.
                (
                    r#"<tool_call>no <<tool_call>{"name":"f"}</tool_call>"#,
                    "<tool_call>no <",
                    &[("f", "{}")],
                ),
                (
                    r#"<tool_call><tool_call>{"name":"f"}</tool_call>"#,
                    "<tool_call>",
                    &[("f", "{}")],
                ),
                (
                    r#"<tool_call>{"arguments":{"a":1}}</tool_call><tool_call>{"name":"f"}</tool_call>"#,
                    r#"<tool_call>{"arguments":{"a":1}}</tool_call>"#,
                    &[("f", "{}")],
                ),
            ],
        );
        check_content(
            &Setting::of(ToolFormat::Hermes),
            &[
                "",
                " ",
                "\n\n",
                " a b ",
                "<",
                "<tool",
                "a < b <tool_ call>",
                "<tool_call>",
                "<tool_call>\n",
                "The tag <tool_call> begins a call.",
                "<tool_call>{\"name\": \"get_we",
                "<tool_call>{\"arguments\": {\"a\": 1}",
                "<tool_call>{\"name\": 1}</tool_call>",
                "<tool_call>{\"name\": \"\"}</tool_call>",
                "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>",
                "<tool_call>{}</tool_call>",
                "<tool_call>{\"name\": \"f\", \"arguments\": \"no json\"}</tool_call>",
                "<tool_call>{'name': 'f'}</tool_call>",
                "<tool_call>{\"name\": \"f\",}</tool_call>",
                "</tool_call>",
                "{\"name\": \"f\", \"arguments\": {}}",
                "<tool_call>{\"name\": \"\\ud83d\"}",
                "<tool_call>{\"name\": \"f\", \"arguments\": nul}",
                "<tool_call>{\"name\": \"f\" \"x\"}",
                "<tool_call>{\"x\": 1x}",
            ],
        );
    }
}
