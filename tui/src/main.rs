//! The `sealpack` command: packs files, finds items again, verifies packs.
//!
//! `command` holds the subcommands, a module each; beside it lies what they
//! share: items on their way in and out, the exit status, the progress bar.

mod command;
mod interrupt;
mod items;
mod outcome;
mod progress;
mod report;
mod size;

fn main() -> std::process::ExitCode {
    command::main()
}
