//! The threads of an unpacking.
//!
//! ```text
//! workers   next run of neighbouring items ─ read, decode ─ stage each item ─ batch
//! naming    all waiting batches ─ one sync ─ rename each file
//! ```
//!
//! The sync of some files and the writing of the next ones overlap, so that the disk
//! is never idle. Without durability each worker names its own files.

use std::io;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bytes::Bytes;

use super::UnpackProgress;
use super::naming::{Namer, NamingResult, UnpackedFile, WrittenFiles};
use super::plan::{PlannedFile, UnpackPlan};
use super::report::{RefusedItem, UnpackRefusal, UnpackReport};
use super::source::UnpackSource;
use crate::error::{Error, ErrorKind, IoOperation};
use crate::panics::catch_panic;
use crate::publish::StagingFolder;

/// Files, and bytes in them, that a worker stages before they are renamed.
const BATCH_FILES: usize = 4096;
const BATCH_BYTES: u64 = 64 << 20;
/// Batches that wait for a sync.
const MAX_WAITING_BATCHES: usize = 64;

/// The settings of a run.
pub(super) struct RunSettings {
    pub(super) path: Arc<PathBuf>,
    pub(super) staging: Arc<StagingFolder>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) threads: usize,
    pub(super) durable: bool,
}

/// Writes all files of a plan.
pub(super) fn run(
    source: UnpackSource<'_>,
    plan: &UnpackPlan,
    settings: RunSettings,
    overwrite: bool,
    progress: &(dyn Fn(UnpackProgress) + Sync),
) -> Result<UnpackReport, Error> {
    if let Some(last) = plan.files().last() {
        // Fail for a position that does not exist before anything is written.
        source.check(last.position)?;
    }
    let own = overwrite.then(WrittenFiles::default);
    let running = UnpackRun {
        source,
        plan,
        progress,
        chunks: source.chunks(plan.files())?,
        next: AtomicUsize::new(0),
        items: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        own: own.as_ref(),
        result: Mutex::default(),
        failure: Mutex::default(),
        settings: &settings,
    };
    running.run();
    if settings.durable && !running.has_stopped() {
        // Make the names of the last batch durable.
        running.fail_on_error(settings.staging.sync([]));
    }
    running.finish()
}

/// One run of an unpacking: the state that its threads share.
struct UnpackRun<'a> {
    source: UnpackSource<'a>,
    plan: &'a UnpackPlan,
    settings: &'a RunSettings,
    progress: &'a (dyn Fn(UnpackProgress) + Sync),
    chunks: Vec<Range<usize>>,
    /// The next chunk that no worker has taken.
    next: AtomicUsize,
    items: AtomicU64,
    bytes: AtomicU64,
    own: Option<&'a WrittenFiles>,
    result: Mutex<NamingResult>,
    failure: Mutex<Option<Error>>,
}

/// Staged files of one worker.
#[derive(Default)]
struct StagedBatch {
    files: Vec<UnpackedFile>,
    bytes: u64,
}

