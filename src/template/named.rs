//! What `chat_template` names.

use super::family;
use crate::error::{Error, Result};

/// What a `chat_template` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// A built-in family.
    Family(&'a str),
    /// A Jinja source.
    Source(&'a str),
    /// A file or a model's folder.
    Path(&'a str),
}

/// Reads a `chat_template`; `model` is the Triton model's name, for `auto`.
///
/// # Errors
/// Argument errors at `chat_template`: `auto` finds no family by the model's name.
pub fn named<'a>(chat_template: &'a str, model: &str) -> Result<Named<'a>> {
    if chat_template == "auto" {
        return super::detect(model).map(Named::Family).ok_or_else(|| {
            Error::argument(
                "chat_template",
                format!(
                    "chat_template: no family is known by the name of model '{model}'; name one of {}, or give a Jinja source or a file",
                    family::names().collect::<Vec<_>>().join(", ")
                ),
            )
        });
    }
    // A path holds no tags of Jinja, and is one line.
    let is_source = ["{{", "{%", "{#", "\n"]
        .iter()
        .any(|mark| chat_template.contains(mark));
    Ok(match is_source {
        true => Named::Source(chat_template),
        false if super::Template::family(chat_template).is_some() => Named::Family(chat_template),
        false => Named::Path(chat_template),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sources_and_paths_are_told_apart() {
        let of = |text| named(text, "m").unwrap();
        assert_eq!(of("llama3"), Named::Family("llama3"));
        assert_eq!(of("{{ messages }}"), Named::Source("{{ messages }}"));
        assert_eq!(of("/models/llama"), Named::Path("/models/llama"));
        assert_eq!(of("template.jinja"), Named::Path("template.jinja"));
        assert!(matches!(
            named("auto", "llama-3-8b-instruct"),
            Ok(Named::Family(_))
        ));
        let e = named("auto", "my-model").unwrap_err();
        assert!(
            e.param() == Some("chat_template") && e.message().contains("chatml"),
            "{e}"
        );
    }
}
