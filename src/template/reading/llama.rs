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
    after: Option<After>,
}

#[derive(Clone, Debug, Default)]
struct After {
    semicolon: bool,
    tag: Expect,
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
                    self.after = Some(After::default());
                    Step::Settled
                }
                step => step,
            };
        };
        match c {
            c if after.tag.is_fresh() && is_space(c) => Step::More,
            ';' if after.tag.is_fresh() && !after.semicolon => {
                after.semicolon = true;
                Step::More
            }
            '{' if after.tag.is_fresh() => {
                *self = Llama::new(self.is_bare);
                self.push(c, out)
            }
            c => match after.tag.push(c, &[OPEN]) {
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
