//! One object, written part by part and seen whole or not at all.
//!
//! ```text
//!  the writer's thread                      a task on the runtime
//!  UploadSink::put ──permit, part──────────> run ── PUT part 1 ─┐
//!              ··· waits where as many ···       ── PUT part 2 ─┤ in parallel
//!              ··· parts are under way ···       ── PUT part 3 ─┘
//!  finish ──────────finish─────────────────>     ── complete ──> the object is there
//!  drop, abort ─────abort──────────────────>     ── abort ─────> nothing is left
//! ```
//!
//! The task owns the upload, so whatever happens, one place says how it ends.
//! The first part is held back until there is a second: a pack of one part is a
//! single request.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use object_store::{
    MultipartUpload, PutMode, PutMultipartOptions, PutOptions, PutPayload, UploadPart,
};
use sealpack_core::stream::{BufferSize, Put};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::blocking::wait;
use super::error::{MOST_PARTS, StoreError, StoreFault, no_answer};
use super::object::Location;
use super::part::PartSize;
use crate::error::{Doing, ErrorKind};
use crate::write::Sink;

/// How long ending an upload is waited for when its writer is dropped.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an upload is.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) location: Location,
    pub(super) part_size: PartSize,
    /// Parts under way at once.
    pub(super) parts: usize,
    pub(super) overwrite: bool,
}

/// What the writer tells the task.
enum Command {
    Part(PutPayload, OwnedSemaphorePermit),
    Finish,
    Abort,
}

/// How an upload has ended, once it has.
#[derive(Debug, Default)]
struct Ending {
    outcome: Mutex<Option<Result<(), StoreError>>>,
    ended: Condvar,
}

impl Ending {
    fn lock(&self) -> MutexGuard<'_, Option<Result<(), StoreError>>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, outcome: Result<(), StoreError>) {
        self.lock().get_or_insert(outcome);
        self.ended.notify_all();
    }

    fn wait(&self, patience: Option<Duration>) -> Result<(), StoreError> {
        let until = patience.map(|patience| Instant::now() + patience);
        let mut outcome = self.lock();
        loop {
            if let Some(outcome) = &*outcome {
                return outcome.clone();
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(no_answer());
            }
            // A day is as good as for ever, and fits every clock.
            let left = left.unwrap_or(Duration::from_secs(86_400));
            let woken = self.ended.wait_timeout(outcome, left);
            outcome = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Aborts an upload from another thread: what a process does that a signal
/// ends, and that so drops nothing.
#[derive(Clone, Debug)]
pub struct UploadAbort {
    uploads: Vec<Line>,
}

impl UploadAbort {
    /// Aborts the upload and waits until the store has let go of its parts, at
    /// the most 30 seconds. Where the pack is complete already, it stays.
    pub fn abort(&self) {
        self.uploads.iter().for_each(Line::abort);
    }

    /// Aborts both.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.uploads.extend(other.uploads);
        self
    }
}

/// What leads to the task of an upload, and what comes back.
#[derive(Clone, Debug)]
struct Line {
    commands: UnboundedSender<Command>,
    ending: Arc<Ending>,
}

impl Line {
    fn abort(&self) {
        // Where nobody listens the upload has ended.
        let _ = self.commands.send(Command::Abort);
        let _ = self.ending.wait(Some(PATIENCE));
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Part(..) => "Part",
            Self::Finish => "Finish",
            Self::Abort => "Abort",
        })
    }
}

/// An upload behind the output stream. Dropped before it is finished it is
/// aborted.
pub(super) struct UploadSink {
    plan: Plan,
    runtime: Handle,
    /// At first for one more than may be under way: the part that is held back.
    room: Arc<Semaphore>,
    line: Line,
}

impl UploadSink {
    /// Starts an upload. Unless it may overwrite, one request finds out now
    /// what must not be found out when all is written.
    pub(super) fn start(plan: Plan, runtime: &Handle) -> Result<Self, ErrorKind> {
        if !plan.overwrite {
            let location = plan.location.clone();
            let free = wait(runtime, async move { refuse_existing(&location).await });
            free.unwrap_or_else(|| Err(no_answer()))
                .map_err(|error| error.while_doing(Doing::Opening))?;
        }
        let room = Arc::new(Semaphore::new(plan.parts.max(1) + 1));
        let ending = Arc::new(Ending::default());
        let (commands, received) = unbounded_channel();
        let task = Task {
            plan: plan.clone(),
            commands: received,
            room: Arc::clone(&room),
            ending: Arc::clone(&ending),
        };
        runtime.spawn(task.run());
        let line = Line { commands, ending };
        Ok(Self { plan, runtime: runtime.clone(), room, line })
    }

    pub(super) fn abort_handle(&self) -> UploadAbort {
        UploadAbort { uploads: vec![self.line.clone()] }
    }

    /// Waits until the object is there.
    pub(super) fn finish(self) -> Result<(), ErrorKind> {
        let _ = self.line.commands.send(Command::Finish);
        self.line.ending.wait(None).map_err(|error| error.while_doing(Doing::Publishing))
    }

    /// Why the task takes no more parts.
    fn failure(&self) -> ErrorKind {
        let ended = self.line.ending.wait(None);
        ended.err().unwrap_or_else(no_answer).while_doing(Doing::Writing)
    }
}

impl Sink for UploadSink {
    // Parts are what memory is for here; a network is slower than a disk, so
    // less of a lead suffices.
    const BYTES_A_WORKER: u64 = 4 << 20;

