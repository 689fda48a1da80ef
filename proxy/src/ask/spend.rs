//! `mishikallm spend`.
use super::http::Peer;
use crate::cli::manage::Spend;
use std::process::ExitCode;
pub async fn run(_peer: &Peer, _asked: &Spend) -> Result<ExitCode, String> {
    Ok(ExitCode::SUCCESS)
}
