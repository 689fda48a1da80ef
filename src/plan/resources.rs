//! What a call may need from outside the core: the driver finds it, and keeps it.

use crate::error::{Error, Result};
use crate::template::{Named, Template, named};
use std::sync::Arc;

/// Finds what options name.
pub trait Resources {
    /// The template that `chat_template` names for a model.
    ///
    /// # Errors
    /// Argument errors at `chat_template`.
    fn template(&self, chat_template: &str, model: &str) -> Result<Arc<Template>>;
}

/// For who has no files, such as tests: only the templates that are built in or given as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Resources for NoFiles {
    fn template(&self, chat_template: &str, model: &str) -> Result<Arc<Template>> {
        let template = match named(chat_template, model)? {
            Named::Family(name) => Template::family(name),
            Named::Source(source) => Some(Template::compile(source)?),
            Named::Path(_) => None,
        };
        template.map(Arc::new).ok_or_else(|| {
            Error::argument(
                "chat_template",
                "chat_template: expected a family's name or a Jinja source, got a path, and no files are read here",
            )
        })
    }
}
