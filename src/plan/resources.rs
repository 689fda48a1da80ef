//! What a call needs beside its request, and the core, which reads no files, cannot get by itself.

use crate::error::{Error, Result};
use crate::tokenizer::Tokenizer;
use std::sync::Arc;

/// Gives what options name by a path. Whoever implements it may keep what was read.
pub trait Resources {
    /// The tokenizer at a path: a `tokenizer.json`, or a folder that has one. Errors name `tokenizer`.
    fn tokenizer(&self, path: &str) -> Result<Arc<Tokenizer>>;
}

/// Where there are none.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Resources for Nothing {
    fn tokenizer(&self, _: &str) -> Result<Arc<Tokenizer>> {
        Err(Error::argument(
            "tokenizer",
            "tokenizer: no file can be read here",
        ))
    }
}
