//! Searches a pack on several threads.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use grep_regex::RegexMatcher;
use sealpack::Reader;

use super::print::{self, MatchFormat, SearchedItem};
use crate::command::location::PackLocation;
#[cfg(feature = "remote")]
use crate::command::location::REQUESTS;
use crate::outcome::Failure;

/// Stored bytes of a chunk, approximately: large enough that threads rarely meet,
/// small enough that the first matches appear at once.
const CHUNK: u64 = 1 << 20;

/// Chunks that a worker may be ahead of the output.
const AHEAD: usize = 2;

/// What is searched for, and how it is printed.
#[derive(Clone, Copy, Debug)]
pub struct PackSearch<'a> {
    /// The pattern.
    pub matcher: &'a RegexMatcher,
    /// The output.
    pub format: MatchFormat,
    /// The search ends after this many matching items.
    pub limit: u64,
}

/// What was found in a chunk.
#[derive(Debug, Default)]
pub struct SearchedChunk {
    /// The formatted matches.
    pub output: Vec<u8>,
    /// Where the output of each matching item ends in it.
    ends: Vec<usize>,
    /// The number of items that were searched.
    pub searched: u32,
    /// The items before this failure were searched, those after it were not.
    failure: Option<Failure>,
}

impl SearchedChunk {
    /// Keeps the first `items` matching items.
    fn truncate(&mut self, items: u64) {
        let Ok(items) = usize::try_from(items) else { return };
        if items < self.ends.len() {
            self.ends.truncate(items);
            self.output.truncate(self.ends.last().copied().unwrap_or(0));
        }
    }
}

/// How many threads search a pack: one a core, more where each of them waits for
/// requests most of the time.
pub fn workers(location: &PackLocation) -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    #[cfg(feature = "remote")]
    if !location.is_file() {
        return cores.max(REQUESTS);
    }
    let _ = location;
    cores
}

impl PackSearch<'_> {
    /// Searches all items of a pack and passes the chunks to `on_chunk` in order.
    /// Returns the number of matching items.
    ///
    /// SearchedChunk `n` is searched by worker `n % workers`, and taken from that worker's
    /// channel: so the order needs no lock, and a channel's capacity bounds what is
    /// in memory.
    ///
    /// # Errors
    /// The first failure of reading, after all matches before it were passed on;
    /// those of `on_chunk`.
    pub fn run(
        &self,
        reader: &Reader,
        pack: &Path,
        workers: usize,
        mut on_chunk: impl FnMut(&SearchedChunk) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let items = reader.item_count();
        let step = chunk_items(reader);
        let chunks = items.div_ceil(step);
        let workers = workers.clamp(1, usize::try_from(chunks.max(1)).unwrap_or(usize::MAX));
        thread::scope(|scope| {
            let mut channels: Vec<Receiver<SearchedChunk>> = Vec::with_capacity(workers);
            for first in 0..workers {
                let (send, receive) = sync_channel(AHEAD);
                let chunks = (0..chunks).skip(first).step_by(workers);
                let work = move || self.work(reader, pack, step, chunks, &send);
                match thread::Builder::new().spawn_scoped(scope, work) {
                    Ok(_) => channels.push(receive),
                    Err(error) => return Err(Failure::Threads(error)),
                }
            }
            let mut found = 0;
            for channel in channels.iter().cycle() {
                // A worker ends when no chunk is left, for any worker.
                let Ok(mut chunk) = channel.recv() else { break };
                chunk.truncate(self.limit.saturating_sub(found));
                found += chunk.ends.len() as u64;
                on_chunk(&chunk)?;
                if found >= self.limit {
                    break;
                }
                if let Some(failure) = chunk.failure {
                    return Err(failure);
                }
            }
            Ok(found)
        })
    }

    /// Searches chunks until there are no more, or the receiver is gone.
    fn work(
        &self,
        reader: &Reader,
        pack: &Path,
        step: u32,
        chunks: impl Iterator<Item = u32>,
        to: &SyncSender<SearchedChunk>,
    ) {
        // A matcher of its own: a shared one hands out its memory under a lock.
        let matcher = self.matcher.clone();
        for chunk in chunks {
            let start = chunk.saturating_mul(step);
            let range = start..start.saturating_add(step).min(reader.item_count());
            let mut found = SearchedChunk::default();
            if let Err(failure) = self.chunk(reader, pack, &matcher, range, &mut found) {
                found.failure = Some(failure);
            }
            let failed = found.failure.is_some();
            if to.send(found).is_err() || failed {
                return;
            }
        }
    }

    fn chunk(
        &self,
        reader: &Reader,
        pack: &Path,
        matcher: &RegexMatcher,
        range: std::ops::Range<u32>,
        found: &mut SearchedChunk,
    ) -> Result<(), Failure> {
        for (position, bytes) in range.clone().zip(reader.range(range)?) {
            let bytes = &bytes?;
            let item = SearchedItem { pack, position, bytes };
            found.searched += 1;
            if print::item(&mut found.output, matcher, self.format, item)
                .map_err(Failure::Output)?
            {
                found.ends.push(found.output.len());
                if found.ends.len() as u64 >= self.limit {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Items of a chunk: those of whole records.
fn chunk_items(reader: &Reader) -> u32 {
    let trailer = reader.trailer();
    let items_per_record = u64::from(trailer.items_per_record.max(1));
    let records = u64::from(trailer.total_items).div_ceil(items_per_record).max(1);
    let records_of_chunk = (CHUNK / (reader.file_size() / records).max(1)).max(1);
    u32::try_from(records_of_chunk.saturating_mul(items_per_record)).unwrap_or(u32::MAX)
}
