//! The buffers and the decompression context of one thread, reused from record to
//! record.
//!
//! Allocating a megabyte costs more than reading into it: the system provides it page
//! by page, and zeroes each page. So a buffer returns to its pool once the last item in
//! it was dropped, on any thread.

use std::cell::RefCell;
use std::mem;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use sealpack_core::codec::{Decode, FrameChecksum, Size};
use sealpack_core::error::{Cause, DecodeError};

use super::budget::Budget;
use super::codec::Decoders;
use super::decode_memory::DecodeMemory;
use crate::error::ErrorKind;
use crate::source::Source;

/// Decoded records up to this size share a buffer instead of taking one each. Reads up
/// to this size get a new buffer, which costs little.
const MAX_SMALL: usize = 16 << 10;

/// The size of the buffer that small decoded records share. A caller that keeps one
/// item keeps the whole buffer in memory.
const SHARED_SIZE: usize = 64 << 10;

/// Buffers for reuse, shared by the threads of a scan.
pub(crate) struct BufferPool {
    idle: Mutex<IdleBuffers>,
    /// The maximum number of bytes of idle buffers that are kept.
    max_idle: u64,
}

#[derive(Default)]
struct IdleBuffers {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

impl BufferPool {
    pub(crate) fn with_max_idle(max_idle: u64) -> Self {
        Self { idle: Mutex::default(), max_idle }
    }

    /// Returns an idle buffer, or a new one. The most recently used comes first, since it
    /// is most likely in the processor's cache.
    pub(crate) fn take(&self) -> Vec<u8> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let buffer = idle.buffers.pop().unwrap_or_default();
        idle.bytes = idle.bytes.saturating_sub(buffer.capacity());
        buffer
    }

    pub(crate) fn give_back(&self, buffer: Vec<u8>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if (idle.bytes + buffer.capacity()) as u64 <= self.max_idle {
            idle.bytes += buffer.capacity();
            idle.buffers.push(buffer);
        }
    }
}

/// A buffer taken from a pool, to which it returns when dropped. Its first `length`
/// bytes are the content.
struct PooledBuffer {
    bytes: Vec<u8>,
    length: usize,
    pool: Arc<BufferPool>,
}

impl AsRef<[u8]> for PooledBuffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        self.pool.give_back(mem::take(&mut self.bytes));
    }
}

/// The buffers and the decompression context of one thread.
pub(super) struct Workspace {
    /// Buffers for reads.
    stored: Arc<BufferPool>,
    /// Buffers for decoded records.
    decoded: Arc<BufferPool>,
    /// What the next record is decoded with.
    memory: DecodeMemory,
    /// The buffer that small records are copied to.
    shared: BytesMut,
    /// Decoded bytes that a read may produce before they are taken.
    pub(super) decode_ahead: u64,
}

impl Workspace {
    /// Makes the workspace of the first thread. If there are several threads
    /// (`is_parallel`), each decodes ahead; a single thread decodes each record when it
    /// is taken, while the processor's cache still holds it.
    pub(super) fn new(budget: &Budget, is_parallel: bool) -> Self {
        let decode_ahead = if is_parallel { budget.decoded_ahead() } else { 0 };
        let buffers = || Arc::new(BufferPool::with_max_idle(budget.max_idle()));
        Self::with(buffers(), buffers(), decode_ahead)
    }

    fn with(stored: Arc<BufferPool>, decoded: Arc<BufferPool>, decode_ahead: u64) -> Self {
        let (memory, shared) = (DecodeMemory::default(), BytesMut::new());
        Self { stored, decoded, memory, shared, decode_ahead }
    }

    /// Makes the workspace of another thread, which shares the idle buffers.
    pub(super) fn for_another_thread(&self) -> Self {
        Self::with(Arc::clone(&self.stored), Arc::clone(&self.decoded), self.decode_ahead)
    }

    /// Reads a range of the source: into a used buffer if the range is large enough,
    /// otherwise into the buffer that small records share.
    pub(super) fn read(&mut self, source: &Source, range: &Range<u64>) -> Result<Bytes, ErrorKind> {
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        if length <= MAX_SMALL {
            self.reserve_shared(length);
            self.shared.resize(length, 0);
            source
                .read_exact(range.start, &mut self.shared)
                .inspect_err(|_| self.shared.clear())?;
            return Ok(self.shared.split().freeze());
        }
        let idle = Some(self.stored.take()).filter(|idle| !is_too_large(idle, length));
        let bytes = source.read_into(range, idle.unwrap_or_default())?;
        Ok(Bytes::from_owner(PooledBuffer { bytes, length, pool: Arc::clone(&self.stored) }))
    }

    /// Returns a copy of an item; small ones share a buffer.
    pub(super) fn copy(&mut self, item: &[u8]) -> Bytes {
        if item.len() > MAX_SMALL {
            return Bytes::copy_from_slice(item);
        }
        self.reserve_shared(item.len());
        self.shared.extend_from_slice(item);
        self.shared.split().freeze()
    }

    /// Makes room in the buffer that small records share.
    fn reserve_shared(&mut self, length: usize) {
        if self.shared.capacity() - self.shared.len() < length {
            // Reuses the memory if no view of it is left.
            self.shared.reserve(SHARED_SIZE);
        }
    }

    /// Takes what the next record is decoded with, for decoding without views. It is
    /// returned with [`give_back`](Self::give_back).
    pub(super) fn lend(&mut self) -> DecodeMemory {
        mem::take(&mut self.memory)
    }

