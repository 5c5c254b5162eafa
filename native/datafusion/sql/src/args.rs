//! The command line.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cluster::{ExecutorArgs, SchedulerArgs};
use crate::location::NamedLocation;
use crate::size::bytes;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Query packs with SQL where they lie: files, folders, prefixes of object stores, sets.
///
/// Each LOCATION is a pack, a folder or a prefix that ends in a slash, a pattern, or the manifest of a
/// set. All locations without a name form the table `packs`; NAME=LOCATION makes a table of its own, also
/// of a Parquet, CSV or JSON file (by its ending). Table functions need no table:
/// pack_info('…'), pack_verify('…'), pack_records('…').
///
/// Without -c and -f the command reads statements at a prompt, or from standard input if that is not a
/// terminal.
#[derive(Debug, Parser)]
#[command(
    name = "sealpack-sql",
    version,
    styles = STYLES,
    args_conflicts_with_subcommands = true,
    after_help = EXAMPLES
)]
pub struct Cli {
    /// The processes of a cluster.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// A query.
    #[command(flatten)]
    pub query: QueryArgs,
}

const EXAMPLES: &str = "\
Examples:
  sealpack-sql logs/                                      a prompt; the table is `packs`
  sealpack-sql -c 'SELECT count(*) FROM packs' s3://bucket/logs/
  sealpack-sql -c \"SELECT * FROM pack_verify('s3://bucket/logs/') WHERE error IS NOT NULL\"
  sealpack-sql -c 'SELECT pack, item FROM packs WHERE position = 41' a.pack --format json
  sealpack-sql -c \"COPY (SELECT item FROM packs) TO 'all.pack' STORED AS PACK\" a.pack b.pack
  sealpack-sql -f report.sql -o report.parquet events=events.parquet logs/
  sealpack-sql scheduler                                  a cluster: one scheduler,
  sealpack-sql executor --scheduler HOST:50050            on each machine an executor,
  sealpack-sql --ballista HOST:50050 s3://bucket/logs/    and queries from anywhere

Object stores take their credentials from the environment, on every machine of a
cluster: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT,
AWS_ALLOW_HTTP=true for a server without TLS.

Exit status: 0 success; 1 a pack is corrupt; 2 wrong usage, or SQL that cannot be
planned (no such pack, table or column); 3 any other error (a full disk, no
cluster, damage that a cluster reports); 130 interrupted.";

/// The processes of a cluster.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the scheduler of a Ballista cluster, which plans queries and shares out their tasks.
    Scheduler(SchedulerArgs),
    /// Start an executor of a Ballista cluster, which runs tasks; one on each machine.
    Executor(ExecutorArgs),
}

/// What to query, how, and where the results go.
#[derive(Args, Debug)]
pub struct QueryArgs {
    /// Packs, folders, prefixes, patterns, manifests of sets; NAME=LOCATION names the table
    #[arg(value_name = "[NAME=]LOCATION")]
    pub locations: Vec<NamedLocation>,
    /// Run these statements, separated by semicolons; may be repeated
    #[arg(short, long = "command", value_name = "SQL")]
    pub commands: Vec<String>,
    /// Run the statements in a file, `-` for standard input; after those of -c
    #[arg(short, long = "file", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The form of results [default: table at a terminal, csv otherwise, or by the ending of --output]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Write results to a file, which appears complete or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the file of --output
    #[arg(long, requires = "output")]
    pub force: bool,
    /// Run queries on the cluster of this scheduler
    #[arg(long, value_name = "HOST:PORT")]
    pub ballista: Option<String>,
    /// Split each table into N partitions, which run at the same time; on a cluster, about three for each
    /// core of it [default: the cores of this machine, 16 on a cluster]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub partitions: Option<u32>,
    /// The most memory that queries hold, for example 256MB; sorts and joins of more spill to disk
    /// [default: unlimited]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub memory: Option<u64>,
}

/// The form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns aligned for people
    Table,
    /// A header, then a line for each row
    Csv,
    /// A JSON object for each row, one per line
    Json,
    /// Parquet, compressed with zstd; needs --output
    Parquet,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