    fn put_size(&self) -> BufferSize {
        self.plan.part_size.into()
    }

    fn put(&mut self, put: &Put) -> Result<(), ErrorKind> {
        let room = Arc::clone(&self.room);
        let permit = match Arc::clone(&self.room).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => wait(&self.runtime, async move { room.acquire_owned().await.ok() })
                .flatten()
                .ok_or_else(|| self.failure())?,
        };
        let part = put.to_bytes().collect();
        match self.line.commands.send(Command::Part(part, permit)) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure()),
        }
    }
}

impl Drop for UploadSink {
    fn drop(&mut self) {
        // After an end this says nothing to anybody.
        self.line.abort();
    }
}

async fn refuse_existing(location: &Location) -> Result<(), StoreError> {
    match location.head().await {
        Ok(_) => Err(StoreError::new(StoreFault::Exists)),
        // Who may write and not list is told "forbidden" of what is not there.
        Err(error) if matches!(error.fault(), StoreFault::NotFound | StoreFault::Denied) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The task that owns the upload.
struct Task {
    plan: Plan,
    commands: UnboundedReceiver<Command>,
    room: Arc<Semaphore>,
    ending: Arc<Ending>,
}

impl Drop for Task {
    /// Whoever waits is told, also where the runtime ends and the task with
    /// it.
    fn drop(&mut self) {
        self.ending.set(Err(no_answer()));
        self.room.close();
    }
}

impl Task {
    async fn run(mut self) {
        let outcome = self.upload().await;
        self.ending.set(outcome);
    }

    async fn next(&mut self) -> Command {
        self.commands.recv().await.unwrap_or(Command::Abort)
    }

    async fn upload(&mut self) -> Result<(), StoreError> {
        let Command::Part(first, first_permit) = self.next().await else { return Err(no_answer()) };
        match self.next().await {
            Command::Finish => self.put_whole(first).await,
            Command::Abort => Err(no_answer()),
            Command::Part(second, second_permit) => {
                let (store, path) = (self.plan.location.store(), self.plan.location.path());
                let begun = store.put_multipart_opts(path, PutMultipartOptions::default()).await;
                let mut upload = begun.map_err(StoreError::writing)?;
                let parts = [(first, None), (second, Some(second_permit))];
                // From now on nothing is held back.
                first_permit.forget();
                let sent = self.send(upload.as_mut(), parts).await;
                let ended = match sent {
                    Ok(()) => self.complete(upload.as_mut()).await,
                    Err(error) => Err(error),
                };
                if ended.is_err() {
                    // What this says does not matter more than why it is done;
                    // a store's lifecycle rule is for the day it fails.
                    let _ = upload.abort().await;
                }
                ended
            }
        }
    }

    /// A pack of one part: a single request, which says itself whether it may
    /// replace.
    async fn put_whole(&self, payload: PutPayload) -> Result<(), StoreError> {
        let mode = if self.plan.overwrite { PutMode::Overwrite } else { PutMode::Create };
        let (store, path) = (self.plan.location.store(), self.plan.location.path());
        let put = store.put_opts(path, payload, PutOptions::from(mode)).await;
        put.map(drop).map_err(StoreError::writing)
    }

    /// Sends parts as they come, until the last was taken. On an error those
    /// under way are dropped.
    async fn send(
        &mut self,
        upload: &mut dyn MultipartUpload,
        first: [(PutPayload, Option<OwnedSemaphorePermit>); 2],
    ) -> Result<(), StoreError> {
        let mut under_way = FuturesUnordered::new();
        let mut count: u32 = 0;
        for (payload, permit) in first {
            count += 1;
            under_way.push(part(upload.put_part(payload), permit));
        }
        let mut is_last = false;
        while !is_last || !under_way.is_empty() {
            if is_last {
                under_way.next().await.unwrap_or(Ok(()))?;
                continue;
            }
            let command = std::pin::pin!(self.commands.recv());
            let command = if under_way.is_empty() {
                command.await
            } else {
                match select(command, under_way.next()).await {
                    Either::Left((command, _)) => command,
                    Either::Right((done, _)) => {
                        done.unwrap_or(Ok(()))?;
                        continue;
                    }
                }
            };
            match command {
                Some(Command::Part(payload, permit)) => {
                    count += 1;
                    if count > MOST_PARTS {
                        let part_size = self.plan.part_size.get();
                        return Err(StoreError::new(StoreFault::TooManyParts { part_size }));
                    }
                    under_way.push(part(upload.put_part(payload), Some(permit)));
                }
                Some(Command::Finish) => is_last = true,
                Some(Command::Abort) | None => return Err(no_answer()),
            }
        }
        Ok(())
    }

    /// Makes the object appear.
    async fn complete(&mut self, upload: &mut dyn MultipartUpload) -> Result<(), StoreError> {
        if !self.plan.overwrite {
            refuse_existing(&self.plan.location).await?;
        }
        // Somebody may have aborted while the last parts were under way.
        if let Ok(Command::Abort) = self.commands.try_recv() {
            return Err(no_answer());
        }
        upload.complete().await.map(drop).map_err(StoreError::writing)
    }
}

/// A part under way, and the room that it takes.
async fn part(request: UploadPart, permit: Option<OwnedSemaphorePermit>) -> Result<(), StoreError> {
    let sent = request.await;
    drop(permit);
    sent.map_err(StoreError::writing)
}
