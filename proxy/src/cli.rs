//! The command line, with the reference's names.

pub mod manage;
mod values;

use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser};
use manage::Manage;
use std::path::PathBuf;

/// The command line with all that it may ask of a running proxy: most of its options are those of subcommands.
#[derive(Debug, Parser)]
#[command(name = "mishikallm", version, about, disable_version_flag = true)]
struct Whole {
    #[command(flatten)]
    cli: Cli,
    /// What is asked of the running proxy, at --host and --port
    #[command(subcommand)]
    manage: Option<Manage>,
}

/// OpenAI's HTTP API in front of NVIDIA Triton Inference Server.
#[derive(Debug, Parser)]
#[command(name = "mishikallm", version, disable_version_flag = true)]
pub struct Cli {
    /// config.yaml: the models, and how they are served
    #[arg(short, long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// One model without a file: triton/NAME
    #[arg(
        short,
        long,
        value_name = "triton/NAME",
        requires = "api_base",
        conflicts_with = "config"
    )]
    pub model: Option<String>,
    /// Where that model is
    #[arg(
        long = "api_base",
        alias = "api-base",
        value_name = "URL",
        requires = "model",
        conflicts_with = "config"
    )]
    pub api_base: Option<String>,
    /// The name that requests give that model
    #[arg(
        long,
        value_name = "NAME",
        requires = "model",
        conflicts_with = "config"
    )]
    pub alias: Option<String>,
    /// The address to listen at [default: 0.0.0.0 with a master key, else 127.0.0.1]
    #[arg(long, global = true)]
    pub host: Option<String>,
    /// The port to listen at
    #[arg(short, long, default_value_t = 4000, global = true)]
    pub port: u16,
    /// Threads that answer requests [default: one for each processor]
    #[arg(long = "num_workers", alias = "num-workers", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub num_workers: Option<u16>,
    /// Tell of each request
    #[arg(long)]
    pub debug: bool,
    /// Tell of each request, and of all that was said for it, without keys and texts
    #[arg(long = "detailed_debug", alias = "detailed-debug")]
    pub detailed_debug: bool,
    /// Leave out what a model cannot do, instead of refusing the request
    #[arg(long = "drop_params", alias = "drop-params")]
    pub drop_params: bool,
    /// Seconds that one try of a call may take
    #[arg(
        long = "request_timeout",
        alias = "request-timeout",
        value_name = "SECONDS",
        value_parser = seconds
    )]
    pub request_timeout: Option<f64>,
    /// The server's certificate chain, in PEM
    #[arg(
        long = "ssl_certfile_path",
        alias = "ssl-certfile-path",
        value_name = "FILE",
        requires = "ssl_keyfile_path",
        global = true
    )]
    pub ssl_certfile_path: Option<PathBuf>,
    /// Its private key, in PEM
    #[arg(
        long = "ssl_keyfile_path",
        alias = "ssl-keyfile-path",
        value_name = "FILE",
        requires = "ssl_certfile_path",
        global = true
    )]
    pub ssl_keyfile_path: Option<PathBuf>,
    /// Read the configuration, say what is wrong with it, and end
    #[arg(long = "validate_config", alias = "validate-config")]
    pub validate_config: bool,
    /// Ask the running proxy, at --host and --port, how its deployments are; the exit code is 0 only if all of them are healthy
    #[arg(long, conflicts_with = "validate_config")]
    pub health: bool,
    /// Ask the running proxy, at --host and --port, a question, once whole and once as a stream
    #[arg(long, conflicts_with_all = ["validate_config", "health"])]
    pub test: bool,
    /// Say the version
    #[arg(short = 'v', long, action = ArgAction::Version)]
    version: Option<bool>,
    /// What is asked of the running proxy.
    #[arg(skip)]
    pub manage: Option<Manage>,
}

impl Cli {
    /// The command line of this process. Ends it where the command line is wrong.
    pub fn read() -> Cli {
        // A proxy that is started needs no subcommand, and would keep half a megabyte of what builds them all.
        let read = Cli::try_parse().or_else(|_| Whole::try_parse().map(Cli::from));
        read.and_then(Cli::checked)
            .unwrap_or_else(|wrong| wrong.exit())
    }

    /// One thing at a time.
    fn checked(self) -> Result<Cli, clap::Error> {
        let others = [
            (self.health, "--health"),
            (self.test, "--test"),
            (self.validate_config, "--validate_config"),
        ];
        match others.iter().find(|(is_given, _)| *is_given) {
            Some((_, option)) if self.manage.is_some() => {
                let why = format!("{option} stands alone, without a subcommand");
                Err(Whole::command().error(ErrorKind::ArgumentConflict, why))
            }
            _ => Ok(self),
        }
    }

    /// Whether a running proxy is asked, instead of one being started.
    pub fn asks(&self) -> bool {
        self.health || self.test || self.manage.is_some()
    }
}

impl From<Whole> for Cli {
    fn from(whole: Whole) -> Cli {
        Cli {
            manage: whole.manage,
            ..whole.cli
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(n) if n > 0.0 && n.is_finite() => Ok(n),
        _ => Err("expected a number of seconds above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        Cli::command().debug_assert();
        Whole::command().debug_assert();
    }

    #[test]
    fn underscores_and_dashes_are_the_same() {
        for flag in ["--detailed_debug", "--detailed-debug"] {
            let cli = Cli::try_parse_from(["mishikallm", "--config", "c.yaml", flag]).unwrap();
            assert!(cli.detailed_debug && cli.port == 4000);
        }
        assert!(Cli::try_parse_from(["mishikallm", "--model", "triton/m"]).is_err());
        assert!(Cli::try_parse_from(["mishikallm", "--num_workers", "0"]).is_err());
        for wrong in ["0", "-1", "nan", "inf", "30s", ""] {
            let timeout = format!("--request_timeout={wrong}");
            assert!(
                Cli::try_parse_from(["mishikallm", &timeout]).is_err(),
                "{wrong}"
            );
        }
        // One thing at a time.
        assert!(Cli::try_parse_from(["mishikallm", "--health"]).is_ok());
        assert!(Cli::try_parse_from(["mishikallm", "--health", "--test"]).is_err());
    }
}
