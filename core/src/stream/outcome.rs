//! What the stream answers its caller, and what its driver reports to the stream.

use core::fmt;

/// Why an operation was refused. Nothing was taken from the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// A put, a flush or the close of the sink failed before. The stream has ended:
    /// further bytes would come after a gap.
    Failed,
    /// The stream was closed before.
    Closed,
    /// Outputs of the previous operation wait to be taken, or one of them to be
    /// reported on: see the driver's rule in the [module](super) documentation.
    OutputsWait,
    /// The waiting bytes and those of this write together exceed `usize` (the same
    /// buffer handed over many times on a 32-bit machine).
    TooLong,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::Failed => "the stream has failed: a write to its sink did not succeed",
            Refused::Closed => "the stream is closed",
            Refused::OutputsWait => "outputs of the operation before are still to be carried out",
            Refused::TooLong => "the write is longer than a machine word counts",
        })
    }
}

impl core::error::Error for Refused {}

/// How an output ended at the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Carried out in full.
    Done,
    /// Not carried out, or not in full.
    Failed {
        /// The bytes of the put that the sink took despite the failure, from its
        /// front; 0 for a flush and a close.
        taken: usize,
    },
}
