//! What waits inside the stream (`L` and `Z`), and what it hands to its driver.

use super::rules::{End, Rules};
use alloc::{collections::VecDeque, vec::Vec};
use bytes::Bytes;
use core::mem;

/// One thing for the driver to do at the sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write these bytes, all of them, behind everything put before.
    Put(Put),
    /// Flush the sink: what was put before is to be made as durable as the
    /// sink can.
    Flush,
    /// Close the sink. The last output of every stream that is closed.
    Close,
}

/// One write to the sink: a list of extents, in the order of the stream.
///
/// Never empty, and no extent in it is. The extents are shared views: cloning
/// one copies no byte, and its bytes never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    extents: Extents,
    len: usize,
}

/// Most puts are one extent: those need no list of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Extents {
    One(Bytes),
    Many(Vec<Bytes>),
}

impl Put {
    fn one(extent: Bytes) -> Self {
        Put { len: extent.len(), extents: Extents::One(extent) }
    }

    fn many(extents: Vec<Bytes>, len: usize) -> Self {
        Put { extents: Extents::Many(extents), len }
    }

    /// The bytes of the whole put.
    // A put is never empty, so `is_empty` would be a question without a point.
    #[allow(clippy::len_without_is_empty, reason = "a put is never empty")]
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The extents in order, as for a vectored write.
    #[inline]
    pub fn extents(&self) -> &[Bytes] {
        match &self.extents {
            Extents::One(extent) => core::slice::from_ref(extent),
            Extents::Many(extents) => extents,
        }
    }

    /// The extents, owned.
    pub fn into_extents(self) -> Vec<Bytes> {
        match self.extents {
            Extents::One(extent) => alloc::vec![extent],
            Extents::Many(extents) => extents,
        }
    }
}

/// `L`, the extents that wait, with `Z`, their bytes.
///
/// 1. `bytes` is the sum of the lengths in `extents`.
/// 2. No extent is empty, so `extents` is empty exactly when `bytes` is 0.
/// 3. Between operations `bytes < S`.
#[derive(Debug, Default)]
pub(super) struct Pending {
    extents: Vec<Bytes>,
    bytes: usize,
}

impl Pending {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.extents.is_empty()
    }

    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn extents(&self) -> impl ExactSizeIterator<Item = &Bytes> + Clone {
        self.extents.iter()
    }

    /// The sealed front of the buffer joins.
    #[inline(always)]
    pub(super) fn join_sealed<R: Rules>(&mut self, view: Bytes) {
        self.bytes = R::pending_after_seal(self.bytes, view.len());
        match R::sealed_end() {
            End::Back => self.extents.push(view),
            End::Front => self.extents.insert(0, view),
        }
    }

    /// An extent joins that counts as `len` bytes.
    ///
    /// The caller has made sure that the sum cannot overflow.
    #[inline]
    pub(super) fn join(&mut self, extent: Bytes, len: usize) {
        self.bytes = self.bytes.saturating_add(len);
        self.extents.push(extent);
    }

    /// Counts `len` bytes without an extent: the overflow that handed over
    /// nothing. Only a seeded bug gets here with `len > 0`.
    pub(super) fn count(&mut self, len: usize) {
        self.bytes = self.bytes.saturating_add(len);
    }

    pub(super) fn clear(&mut self) {
        *self = Pending::default();
    }

    /// Everything, as one put; nothing when nothing waits.
    pub(super) fn put_all<R: Rules>(&mut self, outputs: &mut Outputs) {
        let len = self.extents.iter().fold(0_usize, |sum, extent| sum.saturating_add(extent.len()));
        self.bytes = R::pending_after_put(self.bytes, len);
        outputs.put_list(&mut self.extents, len);
    }

    /// Puts of exactly `size` bytes while so many are due; an extent across a cut
    /// is shared by two of them. The rest stays.
    pub(super) fn put_pieces<R: Rules>(&mut self, size: usize, outputs: &mut Outputs) {
        let mut due = R::is_due(self.bytes, size);
        let mut from = mem::take(&mut self.extents);
        let mut piece = outputs.list();
        let mut room = size;
        for mut extent in from.drain(..) {
            while due && extent.len() >= room {
                piece.push(extent.split_to(room));
                outputs.put_list(&mut piece, size);
                self.bytes = R::pending_after_put(self.bytes, size);
                due = R::is_due(self.bytes, size);
                room = size;
            }
            if !extent.is_empty() {
                room = room.saturating_sub(extent.len());
                piece.push(extent);
            }
        }
        self.extents = piece;
        outputs.keep(from);
    }
}

/// What the driver still has to take, and the output it has in hand.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    queue: VecDeque<Output>,
    in_hand: Option<InHand>,
    /// Empty lists that spent puts gave back, a few.
    spare: Vec<Vec<Bytes>>,
}

/// The output that the driver has taken and not yet reported on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InHand {
    Put { len: usize },
    Flush,
    Close,
}

impl Outputs {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.in_hand.is_none()
    }

    pub(super) fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    pub(super) fn put_one(&mut self, extent: Bytes) {
        self.push(Output::Put(Put::one(extent)));
    }

    /// A put of the extents in a list, which is empty afterwards.
    fn put_list(&mut self, list: &mut Vec<Bytes>, len: usize) {
        let put = match list.len() {
            0 => return,
            1 => list.pop().map(Put::one),
            _ => Some(Put::many(mem::replace(list, self.list()), len)),
        };
        self.queue.extend(put.map(Output::Put));
    }

    /// The next output, unless one is still in hand.
    #[inline(never)]
    pub(super) fn next(&mut self) -> Option<Output> {
        if self.in_hand.is_some() {
            return None;
        }
        let output = self.queue.pop_front()?;
        self.in_hand = Some(match &output {
            Output::Put(put) => InHand::Put { len: put.len() },
            Output::Flush => InHand::Flush,
            Output::Close => InHand::Close,
        });
        Some(output)
    }

    pub(super) fn reported(&mut self) -> Option<InHand> {
        self.in_hand.take()
    }

    /// After a failure: nothing more is put or flushed; a close that was asked
    /// for is still due.
    pub(super) fn drop_all_but_close<R: Rules>(&mut self) {
        self.queue.retain(|output| matches!(output, Output::Close) && R::closes_after_failure());
    }

    /// An empty list for a put of many extents.
    pub(super) fn list(&mut self) -> Vec<Bytes> {
        self.spare.pop().unwrap_or_default()
    }

    /// Keeps the list of a spent put and lets its extents go; or gives back the
    /// one extent that it was.
    pub(super) fn recycle(&mut self, put: Put) -> Option<Bytes> {
        match put.extents {
            Extents::One(extent) => Some(extent),
            Extents::Many(mut list) => {
                list.clear();
                self.keep(list);
                None
            }
        }
    }

    /// Keeps an empty list for another put: one for each of those that can be on
    /// their way at once, `L`, a put being made, a put at the sink.
    pub(super) fn keep(&mut self, list: Vec<Bytes>) {
        if list.capacity() > 0 && self.spare.len() < 3 {
            self.spare.push(list);
        }
    }
}
