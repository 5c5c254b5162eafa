//! `sealpack generate`: writes shell completions and manual pages, made from the
//! definitions of the arguments, for packages of the command. The help does not list it.

use std::path::{Path, PathBuf};

use clap::ValueHint;
use clap_complete::Shell;

use crate::outcome::{CommandOutcome, Failure, Input};
use crate::report;

/// Write shell completions or manual pages, for packages of the command
#[derive(clap::Args)]
pub struct GenerateArgs {
    #[command(subcommand)]
    what: Generated,
}

#[derive(clap::Subcommand)]
enum Generated {
    /// Print the completions of a shell
    Completions { shell: Shell },
    /// Write a manual page for each command into an existing folder
    Man {
        #[arg(value_hint = ValueHint::DirPath)]
        folder: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// [`Failure::File`] if a page cannot be written.
pub fn run(args: &GenerateArgs, command: &mut clap::Command) -> Result<CommandOutcome, Failure> {
    match &args.what {
        Generated::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, command, "sealpack", &mut script);
            report::print(|to| to.write_all(&script))?;
        }
        Generated::Man { folder } => write_pages(folder, command)?,
    }
    Ok(CommandOutcome::Fine)
}

/// Writes `sealpack.1`, and `sealpack-pack.1` and so on for the subcommands.
fn write_pages(folder: &Path, command: &clap::Command) -> Result<(), Failure> {
    let failed = |error| Failure::File {
        path: Input::Path(folder.to_path_buf()),
        operation: "cannot write a manual page",
        error,
    };
    clap_mangen::generate_to(command.clone().styles(clap::builder::Styles::plain()), folder)
        .map_err(failed)
}
