//! `mishikallm`: OpenAI's HTTP API in front of NVIDIA Triton Inference Server.

mod allocator;
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

use allocator::Allocator;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    start::run(&cli::Cli::read())
}
