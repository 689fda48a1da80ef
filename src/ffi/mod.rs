//! The C ABI: pointers in, one guarded call, pointers out. No logic lives here, and nowhere else is `unsafe` allowed.
//!
//! The comments of this folder are the manual that C programmers read: cbindgen renders them into
//! `include/mishikallm.h`, under the rules in `cbindgen.toml`.

// C's names are the public ones here.
#![allow(non_camel_case_types)]

mod call;
mod client;
mod guard;
mod log;
mod text;
mod version;

pub use call::*;
pub use client::*;
pub use log::*;
pub use text::mishikallm_string_free;
pub use version::*;

// A panic that aborts would take the host with it, and the guard could not help.
#[cfg(not(panic = "unwind"))]
compile_error!("libmishikallm needs panic = \"unwind\": a panic must not abort the host program");
