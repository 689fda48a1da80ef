//! The C ABI: pointers in, one guarded call, pointers out. No logic lives here, and nowhere else is `unsafe` allowed.
//!
//! The comments of this folder are the manual that C programmers read: cbindgen renders them into
//! `include/mishikallm.h`, under the rules in `cbindgen.toml`, in the order of the modules below. So they say nothing
//! of Rust, and are ASCII: not every C compiler takes a header for UTF-8.

#![allow(non_camel_case_types, reason = "C's names are the public ones here")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the header's rules and each @param are the contract; a section for Rust would stand in the C header"
)]

// The header's order; a blank line keeps rustfmt from sorting them.
mod version;

mod log;

mod text;

mod client;

mod call;

mod stream;

mod submit;

mod embeddings;

mod guard;

mod signals;

pub use call::*;
pub use client::*;
pub use embeddings::*;
pub use log::*;
pub use stream::*;
pub use submit::*;
pub use text::mishikallm_string_free;
pub use version::*;

// A panic that aborts would take the host with it, and the guard could not help.
#[cfg(not(panic = "unwind"))]
compile_error!("libmishikallm needs panic = \"unwind\": a panic must not abort the host program");
