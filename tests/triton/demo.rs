//! The demo's C program, on the real Triton.

use super::{programs, server};
use crate::toolchain::succeed;
use std::process::Command;

/// What it printed: an answer of each kind.
fn check(mut command: Command) {
    let said = succeed(command.arg(server()));
    for part in [
        "An inference server keeps trained models",
        "completions, model tiny_llm",
        "384 numbers each",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    // Two sentences that say the same are closer than two that do not.
    let row = said
        .lines()
        .find(|l| l.trim_start().starts_with("[1]  1.000"))
        .unwrap_or_else(|| panic!("{said}"));
    let numbers: Vec<f64> = row
        .split_whitespace()
        .skip(1)
        .take(5)
        .map(|n| n.parse().unwrap())
        .collect();
    assert!(
        numbers[1] > 0.6 && numbers[2] < 0.3 && numbers[4] < 0.3,
        "{row}"
    );
}

#[test]
fn plain() {
    check(programs::plain("demo"));
}

#[test]
fn sanitized() {
    check(programs::sanitized("demo"));
}

#[test]
fn valgrind() {
    check(programs::valgrind("demo"));
}
