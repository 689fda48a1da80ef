//! Which paths ask a model, and which model a path names.

use mishikallm::openai::Operation;
use percent_encoding::percent_decode_str;

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    /// Of which kind.
    pub operation: Operation,
    /// The model, where the path names it: it beats the body's.
    pub model: Option<String>,
}

const VERBS: [(&str, Operation); 3] = [
    ("/chat/completions", Operation::Chat),
    ("/completions", Operation::Text),
    ("/embeddings", Operation::Embeddings),
];

/// In front of a model's name.
const PREFIXES: [&str; 2] = ["/engines/", "/openai/deployments/"];

/// A path without the `/v1` that may be before it. `/v1/` is itself: the page at `/` has no version.
pub fn unversioned(path: &str) -> &str {
    match path.strip_prefix("/v1") {
        Some(rest) if rest.starts_with('/') && rest.len() > 1 => rest,
        _ => path,
    }
}

/// Finds out what a path asks for; `None`: it is another route's.
pub fn find(path: &str) -> Option<Place> {
    let path = unversioned(path);
    // A path may end in two of them: /engines/chat/completions.
    VERBS.iter().find_map(|&(verb, operation)| {
        let model = named(path.strip_suffix(verb)?)?;
        Some(Place { operation, model })
    })
}

/// All of them, as the OpenAPI document writes them, and whether they name the model.
pub fn paths() -> impl Iterator<Item = (String, Operation, bool)> {
    let plain = VERBS.map(|(verb, operation)| (["/v1", verb].concat(), operation, false));
    let named = PREFIXES.iter().flat_map(|prefix| {
        VERBS.map(|(verb, operation)| ([prefix, "{model}", verb].concat(), operation, true))
    });
    plain.into_iter().chain(named)
}

/// The model that the rest of a path names, if it names one; `None`: it is something else.
fn named(place: &str) -> Option<Option<String>> {
    if place.is_empty() {
        return Some(None);
    }
    // A model's name may have slashes of its own.
    let model = PREFIXES.iter().find_map(|p| place.strip_prefix(p))?;
    let model = percent_decode_str(model).decode_utf8().ok()?;
    (!model.is_empty()).then(|| Some(model.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> Option<(Operation, Option<String>)> {
        find(path).map(|place| (place.operation, place.model))
    }

    #[test]
    fn with_and_without_the_version() {
        for path in ["/chat/completions", "/v1/chat/completions"] {
            assert_eq!(found(path), Some((Operation::Chat, None)));
        }
        assert_eq!(found("/v1/completions"), Some((Operation::Text, None)));
        assert_eq!(found("/embeddings"), Some((Operation::Embeddings, None)));
        for path in [
            "/v1",
            "/v2/completions",
            "/v1chat/completions",
            "/completions/",
            "/",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn a_path_may_name_the_model() {
        for (path, operation, model) in [
            ("/engines/m/chat/completions", Operation::Chat, "m"),
            ("/engines/m/completions", Operation::Text, "m"),
            (
                "/openai/deployments/a/b/embeddings",
                Operation::Embeddings,
                "a/b",
            ),
            (
                "/v1/engines/a%2Fb%20c/completions",
                Operation::Text,
                "a/b c",
            ),
            ("/engines/chat/completions", Operation::Text, "chat"),
        ] {
            assert_eq!(found(path), Some((operation, Some(model.into()))), "{path}");
        }
        assert_eq!(found("/engines//completions"), None);
        assert_eq!(found("/engines/completions"), None);
    }
}
