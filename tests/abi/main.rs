//! The C ABI as C and C++ programmers meet it.
//!
//! - `header`: `include/mishikallm.h` is what cbindgen makes of `src/ffi`, and compiles alone, everywhere.
//! - `symbols`: the header, `include/mishikallm.symbols` and the shared library name the same functions.
//! - `linking`: the header's two command lines, and its program.
//! - `programs`: the C programs of `c/`, each plain, under sanitizers, and under valgrind.
//! - `raced`: some of them under ThreadSanitizer, with a library that is built for it: `cargo test --test abi -- --ignored`.
//!
//! Needs a C and a C++ compiler ($CC and $CXX, else `cc` and `c++`), binutils and valgrind: what is missing fails a
//! test with the command that installs it.

mod header;
mod linking;
mod programs;
mod raced;
mod replies;
mod server;
mod symbols;
mod toolchain;
