//! What a stream under test answers, and the numbers that it shows.

/// The answer of a stream to a call that it refused, or that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// The numbers of a stream between operations, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct State {
    /// `C`: the capacity left in the buffer, 0 without one.
    pub capacity: usize,
    /// Whether there is a buffer.
    pub has_buffer: bool,
    /// `E`: its filled end.
    pub filled: usize,
    /// `Z`: the bytes that wait in `L`, as the stream counts them.
    pub pending: usize,
    /// How many extents are in `L`.
    pub extents: usize,
    /// What the extents in `L` really have.
    pub real: usize,
}
