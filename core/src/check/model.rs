//! The specification a second time: computed on numbers only, with sentences that
//! explain each decision.
//!
//! [`Model::step`] takes the abstract state of a stream, `(C, E, Z)`, and an
//! operation, and returns what the specification does: the next state, the sizes of
//! the puts, and the *decision*, as data that prints as a sentence. It is written from
//! the table of the specification and shares no code with the machine: a bug that
//! goes unnoticed would have to be in both.
//!
//! It has three users: the proof (`explore.rs`) checks at every transition that the
//! machine does what the model says; the enumeration checks the same along every
//! path; and the replay prints the sentences.

use super::event::Operation;
use super::state::State;
use crate::stream::Shape;
use alloc::vec::Vec;
use core::fmt;

/// How a flush puts the waiting bytes if the stream trims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum FlushRule {
    /// In pieces of `S`, followed by the rest.
    #[default]
    Strict,
    /// All at once, as in the reference.
    Reference,
}

/// The state on which every decision depends: the buffer and the waiting bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AbstractState {
    /// `C`, 0 if there is no buffer.
    pub capacity: usize,
    /// `E`.
    pub filled: usize,
    /// `Z`.
    pub pending: usize,
}

impl AbstractState {
    /// The bytes that wait, in `L` and in the buffer.
    pub(super) fn waiting(self) -> usize {
        self.pending.saturating_add(self.filled)
    }
}

impl From<State> for AbstractState {
    fn from(state: State) -> Self {
        AbstractState { capacity: state.capacity, filled: state.filled, pending: state.pending }
    }
}

/// The decision of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Decision {
    /// What the operation does with its bytes.
    pub choice: Choice,
    /// How much of `L` it puts at its end.
    pub emit: Emit,
}

/// What an operation does with its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "snake_case")
)]
#[allow(missing_docs, reason = "the fields are the lengths that the sentences name")]
pub enum Choice {
    /// The write fits the free part of the buffer.
    Fits { n: usize, free: usize },
    /// There is no buffer, and the write fits a fresh one.
    FreshBuffer { n: usize },
    /// A large write joins the waiting bytes.
    LargeWaits { n: usize },
    /// A large write is put by itself.
    LargePut { n: usize },
    /// A large write is put in pieces, its tail kept.
    Split { puts: usize, tail: Tail },
    /// The write overflows a buffer that cannot be put by itself.
    OverflowWaits { now: usize, rest: usize, why: WaitReason },
    /// The write overflows a full buffer, which is put; the rest goes into a fresh
    /// one.
    OverflowKept { now: usize, rest: usize },
    /// As [`OverflowKept`](Self::OverflowKept), but the rest is a put of its own.
    OverflowPut { now: usize, rest: usize },
    /// As [`OverflowKept`](Self::OverflowKept), but the rest is put in pieces and its
    /// tail is kept.
    OverflowSplit { now: usize, puts: usize, tail: Tail },
    /// A zero-copy write joins the waiting bytes, after `sealed` bytes of the
    /// buffer.
    HandOver { n: usize, sealed: usize },
    /// An empty zero-copy write.
    Nothing,
    /// A flush puts the buffer.
    FlushBuffer { filled: usize },
    /// A flush puts the waiting bytes, with `sealed` bytes of the buffer.
    FlushPending { sealed: usize },
    /// A flush has nothing to put.
    FlushNothing,
    /// The stream has failed or is closed, and refuses.
    Refuse,
    /// The stream does not show its contents: the numbers of bytes written and put
    /// so far.
    Unseen { written: usize, put: usize },
}

impl Decision {
    /// The decision for a stream that has ended.
    pub(super) const fn refuse() -> Self {
        Decision { choice: Choice::Refuse, emit: Emit::Untouched }
    }

    /// The decision for a stream that does not show its contents.
    pub(super) const fn unseen(written: usize, put: usize) -> Self {
        Decision { choice: Choice::Unseen { written, put }, emit: Emit::Untouched }
    }
}

