//! Reads many positions, in order: threads read runs of them, and pass each run's items
//! on together.

use std::convert::Infallible;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::read::{Merge, RecordPlace};

use super::crew::{Crew, panics_as_errors};
use super::reader::{Reader, ReaderInner};
use super::requests::{ReadsAhead, Requests, RunPlan, RunRead, WantedRecord};
use super::views::view;
use super::workspace::Workspace;
use crate::error::{Error, ErrorKind};
use crate::trace::span;

/// Up to this many positions are read on the caller's thread alone: waking another
/// thread would cost more.
const MAX_INLINE: usize = 4;

/// A record is decoded into memory that is used again, and the requested items are
/// copied, if at most one in so many of its items is requested.
const SPARSE: u32 = 4;

impl Reader {
    /// Reads the items at `positions`, which may be in any order and may repeat. Calls
    /// `take` on this thread once for each of them, with its index in `positions` and
    /// the item. The calls are made in file order.
    ///
    /// # Errors
    /// [`ErrorKind::Pack`] if a position does not exist, before anything is read;
    /// otherwise the error of the first record in file order that cannot be read,
    /// after the items before it were passed to `take`.
    pub fn get_many(
        &self,
        positions: &[u32],
        mut take: impl FnMut(usize, Bytes),
    ) -> Result<(), Error> {
        let proceed = |request, item| {
            take(request, item);
            ControlFlow::<Infallible>::Continue(())
        };
        let ControlFlow::Continue(()) = self.get_many_with(positions, proceed)?;
        Ok(())
    }

    /// As [`get_many`](Self::get_many); `take` may stop the reading, for example on
    /// an error of its own. The call then returns the value of its `Break`.
    ///
    /// ```
    /// use std::io::{self, Write as _};
    /// use std::ops::ControlFlow;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("out.pack");
    /// # let mut writer = sealpack::Writer::options().create(&path)?;
    /// # for i in 0..1000 { writer.append(format!("item {i}").as_bytes())?; }
    /// # writer.finish()?;
    /// let reader = sealpack::Reader::open(&path)?;
    /// let mut out = io::sink();
    /// let stopped = reader.get_many_with(&[7, 900, 7], |_, item| match out.write_all(&item) {
    ///     Ok(()) => ControlFlow::Continue(()),
    ///     Err(error) => ControlFlow::Break(error),
    /// })?;
    /// if let ControlFlow::Break(error) = stopped {
    ///     return Err(error.into());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`get_many`](Self::get_many).
    pub fn get_many_with<B>(
        &self,
        positions: &[u32],
        mut take: impl FnMut(usize, Bytes) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Error> {
        let _span = span!("get_many", positions = positions.len());
        let inner = &self.inner;
        let requests = Requests::new(self.directory(), positions);
        let requests = requests.map_err(|error| inner.error(error.into()))?;
        let mut pass = |items: &mut dyn Iterator<Item = (usize, Bytes)>| {
            items.map(|(request, item)| take(request, item)).find(ControlFlow::is_break)
        };
        let done = match inner.threads_for(&requests) {
            1 => {
                let mut workspace = Workspace::new(&inner.opened.budget, false);
                let all = 0..requests.len();
                let done = inner.read_run(&requests, all, &mut workspace, |_, items| pass(items));
                workspace.close(&inner.opened.decoders);
                done.map(|stopped| stopped.map(|(reason, _)| reason))
            }
            threads => in_parallel(inner, requests, threads, pass),
        };
        match done {
            Ok(Some(stopped)) => Ok(stopped),
            Ok(None) => Ok(ControlFlow::Continue(())),
            Err(kind) => Err(inner.error(kind)),
        }
    }
}

impl ReaderInner {
    /// Returns how many threads work on these requests.
    pub(super) fn threads_for(&self, requests: &Requests) -> usize {
        if requests.len() <= MAX_INLINE {
            return 1;
        }
        let options = &self.opened.options;
        let threads = match self.source.fetches_ahead() {
            true => options.threads,
            false => options.threads.max(options.io_depth),
        };
        threads.min(requests.len())
    }

    /// Returns which records one read fetches together. Copying a gap of a few pages from
    /// the system's cache takes longer than another read.
    pub(super) fn merge_of_many(&self) -> Merge {
        const GAP_IN_FILE: u64 = 4 << 10;
        let (merge, options) = (self.opened.budget.merge, &self.opened.options);
        let is_default = options.merge == Merge::default() && options.io_depth == 1;
        if is_default && self.source.fetches_ahead() {
            Merge { gap: GAP_IN_FILE, ..merge }
        } else {
            merge
        }
    }

