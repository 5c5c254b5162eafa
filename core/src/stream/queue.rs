//! The outputs that the stream gives to its driver.

use super::extent::Extent;
use super::rules::Rules;
use alloc::{collections::VecDeque, vec::Vec};
use bytes::Bytes;
use core::mem;

/// One action for the driver to carry out at the sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write all of these bytes, after everything put before.
    Put(Put),
    /// Flush the sink: make everything put before as durable as the sink can.
    Flush,
    /// Close the sink. This is the last output of every closed stream.
    Close,
}

/// One write to the sink: a list of extents, in the order of the stream.
///
/// A put is never empty, and neither is any of its extents. The extents are shared
/// views: cloning them copies no byte, and their bytes never change.
#[derive(Clone, Debug)]
pub struct Put {
    extents: Extents,
    /// The front of the stream's buffer, if one of the extents lies in it.
    front: Bytes,
    len: usize,
}

/// Many puts consist of one extent; those need no list.
#[derive(Clone, Debug)]
enum Extents {
    One(Extent),
    Many(Vec<Extent>),
}

impl Put {
    /// The length of the whole put in bytes.
    // A put is never empty, so `is_empty` would be pointless.
    #[allow(clippy::len_without_is_empty, reason = "a put is never empty")]
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The extents in order, as for a vectored write.
    #[inline]
    pub fn extents(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        let extents = match &self.extents {
            Extents::One(extent) => core::slice::from_ref(extent),
            Extents::Many(extents) => extents,
        };
        extents.iter().map(|extent| extent.bytes(&self.front))
    }

    /// The extents in order, each as a shared view that may be kept.
    pub fn to_bytes(&self) -> impl ExactSizeIterator<Item = Bytes> {
        let extents = match &self.extents {
            Extents::One(extent) => core::slice::from_ref(extent),
            Extents::Many(extents) => extents,
        };
        extents.iter().map(|extent| extent.clone().into_bytes(&self.front))
    }
}

/// Two puts are equal if they put the same bytes in the same extents.
impl PartialEq for Put {
    fn eq(&self, other: &Self) -> bool {
        self.extents().eq(other.extents())
    }
}

impl Eq for Put {}

/// The outputs that the driver has yet to take, and the one in its hand: taken, but
/// its outcome not yet reported.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    queue: VecDeque<Output>,
    in_hand: Option<InHand>,
    /// A few empty lists that recycled puts returned.
    spare: Vec<Vec<Extent>>,
}

/// The output in the driver's hand.
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
        let len = extent.len();
        let extents = Extents::One(Extent::Own(extent));
        self.push(Output::Put(Put { extents, front: Bytes::new(), len }));
    }

    /// Queues a put of the extents in a list, which is empty afterwards; its sealed
    /// extents lie in `front`.
    pub(super) fn put_list(&mut self, list: &mut Vec<Extent>, front: Bytes, len: usize) {
        let extents = match list.len() {
            0 => return,
            1 => list.pop().map(Extents::One),
            _ => Some(Extents::Many(mem::replace(list, self.list()))),
        };
        self.queue.extend(extents.map(|extents| Output::Put(Put { extents, front, len })));
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

    /// The length of the put in the driver's hand.
    #[cfg(feature = "check")]
    #[inline]
    pub(crate) fn put_in_hand(&self) -> Option<usize> {
        if let Some(InHand::Put { len }) = self.in_hand { Some(len) } else { None }
    }

    /// The lengths of the puts that the driver has not reported on.
    #[cfg(feature = "check")]
    pub(crate) fn puts_left(&self) -> impl Iterator<Item = usize> {
        let queued = self.queue.iter().filter_map(|output| match output {
            Output::Put(put) => Some(put.len),
            _ => None,
        });
        self.put_in_hand().into_iter().chain(queued)
    }

    pub(super) fn reported(&mut self) -> Option<InHand> {
        self.in_hand.take()
    }

    /// Drops the queue after a failure, except a close: nothing more is put or flushed,
    /// but a requested close is still due.
    pub(super) fn drop_all_but_close<R: Rules>(&mut self) {
        self.queue.retain(|output| matches!(output, Output::Close) && R::closes_after_failure());
    }

    /// An empty list for a put of many extents.
    pub(super) fn list(&mut self) -> Vec<Extent> {
        self.spare.pop().unwrap_or_default()
    }

    /// Keeps the list of a recycled put and drops its extents; returns the extent
    /// instead if the put was a single one.
    pub(super) fn recycle(&mut self, put: Put) -> Option<Bytes> {
        match put.extents {
            Extents::One(Extent::Own(extent)) => Some(extent),
            Extents::One(Extent::Sealed(_)) => None,
            Extents::Many(mut list) => {
                list.clear();
                self.keep(list);
                None
            }
        }
    }

    /// Keeps an empty list for reuse, up to three: as many as can be in use at the same
    /// time, namely `L`, a put being made, and a put at the sink.
    pub(super) fn keep(&mut self, list: Vec<Extent>) {
        if list.capacity() > 0 && self.spare.len() < 3 {
            self.spare.push(list);
        }
    }
}
