//! Files as people write them, and every word that they are told: nothing is told twice, and nothing else.

mod files;
mod keys;
mod names;
mod redis;
mod shapes;
mod syntax;
mod values;
mod variables;

use super::{Overrides, Problem, read_bytes};

/// A file, and the beginnings of what is told, warnings first.
type Case = (&'static str, &'static [&'static str]);

/// Values of the files that nobody may see.
const SECRETS: [&str; 6] = [
    "123456789",
    "987654321",
    "cret",
    "sk-1234",
    "sk-abcdef",
    "http://localhost:8000/v2",
];

fn told(file: &str) -> (Vec<String>, bool) {
    let nothing = |_: &str| Ok(None);
    let read = read_bytes("FILE", file.as_bytes(), &Overrides::default(), &nothing);
    let line =
        |kind: &str, problem: &Problem| format!("{kind}: {problem}").replacen("FILE:", ":", 1);
    let warnings = read.problems.warnings.iter().map(|p| line("warning", p));
    let errors = read.problems.errors.iter().map(|p| line("error", p));
    (warnings.chain(errors).collect(), read.settings.is_some())
}

fn check(cases: &[Case]) {
    for (file, expected) in cases {
        let (told, is_read) = told(file);
        let is_so = told.len() == expected.len()
            && told.iter().zip(*expected).all(|(a, b)| a.starts_with(b));
        assert!(is_so, "{file}\ntold: {told:#?}\nexpected: {expected:#?}");
        assert_eq!(
            is_read,
            !told.iter().any(|t| t.starts_with("error")),
            "{file}"
        );
        for secret in SECRETS {
            assert!(!told.iter().any(|t| t.contains(secret)), "{told:?}");
        }
    }
}

#[test]
fn what_is_no_yaml_is_told_with_its_line() {
    check(syntax::SYNTAX);
}

#[test]
fn keys_and_indentation() {
    check(shapes::SHAPES);
}

#[test]
fn values_of_the_wrong_kind() {
    check(values::VALUES);
}

#[test]
fn where_redis_is() {
    check(redis::REDIS);
}

#[test]
fn models_that_are_none() {
    check(names::NAMES);
}
