//! The specification down to the extents in which bytes wait and are put.
//!
//! The [`Model`] knows how many bytes wait. This module knows in which extents they
//! wait, in whose memory each extent lies, and so which extents each put has. It
//! decides nothing: it applies the model's decision to the extents.

use super::event::Operation;
use super::model::{AbstractState, Choice, Model};
use alloc::vec::Vec;

/// Where the bytes of a piece lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Memory {
    /// In the writer's buffer.
    HandedOver,
    /// In memory of the stream, outside the current buffer.
    Copied,
    /// In the current buffer, before its start.
    Sealed,
}

/// An extent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LayoutExtent {
    pub(super) len: usize,
    pub(super) memory: Memory,
}

impl LayoutExtent {
    /// Whether an extent of `len` bytes, in the writer's memory or not, matches
    /// this one.
    pub(super) fn matches(&self, len: usize, handed_over: bool) -> bool {
        self.len == len && (self.memory == Memory::HandedOver) == handed_over
    }
}

/// A state with its waiting extents.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Layout {
    pub(super) state: AbstractState,
    pub(super) waiting: Vec<LayoutExtent>,
}

/// Puts: the size of each, and the extents of all of them in order.
#[derive(Debug, Default)]
pub(super) struct Puts {
    pub(super) sizes: Vec<usize>,
    pub(super) pieces: Vec<LayoutExtent>,
}

impl Puts {
    pub(super) fn clear(&mut self) {
        self.sizes.clear();
        self.pieces.clear();
    }
}

const fn copied(len: usize) -> LayoutExtent {
    LayoutExtent { len, memory: Memory::Copied }
}

impl Layout {
    /// What the specification does from this layout. The puts are added to `puts`,
    /// which must be empty.
    pub(super) fn step(&self, model: &Model, operation: &Operation, puts: &mut Puts) -> Layout {
        let (state, decision) = model.step(self.state, operation, &mut puts.sizes);
        let mut waiting = self.waiting.clone();
        let seal = |waiting: &mut Vec<LayoutExtent>, len: usize| {
            let sealed = LayoutExtent { len, memory: Memory::Sealed };
            waiting.extend((len > 0).then_some(sealed));
        };
        match decision.choice {
            Choice::Fits { .. }
            | Choice::FreshBuffer { .. }
            | Choice::Nothing
            | Choice::FlushNothing
            | Choice::Refuse
            | Choice::Unseen { .. } => {}
            Choice::LargePut { .. }
            | Choice::Split { .. }
            | Choice::OverflowKept { .. }
            | Choice::OverflowPut { .. }
            | Choice::OverflowSplit { .. }
            | Choice::FlushBuffer { .. } => {
                // Nothing waits: each put is a run of its own.
                waiting.extend(puts.sizes.iter().copied().map(copied));
            }
            Choice::LargeWaits { n } => waiting.push(copied(n)),
            Choice::OverflowWaits { now, rest, .. } => {
                seal(&mut waiting, self.state.filled.saturating_add(now));
                waiting.push(copied(rest));
            }
            Choice::HandOver { sealed, .. } => {
                seal(&mut waiting, sealed);
                if let Operation::ZeroCopy(extents) = operation {
                    let pieces = extents.iter().filter(|len| **len > 0);
                    waiting.extend(
                        pieces.map(|len| LayoutExtent { len: *len, memory: Memory::HandedOver }),
                    );
                }
            }
            Choice::FlushPending { sealed } => seal(&mut waiting, sealed),
        }
        take(&mut waiting, puts);
        // After a put, the remaining extents have views of their own; so have all
        // waiting extents if the buffer was dropped.
        if !puts.sizes.is_empty() || state.capacity == 0 {
            for piece in &mut waiting {
                if piece.memory == Memory::Sealed {
                    piece.memory = Memory::Copied;
                }
            }
        }
        Layout { state, waiting }
    }
}

/// Takes the puts from the front of the waiting pieces, cutting a piece where a put
/// ends.
fn take(waiting: &mut Vec<LayoutExtent>, puts: &mut Puts) {
    let mut gone = 0;
    for size in &puts.sizes {
        let mut room = *size;
        while room > 0
            && let Some(piece) = waiting.get_mut(gone)
        {
            let len = piece.len.min(room);
            puts.pieces.push(LayoutExtent { len, ..*piece });
            piece.len -= len;
            room -= len;
            gone += usize::from(piece.len == 0);
        }
    }
    waiting.drain(..gone);
}

/// The waiting bytes at the start of a trace: their extents are unknown, so they
/// are drawn as one.
pub(super) fn layout_at(state: AbstractState) -> Layout {
    let waits = LayoutExtent { len: state.pending, memory: Memory::Copied };
    Layout { state, waiting: (state.pending > 0).then_some(waits).into_iter().collect() }
}
