//! `os.environ/NAME`: a value that stands in the environment, or in what `environment_variables` defines.

use super::known;
use super::sections::MASTER_KEY_VARIABLE;
use super::yaml::{Document, under};
use super::{Problem, Problems};
use saphyr::Scalar;
use serde_json::{Map, Number, Value};
use std::collections::{HashMap, HashSet};

const PREFIX: &str = "os.environ/";

/// Looks a variable up; `Err`: it is there, and is no text.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Result<Option<String>, ()>;

/// The process's own environment.
pub fn of_process(name: &str) -> Result<Option<String>, ()> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(()),
    }
}

/// Puts all references in place, and takes `environment_variables` out: they are given back, those that are wrong without a value.
///
/// The process's environment is not touched: what the file defines is for the file's own references, and for the master key.
pub fn resolve(
    document: &mut Document,
    lookup: Lookup<'_>,
    problems: &mut Problems,
) -> HashMap<String, Option<String>> {
    let mut value = std::mem::take(&mut document.value);
    let mut variables = Variables {
        defined: HashMap::new(),
        used: HashSet::from([MASTER_KEY_VARIABLE.to_owned()]),
        lookup,
        document,
        problems,
    };
    match value.shift_remove("environment_variables") {
        None | Some(Value::Null) => {}
        Some(Value::Object(defined)) => variables.define(defined),
        Some(other) => {
            let message = format!(
                "expected variables and their values, got {}",
                mishikallm::json::kind(&other)
            );
            variables.wrong("environment_variables", message);
        }
    }
    for (key, value) in &mut value {
        variables.put_in(key, key, value);
    }
    variables.warn_of_unused();
    let defined = variables.defined;
    document.value = value;
    defined
}

/// The name in a reference, without the spaces that a quoted one may have around it; `None`: the text is none.
fn reference(text: &str) -> Option<&str> {
    Some(text.trim().strip_prefix(PREFIX)?.trim())
}

struct Variables<'a> {
    /// Nothing in the place of a value that is wrong, and told.
    defined: HashMap<String, Option<String>>,
    used: HashSet<String>,
    lookup: Lookup<'a>,
    document: &'a mut Document,
    problems: &'a mut Problems,
}

impl Variables<'_> {
    fn wrong(&mut self, path: &str, message: String) {
        let problem = Problem::at(self.document, path, message);
        self.problems.errors.push(problem);
    }

    fn warn(&mut self, path: &str, message: String) {
        let problem = Problem::at(self.document, path, message);
        self.problems.warnings.push(problem);
    }

    /// In the file's order: a variable may refer to those before it, and to the process's of its own name.
    fn define(&mut self, variables: Map<String, Value>) {
        for (name, value) in variables {
            let path = under("environment_variables", &name);
            let text = match value {
                Value::String(text) => match reference(&text) {
                    Some(name) => self.find(&path, name),
                    None => Some(text),
                },
                Value::Number(n) => Some(n.to_string()),
                Value::Bool(b) => Some(b.to_string()),
                other => {
                    let got = match &other {
                        Value::Null => "nothing".to_owned(),
                        other => mishikallm::json::kind(other),
                    };
                    self.wrong(&path, format!("expected a string, got {got}"));
                    None
                }
            };
            self.defined.insert(name, text);
        }
    }

    /// Nothing of a variable's value is ever told.
    fn find(&mut self, path: &str, name: &str) -> Option<String> {
        if let Some(defined) = self.defined.get(name) {
            self.used.insert(name.to_owned());
            return defined.clone();
        }
        match (self.lookup)(name) {
            Ok(Some(text)) => {
                if text.is_empty() {
                    let message = format!("the environment variable {name} is empty");
                    self.warn(path, message);
                }
                return Some(text);
            }
            Ok(None) if name.is_empty() => self.wrong(
                path,
                "expected the name of an environment variable after os.environ/, got nothing"
                    .to_owned(),
            ),
            Ok(None) => {
                let mut message = format!("the environment variable {name} is not set");
                let below = under("environment_variables", name);
                if self.document.has(&below) && below != path {
                    let line = self.document.line(&below).unwrap_or_default();
                    message += &format!("; it is defined further down, in line {line}");
                }
                self.wrong(path, message);
            }
            Err(()) => self.wrong(
                path,
                format!("the environment variable {name} holds bytes that are no UTF-8"),
            ),
        }
        None
    }

    /// Programs that read them from their own environment are none here.
    fn warn_of_unused(&mut self) {
        let of_use = self.defined.iter().filter(|(_, value)| value.is_some());
        let names = of_use.map(|(name, _)| name.clone());
        let names: Vec<String> = names.filter(|name| !self.used.contains(name)).collect();
        for name in names {
            let path = under("environment_variables", &name);
            let message = format!("is not used: nothing in this file is os.environ/{name}");
            self.warn(&path, message);
        }
    }

    fn put_in(&mut self, path: &str, key: &str, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(name) = reference(text) {
                    self.document.note_variable(path, name);
                    // Nothing in its place: what a missing variable leads to is not told as well.
                    *value = match self.find(path, name) {
                        Some(text) => typed(key, text),
                        None => Value::Null,
                    };
                } else if text.contains(PREFIX) {
                    let message = "os.environ/ stands for a value only at its beginning: this one is taken as it is";
                    self.warn(path, message.to_owned());
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter_mut().enumerate() {
                    self.put_in(&format!("{path}[{i}]"), key, item);
                }
            }
            Value::Object(map) => {
                for (key, value) in map {
                    self.put_in(&under(path, key), key, value);
                }
            }
            _ => {}
        }
    }
}

