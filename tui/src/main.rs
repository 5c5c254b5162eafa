//! The `sealpack` command: packs files, reads items, verifies packs, and shows
//! packs and the output stream at a terminal.
//!
//! `command` has a module for each subcommand. `inspect` and `step` are the two
//! terminal programs; both use `terminal`. The other modules are shared: reading and
//! writing items, errors and exit status, printing, progress bars, object stores.

mod advice;
mod command;
mod companion;
mod descriptors;
mod identity;
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
