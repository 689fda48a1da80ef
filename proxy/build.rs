//! Has the linker lay what a proxy runs at its start side by side (`start.ld`): 2 MB less that a proxy at rest holds in memory.

use std::env::{self, var};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SCRIPT: &str = "start.ld";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={SCRIPT}");
    let is = |name: &str, value: &str| var(name).is_ok_and(|is| is == value);
    if !is("PROFILE", "release") || !is("CARGO_CFG_TARGET_OS", "linux") {
        return;
    }
    let folder = var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let script = Path::new(&folder).join(SCRIPT);
    // GNU's and LLVM's linkers know such scripts, and others do not: mold is one. Without it only the memory is another.
    if links_with(&script).unwrap_or(false) {
        println!("cargo:rustc-link-arg-bins=-T");
        println!("cargo:rustc-link-arg-bins={}", script.display());
    }
}

/// Tries it, with the linker and the flags that the program is linked with; and whether what comes out runs, where it can.
fn links_with(script: &Path) -> Option<bool> {
    let out = PathBuf::from(env::var_os("OUT_DIR")?);
    let (source, trial) = (out.join("trial.rs"), out.join("trial"));
    fs::write(&source, "fn main() {}\n").ok()?;
    let mut rustc = Command::new(env::var_os("RUSTC")?);
    rustc.arg(&source).arg("--target").arg(var("TARGET").ok()?);
    rustc.arg("-o").arg(&trial);
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut flag = OsString::from("-Clinker=");
        flag.push(linker);
        rustc.arg(flag);
    }
    let flags = var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    rustc.args(["-C", "link-arg=-T", "-C"]);
    rustc.arg(format!("link-arg={}", script.display()));
    let linked = rustc.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_native = var("HOST") == var("TARGET");
    Some(linked.ok()?.success() && (!is_native || Command::new(trial).status().ok()?.success()))
}
