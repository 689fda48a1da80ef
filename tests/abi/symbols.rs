//! The functions that the header declares, those that `include/mishikallm.symbols` promises, and those that the shared
//! library has, are the same.

use crate::header::committed;
use crate::toolchain::{library, repository, soname, succeed, tool};
use std::fs;

/// A function of the header.
pub struct Function {
    pub name: String,
    pub returns: String,
    pub parameters: Vec<Parameter>,
    /// The comment before it, without stars.
    pub comment: String,
}

/// A parameter as declared, such as `const char *operation`.
pub struct Parameter(String);

impl Parameter {
    pub fn name(&self) -> &str {
        self.0.rsplit([' ', '*']).next().unwrap_or_default()
    }

    pub fn may_be_null(&self) -> bool {
        self.0.contains('*') || self.0.contains("_fn ")
    }
}

/// Reads the header's functions: each is a comment `/** … */` and a declaration that ends with `);`.
pub fn functions(header: &str) -> Vec<Function> {
    let declarations = header
        .split_once("extern \"C\" {")
        .map(|(_, rest)| rest)
        .expect("declarations in the header");
    declarations
        .split("/**")
        .skip(1)
        .map(|item| {
            let (comment, declaration) = item.split_once("*/").expect("the comment's end");
            let (declaration, _) = declaration.split_once(");").expect("a declaration");
            let (head, parameters) = declaration.split_once('(').expect("parameters");
            let name_at = head.rfind([' ', '*']).expect("a return type") + 1;
            Function {
                name: head[name_at..].to_owned(),
                returns: head[..name_at].trim().to_owned(),
                parameters: parameters
                    .split(',')
                    .map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "))
                    .filter(|p| p != "void")
                    .map(Parameter)
                    .collect(),
                comment: comment
                    .lines()
                    .map(|line| line.trim().trim_start_matches('*').trim())
                    .collect::<Vec<_>>()
                    .join(" "),
            }
        })
        .collect()
}

fn in_header() -> Vec<String> {
    functions(committed()).into_iter().map(|f| f.name).collect()
}

pub fn promised() -> Vec<String> {
    fs::read_to_string(repository("include/mishikallm.symbols"))
        .expect("include/mishikallm.symbols")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// All that the library exports, functions and data: nothing of Rust or of a dependency may be among it.
fn in_library() -> Vec<String> {
    let library = library("libmishikallm.so");
    succeed(tool("nm").args(["-D", "--defined-only"]).arg(library))
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .map(str::to_owned)
        .collect()
}

/// What three lists do not agree on, in words; header and file also in their order.
fn disagreements(header: &[String], promised: &[String], library: &[String]) -> Vec<String> {
    let lists = [
        ("include/mishikallm.h", header),
        ("include/mishikallm.symbols", promised),
        ("libmishikallm.so", library),
    ];
    let mut found = Vec::new();
    let mut all: Vec<&String> = lists.iter().flat_map(|(_, list)| *list).collect();
    all.sort();
    all.dedup();
    for name in all {
        for (place, list) in &lists {
            match list.iter().filter(|n| *n == name).count() {
                1 => {}
                0 => found.push(format!("{name} is not in {place}")),
                n => found.push(format!("{name} is {n} times in {place}")),
            }
        }
    }
    if found.is_empty() && header != promised {
        found.push("include/mishikallm.symbols is not in the header's order".to_owned());
    }
    found
}

#[test]
fn header_promise_and_library_agree() {
    let found = disagreements(&in_header(), &promised(), &in_library());
    assert!(
        found.is_empty(),
        "{}\nA new function is added at the end of its list; none is ever renamed or taken away.",
        found.join("\n")
    );
}

/// The comparison itself: each kind of mistake, in each list, is found.
#[test]
fn a_missing_extra_or_renamed_symbol_is_found_in_each_list() {
    let good = || ["m_new", "m_call", "m_free"].map(str::to_owned).to_vec();
    assert!(disagreements(&good(), &good(), &good()).is_empty());

    type Mistake = fn(&mut Vec<String>);
    let mistakes: [(&str, Mistake, &str); 4] = [
        ("missing", |list| drop(list.remove(1)), "m_call is not in"),
        (
            "extra",
            |list| list.push("m_more".into()),
            "m_more is not in",
        ),
        (
            "renamed",
            |list| list[1] = "m_cal".into(),
            "m_call is not in",
        ),
        (
            "twice",
            |list| list.push("m_new".into()),
            "m_new is 2 times in",
        ),
    ];
    for (what, mistake, message) in mistakes {
        for place in 0..3 {
            let mut lists = [good(), good(), good()];
            mistake(&mut lists[place]);
            let found = disagreements(&lists[0], &lists[1], &lists[2]).join("\n");
            assert!(found.contains(message), "{what} in list {place}: {found}");
        }
    }
}

#[test]
fn the_promise_keeps_the_headers_order() {
    let list = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    let (ab, ba) = (list(["a", "b"]), list(["b", "a"]));
    assert!(
        disagreements(&ab, &ab, &ba).is_empty(),
        "nm sorts as it likes"
    );
    assert_eq!(disagreements(&ab, &ba, &ab).len(), 1);
}

#[test]
fn the_soname_is_the_abis_version_and_only_the_system_is_needed() {
    let dynamic = succeed(tool("readelf").arg("-d").arg(library("libmishikallm.so")));
    let values = |tag: &str| -> Vec<&str> {
        dynamic
            .lines()
            .filter(|line| line.contains(tag))
            .filter_map(|line| line.split_once('[')?.1.split_once(']'))
            .map(|(value, _)| value)
            .collect()
    };
    assert_eq!(values("(SONAME)"), [soname()]);
    for needed in values("(NEEDED)") {
        let system = ["libgcc_s.so.1", "libc.so.6", "libm.so.6"];
        assert!(
            system.contains(&needed) || needed.starts_with("ld-linux"),
            "libmishikallm.so needs {needed}"
        );
    }
}
