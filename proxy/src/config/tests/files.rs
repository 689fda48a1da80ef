//! Files that cannot be read, or hold something else; and a command line in the place of a file.

use super::super::{OneModel, Overrides, of_command, read_bytes, read_file};
use std::path::PathBuf;

/// What is told of a file of these bytes.
fn told(bytes: &[u8]) -> Vec<String> {
    let read = read_bytes("FILE", bytes, &Overrides::default(), &|_| Ok(None));
    assert_eq!(read.settings.is_none(), !read.problems.errors.is_empty());
    let errors = read.problems.errors.iter();
    errors.map(ToString::to_string).collect()
}

fn told_of(path: &std::path::Path) -> String {
    let read = read_file(path, &Overrides::default(), &|_| Ok(None));
    let errors: Vec<String> = read
        .problems
        .errors
        .iter()
        .map(ToString::to_string)
        .collect();
    errors.join("\n")
}

fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("mishikallm-{}-{name}", std::process::id()))
}

const GOOD: &str = "model_list:\n  - model_name: m\n    mishikallm_params: {model: triton/m, api_base: http://h}\n";

#[test]
fn what_is_no_text_is_told_with_its_line() {
    let broken = [GOOD.as_bytes(), b"general_settings: {master_key: \xff}\n"].concat();
    assert_eq!(
        told(&broken),
        ["FILE:4: expected UTF-8, got a byte that is none: save the file as UTF-8"]
    );
    for order in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
        let text = format!("\u{feff}{GOOD}");
        let bytes: Vec<u8> = text.encode_utf16().flat_map(order).collect();
        assert_eq!(
            told(&bytes),
            ["FILE:1: expected UTF-8, got what looks like UTF-16: save the file as UTF-8"]
        );
    }
    let marked = ["\u{feff}", GOOD].concat();
    assert_eq!(told(marked.as_bytes()), [""; 0]);
    assert!(told(b"\0\0\0")[0].starts_with("FILE:1: "));
}

#[test]
fn what_is_no_file_is_told() {
    let path = place("nowhere.yaml");
    assert!(told_of(&path).contains("the file cannot be read: "));
    let folder = std::env::temp_dir();
    assert!(told_of(&folder).ends_with("expected a file, got a folder"));
}

#[test]
fn a_file_of_ten_megabytes_is_not_read() {
    let path = place("large.yaml");
    let large = GOOD.to_owned() + &"# a comment, and many like it\n".repeat(350_000);
    std::fs::write(&path, &large).unwrap();
    let told = told_of(&path);
    std::fs::remove_file(&path).unwrap();
    let expected = format!("expected at most 8388608 bytes, got {}", large.len());
    assert!(told.ends_with(&expected), "{told}");
}

#[test]
fn a_file_of_many_models_is_read() {
    let entry = |i| {
        format!(
            "  - model_name: m{i}\n    mishikallm_params: {{model: triton/m{i}, api_base: http://h}}\n"
        )
    };
    let many: String = (0..500).map(entry).collect();
    assert_eq!(told(format!("model_list:\n{many}").as_bytes()), [""; 0]);
}

#[test]
fn a_file_of_more_values_than_anyone_writes_is_given_up() {
    let many: String = (0..250_000).map(|i| format!("k{i}: 1\n")).collect();
    let told = told(many.as_bytes());
    assert!(
        told[0].contains("expected at most 200000 values"),
        "{told:?}"
    );
}

#[test]
fn without_a_file_it_is_the_option_that_is_wrong() {
    let told = |model: &str, api_base: &str, alias: Option<&str>| {
        let one = OneModel {
            model: model.to_owned(),
            api_base: api_base.to_owned(),
            alias: alias.map(str::to_owned),
        };
        let read = of_command(&one, &Overrides::default(), &|_| Ok(None));
        let errors: Vec<String> = read
            .problems
            .errors
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(read.settings.is_some(), errors.is_empty());
        errors.join("\n")
    };
    assert_eq!(told("triton/m", "http://h", None), "");
    assert_eq!(told("m", "http://h", Some("a/b")), "");
    assert_eq!(
        told("triton/m", "h:8000", None),
        "--api_base: expected a URL such as http://localhost:8000, got a string that does not begin with http:// or https://"
    );
    for (model, alias, expected) in [
        ("triton/", None, "--model: expected a string, got nothing"),
        ("", None, "--model: expected a string, got nothing"),
        ("m", Some(""), "--alias: expected a string, got nothing"),
        (
            "",
            Some("m"),
            "--model: expected a model's name after triton/, got none",
        ),
        (
            "a*b",
            Some("m"),
            "--model: expected a model's name, got one with a *",
        ),
    ] {
        let told = told(model, "http://h", alias);
        assert!(told.starts_with(expected), "{model} {alias:?}: {told}");
    }
}
