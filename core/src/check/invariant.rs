//! The seven invariants of the stream, each with a story of what it protects.

use core::fmt;

/// One of the seven invariants of the output stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Invariant {
    /// The puts joined are the writes joined.
    Order,
    /// Puts are full, except the last before a flush or close.
    Shape,
    /// No put exceeds its bound.
    Bound,
    /// No put and no extent is empty.
    NoEmpty,
    /// Bytes that were handed over are not copied; bytes given to the sink do not
    /// change.
    ZeroCopy,
    /// The numbers of the state agree between operations.
    Rest,
    /// A failed stream stays failed.
    FailStop,
}

impl Invariant {
    /// All seven, in their order.
    pub const ALL: [Invariant; 7] = [
        Invariant::Order,
        Invariant::Shape,
        Invariant::Bound,
        Invariant::NoEmpty,
        Invariant::ZeroCopy,
        Invariant::Rest,
        Invariant::FailStop,
    ];

    /// Its number, from 1.
    pub const fn number(self) -> u8 {
        match self {
            Invariant::Order => 1,
            Invariant::Shape => 2,
            Invariant::Bound => 3,
            Invariant::NoEmpty => 4,
            Invariant::ZeroCopy => 5,
            Invariant::Rest => 6,
            Invariant::FailStop => 7,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Invariant::Order => "order",
            Invariant::Shape => "shape",
            Invariant::Bound => "bound",
            Invariant::NoEmpty => "no-empty",
            Invariant::ZeroCopy => "zero-copy",
            Invariant::Rest => "rest",
            Invariant::FailStop => "fail-stop",
        }
    }

