//! The demo's C program, on the real Triton: plain, under AddressSanitizer with LeakSanitizer, and under valgrind.

use super::server;
use crate::toolchain::{STRICT, cc, installed, made, repository, succeed, tool};
use std::process::Command;

fn build(name: &str, flags: &[&str]) -> std::path::PathBuf {
    let binary = made(name);
    let mut compiler = cc();
    compiler.args(STRICT).args(["-g", "-O1"]).args(flags);
    compiler.arg(repository("examples/c/demo.c"));
    compiler
        .arg("-L")
        .arg(installed())
        .args(["-lmishikallm", "-lm"]);
    succeed(compiler.arg("-o").arg(&binary));
    binary
}

/// What it printed: an answer of each kind.
fn check(mut command: Command) {
    let said = succeed(command.arg(server()).env("LD_LIBRARY_PATH", installed()));
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
    check(Command::new(build("demo", &[])));
}

#[test]
fn sanitized() {
    let mut command = Command::new(build(
        "demo_sanitized",
        &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    ));
    command.env("ASAN_OPTIONS", "detect_leaks=1:exitcode=9");
    check(command);
}

#[test]
fn valgrind() {
    let mut command = tool("valgrind");
    command.args([
        "--quiet",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite",
        "--error-exitcode=9",
    ]);
    command.arg(build("demo_valgrind", &[]));
    check(command);
}
