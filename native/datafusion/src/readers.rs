//! `Readers`: opened packs, shared by the tables and the partitions of a process.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryLimit;
use datafusion::execution::runtime_env::RuntimeEnv;
use sealpack::remote::{RemoteReader, RemoteReaderOptions, RemoteTrust};
use tokio::sync::OnceCell;

use crate::error::{external, pack_error};
use crate::location::PackFile;

/// The memory that the directories of opened packs take at most, in bytes.
const DEFAULT_BOUND: usize = 256 << 20;

/// The requests of one partition that are in flight, each of up to 4 MiB.
pub(crate) const REQUESTS: usize = 4;

/// The number of batches of records that one partition decodes at the same time: one, and
/// the next while the query works on it.
pub(crate) const DECODERS: usize = 2;

/// A record may decode to this part of a limited memory pool; a larger one is an error.
const RECORDS_IN_POOL: u64 = 4;

/// Opened packs. A pack is opened once, with one request, however many partitions and
/// queries read it; the least recently used are closed when their directories take more
/// than 256 MiB.
pub struct Readers {
    bound: usize,
    opened: Mutex<OpenedPacks>,
}

#[derive(Default)]
struct OpenedPacks {
    readers: HashMap<ReaderKey, OpenedReader>,
    /// Counts uses: the least recently used entry has the lowest.
    uses: u64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct ReaderKey {
    url: String,
    /// Identifies the version of the object.
    version: String,
    trust: Option<[u8; 32]>,
}

struct OpenedReader {
    reader: OpeningReader,
    used: u64,
}

/// A reader, or the opening that the first caller has started.
type OpeningReader = Arc<OnceCell<RemoteReader>>;

impl Default for Readers {
    fn default() -> Self {
        Self { bound: DEFAULT_BOUND, opened: Mutex::default() }
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.lock().readers.len();
        f.debug_struct("Readers").field("opened", &count).finish_non_exhaustive()
    }
}

impl Readers {
    /// Returns the reader of a pack. Concurrent callers share one opening; if it fails or
    /// is cancelled, the next one retries.
    pub(crate) async fn open(&self, file: &PackFile, runtime: &RuntimeEnv) -> Result<RemoteReader> {
        let version = file.version()?;
        let key = ReaderKey { url: file.url.clone(), version: version.id(), trust: file.trust };
        let cell = self.lock().cell(key);
        if let Some(reader) = cell.get() {
            return Ok(reader.clone());
        }
        let reader = cell.get_or_try_init(|| open(file, runtime)).await?.clone();
        self.lock().evict(self.bound);
        Ok(reader)
    }

    fn lock(&self) -> MutexGuard<'_, OpenedPacks> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenedPacks {
    fn cell(&mut self, key: ReaderKey) -> OpeningReader {
        self.uses += 1;
        let entry = self.readers.entry(key);
        let entry = entry.or_insert_with(|| OpenedReader { reader: Arc::default(), used: 0 });
        entry.used = self.uses;
        Arc::clone(&entry.reader)
    }

    fn evict(&mut self, bound: usize) {
        let memory = |entry: &OpenedReader| entry.reader.get().map_or(0, RemoteReader::memory);
        let mut bytes: usize = self.readers.values().map(memory).sum();
        while bytes > bound {
            let opened = self.readers.iter().filter(|(_, entry)| entry.reader.initialized());
            let oldest = opened.min_by_key(|(_, entry)| entry.used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { return };
            bytes -= self.readers.remove(&key).map_or(0, |entry| memory(&entry));
        }
    }
}

async fn open(file: &PackFile, runtime: &RuntimeEnv) -> Result<RemoteReader> {
    let location = file.location(runtime)?;
    let mut options: RemoteReaderOptions =
        RemoteReader::options().requests(REQUESTS).threads(DECODERS);
    if let MemoryLimit::Finite(bytes) = runtime.memory_pool.memory_limit() {
        options = options.decoded_limit(bytes as u64 / RECORDS_IN_POOL);
    }
    if let Some(hash) = file.trust {
        options = options.trust(RemoteTrust::either(hash));
    }
    let opened = match file.listed {
        // A manifest states no version: the reader keeps to the one that it finds.
        Some(_) => options.open(&location).await,
        None => options.open_version(&location, file.version()?).await,
    };
    let reader = opened.map_err(pack_error)?;
    if let Some(listed) = &file.listed {
        let differs = |what: &str| {
            let text = format!("{}: not the pack that the set lists: {what} differs", file.url);
            Err(external(text))
        };
        if file.size != reader.version().size() {
            return differs("the size");
        }
        if listed.items != reader.item_count() {
            return differs("the number of items");
        }
        let stored = reader.trailer().content_hash;
        if stored.is_some() && listed.content_hash.is_some() && stored != listed.content_hash {
            return differs("the content hash");
        }
    }
    Ok(reader)
}