    /// The invariant as a sentence.
    pub const fn promise(self) -> &'static str {
        match self {
            Invariant::Order => {
                "The concatenation of all puts is the concatenation of all writes: nothing lost, \
                 doubled, reordered or stale. A flush of the sink comes after the puts of its \
                 operation, the close after everything."
            }
            Invariant::Shape => {
                "Every put but the last before a flush or close is exactly S bytes with trim, at \
                 least S without."
            }
            Invariant::Bound => {
                "With trim no put is above S, the last included. Without trim a flush puts at \
                 most 2S - 1 bytes."
            }
            Invariant::NoEmpty => {
                "No put is empty, and no extent inside a put. Nothing written: nothing put."
            }
            Invariant::ZeroCopy => {
                "A zero-copy buffer is never copied, only split into views; a buffered byte is \
                 copied once, and memory that comes back is used again. A byte once handed to the \
                 sink never changes under it."
            }
            Invariant::Rest => {
                "Between operations 0 <= E <= C <= S, Z is the sum of L, Z < S, L is empty \
                 exactly when Z is 0, and there is a buffer exactly when C > 0."
            }
            Invariant::FailStop => {
                "After a failed put or flush every later call says so, nothing more is put, and \
                 close still reaches the sink's close, once."
            }
        }
    }

    /// What goes wrong for a user if the invariant does not hold.
    pub const fn story(self) -> &'static str {
        match self {
            Invariant::Order => {
                "A pack's index holds offsets that were counted while writing. One byte out of \
                 place and every record after it is read from the wrong offset: the checksums \
                 say so, and nothing can be recovered."
            }
            Invariant::Shape => {
                "A multipart upload is refused when a part in its middle has another size than \
                 the rest, after hours of sending; a format of fixed blocks cannot be read from a \
                 block that is short. Without trim, a short put is a system call for a few bytes."
            }
            Invariant::Bound => {
                "Who has set aside S bytes for a part gets one of S + 3 and has nowhere to put \
                 it. It happens only when a large write stands before the end, so it is met in \
                 production first."
            }
            Invariant::NoEmpty => {
                "An empty write ends some sinks: a chunked HTTP body is finished by an empty \
                 chunk. An empty extent makes a vectored write return 0, which reads as a full \
                 disk."
            }
            Invariant::ZeroCopy => {
                "Copying payloads is the cost that the stream exists to save. And a sink that \
                 still sends a buffer while the stream fills it again writes bytes of the future \
                 to the disk: no test with a sink that copies at once can see that."
            }
            Invariant::Rest => {
                "The numbers decide where the next byte goes. A filled end past the capacity is a \
                 write past the buffer in a language that allows it; a sum that counts too little \
                 holds bytes back for ever."
            }
            Invariant::FailStop => {
                "A disk is full for a moment, one put fails, the next succeeds: the file has a \
                 hole in it and the program has seen its last writes succeed."
            }
        }
    }

    const fn bit(self) -> u8 {
        1 << (self.number() - 1)
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of invariants: those that a run has broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Broken(u8);

impl Broken {
    /// None.
    pub const NONE: Broken = Broken(0);

    /// Whether all seven hold.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether this invariant is broken.
    pub const fn contains(self, invariant: Invariant) -> bool {
        self.0 & invariant.bit() != 0
    }

    /// Adds an invariant.
    pub fn insert(&mut self, invariant: Invariant) {
        self.0 |= invariant.bit();
    }

    /// The invariants broken in either set.
    #[must_use]
    pub const fn union(self, other: Broken) -> Broken {
        Broken(self.0 | other.0)
    }

    /// The broken ones in order.
    pub fn iter(self) -> impl Iterator<Item = Invariant> {
        Invariant::ALL.into_iter().filter(move |invariant| self.contains(*invariant))
    }
}

/// An observation that breaks an invariant. Positions are bytes from the start of
/// the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Observation {
    /// The put has another byte than the one written at that position.
    WrongByte {
        /// The first such position.
        position: usize,
    },
    /// More was put than was written.
    TooMuchPut {
        /// Bytes written.
        written: usize,
    },
    /// Bytes are missing at the end.
    BytesMissing {
        /// Bytes written.
        written: usize,
        /// Bytes put.
        put: usize,
    },
    /// The bytes that wait inside are not those that were written and not yet put.
    WrongBytesWait {
        /// The first position with a wrong byte.
        position: usize,
    },
    /// The sink was flushed or closed without a request or in the wrong place, or a
    /// requested flush or close did not come.
    SinkCallMisplaced,
    /// An operation was refused without a reason.
    RefusedWithoutFailure,
    /// An operation was accepted after a close.
    AcceptedAfterClose,
    /// An operation was accepted, or a second output given out, while an output
    /// waited.
    AcceptedTooEarly,
    /// An operation has more outputs than it has bytes to put.
    EndlessOutputs,
    /// A call that was refused, or had nothing to do, changed the stream.
    LeftATrace,
    /// The stream's count of taken bytes differs from the sink's.
    MiscountedTaken {
        /// Bytes that the sink has taken.
        taken: usize,
    },
    /// A put that is not full although a full one is due.
    NotFull {
        /// Its length in bytes.
        len: usize,
    },
    /// A put larger than the bound.
    AboveBound {
        /// Its length in bytes.
        len: usize,
        /// The bound.
        bound: usize,
    },
    /// A put without a byte.
    EmptyPut,
    /// An extent without a byte in a put.
    EmptyExtent,
    /// Bytes that were handed over reached the sink in another buffer.
    Copied {
        /// The position in the stream.
        position: usize,
        /// Bytes of the extent.
        len: usize,
    },
    /// Bytes that the sink had been given have changed by the end.
    Changed {
        /// The position in the stream.
        position: usize,
        /// Bytes of the extent.
        len: usize,
    },
    /// Waiting bytes were copied once more: their address changed.
    Moved {
        /// The position in the stream.
        position: usize,
    },
    /// Returned memory is not reused.
    MemoryNotReused,
    /// The answers of the stream contradict each other.
    Contradiction,
    /// The filled end is past the capacity.
    FilledPastCapacity {
        /// E.
        filled: usize,
        /// C.
        capacity: usize,
    },
    /// The capacity is above the buffer size.
    CapacityAboveSize {
        /// C.
        capacity: usize,
    },
    /// A buffer with no capacity left still exists.
    ExhaustedBuffer,
    /// Z is not the sum of L.
    WrongSum {
        /// Z.
        counted: usize,
        /// The sum of the extents' lengths.
        real: usize,
    },
    /// Z has reached S and nothing was put.
    HeldBack {
        /// The sum of the extents' lengths.
        waiting: usize,
    },
    /// A call after a failure was not refused.
    AcceptedAfterFailure,
    /// A put or flush after a failure.
    OutputAfterFailure,
    /// A call was refused, but with the wrong reason.
    WrongReason,
    /// Bytes or a buffer were still there after a failure.
    KeptAfterFailure,
    /// The sink was not closed, or was closed more than once.
    NotClosedOnce {
        /// How often it was closed.
        closes: usize,
    },
}

