//! The error of a stream under test, and the numbers that it shows.

/// The error of a call that the stream refused or that did not succeed.
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
    /// `E`: the number of filled bytes in the buffer.
    pub filled: usize,
    /// `Z`: the number of bytes that wait in `L`, as the stream counts them.
    pub pending: usize,
    /// The number of extents in `L`.
    pub extents: usize,
    /// The actual sum of the lengths of the extents in `L`.
    pub real: usize,
}
