//! OpenAI's own Python client, and its types, on what the library gives: `sdk/run` asks and judges.

use super::server;
use super::toolchain::{library, repository, succeed};
use std::process::Command;

/// What `sdk/run` prints: a line for each kind of answer.
fn run(command: &str) -> Vec<String> {
    let mut script = Command::new(repository("tests/triton/sdk/run"));
    script.arg(command);
    let printed = succeed(script.arg(library("libmishikallm.so")).arg(server()));
    printed.lines().map(str::to_owned).collect()
}

/// The sum of the numbers that follow the names.
fn sum(lines: &[String]) -> usize {
    let number = |line: &String| {
        let (_, rest) = line.split_once(": ").unwrap();
        let digits = rest.split(' ').next().unwrap();
        digits.parse::<usize>().unwrap()
    };
    lines.iter().map(number).sum()
}

#[test]
fn openais_client_reads_every_kind_of_answer() {
    let lines = run("check");
    println!("{}", lines.join("\n"));
    println!(
        "sdk: {} kinds, {} texts held to the client's types",
        lines.len(),
        sum(&lines)
    );
    for kind in [
        "chat",
        "tools streamed",
        "text",
        "embeddings in base64",
        "an error",
    ] {
        let begin = format!("{kind}: ");
        assert!(
            lines.iter().any(|line| line.starts_with(&begin)),
            "{kind} was not read: {lines:?}"
        );
    }
}

/// The measure is worth what it refuses.
#[test]
fn every_field_that_is_made_wrong_is_refused() {
    let lines = run("broken");
    println!(
        "sdk: {} mistakes in {} kinds of answers, all refused",
        sum(&lines),
        lines.len()
    );
    assert!(sum(&lines) > 1000, "{lines:?}");
}
