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