/// Where the tail of a split run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "snake_case")
)]
#[allow(missing_docs, reason = "the fields are the lengths that the sentences name")]
pub enum Tail {
    /// Into the remnant of the buffer.
    Remnant { tail: usize, remnant: usize },
    /// Into a fresh buffer; there was none.
    Fresh { tail: usize },
    /// Into a fresh buffer, since the remnant is too short; the remnant is
    /// abandoned.
    Abandons { tail: usize, remnant: usize },
}

/// Why an overflow has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "snake_case")
)]
#[allow(missing_docs, reason = "the fields are the lengths that the sentences name")]
pub enum WaitReason {
    /// Other bytes wait before it.
    After { pending: usize },
    /// The buffer is a remnant, too short for a put.
    Remnant { capacity: usize },
}

/// How much of `L` an operation puts at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "snake_case")
)]
#[allow(missing_docs, reason = "the fields are the lengths that the sentences name")]
pub enum Emit {
    /// `L` is not touched.
    Untouched,
    /// Fewer than `S` bytes wait.
    Waits { pending: usize },
    /// `L` is put as one put.
    All { pending: usize },
    /// `L` is put in pieces of `S`; the rest stays, or a flush puts it too.
    Pieces { pending: usize, puts: usize, left: usize },
}

/// The specification for one stream.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    shape: Shape,
    rule: FlushRule,
}

impl Model {
    /// The specification for streams of this shape.
    pub const fn new(shape: Shape, rule: FlushRule) -> Self {
        Model { shape, rule }
    }

    const fn size(&self) -> usize {
        self.shape.buffer_size.get()
    }

    /// What the specification does from `state`: returns the state after the
    /// operation and the decision, and adds the sizes of the puts to `puts`.
    pub fn step(
        &self,
        state: AbstractState,
        operation: &Operation,
        puts: &mut Vec<usize>,
    ) -> (AbstractState, Decision) {
        match operation {
            Operation::Buffered(n) => self.buffered(state, *n, puts),
            Operation::ZeroCopy(_) => self.zero_copy(state, operation.bytes(), puts),
            Operation::Flush | Operation::Close => self.flush(state, puts),
        }
    }

    fn buffered(
        &self,
        s: AbstractState,
        n: usize,
        puts: &mut Vec<usize>,
    ) -> (AbstractState, Decision) {
        let size = self.size();
        let free = s.capacity.saturating_sub(s.filled);
        let untouched = |choice| Decision { choice, emit: Emit::Untouched };
        if s.capacity > 0 && n <= free {
            let after = AbstractState { filled: s.filled.saturating_add(n), ..s };
            return (after, untouched(Choice::Fits { n, free }));
        }
        if s.filled == 0 && n >= size {
            if s.pending > 0 {
                let (pending, emit) = self.emit(s.pending.saturating_add(n), puts);
                let choice = Choice::LargeWaits { n };
                return (AbstractState { pending, ..s }, Decision { choice, emit });
            }
            if !self.shape.trim {
                puts.push(n);
                return (s, untouched(Choice::LargePut { n }));
            }
            let (after, puts, tail) = self.split(s, n, puts);
            return (after, untouched(Choice::Split { puts, tail }));
        }
        let capacity = if s.capacity == 0 { size } else { s.capacity };
        let now = n.min(capacity.saturating_sub(s.filled));
        let rest = n - now;
        if rest == 0 {
            let after = AbstractState { capacity, filled: s.filled.saturating_add(now), ..s };
            return (after, untouched(Choice::FreshBuffer { n }));
        }
        let full = AbstractState { capacity, filled: s.filled.saturating_add(now), ..s };
        self.overflow(full, now, rest, puts)
    }

