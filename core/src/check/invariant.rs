//! The seven invariants of the stream, and what each of them protects.

use core::fmt;

/// One of the seven invariants of the output stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Invariant {
    /// The concatenation of all puts is the concatenation of all writes.
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
    pub const fn statement(self) -> &'static str {
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
                "No put is empty, and no extent inside a put. If nothing is written, nothing is put."
            }
            Invariant::ZeroCopy => {
                "A zero-copy buffer is never copied, only split into views; a buffered byte is \
                 copied once, and returned memory is reused. A byte that the sink was given never \
                 changes."
            }
            Invariant::Rest => {
                "Between operations 0 <= E <= C <= S, Z is the sum of L, Z < S, L is empty \
                 exactly when Z is 0, and there is a buffer exactly when C > 0."
            }
            Invariant::FailStop => {
                "After a failed put or flush every later call fails, nothing more is put, and \
                 close still reaches the sink's close, once."
            }
        }
    }

    /// What goes wrong for a user if the invariant does not hold.
    pub const fn story(self) -> &'static str {
        match self {
            Invariant::Order => {
                "A pack's index holds offsets that were counted while writing. If one byte is out \
                 of place, every record after it is read from the wrong offset: the checksums \
                 fail, and nothing can be recovered."
            }
            Invariant::Shape => {
                "A store refuses a multipart upload, perhaps after hours of sending, if a part in \
                 its middle has another size than the rest; a format of fixed blocks cannot be \
                 read past a short block. Without trim, a short put is a system call for a few \
                 bytes."
            }
            Invariant::Bound => {
                "A sink that has reserved S bytes for a part gets S + 3 and has no room for them. \
                 It happens only if a large write precedes the end, so it shows up in production \
                 first."
            }
            Invariant::NoEmpty => {
                "An empty write ends some sinks: an empty chunk finishes a chunked HTTP body. An \
                 empty extent makes a vectored write return 0, which looks like a full disk."
            }
            Invariant::ZeroCopy => {
                "Copying payloads is the cost that the stream exists to save. And a sink that is \
                 still sending a buffer while the stream refills it sends later bytes in place of \
                 earlier ones: no test with a sink that copies immediately can notice that."
            }
            Invariant::Rest => {
                "The numbers decide where the next byte goes. A filled end past the capacity is a \
                 write past the buffer in a language that allows it; a sum that is too small holds \
                 bytes back forever."
            }
            Invariant::FailStop => {
                "If a disk is full for a moment, one put fails and the next succeeds: the file has \
                 a hole in it, although the program's last writes succeeded."
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

/// A set of invariants, such as those that a run has broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InvariantSet(u8);

impl InvariantSet {
    /// The empty set.
    pub const EMPTY: InvariantSet = InvariantSet(0);

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the set contains this invariant.
    pub const fn contains(self, invariant: Invariant) -> bool {
        self.0 & invariant.bit() != 0
    }

    /// Adds an invariant.
    pub fn insert(&mut self, invariant: Invariant) {
        self.0 |= invariant.bit();
    }

    /// The invariants in either set.
    #[must_use]
    pub const fn union(self, other: InvariantSet) -> InvariantSet {
        InvariantSet(self.0 | other.0)
    }

    /// The invariants of the set, in their order.
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
    /// A put has another byte than the one that was written at its position.
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
    /// The waiting bytes are not those that were written and not yet put.
    WrongBytesWait {
        /// The first position with a wrong byte.
        position: usize,
    },
    /// The sink was flushed or closed without a request or in the wrong order, or a
    /// requested flush or close is missing.
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
    /// The accessors of the stream contradict each other.
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
                write!(f, "{written} bytes were written, but only {put} put")
            }
            O::WrongBytesWait { position } => {
                write!(f, "the waiting bytes are wrong from byte {position} on")
            }
            O::SinkCallMisplaced => {
                f.write_str("a flush or close of the sink is missing or misplaced")
            }
            O::RefusedWithoutFailure => {
                f.write_str("an operation was refused, although nothing had failed")
            }
            O::AcceptedAfterClose => f.write_str("an operation was accepted after the close"),
            O::AcceptedTooEarly => f.write_str(
                "an operation was accepted, or a second output given out, while an output waits",
            ),
            O::EndlessOutputs => f.write_str("an operation has more outputs than bytes to put"),
            O::LeftATrace => {
                f.write_str("a call that was refused, or had nothing to do, changed the stream")
            }
            O::MiscountedTaken { taken } => {
                write!(f, "the sink has taken {taken} bytes, but the stream counts otherwise")
            }
            O::Moved { position } => {
                write!(f, "byte {position} was copied again while it waited")
            }
            O::MemoryNotReused => f.write_str("returned memory is not reused"),
            O::Contradiction => f.write_str("two accessors of the stream contradict each other"),
            O::WrongReason => f.write_str("a call was refused for the wrong reason"),
            O::KeptAfterFailure => f.write_str("bytes or a buffer remain after the failure"),
            O::NotFull { len } => write!(f, "a put of {len} bytes where a full one is due"),
            O::AboveBound { len, bound } => {
                write!(f, "a put of {len} bytes, above the bound of {bound}")
            }
            O::EmptyPut => f.write_str("an empty put"),
            O::EmptyExtent => f.write_str("an empty extent in a put"),
            O::Copied { position, len } => {
                write!(f, "{len} bytes at {position} were handed over, but put as a copy")
            }
            O::Changed { position, len } => {
                write!(f, "some of {len} bytes at {position} changed after they were put")
            }
            O::FilledPastCapacity { filled, capacity } => {
                write!(f, "E = {filled} is past C = {capacity}: a write past the end of the buffer")
            }
            O::CapacityAboveSize { capacity } => write!(f, "C = {capacity} is above S"),
            O::ExhaustedBuffer => f.write_str("a buffer without capacity still exists"),
            O::WrongSum { counted, real } => {
                write!(f, "Z = {counted}, but the extents have {real} bytes")
            }
            O::HeldBack { waiting } => {
                write!(f, "{waiting} bytes wait, although a put is due at S")
            }
            O::AcceptedAfterFailure => f.write_str("a call after the failure was not refused"),
            O::OutputAfterFailure => f.write_str("the sink got a put or flush after the failure"),
            O::NotClosedOnce { closes } => write!(f, "the sink was closed {closes} times"),
        }
    }
}
