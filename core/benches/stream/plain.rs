//! The stream without trim, written by hand: the same memory, the same steps and
//! the same interface to a driver, with each decision written in place instead of
//! in a function of `Rules`. The benchmark measures the cost of the type parameter
//! against it.

use super::{CountingSink, StreamWriter};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::mem;
use std::ops::Range;

/// Set in `at` while a put waits.
const SHUT: usize = 1 << (usize::BITS - 1);

enum PlainExtent {
    Own(Bytes),
    Sealed(Range<usize>),
}

enum PlainExtents {
    One(PlainExtent),
    Many(Vec<PlainExtent>),
}

struct PlainPut {
    extents: PlainExtents,
    front: Bytes,
    len: usize,
}

impl PlainPut {
    fn extents(&self) -> impl Iterator<Item = &[u8]> {
        let extents = match &self.extents {
            PlainExtents::One(extent) => std::slice::from_ref(extent),
            PlainExtents::Many(extents) => extents,
        };
        extents.iter().map(|extent| match extent {
            PlainExtent::Own(bytes) => bytes,
            PlainExtent::Sealed(range) => {
                self.front.get(range.clone()).expect("a part of the front")
            }
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum PlainPhase {
    Ready,
    Draining,
    Failed,
}

/// The stream with its driver's loop.
pub(super) struct PlainStream<'a> {
    bytes: BytesMut,
    at: usize,
    start: usize,
    size: usize,
    older: BytesMut,
    newer: BytesMut,
    whole: BytesMut,
    pending: Vec<PlainExtent>,
    waiting: usize,
    queue: VecDeque<PlainPut>,
    in_hand: Option<usize>,
    taken: u64,
    spare: Vec<Vec<PlainExtent>>,
    phase: PlainPhase,
    sink: &'a mut CountingSink,
}

impl<'a> PlainStream<'a> {
    pub(super) fn new(size: usize, sink: &'a mut CountingSink) -> Self {
        PlainStream {
            bytes: BytesMut::new(),
            at: 0,
            start: 0,
            size,
            older: BytesMut::new(),
            newer: BytesMut::new(),
            whole: BytesMut::new(),
            pending: Vec::new(),
            waiting: 0,
            queue: VecDeque::new(),
            in_hand: None,
            taken: 0,
            spare: Vec::new(),
            phase: PlainPhase::Ready,
            sink,
        }
    }

    #[inline(always)]
    fn copy(&mut self, bytes: &[u8]) -> bool {
        let end = self.at.wrapping_add(bytes.len());
        if !bytes.is_empty()
            && let Some(place) = self.bytes.get_mut(self.at..end)
        {
            copy_short(place, bytes);
            self.at = end;
            return true;
        }
        false
    }

    #[cold]
    #[inline(never)]
    fn overflow(&mut self, bytes: &[u8]) {
        assert!(self.phase == PlainPhase::Ready);
        if self.bytes.is_empty() {
            self.fresh_buffer();
        }
        let (now, rest) = bytes.split_at(bytes.len().min(self.bytes.len() - self.at));
        self.copy(now);
        if !rest.is_empty() {
            assert!(rest.len() < self.size, "small writes only");
            if !self.pending.is_empty() || self.bytes.len() - self.start < self.size {
                self.seal();
                self.waiting += rest.len();
                self.pending.push(PlainExtent::Own(Bytes::copy_from_slice(rest)));
                self.emit();
            } else {
                self.put_buffer();
                self.fresh_buffer();
                self.copy(rest);
            }
        }
        self.settle();
    }

    fn fresh_buffer(&mut self) {
        let whole = mem::take(&mut self.whole);
        let mut older = mem::take(&mut self.older);
        older.clear();
        self.bytes = if whole.len() == self.size {
            whole
        } else if older.try_reclaim(self.size) {
            older.resize(self.size, 0);
            older
        } else {
            BytesMut::zeroed(self.size)
        };
        (self.at, self.start) = (0, 0);
    }

    #[inline]
    fn seal(&mut self) {
        if self.at == self.start {
            return;
        }
        self.waiting += self.at - self.start;
        self.pending.push(PlainExtent::Sealed(self.start..self.at));
        self.start = self.at;
        if self.start == self.bytes.len() {
            self.retire_buffer();
        }
    }

    #[inline(never)]
    fn retire_buffer(&mut self) {
        if self.start > 0 {
            let front = self.take_front();
            for extent in &mut self.pending {
                if let PlainExtent::Sealed(range) = extent {
                    *extent = PlainExtent::Own(front.slice(range.clone()));
                }
            }
        }
        self.older = mem::replace(&mut self.newer, mem::take(&mut self.bytes));
        (self.at, self.start) = (0, 0);
    }

    fn take_front(&mut self) -> Bytes {
        let front = self.bytes.split_to(self.start).freeze();
        self.at -= self.start;
        self.start = 0;
        front
    }

    fn put_buffer(&mut self) {
        let put = if self.at == self.size {
            mem::take(&mut self.bytes).freeze()
        } else {
            let put = self.bytes.split_to(self.at).freeze();
            self.start = 0;
            self.retire_buffer();
            put
        };
        self.at = 0;
        let (len, extents) = (put.len(), PlainExtents::One(PlainExtent::Own(put)));
        self.queue.push_back(PlainPut { extents, front: Bytes::new(), len });
    }

    #[inline]
    fn emit(&mut self) {
        if self.waiting >= self.size {
            self.put();
        }
    }

    #[inline(never)]
    fn put(&mut self) {
        let len = mem::take(&mut self.waiting);
        let front = if self.start > 0 { self.take_front() } else { Bytes::new() };
        let list = self.spare.pop().unwrap_or_default();
        let extents = PlainExtents::Many(mem::replace(&mut self.pending, list));
        self.queue.push_back(PlainPut { extents, front, len });
        self.settle();
    }

    fn settle(&mut self) {
        let empty = self.queue.is_empty() && self.in_hand.is_none();
        self.phase = if empty { PlainPhase::Ready } else { PlainPhase::Draining };
        if empty { self.at &= !SHUT } else { self.at |= SHUT }
    }

    #[inline(always)]
    fn drive(&mut self) {
        while self.at >= SHUT
            && let Some(put) = self.next()
        {
            self.carry_out(put);
        }
    }

    #[inline(never)]
    fn next(&mut self) -> Option<PlainPut> {
        if self.in_hand.is_some() {
            return None;
        }
        let put = self.queue.pop_front()?;
        self.in_hand = Some(put.len);
        Some(put)
    }

    #[inline(never)]
    fn carry_out(&mut self, put: PlainPut) {
        self.sink.put(put.len, put.extents());
        match put.extents {
            PlainExtents::One(PlainExtent::Own(extent)) if extent.len() == self.size => {
                if let Ok(whole) = extent.try_into_mut() {
                    self.whole = whole;
                }
            }
            PlainExtents::One(_) => {}
            PlainExtents::Many(mut list) => {
                list.clear();
                if self.spare.len() < 3 {
                    self.spare.push(list);
                }
            }
        }
        if let Some(len) = self.in_hand.take() {
            self.taken += len as u64;
        }
        self.settle();
    }
}

impl StreamWriter for PlainStream<'_> {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) {
        if !self.copy(bytes) {
            self.overflow(bytes);
        }
        self.drive();
    }

    #[inline(always)]
    fn write_owned(&mut self, extent: Bytes) {
        assert!(self.phase == PlainPhase::Ready);
        if !extent.is_empty() {
            self.seal();
            self.waiting += extent.len();
            self.pending.push(PlainExtent::Own(extent));
            self.emit();
        }
        self.drive();
    }

    fn close(&mut self) {
        if self.pending.is_empty() && self.at > 0 {
            self.put_buffer();
        } else if !self.pending.is_empty() {
            self.seal();
            self.put();
        }
        self.settle();
        self.drive();
        self.phase = PlainPhase::Failed;
    }
}

#[inline(always)]
fn copy_short(to: &mut [u8], from: &[u8]) {
    let n = from.len();
    if n <= 16 {
        if n > 8 {
            copy_ends::<8>(to, from);
        } else if n >= 4 {
            copy_ends::<4>(to, from);
        } else {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    } else if n <= 32 {
        copy_ends::<16>(to, from);
    } else {
        to.copy_from_slice(from);
    }
}

#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>())
        && to.len() == from.len()
    {
        let (first, last) = (*first, *last);
        if let Some(place) = to.first_chunk_mut() {
            *place = first;
        }
        if let Some(place) = to.last_chunk_mut() {
            *place = last;
        }
    }
}