    fn overflow(
        &self,
        s: AbstractState,
        now: usize,
        rest: usize,
        puts: &mut Vec<usize>,
    ) -> (AbstractState, Decision) {
        let size = self.size();
        let untouched = |choice| Decision { choice, emit: Emit::Untouched };
        if s.pending > 0 || s.capacity < size {
            let why = if s.pending > 0 {
                WaitReason::After { pending: s.pending }
            } else {
                WaitReason::Remnant { capacity: s.capacity }
            };
            let (pending, emit) = self.emit(s.waiting().saturating_add(rest), puts);
            let after =
                AbstractState { capacity: s.capacity.saturating_sub(s.filled), filled: 0, pending };
            return (after, Decision { choice: Choice::OverflowWaits { now, rest, why }, emit });
        }
        puts.push(size);
        if rest < size {
            let after = AbstractState { capacity: size, filled: rest, pending: 0 };
            return (after, untouched(Choice::OverflowKept { now, rest }));
        }
        if !self.shape.trim {
            puts.push(rest);
            return (AbstractState::default(), untouched(Choice::OverflowPut { now, rest }));
        }
        let (after, puts, tail) = self.split(AbstractState::default(), rest, puts);
        (after, untouched(Choice::OverflowSplit { now, puts, tail }))
    }

    /// Puts a run that nothing waits before, with trim.
    fn split(
        &self,
        s: AbstractState,
        n: usize,
        puts: &mut Vec<usize>,
    ) -> (AbstractState, usize, Tail) {
        let size = self.size();
        let (whole, tail) = (n / size, n % size);
        puts.extend(core::iter::repeat_n(size, whole));
        let (capacity, where_to) = if s.capacity == 0 {
            (size, Tail::Fresh { tail })
        } else if s.capacity < tail {
            (size, Tail::Abandons { tail, remnant: s.capacity })
        } else {
            (s.capacity, Tail::Remnant { tail, remnant: s.capacity })
        };
        (AbstractState { capacity, filled: tail, pending: 0 }, whole, where_to)
    }

    fn zero_copy(
        &self,
        s: AbstractState,
        n: usize,
        puts: &mut Vec<usize>,
    ) -> (AbstractState, Decision) {
        if n == 0 {
            return (s, Decision { choice: Choice::Nothing, emit: Emit::Untouched });
        }
        let (pending, emit) = self.emit(s.waiting().saturating_add(n), puts);
        let after =
            AbstractState { capacity: s.capacity.saturating_sub(s.filled), filled: 0, pending };
        (after, Decision { choice: Choice::HandOver { n, sealed: s.filled }, emit })
    }

    fn emit(&self, pending: usize, puts: &mut Vec<usize>) -> (usize, Emit) {
        let size = self.size();
        if pending < size {
            return (pending, Emit::Waits { pending });
        }
        if !self.shape.trim {
            puts.push(pending);
            return (0, Emit::All { pending });
        }
        let (whole, left) = (pending / size, pending % size);
        puts.extend(core::iter::repeat_n(size, whole));
        (left, Emit::Pieces { pending, puts: whole, left })
    }

