//! Where in the file a mistake is, in the library's words and in ours.

use super::yaml::{Document, Slip, under};
use super::{Problem, Problems};
use mishikallm::Error;

/// Entries of a list of fallbacks that are looked through for a name.
const LONGEST: usize = 256;

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

    /// Whether the text at this path was probably meant to be no text.
    pub fn is_meant_otherwise(&self, path: &str) -> bool {
        self.document.slip(path).is_some()
    }

    /// Whether there is an error about this path already.
    pub fn failed(&self, path: &str, problems: &Problems) -> bool {
        let begins = format!("{path}: ");
        problems.errors.iter().any(|p| p.text.starts_with(&begins))
    }

    /// The library's error, at its place in the file. `entry`: it was about this one of the model list, read by itself.
    pub fn of_library(&self, e: &Error, entry: Option<usize>) -> Problem {
        let (place, text) = Places::of_message(e);
        let told = |text: &str| match entry {
            Some(i) => text.replace("model_list[0]", &format!("model_list[{i}]")),
            None => text.to_owned(),
        };
        let place = told(&place);
        match self.find(&place) {
            Some(path) => self.problem(&path, &told(text)),
            None => Problem {
                file: String::new(),
                line: self.document.line(&place),
                text: self.helped(&place, &told(e.message())),
            },
        }
    }

    /// The path that an error of the library begins with, and the rest of it.
    pub fn of_message(e: &Error) -> (String, &str) {
        // A name in it may be any text.
        let param = e.param().unwrap_or_default();
        let rest = e.message().strip_prefix(param);
        match rest.and_then(|rest| rest.strip_prefix(": ")) {
            Some(text) if param.starts_with("router_settings.") => (param.to_owned(), text),
            _ => split(e.message()),
        }
    }

    /// The path in the file that the library's path speaks of.
    fn find(&self, place: &str) -> Option<String> {
        if let Some(path) = self.find_fallback(place) {
            return Some(path);
        }
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
            let otherwise = match key {
                "timeout" => Some("mishikallm_settings.request_timeout"),
                "tls.ca_file" => Some("mishikallm_settings.ssl_verify"),
                _ => None,
            };
            candidates.extend(otherwise.map(str::to_owned));
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

    /// The library tells of fallbacks by the model's name; in the file they are a list.
    fn find_fallback(&self, place: &str) -> Option<String> {
        let (key, rest) = place.strip_prefix("router_settings.")?.split_once('.')?;
        if !key.ends_with("fallbacks") {
            return None;
        }
        let whole = |path: &String| self.document.has(path);
        let sections = ["router_settings", "mishikallm_settings"];
        // `name: other` instead of `name: [other]`
        let outer = rest.rfind('[').map_or(rest, |at| &rest[..at]);
        let mut paths = [rest, outer].into_iter().flat_map(|rest| {
            sections.into_iter().flat_map(move |section| {
                let listed = (0..LONGEST).map(move |i| format!("{section}.{key}[{i}].{rest}"));
                listed.chain([format!("{section}.{key}.{rest}")])
            })
        });
        paths.find(whole)
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
        if text.ends_with("got null") {
            text.truncate(text.len() - "null".len());
            text += "nothing";
        }
        let is_of_value = ["expected ", "holds ", "cannot "]
            .iter()
            .any(|begins| text.starts_with(begins));
        let wants_number = text.contains("number");
        match self.document.slip(path) {
            Some(Slip::Word(meant)) if text.contains("true or false") => {
                text += &format!("; YAML takes yes, no, on and off as words: write {meant}");
            }
            Some(Slip::Quoted) if wants_number || text.contains("true or false") => {
                text += ": write it without quotes";
            }
            Some(Slip::Unit) if wants_number => text += ": write the number alone, without a unit",
            _ => {}
        }
        if text.ends_with("expected an object, got a list") {
            text += ": leave out the - before its keys";
        } else if text.ends_with("expected a list, got an object") {
            text += ": begin each entry with a -";
        }
        if let Some(name) = self.document.variable(path).filter(|_| is_of_value) {
            text += &format!("; it comes from the environment variable {name}");
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
