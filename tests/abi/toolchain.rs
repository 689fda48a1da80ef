//! Compilers and binutils, the built library, and running what they made.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};
use std::sync::OnceLock;

/// What a public header has to pass.
pub const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-pedantic", "-Werror"];

/// Something of this package, such as `include/mishikallm.h`.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A source file of `c/`.
pub fn source(name: &str) -> PathBuf {
    repository("tests/abi/c").join(name)
}

/// A file that a test makes. Names are shared by all tests: each takes its own.
pub fn made(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abi");
    fs::create_dir_all(&folder).expect("cargo's folder for tests can be written");
    folder.join(name)
}

/// The C compiler with the header's folder, as C99.
pub fn cc() -> Command {
    let mut cc = tool(env::var("CC").as_deref().unwrap_or("cc"));
    cc.arg("-std=c99").arg("-I").arg(repository("include"));
    cc
}

/// The C++ compiler with the header's folder, as C++17.
pub fn cxx() -> Command {
    let mut cxx = tool(env::var("CXX").as_deref().unwrap_or("c++"));
    cxx.arg("-std=c++17").arg("-I").arg(repository("include"));
    cxx
}

/// A tool by its name; a compiler's may come with arguments, such as `ccache gcc`.
pub fn tool(words: &str) -> Command {
    let mut words = words.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or("cc"));
    command.args(words);
    command
}

/// The library that cargo built for this very test: it lies beside it. `target/<profile>/` itself may hold one that an
/// earlier `cargo build` left.
pub fn library(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let path = test.with_file_name(name);
    assert!(
        path.is_file(),
        "{} is not there: cargo builds it with this test while Cargo.toml's crate-type has cdylib and staticlib",
        path.display()
    );
    path
}

/// A folder as an installation has it: `libmishikallm.so`, and the soname that the loader looks for.
pub fn installed() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = made("lib");
        fs::create_dir_all(&folder).expect("a folder for links");
        for name in ["libmishikallm.so".to_owned(), soname()] {
            // Put in place whole: another test's process may do the same now.
            let new = folder.join(format!("{name}.{}", process::id()));
            let _ = fs::remove_file(&new);
            symlink(library("libmishikallm.so"), &new).expect("a link");
            fs::rename(&new, folder.join(&name)).expect("a link in its place");
        }
        folder
    })
}

pub fn soname() -> String {
    format!("libmishikallm.so.{}", mishikallm::ABI_VERSION)
}

/// Runs a command to its end, whatever that is.
pub fn run(command: &mut Command) -> Output {
    let name = Path::new(command.get_program())
        .file_name()
        .and_then(OsStr::to_str)
        .unwrap_or_default()
        .to_owned();
    command.output().unwrap_or_else(|e| match e.kind() {
        ErrorKind::NotFound => panic!(
            "{name} is not here, and this test needs it: apt-get install {}",
            package(&name)
        ),
        _ => panic!("{command:?}: {e}"),
    })
}

/// Runs a command that has to succeed, and gives what it printed.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?}\nended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Debian's name of the package that holds a tool.
fn package(tool: &str) -> &str {
    match tool {
        "cc" => "gcc libc6-dev",
        "c++" => "g++",
        "nm" | "readelf" => "binutils",
        other => other,
    }
}