    fn flush(&self, s: AbstractState, puts: &mut Vec<usize>) -> (AbstractState, Decision) {
        let untouched = |choice| Decision { choice, emit: Emit::Untouched };
        if s.pending == 0 {
            if s.filled == 0 {
                return (s, untouched(Choice::FlushNothing));
            }
            puts.push(s.filled);
            return (AbstractState::default(), untouched(Choice::FlushBuffer { filled: s.filled }));
        }
        let pending = s.waiting();
        let emit = if self.shape.trim && self.rule == FlushRule::Strict {
            let (left, emit) = self.emit(pending, puts);
            puts.extend((left > 0).then_some(left));
            if pending < self.size() { Emit::All { pending } } else { emit }
        } else {
            puts.push(pending);
            Emit::All { pending }
        };
        let after =
            AbstractState { capacity: s.capacity.saturating_sub(s.filled), filled: 0, pending: 0 };
        (after, Decision { choice: Choice::FlushPending { sealed: s.filled }, emit })
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.choice.fmt(f)?;
        let flushes = matches!(self.choice, Choice::FlushPending { .. });
        match self.emit {
            Emit::Untouched => Ok(()),
            Emit::Waits { pending } => write!(f, "; {pending} wait, fewer than S"),
            Emit::All { pending } => write!(f, "; {pending} wait and are put at once"),
            Emit::Pieces { pending, puts, left: 0 } => {
                write!(f, "; {pending} wait and are put as {puts} × S")
            }
            Emit::Pieces { pending, puts, left } if flushes => {
                write!(f, "; {pending} wait and are put as {puts} × S, then {left}")
            }
            Emit::Pieces { pending, puts, left } => {
                write!(f, "; {pending} wait: {puts} × S put, {left} left")
            }
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Choice::Fits { n, free } => write!(f, "{n} copied into the {free} free bytes"),
            Choice::FreshBuffer { n } => write!(f, "no buffer: {n} copied into a fresh one"),
            Choice::LargeWaits { n } => {
                write!(f, "{n} is S or more, but bytes wait before it: a copy joins them")
            }
            Choice::LargePut { n } => {
                write!(f, "{n} is S or more and nothing waits before it: a copy is put at once")
            }
            Choice::Split { puts, tail } => {
                write!(f, "S or more and nothing waits before it: {puts} × S put; {tail}")
            }
            Choice::OverflowWaits { now, rest, why } => {
                write!(
                    f,
                    "{now} fill the buffer, {rest} are left over; {why}: the buffer is sealed and the rest joins L"
                )
            }
            Choice::OverflowKept { now, rest } => {
                write!(
                    f,
                    "{now} fill the buffer, which is put; the other {rest} go into a fresh one"
                )
            }
            Choice::OverflowPut { now, rest } => {
                write!(
                    f,
                    "{now} fill the buffer, which is put; the other {rest}, S or more, are put"
                )
            }
            Choice::OverflowSplit { now, puts, tail } => {
                write!(f, "{now} fill the buffer, which is put; then {puts} × S put; {tail}")
            }
            Choice::HandOver { n, sealed: 0 } => {
                write!(f, "{n} handed over join L without a copy")
            }
            Choice::HandOver { n, sealed } => {
                write!(f, "the {sealed} filled bytes are sealed; {n} handed over follow them in L")
            }
            Choice::Nothing => f.write_str("nothing handed over: nothing to do"),
            Choice::FlushBuffer { filled } => {
                write!(
                    f,
                    "nothing waits before the buffer: its {filled} bytes are put, and it is dropped"
                )
            }
            Choice::FlushPending { sealed: 0 } => f.write_str("the flush puts L"),
            Choice::FlushPending { sealed } => {
                write!(f, "the {sealed} filled bytes are sealed, and the flush puts L")
            }
            Choice::FlushNothing => f.write_str("nothing to put: only the sink is flushed"),
            Choice::Unseen { written, put } => {
                let waits = written.saturating_sub(put);
                write!(f, "{written} bytes written so far, {put} put, {waits} wait inside")
            }
            Choice::Refuse => f.write_str("the stream has ended: the call is refused"),
        }
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Tail::Remnant { tail: 0, .. } => f.write_str("nothing is left over"),
            Tail::Fresh { tail: 0 } => {
                f.write_str("nothing is left over; a fresh buffer for later writes")
            }
            Tail::Remnant { tail, remnant } => {
                write!(f, "the tail of {tail} fits the remnant of {remnant}")
            }
            Tail::Fresh { tail } => write!(f, "the tail of {tail} goes into a fresh buffer"),
            Tail::Abandons { tail, remnant: 1 } => {
                write!(
                    f,
                    "the tail of {tail} does not fit the remnant of 1: a fresh buffer, 1 byte abandoned"
                )
            }
            Tail::Abandons { tail, remnant } => write!(
                f,
                "the tail of {tail} does not fit the remnant of {remnant}: a fresh buffer, \
                 {remnant} bytes abandoned"
            ),
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitReason::After { pending } => write!(f, "{pending} wait before them"),
            WaitReason::Remnant { capacity } => {
                write!(f, "the buffer is a remnant of {capacity}, too short for a put")
            }
        }
    }
}
