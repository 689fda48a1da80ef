//! Gives the shared library its soname, whose number is the ABI's version.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    // cargo-c gives the same soname itself.
    if target == "linux" && std::env::var_os("CARGO_C_BUILD").is_none() {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libmishikallm.so.0");
    }
}
