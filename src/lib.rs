//! Models on NVIDIA Triton Inference Server with OpenAI's JSON.
//!
//! The C ABI in [`ffi`] is the product; [`Client`] is the same for Rust.
//!
//! ```no_run
//! let client = mishikallm::Client::new("{}")?;
//! let answer = client.invoke(
//!     "chat.completions",
//!     r#"{"model":"triton/llama","api_base":"http://localhost:8000","messages":[{"role":"user","content":"who are u?"}]}"#,
//! )?;
//! println!("{answer}");
//! # Ok::<(), mishikallm::Error>(())
//! ```
//!
//! Code depends one way: `limits, error → json, log, operation, tokenizer → openai, config → template → triton → plan → client → ffi`.
//! Everything before `client` is pure: no sockets, clocks or threads.

#![deny(unsafe_code)]

pub mod client;
pub mod config;
pub mod error;
#[allow(unsafe_code)]
pub mod ffi;
pub mod json;
pub mod limits;
pub mod log;
pub mod openai;
pub mod operation;
pub mod plan;
pub mod template;
pub mod tokenizer;
pub mod triton;

pub use client::{Client, Embeddings, Next, Stream, Submitted};
pub use error::{Error, Result, Status};

/// The library's version, as in `Cargo.toml`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The ABI's version, also the soname's number. 0 until 1.0.
pub const ABI_VERSION: u32 = 0;
