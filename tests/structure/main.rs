//! The house rules of the source, held to it: which way code depends, and where `unsafe` may stand.

use std::fs;
use std::path::{Path, PathBuf};

/// A room may use those before it in this list, and itself. Rooms in one line are of one rank.
const ORDER: [&[&str]; 9] = [
    &["limits"],
    &["error"],
    &["json", "log", "operation", "tokenizer"],
    &["config", "openai"],
    &["template"],
    &["triton"],
    &["plan"],
    &["client"],
    &["ffi"],
];

/// What only one room may know: sockets, clocks, threads, the HTTP library, C.
const KNOWN_ONLY_TO: [(&str, &[&str]); 9] = [
    ("ureq::", &["client"]),
    ("std::net", &["client"]),
    ("std::fs", &["client"]),
    ("std::thread", &["client"]),
    ("Instant::now", &["client"]),
    ("SystemTime::now", &["client"]),
    ("std::env::var", &["client"]),
    ("socket2::", &["client"]),
    ("extern \"C\"", &["ffi"]),
];

/// A source file: its room, its path, and its lines without comments and tests.
struct Source {
    room: String,
    path: String,
    code: Vec<String>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 20, "the source was not found");
    files
        .into_iter()
        .map(|file| {
            let path = file
                .strip_prefix(&root)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let room = path.split(['/', '.']).next().unwrap().to_owned();
            let text = fs::read_to_string(&file).unwrap();
            Source {
                room,
                path,
                code: code_of(&text),
            }
        })
        .collect()
}

/// A file `tests.rs` is a module's tests, which may do what they like.
fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            into.push(path);
        }
    }
}

/// Lines that run in the product: up to the unit tests, without comment lines.
fn code_of(text: &str) -> Vec<String> {
    text.lines()
        .take_while(|line| !line.contains("#[cfg(test)]"))
        .filter(|line| !line.trim_start().starts_with("//"))
        .map(str::to_owned)
        .collect()
}

fn rank(room: &str) -> Option<usize> {
    ORDER.iter().position(|rooms| rooms.contains(&room))
}

/// Rooms of the crate that a line names.
fn rooms_named(line: &str) -> Vec<String> {
    line.match_indices("crate::")
        .map(|(i, m)| {
            let after = &line[i + m.len()..];
            let end = after
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(after.len());
            after[..end].to_owned()
        })
        .collect()
}

/// What is wrong with one file's dependencies.
fn wrong_dependencies(source: &Source) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(own) = rank(&source.room) else {
        // lib.rs joins the rooms and is none itself.
        return match source.room.as_str() {
            "lib" => wrong,
            _ => vec![format!(
                "{}: the room '{}' has no place in the order",
                source.path, source.room
            )],
        };
    };
    for line in &source.code {
        for used in rooms_named(line) {
            if rank(&used).is_some_and(|r| r > own) {
                wrong.push(format!(
                    "{}: {} may not use {used}: {line}",
                    source.path, source.room
                ));
            }
        }
        // `use crate::{a, b}` names rooms inside the braces.
        if let Some((_, list)) = line.split_once("crate::{") {
            for used in list
                .split([',', '}', ' '])
                .map(|w| w.split("::").next().unwrap_or(""))
            {
                if rank(used).is_some_and(|r| r > own) {
                    wrong.push(format!(
                        "{}: {} may not use {used}: {line}",
                        source.path, source.room
                    ));
                }
            }
        }
        for (word, rooms) in KNOWN_ONLY_TO {
            if line.contains(word) && !rooms.contains(&source.room.as_str()) {
                wrong.push(format!(
                    "{}: only {rooms:?} may know {word}: {line}",
                    source.path
                ));
            }
        }
        let says_unsafe = line.contains("unsafe ") || line.contains("unsafe(");
        if says_unsafe && source.room != "ffi" {
            wrong.push(format!("{}: only ffi may say unsafe: {line}", source.path));
        }
    }
    wrong
}

#[test]
fn code_depends_one_way_and_unsafe_stays_in_its_room() {
    let wrong: Vec<String> = sources().iter().flat_map(wrong_dependencies).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_root_denies_unsafe_code() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    assert!(lib.contains("#![deny(unsafe_code)]"));
    assert_eq!(
        lib.matches("#[allow(unsafe_code)]").count(),
        1,
        "only ffi is let off"
    );
    assert!(lib.contains("#[allow(unsafe_code)]\npub mod ffi;"));
}

#[test]
fn files_are_short_enough_to_read() {
    for source in sources() {
        let lines = source.code.len();
        assert!(
            lines <= 520,
            "{}: {lines} lines of code; it has more than one subject",
            source.path
        );
    }
}

/// The check itself finds what it is for.
#[test]
fn a_broken_rule_is_found() {
    let broken = |room: &str, line: &str| {
        let source = Source {
            room: room.into(),
            path: "x.rs".into(),
            code: code_of(line),
        };
        wrong_dependencies(&source).len()
    };
    assert_eq!(broken("triton", "use crate::client::Client;"), 1);
    assert_eq!(broken("triton", "use crate::{error::Error, plan};"), 1);
    assert_eq!(broken("openai", "let t = std::time::Instant::now();"), 1);
    assert_eq!(broken("plan", "use std::net::TcpStream;"), 1);
    assert_eq!(broken("client", "let x = unsafe { read(p) };"), 1);
    assert_eq!(broken("triton", "#[unsafe(no_mangle)]"), 1);
    assert_eq!(broken("nowhere", ""), 1);
    assert_eq!(broken("client", "use crate::plan::call::Call;"), 0);
    assert_eq!(broken("ffi", "unsafe { read(p) }"), 0);
    assert_eq!(broken("triton", "// crate::client is the driver's"), 0);
}