impl UnpackRun<'_> {
    fn run(&self) {
        if !self.settings.durable {
            thread::scope(|scope| {
                for _ in 1..self.settings.threads {
                    let worker = thread::Builder::new().name("sealpack-unpack".into());
                    // If the system allows no more threads, fewer threads work.
                    if worker.spawn_scoped(scope, || self.stage_and_name()).is_err() {
                        break;
                    }
                }
                self.stage_and_name();
            });
            return;
        }
        let (send, waiting) = sync_channel(MAX_WAITING_BATCHES);
        thread::scope(|scope| {
            let mut started = 0;
            for _ in 0..self.settings.threads {
                let send = send.clone();
                let worker = thread::Builder::new().name("sealpack-unpack".into());
                let work = move || self.work(|batch| self.send(&send, batch));
                if worker.spawn_scoped(scope, work).is_err() {
                    break;
                }
                started += 1;
            }
            // The channel closes when the last worker ends.
            drop(send);
            if started == 0 {
                self.stage_and_name();
            }
            self.name_batches(&waiting);
        });
    }

    /// Stages and names batches on one thread.
    fn stage_and_name(&self) {
        let mut naming = self.naming();
        self.work(|batch| self.name(&mut naming, batch.files));
    }

    fn naming(&self) -> Namer<'_> {
        Namer::new(self.plan, self.settings.staging.root(), self.own)
    }

    fn send(&self, send: &SyncSender<StagedBatch>, batch: StagedBatch) {
        // The receiver outlives the workers unless it panics; the scope then passes
        // the panic on.
        if send.send(batch).is_err() {
            self.fail(ErrorKind::Cancelled);
        }
    }

    /// Names all batches; those that are waiting share one sync.
    fn name_batches(&self, waiting: &Receiver<StagedBatch>) {
        let mut naming = self.naming();
        while let Ok(batch) = waiting.recv() {
            let mut files = batch.files;
            files.extend(waiting.try_iter().flat_map(|batch| batch.files));
            self.name(&mut naming, files);
        }
    }

    fn name(&self, naming: &mut Namer<'_>, files: Vec<UnpackedFile>) {
        if self.has_stopped() {
            return;
        }
        if self.settings.durable {
            self.fail_on_error(self.settings.staging.sync(files.iter().map(|file| &file.item)));
            if self.has_stopped() {
                return;
            }
        }
        let mut result = NamingResult::default();
        let named = naming.name_all(files, &mut result);
        let mut all = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        all.files += result.files;
        all.bytes += result.bytes;
        all.refused.extend(result.refused);
        drop(all);
        self.fail_on_error(named);
    }

    /// Stages chunks until none is left. A panic in the caller's source becomes an error.
    fn work(&self, mut deliver: impl FnMut(StagedBatch)) {
        let worked = catch_panic(|| {
            let mut batch = StagedBatch::default();
            while let Some(chunk) = self.take() {
                if let Err(error) = self.stage_chunk(chunk, &mut batch) {
                    return self.fail_with(error);
                }
                let (items, bytes) = (&self.items, &self.bytes);
                let (items, bytes) = (items.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed));
                (self.progress)(UnpackProgress { items, bytes });
                if batch.files.len() >= BATCH_FILES || batch.bytes >= BATCH_BYTES {
                    deliver(std::mem::take(&mut batch));
                }
            }
            if !batch.files.is_empty() {
                deliver(batch);
            }
        });
        if let Err(cause) = worked {
            self.fail(ErrorKind::Panicked(cause));
        }
    }

    fn take(&self) -> Option<&[PlannedFile]> {
        if self.has_stopped() {
            return None;
        }
        let chunk = self.chunks.get(self.next.fetch_add(1, Ordering::Relaxed))?;
        self.plan.files().get(chunk.clone())
    }

    fn stage_chunk(&self, chunk: &[PlannedFile], batch: &mut StagedBatch) -> Result<(), Error> {
        let mut left = vec![true; chunk.len()];
        let Err(error) = self.stage_items(chunk, batch, |at| left.get_mut(at).map(std::mem::take))
        else {
            return Ok(());
        };
        if !is_damage(&error) {
            return Err(error);
        }
        // A record is damaged: read the others one by one.
        let left = chunk.iter().zip(left).filter(|(_, left)| *left).map(|(file, _)| *file);
        let left: Vec<PlannedFile> = left.collect();
        let record_of = |file: &PlannedFile| self.source.record_of(file.position).ok();
        for record in left.chunk_by(|one, other| record_of(one) == record_of(other)) {
            match self.stage_items(record, batch, |_| None) {
                Err(error) if is_damage(&error) => self.refuse_all(record, error),
                staged => staged?,
            }
        }
        Ok(())
    }

    /// Stages the items of some files; calls `taken` with the index of each.
    fn stage_items(
        &self,
        files: &[PlannedFile],
        batch: &mut StagedBatch,
        mut taken: impl FnMut(usize) -> Option<bool>,
    ) -> Result<(), Error> {
        let positions: Vec<u64> = files.iter().map(|file| file.position).collect();
        let stage = |request: usize, item: Bytes| {
            let Some(&file) = files.get(request) else { return ControlFlow::Continue(()) };
            let size = item.len() as u64;
            let staged = match self.settings.staging.stage(&item) {
                Ok(staged) => staged,
                Err(error) => return ControlFlow::Break(error),
            };
            taken(request);
            batch.files.push(UnpackedFile { file, item: staged, size });
            batch.bytes += size;
            self.items.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(size, Ordering::Relaxed);
            ControlFlow::Continue(())
        };
        match self.source.get_many_with(&positions, stage)? {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => {
                Err(self.error(ErrorKind::io(IoOperation::Writing, error)))
            }
        }
    }

    fn refuse_all(&self, files: &[PlannedFile], error: Error) {
        let error = Arc::new(error);
        let refuse = |file: &PlannedFile| -> RefusedItem {
            self.plan.refuse(*file, UnpackRefusal::Unreadable(Arc::clone(&error)))
        };
        self.items.fetch_add(files.len() as u64, Ordering::Relaxed);
        let mut result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        result.refused.extend(files.iter().map(refuse));
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(&self.settings.path, kind)
    }

    fn has_stopped(&self) -> bool {
        self.settings.stop.load(Ordering::SeqCst)
    }

    fn fail_on_error(&self, result: io::Result<()>) {
        if let Err(error) = result {
            self.fail(ErrorKind::io(IoOperation::Writing, error));
        }
    }

    fn fail(&self, kind: ErrorKind) {
        self.fail_with(self.error(kind));
    }

    /// Stops all threads; the first error is kept.
    fn fail_with(&self, error: Error) {
        // An error after an abort is a consequence of it.
        if !self.settings.stop.swap(true, Ordering::SeqCst) {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(error);
        }
    }

    fn finish(self) -> Result<UnpackReport, Error> {
        if self.has_stopped() {
            let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            return Err(failure.unwrap_or_else(|| self.error(ErrorKind::Cancelled)));
        }
        let result = self.result.into_inner().unwrap_or_else(PoisonError::into_inner);
        let NamingResult { files, bytes, refused } = result;
        Ok(UnpackReport { files, bytes, refused, replaced: Vec::new() })
    }
}

/// Returns whether an error concerns a single record, so that others can be read.
fn is_damage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Pack(_))
}
