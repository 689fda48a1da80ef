//! `mishikallm`: OpenAI's HTTP API in front of NVIDIA Triton Inference Server.

fn main() {}
