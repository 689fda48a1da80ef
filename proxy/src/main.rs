//! `mishikallm`: OpenAI's HTTP API in front of NVIDIA Triton Inference Server.

mod app;
mod ask;
mod auth;
mod cli;
mod config;
mod gate;
mod keys;
mod models;
mod quota;
mod redis;
mod relay;
mod reply;
mod routes;
mod seen;
mod spend;
mod start;
mod store;
mod trust;

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// A request makes some hundred small pieces: this one takes half the instructions that glibc's takes for them. Without huge pages
/// (`no_thp`), which would hold 5 MB more at rest.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    start::run(&cli::Cli::read())
}
