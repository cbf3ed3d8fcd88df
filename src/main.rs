//! The `hutong` command: arguments, configuration, wiring, and the demonstration.
//!
//! ```text
//! main ─► cli (what was asked) ─► config (flags > environment > file > defaults) ─► commands/* ─► exit code
//! ```
//! Architecture invariant: nothing here knows a rule of the protocol. Commands call the node or, where one runs already
//! on the data directory, its HTTP API.

mod api;
mod child;
mod cli;
mod commands;
mod config;
mod demo;
mod failure;
mod output;
mod running;

use std::{io::IsTerminal as _, process::ExitCode, time::Duration};

use clap::Parser as _;

use crate::{cli::Cli, failure::Failure, output::Output};

/// Half of what the store does is to allocate; see `docs/performance.md` for what this one saves.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long threads that are still busy may go on once a command is done: what had to reach the disk is there.
const STOP_WITHIN: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.global.json);
    match run(cli, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

fn run(cli: Cli, output: Output) -> Result<(), Failure> {
    let settings = config::Settings::load(&cli.global)?;
    start_log(&settings, cli.command.is_service())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start threads: {error}")))?;
    let result = runtime.block_on(commands::run(cli.command, settings, output));
    runtime.shutdown_timeout(STOP_WITHIN);
    result
}

/// Logs go to stderr, so that what a command prints can be piped. `RUST_LOG` wins over the configuration.
fn start_log(settings: &config::Settings, service: bool) -> Result<(), Failure> {
    // Kademlia finds it alarming that a new node knows nobody yet.
    let default = if service { "warn,libp2p_kad=error,hutong=info,hutong_node=info,hutong_web=info" } else { "error" };
    let directives = std::env::var("RUST_LOG").ok().or_else(|| settings.log.clone());
    let directives = directives.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| default.to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(&directives)
        .map_err(|error| Failure::usage(format!("the log filter \"{directives}\" cannot be read: {error}")))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .try_init()
        .map_err(|error| Failure::failed(format!("cannot start the log: {error}")))
}
