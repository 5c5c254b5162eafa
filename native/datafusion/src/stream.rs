//! Reads one partition of a scan: opens its packs ahead, reads their records, and sends
//! bounded batches.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::{StreamExt as _, TryStreamExt as _};
use memchr::memmem::Finder;
use sealpack::Names;
use sealpack::core::read::{Directory, RecordPlace};
use sealpack::remote::RemoteReader;
use tokio::sync::mpsc::Sender;

use crate::batch::{Needs, Rows};
use crate::error::pack_error;
use crate::location::PackFile;
use crate::options::OnDamage;
use crate::pieces::Piece;
use crate::positions::PositionSet;
use crate::readers::{REQUESTS, Readers};
use crate::record_rows::{RecordRows, RowItems};
use crate::scan_description::ScanDescription;
use crate::scan_usage::{ScanMemory, ScanMetrics};
use crate::search::size_of_items;

/// The packs that a partition opens before it reads them.
const OPENED_AHEAD: usize = 4;

/// A batch has fewer rows if their items take this many bytes.
const MAX_BATCH_BYTES: usize = 8 << 20;

/// The size of one request of the library, in bytes.
const REQUEST_SIZE: u64 = 4 << 20;

/// At most this many scattered positions of a pack are read at once.
const MAX_SCATTERED: u64 = 64 << 10;

/// What one partition of a scan needs to run.
pub(crate) struct ScanTask {
    pub(crate) scan: Arc<ScanDescription>,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) readers: Arc<Readers>,
    pub(crate) runtime: Arc<RuntimeEnv>,
    pub(crate) reservation: MemoryReservation,
    pub(crate) metrics: ScanMetrics,
    pub(crate) batch_rows: usize,
    pub(crate) output: Sender<Result<RecordBatch>>,
    pub(crate) memory: ScanMemory,
    /// Finds the text that every wanted item contains.
    pub(crate) finder: Option<Finder<'static>>,
}

/// A pack whose rows are being read.
struct OpenPack<'a> {
    file: &'a PackFile,
    reader: RemoteReader,
    names: Option<Names>,
    /// The memory that requests and decoders of this piece take, in bytes.
    window: usize,
}

/// The receiver is gone: the query needs no more rows.
struct Stopped;

