//! Lends items to the caller as slices, without allocating or reference counting for
//! each item.
//!
//! ```text
//! plain records   read ──────────────────> slices of the bytes that were read
//! zstd records    read ──> one buffer ───> slices of the last decoded record
//! several threads scan.rs ───────────────> slices of its decoded records, in order
//! ```

use std::cell::Cell;
use std::convert::Infallible;
use std::mem;
use std::ops::{ControlFlow, Range, RangeBounds};

use sealpack_core::format::RecordContent;
use sealpack_core::format::digest::record_digest;
use sealpack_core::read::{ItemLookup, PlannedRead, PlannedRecord, RecordPlace, plan_records};

use super::decode_memory::DecodeMemory;
use super::positions::positions_in;
use super::reader::{Reader, ReaderInner};
use super::scan::Scan;
use crate::error::{Error, ErrorKind};

/// The maximum number of bytes that a thread keeps for its next [`Reader::get_with`].
const MAX_KEPT: usize = 1 << 20;

thread_local! {
    /// The memory of the thread's last [`Reader::get_with`].
    static SCRATCH: Cell<Scratch> =
        const { Cell::new(Scratch { stored: Vec::new(), decoded: Vec::new() }) };
}

/// The memory that lent items lie in, reused from read to read.
#[derive(Default)]
struct Scratch {
    stored: Vec<u8>,
    decoded: Vec<u8>,
}

impl Reader {
    /// Calls `take` with the item at `position`, counted from 0, and returns its result.
    /// As [`get`](Self::get), but without an allocation: the item lies in memory that
    /// the thread reuses.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("out.pack");
    /// # let mut writer = sealpack::Writer::options().create(&path)?;
    /// # for i in 0..1000 { writer.append(format!("item {i}").as_bytes())?; }
    /// # writer.finish()?;
    /// let reader = sealpack::Reader::open(&path)?;
    /// assert_eq!(reader.get_with(42, <[u8]>::len)?, "item 42".len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_with<T>(&self, position: u32, take: impl FnOnce(&[u8]) -> T) -> Result<T, Error> {
        let mut scratch = SCRATCH.take();
        let taken = self.inner.get_with(position, &mut scratch, take);
        if scratch.stored.capacity() + scratch.decoded.capacity() <= MAX_KEPT {
            SCRATCH.set(scratch);
        }
        taken.map_err(|kind| self.inner.error(kind))
    }

    /// Calls `take` on this thread with the position and the bytes of each item in a range,
    /// in order. As [`range`](Self::range), but without reference counting for each
    /// item: the items lie in memory that is reused.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("out.pack");
    /// # let mut writer = sealpack::Writer::options().create(&path)?;
    /// # for i in 0..1000 { writer.append(format!("item {i}").as_bytes())?; }
    /// # writer.finish()?;
    /// let reader = sealpack::Reader::open(&path)?;
    /// let mut bytes = 0;
    /// reader.for_each(10..20, |position, item| {
    ///     assert_eq!(item, format!("item {position}").as_bytes());
    ///     bytes += item.len();
    /// })?;
    /// assert_eq!(bytes, 10 * "item 10".len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] for a range that the pack does not have; otherwise the
    /// error of the first record that cannot be read, after the items before it
    /// were passed to `take`.
    pub fn for_each(
        &self,
        positions: impl RangeBounds<u32>,
        mut take: impl FnMut(u32, &[u8]),
    ) -> Result<(), Error> {
        let proceed = |position, item: &[u8]| {
            take(position, item);
            ControlFlow::<Infallible>::Continue(())
        };
        let ControlFlow::Continue(()) = self.for_each_with(positions, proceed)?;
        Ok(())
    }

    /// As [`for_each`](Self::for_each); `take` may stop the reading, for example on
    /// an error of its own. The call then returns the value of its `Break`.
    ///
    /// # Errors
    /// As [`for_each`](Self::for_each).
    pub fn for_each_with<B>(
        &self,
        positions: impl RangeBounds<u32>,
        take: impl FnMut(u32, &[u8]) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Error> {
        let inner = &self.inner;
        let positions = positions_in(&positions, self.item_count());
        let records = self.directory().records_of(&positions);
        let records = records.map_err(|error| inner.error(error.into()))?;
        let mut lending = RangeLending { positions, take };
        let is_parallel = inner.opened.options.threads > 1
            && inner.bytes_of(&records) > inner.scan_merge().max_read;
        let done = match is_parallel {
            true => lending.in_parallel(self, records),
            false => lending.on_this_thread(inner, records),
        };
        done.map_err(|kind| inner.error(kind))
    }
}

/// A range of items that is passed to the caller.
struct RangeLending<F> {
    /// The requested positions.
    positions: Range<u32>,
    take: F,
}

