//! Gives the shared library its soname, whose number is the ABI's version, and lets it stay where it was loaded once.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if target != "linux" {
        return;
    }
    // Its threads may be asleep in it when a host calls dlclose(), and those of the host have its thread-locals to drop.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // cargo-c gives the same soname itself.
    if std::env::var_os("CARGO_C_BUILD").is_none() {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libmishikallm.so.0");
    }
}
