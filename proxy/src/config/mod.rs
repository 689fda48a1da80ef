//! `config.yaml`: read, its references to the environment put in, its sections taken apart.

mod checkups;
mod environment;
mod fleet;
mod keys;
mod known;
mod place;
mod redis;
mod sections;
mod unread;
mod yaml;

use std::fmt;
use std::path::Path;

pub use environment::{Lookup, of_process};
pub use keys::KeySettings;
pub use sections::{General, MASTER_KEY_VARIABLE, OneModel, Overrides, Settings, of_command};

/// The longest file that is read.
const FILE_BYTES: u64 = 8 << 20;

/// Something wrong, or worth a word, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named; empty: there is none.
    pub file: String,
    /// Counted from 1.
    pub line: Option<usize>,
    /// With the path of the key; without any value.
    pub text: String,
}

impl Problem {
    /// About the value at `path`.
    fn at(document: &yaml::Document, path: &str, text: impl fmt::Display) -> Problem {
        Problem {
            file: String::new(),
            line: document.line(path),
            text: format!("{path}: {text}"),
        }
    }

    /// About nothing that has a line.
    pub fn plain(text: impl Into<String>) -> Problem {
        Problem {
            file: String::new(),
            line: None,
            text: text.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.as_str(), self.line) {
            ("", None) => write!(f, "{}", self.text),
            ("", Some(line)) => write!(f, "line {line}: {}", self.text),
            (file, None) => write!(f, "{file}: {}", self.text),
            (file, Some(line)) => write!(f, "{file}:{line}: {}", self.text),
        }
    }
}

/// All that was found in one go, so that nobody has to correct one line at a time.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    /// The configuration cannot be used.
    pub errors: Vec<Problem>,
    /// It can.
    pub warnings: Vec<Problem>,
}

impl Problems {
    fn in_file(mut self, file: &str) -> Problems {
        for problem in self.errors.iter_mut().chain(&mut self.warnings) {
            file.clone_into(&mut problem.file);
        }
        // In the file's order, whatever found them.
        self.errors.sort_by_key(|p| p.line);
        self.warnings.sort_by_key(|p| p.line);
        self
    }
}

/// What came of reading: settings if there is no error.
pub struct Read {
    /// There if and only if there are no errors.
    pub settings: Option<Settings>,
    /// What was found.
    pub problems: Problems,
}

/// Reads a file.
pub fn read_file(path: &Path, overrides: &Overrides, lookup: Lookup<'_>) -> Read {
    let name = path.display().to_string();
    let failed = |text: String| Read {
        settings: None,
        problems: Problems {
            errors: vec![Problem::plain(text)],
            warnings: Vec::new(),
        }
        .in_file(&name),
    };
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            return failed("expected a file, got a folder".to_owned());
        }
        Ok(found) if found.len() > FILE_BYTES => {
            return failed(format!(
                "expected at most {FILE_BYTES} bytes, got {}",
                found.len()
            ));
        }
        _ => {}
    }
    match std::fs::read(path) {
        Ok(bytes) => read_bytes(&name, &bytes, overrides, lookup),
        Err(e) => failed(format!("the file cannot be read: {e}")),
    }
}

/// Reads what a file named `name` holds.
pub fn read_bytes(name: &str, bytes: &[u8], overrides: &Overrides, lookup: Lookup<'_>) -> Read {
    let mut problems = Problems::default();
    let settings = match yaml::read(bytes) {
        Ok(mut document) => {
            let defined = environment::resolve(&mut document, lookup, &mut problems);
            let lookup = |name: &str| match defined.get(name) {
                Some(value) => Ok(value.clone()),
                None => lookup(name),
            };
            sections::take(document, overrides, &lookup, &mut problems)
        }
        Err(mistake) => {
            problems.errors.push(Problem {
                file: String::new(),
                line: (mistake.line > 0).then_some(mistake.line),
                text: mistake.message,
            });
            None
        }
    };
    Read {
        settings: settings.filter(|_| problems.errors.is_empty()),
        problems: problems.in_file(name),
    }
}

#[cfg(test)]
mod tests;
