//! ThreadSanitizer over the library and the programs: the library is built a second time for it.
//!
//! Rust's standard library comes compiled without the sanitizer. Two things make it blind, and look like races that are
//! none: locks that are taken inside of it, which `c/raced.c` tells of, and the fences of `Arc`, which the sanitizer does
//! not know. With `force_seq_cst_atomics` it needs none: each atomic then counts as the strictest of its kind. So a lock
//! that is missing is found, and an atomic that is too weak is not.
//!
//! Needs a C compiler that knows `-fsanitize=thread`, binutils, and the sanitizer's runtime that comes with Rust.

use crate::toolchain::{STRICT, made, repository, soname, source, succeed, tool};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

pub const OPTIONS: &str = "exitcode=9 history_size=4 force_seq_cst_atomics=1";

/// Functions of the standard library that `c/raced.c` stands in for, and what their mangled names hold.
const UNSEEN: [(&str, [&str; 2]); 6] = [
    ("CONDVAR_WAIT", ["sync7condvar5futex", "7Condvar4wait"]),
    (
        "CONDVAR_WAIT_TIMEOUT",
        ["sync7condvar5futex", "7Condvar12wait_timeout"],
    ),
    ("MUTEX_LOCK", ["sync5mutex5futex", "5Mutex14lock_contended"]),
    (
        "RWLOCK_READ",
        ["sync6rwlock5futex", "6RwLock14read_contended"],
    ),
    (
        "RWLOCK_WRITE",
        ["sync6rwlock5futex", "6RwLock15write_contended"],
    ),
    ("ONCE_CALL", ["sync4once5futex", "4Once4call"]),
];

/// Where Rust keeps its libraries for this machine, and the machine's name.
fn rust() -> (PathBuf, String) {
    let rustc = || tool(env::var("RUSTC").as_deref().unwrap_or("rustc"));
    let sysroot = succeed(rustc().args(["--print", "sysroot"]));
    let host = succeed(rustc().arg("-vV"))
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .expect("the host in rustc -vV");
    let libraries = Path::new(sysroot.trim()).join("lib/rustlib");
    (libraries.join(&host).join("lib"), host)
}

/// A file of that folder.
fn find(folder: &Path, begin: &str, end: &str) -> PathBuf {
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(begin) && name.ends_with(end)
    };
    fs::read_dir(folder)
        .expect("Rust's libraries")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(is_it)
        .unwrap_or_else(|| {
            panic!(
                "{}: no {begin}*{end}; rustup's toolchains have it",
                folder.display()
            )
        })
}

/// The names in this toolchain of what `UNSEEN` lists.
fn unseen(libraries: &Path) -> Vec<(&'static str, String)> {
    let symbols = succeed(
        tool("readelf")
            .arg("-sW")
            .arg(find(libraries, "libstd-", ".rlib")),
    );
    UNSEEN
        .iter()
        .map(|(name, parts)| {
            let symbol = symbols
                .lines()
                .filter(|line| line.contains(" FUNC "))
                .filter_map(|line| line.split_whitespace().last())
                .find(|symbol| parts.iter().all(|part| symbol.contains(part)))
                .unwrap_or_else(|| {
                    panic!("{name}: the standard library has it under another name")
                });
            (*name, symbol.to_owned())
        })
        .collect()
}

/// A folder with the library that the sanitizer watches.
fn library() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let (libraries, host) = rust();
        let (target, object) = (made("raced"), made("raced.o"));
        let mut compiler = tool(env::var("CC").as_deref().unwrap_or("cc"));
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args([
                "rustc",
                "--quiet",
                "--locked",
                "--lib",
                "--crate-type",
                "cdylib",
                "--target",
                &host,
            ])
            .arg("--manifest-path")
            .arg(repository("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target)
            .env("RUSTC_BOOTSTRAP", "1")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env(
                "RUSTFLAGS",
                "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer",
            )
            .arg("--")
            .arg(format!("-Clink-arg={}", object.display()));
        for (name, symbol) in unseen(&libraries) {
            compiler.arg(format!("-D{name}={symbol}"));
            cargo.arg(format!("-Clink-arg=-Wl,--wrap={symbol}"));
        }
        compiler
            .args(STRICT)
            .args(["-O1", "-fPIC", "-c"])
            .arg(source("raced.c"));
        succeed(compiler.arg("-o").arg(object));
        succeed(&mut cargo);

        let built = target.join(host).join("debug");
        let link = built.join(soname());
        let _ = fs::remove_file(&link);
        symlink("libmishikallm.so", link).expect("a link");
        built
    })
}

/// Links a program that was compiled for the sanitizer; the command runs it. Rust's runtime knows more than that of an
/// older compiler.
pub fn link(object: &Path, binary: &Path) -> Command {
    let mut linker = tool(env::var("CC").as_deref().unwrap_or("cc"));
    linker.arg(object).arg("-Wl,--whole-archive");
    linker.arg(find(&rust().0, "librustc-", "_rt.tsan.a"));
    linker.args(["-Wl,--no-whole-archive", "-Wl,--export-dynamic", "-L"]);
    linker
        .arg(library())
        .args(["-lmishikallm", "-lm", "-ldl", "-lpthread", "-lrt"]);
    succeed(linker.arg("-o").arg(binary));
    let mut command = Command::new(binary);
    command
        .env("LD_LIBRARY_PATH", library())
        .env("TSAN_OPTIONS", OPTIONS);
    command
}
