//! Arguments of all commands that write a pack.

use sealpack::WriterOptions;
use sealpack::core::format::known::KnownCodec;

use super::target::Destination;
use crate::outcome::Failure;
use crate::size::parse_size;

/// Options of the writer.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Writing")]
pub struct WriteArgs {
    /// Threads that encode and hash; with 0, one thread does everything [default:
    /// the number of cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Start writing dirty pages to disk after every N bytes (64KiB, 1M)
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    pub sync_every: Option<u64>,
    /// Write names that take more than this, compressed, to FILE.names next to the
    /// pack [default: 16MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub names_in_pack: Option<u64>,
    /// Replace FILE if it exists
    #[arg(long)]
    pub force: bool,
}

/// The codec of a new pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PackCodecArg {
    /// Each record is a zstd frame
    Zstd,
    /// Records are stored uncompressed
    None,
}

impl PackCodecArg {
    /// Returns the name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::None => "none",
        }
    }
}

impl From<PackCodecArg> for KnownCodec {
    fn from(codec: PackCodecArg) -> Self {
        match codec {
            PackCodecArg::Zstd => Self::Zstd,
            PackCodecArg::None => Self::None,
        }
    }
}

impl WriteArgs {
    /// Adds these arguments to the options of a writer.
    pub fn apply(&self, mut options: WriterOptions) -> WriterOptions {
        if let Some(threads) = self.threads {
            options = options.threads(threads);
        }
        if let Some(bytes) = self.names_in_pack {
            options = options.max_names_in_pack(bytes);
        }
        if let Some(bytes) = self.sync_every {
            options = options.writeback_every(bytes);
        }
        options.overwrite(self.force)
    }

    /// Refuses arguments that have no effect on this destination.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn check(&self, destination: &Destination) -> Result<(), Failure> {
        match self.sync_every {
            Some(_) if destination.file().is_none() => {
                Err(Failure::usage("--sync-every has no effect on a store: use it with a file"))
            }
            _ => Ok(()),
        }
    }
}

/// Parses a number of threads. More than 1024 are refused, because that is likely a typing
/// error.
fn threads(text: &str) -> Result<usize, String> {
    const MAX_THREADS: usize = 1024;
    match text.parse() {
        Ok(threads) if threads <= MAX_THREADS => Ok(threads),
        _ => Err(format!("a number from 0 to {MAX_THREADS}")),
    }
}
