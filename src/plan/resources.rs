//! What a call needs beside its request, and the core, which reads no files, cannot get by itself.

use crate::config::TritonOptions;
use crate::error::{Error, Result};
use crate::template::{Named, Template, named};
use crate::tokenizer::Tokenizer;
use crate::triton::endpoint::Route;
use std::sync::Arc;

/// Gives what options name. Whoever implements it may keep what was read.
pub trait Resources {
    /// The way to a model: see [`Route::new`].
    fn route(
        &self,
        api_base: Option<&str>,
        model: &str,
        triton: &TritonOptions,
    ) -> Result<Arc<Route>> {
        Route::new(api_base, model, triton).map(Arc::new)
    }

    /// The template that a `chat_template` names for a model. Errors name `chat_template`.
    fn template(&self, chat_template: &str, model: &str) -> Result<Arc<Template>>;

    /// The tokenizer at a path: a `tokenizer.json`, or a folder that has one. Errors name `tokenizer`.
    fn tokenizer(&self, path: &str) -> Result<Arc<Tokenizer>>;
}

/// Where there are no files: only the templates that are built in or given as they are.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Resources for Nothing {
    fn template(&self, chat_template: &str, model: &str) -> Result<Arc<Template>> {
        let template = match named(chat_template, model)? {
            Named::Family(name) => Template::family(name),
            Named::Source(source) => Some(Template::compile(source)?),
            Named::Path(_) => None,
        };
        template.map(Arc::new).ok_or_else(|| {
            Error::argument(
                "chat_template",
                "chat_template: expected a family's name or a Jinja source, got a path, and no file can be read here",
            )
        })
    }

    fn tokenizer(&self, _: &str) -> Result<Arc<Tokenizer>> {
        Err(Error::argument(
            "tokenizer",
            "tokenizer: no file can be read here",
        ))
    }
}