    /// Returns what announces the reads of a run.
    pub(super) fn reads_ahead<'a>(
        &'a self,
        requests: &'a Requests,
        start: usize,
    ) -> ReadsAhead<'a> {
        let depth = if self.source.fetches_ahead() { self.opened.options.io_depth } else { 1 };
        ReadsAhead::new(requests, &self.opened.pack.directory, start, depth)
    }

    /// Announces the read of a record that is not in memory.
    pub(super) fn announce(&self, place: &RecordPlace) {
        if place.range.start < self.opened.pack.tail.start {
            self.source.will_read(&place.range);
        }
    }

    /// Reads the records of a run, and passes the requested items of each to `pass`, with
    /// the bytes that they keep in memory. `pass` may stop the reading. Then returns its
    /// result, and the requests that were not read.
    fn read_run<B>(
        &self,
        requests: &Requests,
        run: Range<usize>,
        workspace: &mut Workspace,
        mut pass: impl FnMut(u64, &mut dyn Iterator<Item = (usize, Bytes)>) -> Option<B>,
    ) -> Result<Option<(B, Range<usize>)>, ErrorKind> {
        let directory = &self.opened.pack.directory;
        let end = run.end;
        let mut ahead = self.reads_ahead(requests, run.start);
        let mut plan = RunPlan::new(requests, directory, self.merge_of_many(), run);
        let mut read = RunRead::default();
        while plan.next(&mut read, |record| self.is_read_in_parts(record))? {
            ahead.announce(|place| self.announce(place));
            ahead.read(read.records.len());
            let bytes = match read.records.as_slice() {
                [record] if self.is_read_in_parts(record) => Bytes::new(),
                _ => self.fetch_in(workspace, &read.range)?,
            };
            for record in &read.records {
                let stopped = if self.is_read_in_parts(record) {
                    let items = self.items_in_parts(requests, record, workspace)?;
                    pass(0, &mut items.into_iter())
                } else {
                    let stored = view(&bytes, &read.range, &record.place.range);
                    self.pass_record(requests, record, stored, workspace, &mut pass)?
                };
                if let Some(reason) = stopped {
                    return Ok(Some((reason, record.wanted.end..end)));
                }
            }
        }
        Ok(None)
    }

    /// Passes on the requested items of a record that was read.
    fn pass_record<B>(
        &self,
        requests: &Requests,
        record: &WantedRecord,
        stored: Bytes,
        workspace: &mut Workspace,
        pass: &mut impl FnMut(u64, &mut dyn Iterator<Item = (usize, Bytes)>) -> Option<B>,
    ) -> Result<Option<B>, ErrorKind> {
        let place = &record.place;
        let wanted = record.wanted.len() as u64;
        let is_sparse = wanted * u64::from(SPARSE) <= u64::from(place.item_count);
        if is_sparse && self.opened.decoders.is_zstd() {
            let items = self.copies(requests, record, &stored, workspace)?;
            return Ok(pass(0, &mut items.into_iter()));
        }
        let held = place.size();
        let unsealed = self.unseal(place, stored, workspace)?;
        let held = held.saturating_add(unsealed.payload().len() as u64);
        let mut requested = requests.items_of(record, unsealed.into_items(0), |item| item);
        Ok(pass(held, &mut requested))
    }
}

impl ReaderInner {
    /// Returns whether a record's end and the requested items are read, and not the whole
    /// record: if that is less work.
    pub(super) fn is_read_in_parts(&self, record: &WantedRecord) -> bool {
        /// Reading so many bytes takes as long as another read.
        const COST_OF_READ: u64 = 8 << 10;
        let reads = record.wanted.len() as u64 + 1;
        reads.saturating_mul(COST_OF_READ) <= record.place.size()
            && self.lookup_part(&record.place, 0).is_some()
    }

    /// Reads a record's end and the requested items.
    fn items_in_parts(
        &self,
        requests: &Requests,
        record: &WantedRecord,
        workspace: &mut Workspace,
    ) -> Result<Vec<(usize, Bytes)>, ErrorKind> {
        let mut tail = Bytes::new();
        let item = |(request, slot)| {
            let Some(lookup) = self.lookup_part(&record.place, slot) else {
                return Ok((request, Bytes::new()));
            };
            if tail.is_empty() {
                tail = self.fetch_in(workspace, &lookup.tail())?;
            }
            let range = lookup.locate(&tail)?;
            self.opened.options.limits.admit(range.end - range.start)?;
            Ok((request, self.fetch_in(workspace, &range)?))
        };
        requests.slots(record).map(item).collect()
    }

