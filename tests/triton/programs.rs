//! The examples in C, built and run as tests need them: plain, under AddressSanitizer with LeakSanitizer, and under valgrind.

use crate::toolchain::{STRICT, cc, installed, made, repository, succeed, tool};
use std::path::PathBuf;
use std::process::Command;

fn build(example: &str, as_name: &str, flags: &[&str]) -> PathBuf {
    let binary = made(as_name);
    let mut compiler = cc();
    compiler.args(STRICT).args(["-g", "-O1"]).args(flags);
    compiler.arg(repository(&format!("examples/c/{example}.c")));
    compiler
        .arg("-L")
        .arg(installed())
        .args(["-lmishikallm", "-lm", "-pthread"]);
    succeed(compiler.arg("-o").arg(&binary));
    binary
}

fn with_library(mut command: Command) -> Command {
    command.env("LD_LIBRARY_PATH", installed());
    command
}

pub fn plain(example: &str) -> Command {
    with_library(Command::new(build(example, example, &[])))
}

pub fn sanitized(example: &str) -> Command {
    let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let mut command = Command::new(build(example, &format!("{example}_sanitized"), &flags));
    command.env("ASAN_OPTIONS", "detect_leaks=1:exitcode=9");
    with_library(command)
}

pub fn valgrind(example: &str) -> Command {
    let mut command = tool("valgrind");
    command.args([
        "--quiet",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite",
        // The default client lives as long as the process; maps hold what is its own by pointers into it.
        "--show-leak-kinds=definite",
        "--error-exitcode=9",
    ]);
    command.arg(build(example, &format!("{example}_valgrind"), &[]));
    with_library(command)
}
