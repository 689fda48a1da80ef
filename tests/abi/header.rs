//! `include/mishikallm.h`: generated from `src/ffi`, committed, and fit to be read and compiled by strangers.

use crate::symbols::functions;
use crate::toolchain::{STRICT, cc, cxx, made, repository, source, succeed};
use std::sync::OnceLock;
use std::{env, fs};

/// The header as committed; with MISHIKALLM_UPDATE, written anew before any test reads it.
pub fn committed() -> &'static str {
    static HEADER: OnceLock<String> = OnceLock::new();
    HEADER.get_or_init(|| {
        let path = repository("include/mishikallm.h");
        if env::var_os("MISHIKALLM_UPDATE").is_some() {
            fs::write(&path, generated()).expect("include/mishikallm.h can be written");
        }
        fs::read_to_string(&path).unwrap_or_default()
    })
}

/// Made here and not in build.rs: who builds the library needs no cbindgen. From `src/ffi` alone: no other part of the
/// crate can get into the header.
fn generated() -> String {
    let config = cbindgen::Config::from_file(repository("cbindgen.toml")).expect("cbindgen.toml");
    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(repository("src/ffi/mod.rs"))
        .generate()
        .expect("cbindgen reads src/ffi")
        .write(&mut text);
    String::from_utf8(text).expect("a header in UTF-8")
}

/// The whole lines of the program at the header's head, as a C programmer would copy them.
pub fn example() -> String {
    let lines: Vec<&str> = committed()
        .lines()
        .skip_while(|line| !line.contains("#include <mishikallm.h>"))
        .take_while(|line| !line.starts_with(" * Shared:"))
        .map(|line| line.strip_prefix(" *").unwrap_or(line))
        .map(|line| line.strip_prefix("     ").unwrap_or(line))
        .collect();
    lines.join("\n")
}

#[test]
fn the_header_is_what_cbindgen_makes() {
    let (committed, generated) = (committed(), generated());
    if let Some(n) = (committed.lines().zip(generated.lines())).position(|(a, b)| a != b) {
        let line = |text: &str| text.lines().nth(n).unwrap_or_default().to_owned();
        panic!(
            "include/mishikallm.h is not what cbindgen makes of src/ffi, from line {}:\n- {}\n+ {}\n\
             Write it anew: MISHIKALLM_UPDATE=1 cargo test --test abi header",
            n + 1,
            line(committed),
            line(&generated)
        );
    }
    assert!(
        committed == generated,
        "include/mishikallm.h is longer or shorter than what cbindgen makes of src/ffi. \
         Write it anew: MISHIKALLM_UPDATE=1 cargo test --test abi header"
    );
}

#[test]
fn the_header_says_nothing_of_rust() {
    let header = committed();
    assert!(header.is_ascii(), "a C compiler may not take it for UTF-8");
    for word in ["# Safety", "`", "::", "Option", "panic", "unsafe", "Rust"] {
        assert!(!header.contains(word), "{word:?} in include/mishikallm.h");
    }
    for line in header.lines() {
        assert!(line.len() <= 120, "a long line: {line}");
        let name = line.strip_prefix("#define ").unwrap_or("MISHIKALLM_");
        assert!(name.starts_with("MISHIKALLM_"), "{line}");
    }
    assert!(header.contains("\n#define MISHIKALLM_OK 0\n"));
    assert!(header.contains("\ntypedef struct mishikallm_client mishikallm_client;\n"));
}

/// A manual that names what is not there sends its reader on a search.
#[test]
fn the_header_names_only_what_it_declares() {
    let header = committed();
    let declared = |word: &str| {
        header.contains(&format!("#define {word}"))
            || header.contains(&format!(" {word};"))
            || header.contains(&format!("(*{word})("))
            || functions(header).iter().any(|f| f.name == word)
    };
    for prefix in ["mishikallm_", "MISHIKALLM_"] {
        for (at, _) in header.match_indices(prefix) {
            let is_json = header[..at].ends_with('"');
            let rest = &header[at..];
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            assert!(is_json || declared(&rest[..end]), "{}", &rest[..end]);
        }
    }
}

/// Every parameter is named, has its line in the comment, in order, and a pointer's line says whether NULL will do.
#[test]
fn the_header_explains_every_parameter() {
    for function in functions(committed()) {
        let documented: Vec<(&str, &str)> = function
            .comment
            .split("@param ")
            .skip(1)
            .map(|text| text.split_once(' ').expect("a name and words"))
            .collect();
        let names: Vec<&str> = documented.iter().map(|(name, _)| *name).collect();
        let declared: Vec<&str> = function.parameters.iter().map(|p| p.name()).collect();
        assert_eq!(names, declared, "@param of {}", function.name);
        for (parameter, (name, words)) in function.parameters.iter().zip(&documented) {
            let words = words.split("@return").next().unwrap_or_default();
            assert!(
                !parameter.may_be_null() || words.contains("NULL"),
                "{}: is {name} allowed to be NULL? {words}",
                function.name
            );
        }
        assert_eq!(
            function.returns != "void",
            function.comment.contains("@return "),
            "@return of {}",
            function.name
        );
        assert!(
            function.comment.contains("Since "),
            "{}: since which version?",
            function.name
        );
    }
}

#[test]
fn the_header_compiles_alone_as_c99_and_as_cpp17() {
    let header = repository("include/mishikallm.h");
    let alone = ["-fsyntax-only", "-x"];
    succeed(cc().args(STRICT).args(alone).arg("c").arg(&header));
    succeed(cxx().args(STRICT).args(alone).arg("c++").arg(&header));
}

#[test]
fn the_header_may_be_included_twice_and_in_two_units() {
    let units = [source("unit_one.c"), source("unit_two.c")];
    for (compiler, language) in [(cc(), "c"), (cxx(), "c++")] {
        let mut compiler = compiler;
        let program = made(&format!("two_units_{language}"));
        compiler.args(STRICT).args(["-x", language]).args(&units);
        compiler.args(["-x", "none"]).arg("-o").arg(&program);
        compiler.arg(crate::toolchain::library("libmishikallm.so"));
        succeed(&mut compiler);
    }
}
