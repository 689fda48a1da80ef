//! `mishikallm`: OpenAI's HTTP API in front of NVIDIA Triton Inference Server.

mod app;
mod ask;
mod auth;
mod cli;
mod config;
mod models;
mod relay;
mod reply;
mod routes;
mod seen;
mod start;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    start::run(&cli::Cli::parse())
}
