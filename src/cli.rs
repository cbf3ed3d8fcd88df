//! What can be asked of the command.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use hutong_node::net::Multiaddr;

use crate::failure::EXIT_CODES;

/// Hutong: the alley where neighbours talk and shops sell, without the one in the middle.
#[derive(Debug, Parser)]
#[command(name = "hutong", version, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Global {
    /// Where everything is kept [default: the user's data directory]
    #[arg(long, global = true, env = "HUTONG_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where to listen for peers, as a multiaddress; more than one is possible
    #[arg(long, global = true, env = "HUTONG_LISTEN", value_name = "MULTIADDR", value_delimiter = ',')]
    pub(crate) listen: Vec<Multiaddr>,
    /// Where the web UI and API listen: an address of this machine only [default: 127.0.0.1:8480]
    #[arg(long, global = true, env = "HUTONG_WEB", value_name = "ADDR")]
    pub(crate) web: Option<SocketAddr>,
    /// Print results as JSON, one value a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the node and its web UI, and print the link that logs a browser in
    Run(RunArgs),
    /// Set up a small neighbourhood on this machine to try everything in
    Demo(DemoArgs),
    /// Make the data directory and an account
    Init(InitArgs),
    /// Import a catalogue into the own store from a CSV file in Shopify's product format
    Import(ImportArgs),
    /// Write the own store's catalogue as CSV in Shopify's product format
    Export(ExportArgs),
    /// Write everything that matters into one encrypted file
    Backup(ArchiveArgs),
    /// Bring a backup back into an empty data directory
    Restore(ArchiveArgs),
    /// Check the data directory, without changing anything unless told to
    Doctor(DoctorArgs),
    /// Build the search index anew
    Reindex,
    /// Measure this machine: how fast records come in, messages arrive, a node starts, and what it needs
    Bench(BenchArgs),
    /// Print the API's OpenAPI document
    Openapi,
    /// Get a fresh login link from the node that runs on this data directory
    Open(OpenArgs),
}

impl Command {
    /// Whether it stays until it is stopped, and so should say in the log what happens.
    pub(crate) const fn is_service(&self) -> bool {
        matches!(self, Self::Run(_))
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    /// Do not look for peers on the local network, whatever the settings say
    #[arg(long)]
    pub(crate) no_mdns: bool,
    /// Mark the node as part of a demonstration
    #[arg(long, hide = true)]
    pub(crate) play: bool,
    /// Stop when the standard input is closed: for a program that starts this one
    #[arg(long)]
    pub(crate) exit_with_parent: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DemoArgs {
    /// Start at the very beginning: choose a name, write the recovery phrase down, meet the neighbours
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Keep the neighbours and shops from acting by themselves
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct InitArgs {
    /// The name that others will see
    #[arg(long)]
    pub(crate) name: String,
    /// Bring an account back: a file with its twelve words ("-": standard input)
    #[arg(long, value_name = "FILE")]
    pub(crate) phrase_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ImportArgs {
    /// The CSV file
    pub(crate) file: PathBuf,
    /// Only say what would happen
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Directory with the pictures that the file names
    #[arg(long, value_name = "DIR")]
    pub(crate) pictures: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ExportArgs {
    /// Where to write [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ArchiveArgs {
    /// The backup file
    pub(crate) file: PathBuf,
    /// Take the passphrase from the first line of a file ("-": standard input) instead of asking
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Repair what can be repaired without losing anything that others cannot give back
    #[arg(long)]
    pub(crate) fix: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct BenchArgs {
    /// What to measure [default: everything]
    #[arg(value_enum)]
    pub(crate) what: Vec<Benchmark>,
    /// Messages that are taken in, and records of the node that is started
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub(crate) records: u32,
    /// Messages that are sent from one node to another
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    pub(crate) messages: u32,
}

/// One benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Benchmark {
    /// A private group of 500 founded and changed, and 10,000 messages caught up with
    Group,
    /// A file from one node to another, against the same bytes over a bare stream
    Blob,
    /// Records validated and stored, against validated only
    Ingest,
    /// From one node's API call to the other node's event
    Latency,
    /// Messages sealed and opened, against Olm alone
    Seal,
    /// A node with many records: how fast it starts, and its memory when idle
    Start,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct OpenArgs {
    /// Only print the link
    #[arg(long)]
    pub(crate) no_browser: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_are_taken_behind_the_command_too() {
        let cli = Cli::try_parse_from(["hutong", "run", "--web", "127.0.0.1:0", "--json"]).unwrap();
        assert_eq!(cli.global.web, Some("127.0.0.1:0".parse().unwrap()));
        assert!(cli.global.json);
        assert!(Cli::try_parse_from(["hutong", "run", "--listen", "nowhere"]).is_err());
        assert!(Cli::try_parse_from(["hutong", "init"]).is_err(), "an account needs a name");
    }
}