    /// Decodes a record into memory that is used again, and returns copies of the
    /// requested items.
    fn copies(
        &self,
        requests: &Requests,
        record: &WantedRecord,
        stored: &[u8],
        workspace: &mut Workspace,
    ) -> Result<Vec<(usize, Bytes)>, ErrorKind> {
        let mut memory = workspace.lend();
        let content = self.unseal_lent(&record.place, stored, &mut memory);
        let copies = content.map(|content| {
            requests.items_of(record, content.items(), |item| workspace.copy(item)).collect()
        });
        workspace.give_back(memory);
        copies
    }
}

/// A run of the requests, for a thread.
type RunJob = (Arc<Requests>, Range<usize>);

/// What a thread read of a run.
struct RunItems {
    items: Vec<(usize, Bytes)>,
    /// The requests that are left to the thread that takes the items: their records
    /// would take more memory than a thread may use ahead of it.
    left: Range<usize>,
    /// Why reading ended, after these items.
    failure: Option<ErrorKind>,
}

/// Reads a run, up to the number of bytes that the budget allows. So even if records
/// expand a thousandfold, the run takes at most that allowance and one more record.
fn read_ahead(
    inner: &ReaderInner,
    (requests, run): RunJob,
    workspace: &mut Workspace,
) -> Result<RunItems, ErrorKind> {
    let mut items = Vec::with_capacity(run.len());
    let (mut held, allowance, end) = (0_u64, workspace.decode_ahead, run.end);
    let read = panics_as_errors(|| {
        inner.read_run(&requests, run, workspace, |bytes, passed| {
            items.extend(passed);
            held = held.saturating_add(bytes);
            (held >= allowance).then_some(())
        })
    });
    let (left, failure) = match read {
        Ok(stopped) => (stopped.map_or(end..end, |((), left)| left), None),
        Err(kind) => (end..end, Some(kind)),
    };
    Ok(RunItems { items, left, failure })
}

/// Reads the runs on several threads, this one included; this thread takes the items in
/// file order.
fn in_parallel<B>(
    inner: &Arc<ReaderInner>,
    requests: Requests,
    threads: usize,
    mut pass: impl FnMut(&mut dyn Iterator<Item = (usize, Bytes)>) -> Option<B>,
) -> Result<Option<B>, ErrorKind> {
    let (directory, budget) = (&inner.opened.pack.directory, &inner.opened.budget);
    let merge = inner.merge_of_many();
    let length = requests.run_length(directory, threads);
    let requests = Arc::new(requests);
    let mut crew = Crew::<RunJob, RunItems>::new(inner, threads, read_ahead);
    let mut allowance = budget.allowance();
    let mut next = 0;
    loop {
        while next < requests.len() && crew.has_room() && allowance.has_room() {
            let run = next..requests.align(directory, merge, next + length).min(requests.len());
            next = run.end;
            let largest = match budget.is_limited() {
                true => requests.largest_read(directory, merge, &run)?,
                false => 0,
            };
            allowance.begin(largest);
            crew.submit((Arc::clone(&requests), run), 0);
            if next >= requests.len() {
                crew.close();
            }
        }
        let Some(read) = crew.next() else { return Ok(None) };
        let RunItems { items, left, failure } = read?;
        let mut stopped = pass(&mut items.into_iter());
        if stopped.is_none() && !left.is_empty() {
            let read = inner.read_run(&requests, left, crew.workspace(), |_, items| pass(items))?;
            stopped = read.map(|(reason, _)| reason);
        }
        match (stopped, failure) {
            (None, None) => allowance.end(),
            (Some(reason), _) => return Ok(Some(reason)),
            (None, Some(kind)) => return Err(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Writer, Zstd};

    #[test]
    fn a_damaged_record_does_not_cost_the_memory_of_the_thread() {
        let mut writer = Writer::options().codec(Zstd::level(1)).write_to(Vec::new()).unwrap();
        (0..128_u32).for_each(|number| writer.append(&number.to_le_bytes()).unwrap());
        let pack = writer.finish().unwrap().sink;
        let reader = Reader::options().open_source(pack, "memory").unwrap();
        let inner = &reader.inner;
        let requests = Requests::new(reader.directory(), &[7, 7, 99]).unwrap();
        let record = WantedRecord { place: reader.directory().record(0).unwrap(), wanted: 0..3 };
        let mut workspace = Workspace::new(&inner.opened.budget, false);
        let stored = reader.stored_record(0).unwrap();
        let copies = inner.copies(&requests, &record, &stored, &mut workspace).unwrap();
        let expected = [(0, 7_u32), (1, 7), (2, 99)]
            .map(|(request, item)| (request, Bytes::copy_from_slice(&item.to_le_bytes())));
        assert_eq!(copies, expected);
        let mut damaged = stored.to_vec();
        damaged[20] ^= 0xff;
        inner.copies(&requests, &record, &damaged, &mut workspace).unwrap_err();
        assert!(workspace.lend().was_used());
    }
}