/// The environment has only texts: for an option that wants a number or true and false it is read as YAML would.
fn typed(key: &str, text: String) -> Value {
    if !known::is_number_or_boolean(key) {
        return Value::String(text);
    }
    let read = match Scalar::parse_from_cow(text.trim().into()) {
        Scalar::Boolean(b) => Some(b.into()),
        Scalar::Integer(n) => Some(n.into()),
        Scalar::FloatingPoint(n) => Number::from_f64(n.into_inner()).map(Value::Number),
        _ => None,
    };
    read.unwrap_or(Value::String(text))
}

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;
    use serde_json::json;

    fn resolved(text: &str) -> (Value, Problems) {
        let mut document = yaml::read(text.as_bytes()).unwrap();
        let mut problems = Problems::default();
        let lookup = |name: &str| match name {
            "KEY" => Ok(Some("sk-secret".to_owned())),
            "SECONDS" => Ok(Some("2.5".to_owned())),
            "DIGITS" => Ok(Some("123".to_owned())),
            "EMPTY" => Ok(Some(String::new())),
            "BYTES" => Err(()),
            _ => Ok(None),
        };
        resolve(&mut document, &lookup, &mut problems);
        (Value::Object(document.value), problems)
    }

    #[test]
    fn references_are_put_in_everywhere() {
        let (value, problems) = resolved(
            "environment_variables:\n  MINE: os.environ/KEY\n  PORT: 8000\na: os.environ/MINE\nb: [os.environ/PORT, {timeout: os.environ/SECONDS, api_key: os.environ/DIGITS}]\nc: not os.environ/KEY\n",
        );
        assert_eq!(
            value,
            json!({"a":"sk-secret","b":["8000",{"timeout":2.5,"api_key":"123"}],"c":"not os.environ/KEY"})
        );
        assert!(problems.errors.is_empty());
        let told: Vec<String> = problems.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "line 6: c: os.environ/ stands for a value only at its beginning: this one is taken as it is"
            ]
        );
    }

    #[test]
    fn a_definition_that_nothing_refers_to_is_told() {
        let (_, problems) = resolved(
            "environment_variables:\n  USED: x\n  ALSO: os.environ/USED\n  REDIS_HOST: x\na: [os.environ/ALSO]\n",
        );
        assert!(problems.errors.is_empty());
        let told: Vec<String> = problems.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "line 4: environment_variables.REDIS_HOST: is not used: nothing in this file is os.environ/REDIS_HOST"
            ]
        );
    }

    #[test]
    fn spaces_around_a_name_are_no_part_of_it() {
        let (value, problems) = resolved(
            "environment_variables:\n  MINE: \"os.environ/ KEY \"\n  YOURS: ' os.environ/KEY'\na: os.environ/ MINE\nb: \"os.environ/YOURS \"\n",
        );
        assert_eq!(value, json!({"a":"sk-secret","b":"sk-secret"}));
        assert!(problems.errors.is_empty(), "{:?}", problems.errors);
    }

    #[test]
    fn what_is_missing_in_a_definition_is_told_there() {
        let (_, problems) = resolved(
            "environment_variables:\n  A: os.environ/NOT_THERE\n  B: os.environ/LATER\n  LATER: x\n  C: os.environ/ \n  D:\n  E: os.environ/BYTES\n  OWN: os.environ/OWN\na: [os.environ/A, os.environ/OWN]\n",
        );
        let told: Vec<String> = problems.errors.iter().map(ToString::to_string).collect();
        let expected = [
            "line 2: environment_variables.A: the environment variable NOT_THERE is not set",
            "line 3: environment_variables.B: the environment variable LATER is not set; it is defined further down, in line 4",
            "line 5: environment_variables.C: expected the name of an environment variable after os.environ/, got nothing",
            "line 6: environment_variables.D: expected a string, got nothing",
            "line 7: environment_variables.E: the environment variable BYTES holds bytes that are no UTF-8",
            "line 8: environment_variables.OWN: the environment variable OWN is not set",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_missing_is_told_with_line_and_key() {
        let (_, problems) = resolved(
            "a:\n  api_key: os.environ/NOT_THERE\nb: os.environ/BYTES\nc: os.environ/EMPTY\nd: os.environ/\nenvironment_variables:\n  X: [1]\n",
        );
        let told: Vec<String> = problems.errors.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(
            told.iter()
                .any(|t| t.starts_with("line 2: a.api_key: ") && t.contains("NOT_THERE")),
            "{told:?}"
        );
        assert!(
            told.iter()
                .any(|t| t.starts_with("line 7: environment_variables.X: ")),
            "{told:?}"
        );
        assert_eq!(problems.warnings.len(), 1);
    }

    #[test]
    fn what_the_file_defines_beats_the_process() {
        let (value, _) = resolved("a: os.environ/KEY\nenvironment_variables:\n  KEY: mine\n");
        assert_eq!(value["a"], "mine");
    }
}
