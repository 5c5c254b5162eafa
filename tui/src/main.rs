//! The `sealpack` command: packs files, finds items again, verifies packs, and
//! shows packs and the output stream at a terminal.
//!
//! `command` holds the subcommands, a module each; `inspect` and `step` are the
//! two terminal programs, on what `terminal` gives them; beside them lies what
//! the other commands share: items on their way in and out, the exit status,
//! the progress bar.

mod advice;
mod command;
mod descriptors;
mod inspect;
mod interrupt;
mod items;
mod outcome;
mod printable;
mod progress;
mod report;
mod size;
mod step;
#[cfg(feature = "remote")]
mod stores;
mod terminal;

fn main() -> std::process::ExitCode {
    command::main()
}