impl ScanTask {
    /// Reads all pieces, in order.
    pub(crate) async fn run(self) -> Result<()> {
        let scan = Arc::clone(&self.scan);
        let columns = scan.projected_columns();
        let mut rows = Rows::new(columns, scan.projected_schema(), scan.options.text);
        let mut left = scan.limit.map_or(u64::MAX, |limit| limit as u64);
        let opened = futures::stream::iter(self.pieces.clone()).map(|piece| {
            let file = scan.files.get(piece.pack);
            let (readers, runtime) = (&self.readers, &self.runtime);
            async move {
                let file = file?;
                Some((piece, file, readers.open(file, runtime).await))
            }
        });
        let mut opened = std::pin::pin!(opened.buffered(OPENED_AHEAD));
        while left > 0
            && let Some(opening) = opened.next().await
        {
            let Some((piece, file, outcome)) = opening else { continue };
            let reader = match outcome {
                Ok(reader) => reader,
                Err(_) if scan.options.on_damage == OnDamage::Skip => {
                    self.metrics.count_skipped();
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.metrics.count_pack();
            if let Err(Stopped) =
                self.read_piece(&piece, file, reader, &mut rows, &mut left).await?
            {
                break;
            }
        }
        self.metrics.done();
        Ok(())
    }

    async fn read_piece(
        &self,
        piece: &Piece,
        file: &PackFile,
        reader: RemoteReader,
        rows: &mut Rows,
        left: &mut u64,
    ) -> Result<Result<(), Stopped>> {
        let needs_names = rows.needs().name || self.scan.names.is_some();
        let names = if needs_names { reader.names().await.map_err(pack_error)? } else { None };
        let bytes = piece.bytes.end.min(file.size).saturating_sub(piece.bytes.start);
        let window = bytes.min(REQUESTS as u64 * REQUEST_SIZE);
        let window = if rows.needs().item || rows.needs().size { window } else { 0 };
        let window = usize::try_from(window).unwrap_or(usize::MAX);
        let pack = OpenPack { file, reader, names, window };
        let selected = self.selected(&pack, piece, *left)?;
        let count: u64 = selected.iter().map(|range| range.end - range.start).sum();
        *left = left.saturating_sub(count);
        self.reservation.try_resize(self.memory.needed(window))?;
        let read = self.read_selected(&pack, &selected, count, rows).await?;
        if read.is_ok() && rows.len() > 0 {
            return self.send(&pack, rows).await;
        }
        Ok(read)
    }

    /// Returns the positions that are wanted of a piece, at most `limit` of them.
    fn selected(&self, pack: &OpenPack<'_>, piece: &Piece, limit: u64) -> Result<Vec<Range<u64>>> {
        let directory = pack.reader.directory();
        let in_piece = positions_in(directory, &piece.bytes);
        let mut wanted = self.scan.positions.clone();
        if let Some(searched) = &self.scan.names {
            let mut found = Vec::new();
            for name in pack.names.iter().flat_map(|names| searched.iter().map(move |s| (names, s)))
            {
                let (names, name) = name;
                found.extend(names.find(name.as_bytes()).map_err(pack_error)?);
            }
            let found = PositionSet::from_positions(found.into_iter().map(u64::from));
            wanted = wanted.intersection(&found);
        }
        let mut selected = wanted.within(in_piece);
        let mut left = limit;
        selected.retain_mut(|range| {
            let length = (range.end - range.start).min(left);
            left -= length;
            range.end = range.start + length;
            length > 0
        });
        Ok(selected)
    }

    async fn read_selected(
        &self,
        pack: &OpenPack<'_>,
        selected: &[Range<u64>],
        count: u64,
        rows: &mut Rows,
    ) -> Result<Result<(), Stopped>> {
        let stops_at_damage = self.scan.options.on_damage == OnDamage::Error;
        let is_scattered = selected.len() > 1 || count == 1;
        if rows.needs().item && is_scattered && count <= MAX_SCATTERED && stops_at_damage {
            return self.read_scattered(pack, selected, rows).await;
        }
        for run in selected {
            let read = match (&self.finder, rows.needs()) {
                (Some(finder), _) => self.search_records(finder, pack, run, rows).await?,
                (None, Needs { item: true, .. }) => self.read_records(pack, run, rows).await?,
                // Skipping damage means reading whatever could be damaged.
                (None, Needs { size: true, .. }) if stops_at_damage => {
                    self.read_lengths(pack, run, rows).await?
                }
                _ if !stops_at_damage => self.read_records(pack, run, rows).await?,
                _ => self.list_positions(pack, run, rows).await?,
            };
            if let Err(Stopped) = read {
                return Ok(Err(Stopped));
            }
        }
        Ok(Ok(()))
    }

    /// Reads single items: nearby records with one request, each record once.
    async fn read_scattered(
        &self,
        pack: &OpenPack<'_>,
        selected: &[Range<u64>],
        rows: &mut Rows,
    ) -> Result<Result<(), Stopped>> {
        let positions = selected.iter().cloned().flatten();
        let positions: Vec<u32> = positions.filter_map(|at| u32::try_from(at).ok()).collect();
        if let [only] = positions.as_slice() {
            let item = pack.reader.get(*only).await.map_err(pack_error)?;
            return self.push_one(pack, *only, item, rows).await;
        }
        let mut items = pack.reader.stream_many(&positions).map_err(pack_error)?;
        while let Some((request, item)) = items.try_next().await.map_err(pack_error)? {
            let Some(position) = positions.get(request) else { continue };
            if let Err(Stopped) = self.push_one(pack, *position, item, rows).await? {
                return Ok(Err(Stopped));
            }
        }
        Ok(Ok(()))
    }

    async fn push_one(
        &self,
        pack: &OpenPack<'_>,
        position: u32,
        item: sealpack::Bytes,
        rows: &mut Rows,
    ) -> Result<Result<(), Stopped>> {
        if self.finder.as_ref().is_some_and(|finder| finder.find(&item).is_none()) {
            return Ok(Ok(()));
        }
        let position = u64::from(position);
        rows.push_positions(position..position + 1);
        rows.push_sizes(u32::try_from(item.len()).into_iter());
        rows.push_item(item)?;
        self.push_names(pack, position..position + 1, rows)?;
        self.send_if_full(pack, rows).await
    }

    /// Reads whole records, in order.
    async fn read_records(
        &self,
        pack: &OpenPack<'_>,
        run: &Range<u64>,
        rows: &mut Rows,
    ) -> Result<Result<(), Stopped>> {
        let mut records = pack.reader.records(records_of(pack.reader.directory(), run)?);
        while let Some((place, record)) = records.try_next().await.map_err(pack_error)? {
            let Some(record) = self.sound(&place, record)? else { continue };
            self.reserve_record(pack, record.payload().len())?;
            let found = RecordRows::of_record(&place, &record, run, rows.needs().item);
            if let Err(Stopped) = self.push_record(pack, &place, found, rows).await? {
                return Ok(Err(Stopped));
            }
        }
        Ok(Ok(()))
    }

    /// Reads whole records, in order, for the items that contain the text. The threads that
    /// decode the records search them.
    async fn search_records(
        &self,
        finder: &Finder<'static>,
        pack: &OpenPack<'_>,
        run: &Range<u64>,
        rows: &mut Rows,
    ) -> Result<Result<(), Stopped>> {
        let numbers = records_of(pack.reader.directory(), run)?;
        let (finder, positions) = (finder.clone(), run.clone());
        let needs_items = rows.needs().item;
        let mut records = pack.reader.map_records(numbers, move |place, content| {
            let found = RecordRows::containing(&finder, place, content, &positions, needs_items);
            (content.size(), found)
        });
        while let Some((place, searched)) = records.try_next().await.map_err(pack_error)? {
            let Some((size, found)) = self.sound(&place, searched)? else { continue };
            self.reserve_record(pack, size)?;
            if let Some(found) = found
                && let Err(Stopped) = self.push_record(pack, &place, found, rows).await?
            {
                return Ok(Err(Stopped));
            }
        }
        Ok(Ok(()))
    }

    /// Returns what was made of a record; `None` if the record is damaged and such records
    /// are left out.
    fn sound<T>(&self, place: &RecordPlace, made: Result<T, sealpack::Error>) -> Result<Option<T>> {
        self.metrics.count_record(place);
        match made {
            Ok(made) => Ok(Some(made)),
            Err(_) if self.scan.options.on_damage == OnDamage::Skip => {
                self.metrics.count_skipped();
                Ok(None)
            }
            Err(error) => Err(pack_error(error)),
        }
    }

    /// Reserves memory for records of this size, if it is the largest so far.
    fn reserve_record(&self, pack: &OpenPack<'_>, size: usize) -> Result<()> {
        if self.memory.is_largest_record(size) {
            self.reservation.try_resize(self.memory.needed(pack.window))?;
        }
        Ok(())
    }

    /// Reads only the lengths of the items.
    async fn read_lengths(
        &self,
        pack: &OpenPack<'_>,
        run: &Range<u64>,
        rows: &mut Rows,
    ) -> Result<Result<(), Stopped>> {
        let mut records = pack.reader.record_lengths(records_of(pack.reader.directory(), run)?);
        while let Some((place, lengths)) = records.try_next().await.map_err(pack_error)? {
            self.metrics.count_record(&place);
            let found = RecordRows::of_lengths(&place, lengths.iter().collect(), run);
            if let Err(Stopped) = self.push_record(pack, &place, found, rows).await? {
                return Ok(Err(Stopped));
            }
        }
        Ok(Ok(()))
    }

    /// Reads nothing: the directory has the positions.
    async fn list_positions(
        &self,
        pack: &OpenPack<'_>,
        run: &Range<u64>,
        rows: &mut Rows,
    ) -> Result<Result<(), Stopped>> {
        let mut start = run.start;
        while start < run.end {
            let room = self.batch_rows.saturating_sub(rows.len()).max(1);
            let end = run.end.min(start.saturating_add(room as u64));
            rows.push_positions(start..end);
            self.push_names(pack, start..end, rows)?;
            start = end;
            if let Err(Stopped) = self.send_if_full(pack, rows).await? {
                return Ok(Err(Stopped));
            }
        }
        Ok(Ok(()))
    }

    /// Adds the rows of a record.
    async fn push_record(
        &self,
        pack: &OpenPack<'_>,
        place: &RecordPlace,
        found: RecordRows,
        rows: &mut Rows,
    ) -> Result<Result<(), Stopped>> {
        let RecordRows { lengths, runs, items } = found;
        let first = u64::from(place.first_item);
        for mut run in runs {
            while !run.slots.is_empty() {
                let room = self.batch_rows.saturating_sub(rows.len()).max(1);
                let taken = rows_within(lengths.get(run.slots.clone()).unwrap_or_default(), room);
                let end = run.slots.start.saturating_add(taken).min(run.slots.end);
                let taken = lengths.get(run.slots.start..end).unwrap_or_default();
                let positions = first + run.slots.start as u64..first + end as u64;
                rows.push_positions(positions.clone());
                rows.push_sizes(taken.iter().map(|&size| u32::try_from(size).unwrap_or(u32::MAX)));
                let sizes = taken.iter().copied();
                match &items {
                    RowItems::Unneeded => {}
                    RowItems::Copied(bytes) => rows.push_copies(bytes, run.offset, sizes)?,
                    RowItems::Shared(bytes) => rows.push_items(bytes, run.offset, sizes)?,
                }
                self.push_names(pack, positions, rows)?;
                run.offset = run.offset.saturating_add(size_of_items(taken, 0..taken.len()));
                run.slots.start = end;
                if let Err(Stopped) = self.send_if_full(pack, rows).await? {
                    return Ok(Err(Stopped));
                }
            }
        }
        Ok(Ok(()))
    }

    fn push_names(
        &self,
        pack: &OpenPack<'_>,
        positions: Range<u64>,
        rows: &mut Rows,
    ) -> Result<()> {
        if !rows.needs().name {
            return Ok(());
        }
        let Some(names) = &pack.names else {
            return positions.into_iter().try_for_each(|_| rows.push_name(b"", String::new));
        };
        let range = u32::try_from(positions.start).unwrap_or(u32::MAX)
            ..u32::try_from(positions.end).unwrap_or(u32::MAX);
        for (position, name) in positions.zip(names.range(range).map_err(pack_error)?) {
            let (_, name) = name.map_err(pack_error)?;
            rows.push_name(&name, || format!("{}: position {position}", pack.file.url))?;
        }
        Ok(())
    }

    async fn send_if_full(
        &self,
        pack: &OpenPack<'_>,
        rows: &mut Rows,
    ) -> Result<Result<(), Stopped>> {
        if rows.len() < self.batch_rows && rows.bytes() < MAX_BATCH_BYTES {
            return Ok(Ok(()));
        }
        self.send(pack, rows).await
    }

    async fn send(&self, pack: &OpenPack<'_>, rows: &mut Rows) -> Result<Result<(), Stopped>> {
        self.memory.note_batch(rows.bytes());
        self.reservation.try_resize(self.memory.needed(pack.window))?;
        let batch = rows.finish(pack.file)?;
        self.metrics.record_output(batch.num_rows());
        Ok(self.output.send(Ok(batch)).await.map_err(|_| Stopped))
    }
}

/// Returns how many of the next items are added to a batch with room for `rows`.
fn rows_within(lengths: &[u64], rows: usize) -> usize {
    let mut bytes = 0_u64;
    let fits = lengths.iter().take(rows).take_while(|&&length| {
        let is_below = bytes < MAX_BATCH_BYTES as u64;
        bytes = bytes.saturating_add(length);
        is_below
    });
    fits.count().max(1)
}

/// Returns the positions of the items in the records that start in a range of bytes.
fn positions_in(directory: &Directory, bytes: &Range<u64>) -> Range<u64> {
    let first_item = |offset| match directory.record(first_record_from(directory, offset)) {
        Ok(place) => u64::from(place.first_item),
        Err(_) => u64::from(directory.item_count()),
    };
    first_item(bytes.start)..first_item(bytes.end)
}

/// Returns the number of the first record that starts at `offset` or after it.
fn first_record_from(directory: &Directory, offset: u64) -> u32 {
    let mut numbers = 0..directory.record_count();
    while !numbers.is_empty() {
        let middle = numbers.start + (numbers.end - numbers.start) / 2;
        match directory.record(middle) {
            Ok(place) if place.range.start < offset => numbers.start = middle + 1,
            _ => numbers.end = middle,
        }
    }
    numbers.start
}

/// Returns the records that hold the items at these positions.
fn records_of(directory: &Directory, run: &Range<u64>) -> Result<Range<u32>> {
    let items = u64::from(directory.item_count());
    let within = |position: u64| u32::try_from(position.min(items)).unwrap_or(u32::MAX);
    directory.records_of(&(within(run.start)..within(run.end))).map_err(crate::error::external)
}
