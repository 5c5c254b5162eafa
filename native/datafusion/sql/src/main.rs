//! `sealpack-sql`: SQL over packfiles, on this machine or on a Ballista cluster.
//!
//! `args` has the command line. `session` makes the session, `location` its tables,
//! `stores` its object stores. `query` carries out a statement and `output` prints its
//! result; `run` takes statements from the arguments, `interactive` from a prompt. `cluster` starts Ballista's own scheduler
//! and executor with the library's codecs, and connects to a scheduler; `logger` prints
//! what these log.

mod args;
mod cluster;
mod failure;
mod interactive;
mod location;
mod logger;
mod output;
mod query;
mod run;
mod script;
mod session;
mod size;
mod stores;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};
use failure::Failure;

/// The stack of each thread, in bytes: plans are trees, and the optimiser recurses.
const STACK: usize = 32 << 20;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.command.is_some() {
        logger::start();
    }
    match start(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn start(cli: Cli) -> Result<(), Failure> {
    let workers = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK)
        .build()
        .map_err(Failure::Runtime)?;
    let ended = match cli.command {
        Some(Command::Scheduler(args)) => workers.block_on(cluster::scheduler::run(args)),
        Some(Command::Executor(args)) => workers.block_on(cluster::executor::run(args)),
        None => run::run(&cli.query, &workers),
    };
    // Without waiting for what a cancelled query still computes.
    workers.shutdown_background();
    ended
}
