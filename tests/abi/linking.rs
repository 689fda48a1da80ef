//! The header's program, and its two command lines: taken out of the header's text, so that they cannot drift from it.

use crate::header::{committed, example};
use crate::server::Server;
use crate::symbols::promised;
use crate::toolchain::{STRICT, cc, cxx, installed, library, made, source, succeed, tool};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The arguments after `cc program.c` in the header's line `Shared:` or `Static:`.
fn documented(kind: &str) -> Vec<String> {
    let line = committed()
        .lines()
        .find_map(|line| line.strip_prefix(&format!(" * {kind}:  cc program.c ")))
        .unwrap_or_else(|| panic!("the header's line \"{kind}:  cc program.c …\""));
    line.split_whitespace()
        .map(|word| match word {
            "libmishikallm.a" => library(word).display().to_string(),
            word => word.to_owned(),
        })
        .collect()
}

/// The header's program in a file of its own, asking `server` instead of port 8000.
fn example_program(name: &str, server: &str) -> PathBuf {
    let text = example();
    assert!(text.contains("http://localhost:8000"), "{text}");
    let path = made(&format!("{name}.c"));
    fs::write(&path, text.replace("http://localhost:8000", server)).expect("a source file");
    path
}

fn needed(program: &Path) -> String {
    succeed(tool("readelf").arg("-d").arg(program))
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn the_headers_program_runs_with_the_shared_library() {
    let server = Server::start();
    let (program, binary) = (example_program("shared", &server.url), made("shared"));
    let mut compiler = cc();
    compiler
        .args(STRICT)
        .arg(&program)
        .args(documented("Shared"));
    // As where the library is installed: the compiler and the loader know its folder.
    succeed(compiler.arg("-L").arg(installed()).arg("-o").arg(&binary));
    assert!(
        needed(&binary).contains("libmishikallm.so"),
        "{}",
        needed(&binary)
    );

    let answer = succeed(Command::new(&binary).env("LD_LIBRARY_PATH", installed()));
    assert!(answer.contains("echo: who are u?"), "{answer}");
}

#[test]
fn the_headers_program_runs_with_the_static_library() {
    let server = Server::start();
    let (program, binary) = (example_program("static", &server.url), made("static"));
    let mut compiler = cc();
    compiler
        .args(STRICT)
        .arg(&program)
        .args(documented("Static"));
    succeed(compiler.arg("-o").arg(&binary));
    assert!(
        !needed(&binary).contains("mishikallm"),
        "{}",
        needed(&binary)
    );
    let loaded = succeed(tool("ldd").arg(&binary));
    assert!(
        !loaded.contains("mishikallm") && !loaded.contains("not found"),
        "{loaded}"
    );

    let answer = succeed(Command::new(&binary).env_remove("LD_LIBRARY_PATH"));
    assert!(answer.contains("echo: who are u?"), "{answer}");
}

#[test]
fn a_cpp_program_runs_with_both() {
    let server = Server::start();
    for kind in ["Shared", "Static"] {
        let binary = made(&format!("cpp_{kind}"));
        let mut compiler = cxx();
        compiler
            .args(STRICT)
            .arg(source("program.cpp"))
            .args(documented(kind));
        succeed(compiler.arg("-L").arg(installed()).arg("-o").arg(&binary));
        let mut program = Command::new(&binary);
        succeed(program.arg(&server.url).env("LD_LIBRARY_PATH", installed()));
    }
}

/// Every function is there for the linker, also in the static library, where `nm -D` cannot look.
#[test]
fn every_function_links() {
    let names = promised();
    let table: String = names
        .iter()
        .map(|name| format!("    (function){name},\n"))
        .collect();
    let text = format!(
        "#include <mishikallm.h>\n\
         typedef void (*function)(void);\n\
         static const function all[] = {{\n{table}}};\n\
         int main(void) {{ return all[sizeof all / sizeof *all - 1] == NULL; }}\n"
    );
    let program = made("every.c");
    fs::write(&program, text).expect("a source file");
    for kind in ["Shared", "Static"] {
        let binary = made(&format!("every_{kind}"));
        let mut compiler = cc();
        compiler.arg(&program).args(documented(kind));
        succeed(compiler.arg("-L").arg(installed()).arg("-o").arg(&binary));
        succeed(Command::new(&binary).env("LD_LIBRARY_PATH", installed()));
    }
}