impl<B, F: FnMut(u32, &[u8]) -> ControlFlow<B>> RangeLending<F> {
    /// Lends the requested items of a record whose first item is at `first`.
    #[inline]
    fn lend<'a>(&mut self, first: u32, items: impl Iterator<Item = &'a [u8]>) -> ControlFlow<B> {
        let skipped = self.positions.start.saturating_sub(first);
        let start = first.saturating_add(skipped);
        let items = items.skip(skipped as usize);
        (start..self.positions.end).zip(items).try_for_each(|(at, item)| (self.take)(at, item))
    }

    /// Reads, decodes and lends on this thread.
    fn on_this_thread(
        &mut self,
        inner: &ReaderInner,
        records: Range<u32>,
    ) -> Result<ControlFlow<B>, ErrorKind> {
        let mut lender = Lender::default();
        let lent = self.lend_records(inner, records, &mut lender);
        lender.close(inner);
        lent
    }

    fn lend_records(
        &mut self,
        inner: &ReaderInner,
        records: Range<u32>,
        lender: &mut Lender,
    ) -> Result<ControlFlow<B>, ErrorKind> {
        for read in plan_records(&inner.opened.pack.directory, records, inner.scan_merge()) {
            let lend = |record: &PlannedRecord, content: RecordContent<'_>| {
                self.lend(record.place.first_item, content.items())
            };
            let PlannedRead { range, records } = &read;
            let lent = lender.read(inner, range, records, |record| &record.place, lend);
            if let ControlFlow::Break(reason) = lent? {
                return Ok(ControlFlow::Break(reason));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Lends the records that the threads of a scan read and decode.
    fn in_parallel(
        &mut self,
        reader: &Reader,
        records: Range<u32>,
    ) -> Result<ControlFlow<B>, ErrorKind> {
        let inner = &reader.inner;
        let per_record = reader.trailer().items_per_record;
        let mut first = records.start.saturating_mul(per_record);
        let mut scan = Scan::new(inner, records, inner.scan_merge(), ReaderInner::read);
        while let Some(read) = scan.next() {
            for fetched in read? {
                let record = scan.unseal(fetched)?;
                if let ControlFlow::Break(reason) = self.lend(first, record.slices()) {
                    return Ok(ControlFlow::Break(reason));
                }
                first = first.saturating_add(per_record);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// The memory of a thread that lends the records of its reads.
#[derive(Default)]
pub(super) struct Lender {
    stored: Vec<u8>,
    memory: DecodeMemory,
}

impl Lender {
    /// Reads a range, and calls `lend` with each of its records and the items. `place`
    /// returns where a record is.
    pub(super) fn read<R, B>(
        &mut self,
        inner: &ReaderInner,
        range: &Range<u64>,
        records: &[R],
        place: impl Fn(&R) -> &RecordPlace,
        mut lend: impl FnMut(&R, RecordContent<'_>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, ErrorKind> {
        let in_tail = inner.opened.pack.tail.get(range);
        let bytes = match &in_tail {
            Some(bytes) => bytes,
            None => inner.fetch_into(range, &mut self.stored)?,
        };
        for record in records {
            let place = place(record);
            let stored = part_of(bytes, range.start, &place.range);
            let content = inner.unseal_lent(place, stored, &mut self.memory)?;
            if let ControlFlow::Break(reason) = lend(record, content) {
                return Ok(ControlFlow::Break(reason));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Reads an item without its whole record.
    pub(super) fn part(
        &mut self,
        inner: &ReaderInner,
        lookup: &ItemLookup,
    ) -> Result<&[u8], ErrorKind> {
        inner.part(lookup, &mut self.stored)
    }

    /// Returns the context to the decoders, for another thread.
    pub(super) fn close(self, inner: &ReaderInner) {
        self.memory.close(&inner.opened.decoders);
    }
}

/// Returns the part of `bytes`, read at `start`, that is the record at `range`.
fn part_of<'a>(bytes: &'a [u8], start: u64, range: &Range<u64>) -> &'a [u8] {
    let offset = |at: u64| usize::try_from(at - start).unwrap_or(usize::MAX);
    bytes.get(offset(range.start)..offset(range.end)).unwrap_or_default()
}

impl ReaderInner {
    fn get_with<T>(
        &self,
        position: u32,
        scratch: &mut Scratch,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, ErrorKind> {
        let place = self.opened.pack.directory.place(position)?;
        let record = place.record;
        let Scratch { stored, decoded } = scratch;
        if let Some(lookup) = self.lookup_part(&record, place.slot) {
            return self.part(&lookup, stored).map(take);
        }
        if self.opened.cached.is_in_use() && !self.opened.decoders.is_plain() {
            let cached = self.cached_record(&record)?;
            return Ok(take(cached.slices().nth(place.slot as usize).unwrap_or_default()));
        }
        let in_tail = self.opened.pack.tail.get(&record.range);
        let stored = match &in_tail {
            Some(bytes) => bytes,
            None => self.fetch_into(&record.range, stored)?,
        };
        let mut memory = DecodeMemory::with_buffer(mem::take(decoded));
        let content = self.unseal_lent(&record, stored, &mut memory);
        let item = content.map(|content| content.items().nth(place.slot as usize));
        let taken = item.map(|item| take(item.unwrap_or_default()));
        *decoded = memory.close(&self.opened.decoders);
        taken
    }

    /// Reads an item without its whole record: the record's end, then the item.
    fn part<'a>(
        &self,
        lookup: &ItemLookup,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], ErrorKind> {
        let range = lookup.locate(self.fetch_into(&lookup.tail(), buffer)?)?;
        self.fetch_into(&range, buffer)
    }

    /// Returns the bytes of a range, read into the front of `buffer`.
    fn fetch_into<'a>(
        &self,
        range: &Range<u64>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], ErrorKind> {
        let length = range.end - range.start;
        if length == 0 {
            return Ok(&[]);
        }
        self.opened.options.limits.admit(length)?;
        *buffer = self.source.read_into(range, mem::take(buffer))?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(buffer.get(..length).unwrap_or_default())
    }

    /// As [`unseal`](Self::unseal), but for borrowed bytes: checks, decodes and
    /// authenticates a record.
    #[inline]
    pub(super) fn unseal_lent<'a>(
        &self,
        place: &RecordPlace,
        stored: &'a [u8],
        memory: &'a mut DecodeMemory,
    ) -> Result<RecordContent<'a>, ErrorKind> {
        self.choose_codec(place, stored)?;
        let content = self.opened.unseal_lent(place, stored, memory)?;
        if self.trusted.is_some() {
            self.check_digest(place.number, &record_digest(content.items())?)?;
        }
        Ok(content)
    }
}
