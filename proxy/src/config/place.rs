//! Where in the file a mistake is, in the library's words and in ours.

use super::yaml::{Document, under};
use super::{Problem, Problems};
use mishikallm::Error;

/// The lines of a file.
pub struct Places<'a> {
    document: &'a Document,
}

impl<'a> Places<'a> {
    /// Of a document whose values were taken.
    pub fn new(document: &'a Document) -> Places<'a> {
        Places { document }
    }

    /// A mistake or a warning about the value at `path`.
    pub fn problem(&self, path: &str, text: &str) -> Problem {
        Problem::at(self.document, path, self.helped(path, text))
    }

    /// Whether there is an error about this path already.
    pub fn failed(&self, path: &str, problems: &Problems) -> bool {
        let begins = format!("{path}: ");
        problems.errors.iter().any(|p| p.text.starts_with(&begins))
    }

    /// The library's error, at its place in the file. `entry`: it was about this one of the model list, read by itself.
    pub fn of_library(&self, e: &Error, entry: Option<usize>) -> Problem {
        let message = match entry {
            Some(i) => e
                .message()
                .replace("model_list[0]", &format!("model_list[{i}]")),
            None => e.message().to_owned(),
        };
        let (place, text) = split(&message);
        match self.find(&place) {
            Some(path) => self.problem(&path, text),
            None => Problem {
                file: String::new(),
                line: self.document.line(&place),
                text: self.helped(&place, &message),
            },
        }
    }

    /// The path in the file that the library's path speaks of.
    fn find(&self, place: &str) -> Option<String> {
        let mut candidates = vec![place.to_owned()];
        if let Some((entry, rest)) = place.split_once("]: ").or_else(|| place.split_once("].")) {
            for between in ["mishikallm_params", "model_info"] {
                candidates.push(format!("{entry}].{between}.{rest}"));
            }
            candidates.push(format!("{entry}].{rest}"));
        } else {
            let key = place.strip_prefix("router_settings.").unwrap_or(place);
            candidates.push(under("mishikallm_settings", key));
            // The library's words for what the file calls otherwise.
            if let "timeout" = key {
                candidates.push("mishikallm_settings.request_timeout".to_owned());
            }
        }
        let found = candidates
            .iter()
            .find(|path| self.document.has(path))
            .cloned();
        found.or_else(|| {
            // A key that is missing is told by where it should be.
            let last = candidates.into_iter().rev();
            let mut around = last.filter(|path| match path.rfind('.') {
                Some(dot) => self.document.has(&path[..dot]),
                None => false,
            });
            around.next()
        })
    }

    /// With what helps against the commonest slips of YAML. Never with a value: a number may be a key.
    fn helped(&self, path: &str, text: &str) -> String {
        let mut text = text.to_owned();
        if text.contains("expected a string") {
            if let Some(at) = text.find("got the number ") {
                text.truncate(at);
                text += "got a number: put it in quotes";
            }
        }
        if let Some(meant) = self.document.meant(path) {
            if text.contains("true or false") {
                text += &format!("; YAML takes yes, no, on and off as words: write {meant}");
            }
        }
        text
    }
}

/// The path at a message's beginning, and the rest.
fn split(message: &str) -> (String, &str) {
    let is_path = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || "._[]*/-".contains(c))
    };
    let Some((first, rest)) = message.split_once(": ") else {
        return (String::new(), message);
    };
    // `model_list[0], model_name "x": api_base: …`
    let (first, named) = match first.split_once(", ") {
        Some((first, _)) => (first, true),
        None => (first, false),
    };
    if !is_path(first) {
        return (String::new(), message);
    }
    match rest.split_once(": ") {
        Some((key, text)) if is_path(key) && (named || first.ends_with(']')) => {
            (format!("{first}.{key}"), text)
        }
        _ => (first.to_owned(), rest),
    }
}
