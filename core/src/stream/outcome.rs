//! What the stream returns to its caller, and what the driver reports to the stream.

use core::fmt;

/// Why an operation was refused. The stream took nothing from the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamRefusal {
    /// A put, a flush or the close of the sink has failed. The stream has ended: further
    /// bytes would come after a gap.
    Failed,
    /// The stream is already closed.
    Closed,
    /// The driver has not yet taken all outputs of the previous operation, or has not
    /// reported the outcome of one: see the driver's rule in the [module](super) documentation.
    OutputsWait,
    /// The waiting bytes and those of this write together exceed `usize` (the same
    /// buffer handed over many times on a 32-bit machine).
    TooLong,
}

impl fmt::Display for StreamRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StreamRefusal::Failed => "the stream has failed: a write to its sink did not succeed",
            StreamRefusal::Closed => "the stream is closed",
            StreamRefusal::OutputsWait => {
                "outputs of the previous operation have not been carried out yet"
            }
            StreamRefusal::TooLong => {
                "the waiting bytes and this write together exceed the address space"
            }
        })
    }
}

impl core::error::Error for StreamRefusal {}

/// Whether the sink carried out an output.
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
