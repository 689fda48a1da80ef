//! Gives the shared library its soname, whose number is the ABI's version, and lets it stay where it was loaded once.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target != "linux" {
        return;
    }
    // The C library keeps it while a thread has its thread-locals, but a thread that ends runs code of the library's after it has
    // dropped them: a dlclose() in that moment would take the code away.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // cargo-c says it too: the same, by Cargo.toml's version_suffix_components.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libmishikallm.so.0");
}