impl Observation {
    /// The invariant that it breaks.
    pub const fn breaks(self) -> Invariant {
        use Observation as O;
        match self {
            O::WrongByte { .. }
            | O::TooMuchPut { .. }
            | O::BytesMissing { .. }
            | O::WrongBytesWait { .. }
            | O::SinkCallMisplaced
            | O::RefusedWithoutFailure
            | O::AcceptedAfterClose
            | O::AcceptedTooEarly
            | O::EndlessOutputs
            | O::LeftATrace
            | O::MiscountedTaken { .. } => Invariant::Order,
            O::NotFull { .. } => Invariant::Shape,
            O::AboveBound { .. } => Invariant::Bound,
            O::EmptyPut | O::EmptyExtent => Invariant::NoEmpty,
            O::Copied { .. } | O::Changed { .. } | O::Moved { .. } | O::MemoryNotReused => {
                Invariant::ZeroCopy
            }
            O::Contradiction
            | O::FilledPastCapacity { .. }
            | O::CapacityAboveSize { .. }
            | O::ExhaustedBuffer
            | O::WrongSum { .. }
            | O::HeldBack { .. } => Invariant::Rest,
            O::AcceptedAfterFailure
            | O::OutputAfterFailure
            | O::WrongReason
            | O::KeptAfterFailure
            | O::NotClosedOnce { .. } => Invariant::FailStop,
        }
    }
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Observation as O;
        match *self {
            O::WrongByte { position } => {
                write!(f, "byte {position} of the stream is put with another byte's value")
            }
            O::TooMuchPut { written } => write!(f, "more is put than the {written} bytes written"),
            O::BytesMissing { written, put } => {
                write!(f, "{written} bytes were written and {put} put")
            }
            O::WrongBytesWait { position } => {
                write!(f, "byte {position} is not where it should wait")
            }
            O::SinkCallMisplaced => {
                f.write_str("a flush or close of the sink is missing or out of its place")
            }
            O::RefusedWithoutFailure => f.write_str("an operation was refused, and nothing failed"),
            O::AcceptedAfterClose => f.write_str("an operation was accepted after the close"),
            O::AcceptedTooEarly => f.write_str(
                "an operation was accepted, or a second output given out, while an output waits",
            ),
            O::EndlessOutputs => f.write_str("an operation has no end of outputs"),
            O::LeftATrace => {
                f.write_str("a call that was refused, or had nothing to do, changed the stream")
            }
            O::MiscountedTaken { taken } => {
                write!(f, "the sink has taken {taken} bytes, and the stream counts others")
            }
            O::Moved { position } => {
                write!(f, "byte {position} waited, and was copied once more")
            }
            O::MemoryNotReused => f.write_str("memory that came back is not used again"),
            O::Contradiction => f.write_str("two answers of the stream contradict each other"),
            O::WrongReason => f.write_str("a call was refused for a reason that is not the case"),
            O::KeptAfterFailure => {
                f.write_str("after the failure bytes or a buffer are still there")
            }
            O::NotFull { len } => write!(f, "a put of {len} bytes where a full one is due"),
            O::AboveBound { len, bound } => write!(f, "a put of {len} bytes, above {bound}"),
            O::EmptyPut => f.write_str("an empty put"),
            O::EmptyExtent => f.write_str("an empty extent in a put"),
            O::Copied { position, len } => {
                write!(f, "{len} bytes at {position}, handed over, reached the sink as a copy")
            }
            O::Changed { position, len } => {
                write!(f, "of {len} bytes at {position} some changed after the sink had them")
            }
            O::FilledPastCapacity { filled, capacity } => {
                write!(f, "E = {filled} is past C = {capacity}: a write past the end of the buffer")
            }
            O::CapacityAboveSize { capacity } => write!(f, "C = {capacity} is above S"),
            O::ExhaustedBuffer => f.write_str("a buffer without capacity is still there"),
            O::WrongSum { counted, real } => {
                write!(f, "Z = {counted}, and the extents have {real} bytes")
            }
            O::HeldBack { waiting } => write!(f, "{waiting} bytes wait, S or more"),
            O::AcceptedAfterFailure => f.write_str("a call after the failure was not refused"),
            O::OutputAfterFailure => f.write_str("a put or flush after the failure"),
            O::NotClosedOnce { closes } => write!(f, "the sink was closed {closes} times"),
        }
    }
}
