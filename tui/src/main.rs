<<<<<<< HEAD
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
=======
//! The sealpack command.
mod inspect;
mod step;
mod terminal;
fn main() {
    let Some(path) = std::env::args().nth(1) else { step::run(None).unwrap(); return };
    let opened = inspect::open(path.as_ref()).unwrap();
    inspect::run(opened, path.as_ref()).unwrap();
>>>>>>> 1c06a47 (tui: what both terminal programs share, and the inspector's reading)
}
