//! What waits inside the stream (`L` and `Z`), and what it hands to its driver.

use super::rules::{End, Rules};
use alloc::{collections::VecDeque, vec::Vec};
use bytes::{Bytes, BytesMut};
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
    extents: VecDeque<Bytes>,
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
    pub(super) fn join_sealed<R: Rules>(&mut self, view: Bytes) {
        self.bytes = R::pending_after_seal(self.bytes, view.len());
        match R::sealed_end() {
            End::Back => self.extents.push_back(view),
            End::Front => self.extents.push_front(view),
        }
    }

    /// An extent joins that counts as `len` bytes.
    ///
    /// The caller has made sure that the sum cannot overflow.
    pub(super) fn join(&mut self, extent: Bytes, len: usize) {
        self.bytes = self.bytes.saturating_add(len);
        self.extents.push_back(extent);
    }

    /// Counts `len` bytes without an extent: the overflow that handed over
    /// nothing. Only a seeded bug gets here with `len > 0`.
    pub(super) fn count(&mut self, len: usize) {
        self.bytes = self.bytes.saturating_add(len);
    }

    pub(super) fn clear(&mut self) {
        *self = Pending::default();
    }

    /// Everything, as one put. `None` when nothing waits.
    ///
    /// `spare` is an empty list, used up when the put needs one.
    pub(super) fn take_all<R: Rules>(&mut self, spare: &mut Vec<Bytes>) -> Option<Put> {
        let len = self.extents.iter().fold(0_usize, |sum, extent| sum.saturating_add(extent.len()));
        self.bytes = R::pending_after_put(self.bytes, len);
        if self.extents.len() <= 1 {
            return self.extents.pop_front().map(Put::one);
        }
        spare.extend(self.extents.drain(..));
        Some(Put::many(mem::take(spare), len))
    }

    /// The first `n > 0` bytes as one put; an extent that straddles the cut is
    /// shared between this put and what stays.
    pub(super) fn take<R: Rules>(&mut self, n: usize, spare: &mut Vec<Bytes>) -> Option<Put> {
        let mut room = n;
        while room > 0 {
            let Some(mut extent) = self.extents.pop_front() else { break };
            if extent.len() > room {
                let front = extent.split_to(room);
                self.extents.push_front(extent);
                extent = front;
            }
            room -= extent.len();
            if room == 0 && spare.is_empty() {
                self.bytes = R::pending_after_put(self.bytes, n);
                return Some(Put::one(extent));
            }
            spare.push(extent);
        }
        let len = n - room;
        self.bytes = R::pending_after_put(self.bytes, len);
        if spare.is_empty() { None } else { Some(Put::many(mem::take(spare), len)) }
    }
}

/// What the driver still has to take, and the output it has in hand.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    queue: VecDeque<Output>,
    in_hand: Option<InHand>,
    /// A list that a spent put gave back.
    spare: Vec<Bytes>,
    /// A buffer of `S` bytes that a spent put gave back.
    buffer: Option<BytesMut>,
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
    pub(super) fn spare(&mut self) -> &mut Vec<Bytes> {
        &mut self.spare
    }

    /// Keeps the list of a spent put, or the buffer that it was; other extents are
    /// let go.
    pub(super) fn recycle(&mut self, put: Put, size: usize) {
        match put.extents {
            Extents::One(extent) if extent.len() == size => {
                if let Ok(buffer) = extent.try_into_mut() {
                    self.buffer = Some(buffer);
                }
            }
            Extents::Many(mut list) if list.capacity() > self.spare.capacity() => {
                list.clear();
                self.spare = list;
            }
            Extents::One(_) | Extents::Many(_) => {}
        }
    }

    /// A buffer of `size` bytes, whatever is in it.
    pub(super) fn buffer(&mut self, size: usize) -> BytesMut {
        self.buffer.take().unwrap_or_else(|| BytesMut::zeroed(size))
    }
}