    /// Takes back what [`lend`](Self::lend) returned.
    pub(super) fn give_back(&mut self, memory: DecodeMemory) {
        self.memory = memory;
    }

    /// Returns the context to the decoders, for another thread.
    pub(super) fn close(&mut self, decoders: &Decoders) {
        self.memory.decoded = self.lend().close(decoders);
    }

    fn decode_zstd(
        &mut self,
        decoders: &Decoders,
        encoded: &[u8],
        size: Size,
    ) -> Result<Bytes, DecodeError> {
        self.memory.decode(decoders, encoded, size)?;
        let next = &mut self.memory.decoded;
        if is_too_large(next, next.len()) {
            return Ok(Bytes::copy_from_slice(next));
        }
        if next.len() > MAX_SMALL {
            let bytes = mem::replace(next, self.decoded.take());
            let (length, pool) = (bytes.len(), Arc::clone(&self.decoded));
            return Ok(Bytes::from_owner(PooledBuffer { bytes, length, pool }));
        }
        let length = next.len();
        self.reserve_shared(length);
        self.shared.extend_from_slice(&self.memory.decoded);
        Ok(self.shared.split().freeze())
    }
}

/// Returns whether a buffer is so much larger than its content that a caller who keeps
/// an item would keep far more memory than the item needs.
fn is_too_large(buffer: &Vec<u8>, length: usize) -> bool {
    length > MAX_SMALL && buffer.capacity() / 4 > length
}

/// A reader's decoders, used in the workspace of a thread.
pub(super) struct WorkspaceDecoder<'a> {
    decoders: &'a Decoders,
    workspace: RefCell<&'a mut Workspace>,
}

impl<'a> WorkspaceDecoder<'a> {
    pub(super) fn new(decoders: &'a Decoders, workspace: &'a mut Workspace) -> Self {
        Self { decoders, workspace: RefCell::new(workspace) }
    }
}

impl Decode for WorkspaceDecoder<'_> {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        if !self.decoders.is_zstd() {
            return self.decoders.decode(encoded, size);
        }
        let busy = |_| DecodeError::Codec(Cause::text("the decoder was called recursively"));
        let mut workspace = self.workspace.try_borrow_mut().map_err(busy)?;
        workspace.decode_zstd(self.decoders, &encoded, size)
    }

    fn checksum(&self, encoded: &[u8]) -> FrameChecksum {
        self.decoders.checksum(encoded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::codec::ReadCodec;
    use sealpack_core::read::{Merge, ReadLimits};

    #[test]
    fn a_buffer_returns_to_the_pool_when_its_last_view_is_dropped_and_not_before() {
        let mut workspace =
            Workspace::new(&Budget::new(ReadLimits::default(), Merge::default()), false);
        let mut fill = |byte: u8| {
            let source = Source::open(Arc::new(vec![byte; MAX_SMALL * 2])).unwrap();
            workspace.read(&source, &(0..MAX_SMALL as u64 * 2)).unwrap()
        };
        let first = fill(1);
        let view = first.slice(100..200);
        let address = first.as_ptr();
        drop(first);
        let second = fill(2);
        assert_ne!(second.as_ptr(), address, "a view still exists");
        assert_eq!(view, [1; 100][..]);
        drop(view);
        let third = fill(3);
        assert_eq!(third.as_ptr(), address);
        assert_eq!((&second[..], &third[..]), (&[2; MAX_SMALL * 2][..], &[3; MAX_SMALL * 2][..]));
    }

    #[test]
    fn the_size_of_idle_buffers_is_bounded() {
        let max_idle = 4 << 20;
        let buffers = BufferPool::with_max_idle(max_idle);
        (0..100).for_each(|_| buffers.give_back(Vec::with_capacity(1 << 20)));
        assert!(buffers.idle.lock().unwrap().bytes as u64 <= max_idle);
    }

    fn payload(sizes: &[usize], n: usize) -> Vec<u8> {
        (0..sizes[n % sizes.len()]).map(|at| ((at * n) >> 3).to_le_bytes()[0]).collect()
    }

    #[test]
    fn records_decoded_in_one_workspace_do_not_overwrite_each_other() {
        let decoders = Decoders::new(ReadCodec::Zstd, Default::default());
        let mut workspace =
            Workspace::new(&Budget::new(ReadLimits::default(), Merge::default()), false);
        let sizes = [1, 1000, MAX_SMALL, MAX_SMALL + 1, 300_000, 0, 70_000];
        let whole = |n| payload(&sizes, n);
        let mut kept: Vec<(usize, Bytes)> = Vec::new();
        for n in 0..2000 {
            let payload = whole(n);
            let frame: Bytes = zstd::bulk::compress(&payload, 1).unwrap().into();
            let size = Size::Exactly(payload.len() as u64);
            let decoded =
                WorkspaceDecoder::new(&decoders, &mut workspace).decode(frame, size).unwrap();
            assert_eq!(decoded, payload);
            if n % 3 == 0 {
                kept.push((n, decoded));
            }
            if n % 50 == 0 {
                let half = kept.len() / 2;
                kept.drain(..half).for_each(|(n, bytes)| assert_eq!(bytes, whole(n)));
            }
        }
        kept.into_iter().for_each(|(n, bytes)| assert_eq!(bytes, whole(n)));
    }
}
