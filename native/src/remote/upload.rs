//! Uploads one object part by part; it appears whole or not at all.
//!
//! ```text
//!  the writer's thread                      a task on the runtime
//!  UploadSink::put ──permit, part──────────> run ── PUT part 1 ─┐
//!              ··· waits while as many  ···      ── PUT part 2 ─┤ in parallel
//!              ··· parts are in flight ···       ── PUT part 3 ─┘
//!  finish ──────────finish─────────────────>     ── complete ──> the object is there
//!  drop, abort ─────abort──────────────────>     ── abort ─────> no parts remain
//! ```
//!
//! The task owns the upload, so a single place decides how it ends; `outcome.rs`
//! determines whether a write without a response took place. The task holds the first
//! part back until there is a second: a pack of one part is a single request.

use std::future::Future;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use object_store::{
    Attributes, MultipartUpload, PutMode, PutMultipartOptions, PutOptions, PutPayload, UploadPart,
};
use sealpack_core::stream::{BufferSize, Put};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{MAX_PARTS, StoreError, StoreFault, aborted};
use super::location::Location;
use super::outcome::{UploadContent, WriteOutcome};
use super::part::PartSize;
use super::runtime::{catch_task_panic, wait};
use crate::error::{ErrorKind, IoOperation};
use crate::write::PackSink;

/// How long a dropped writer waits for the end of its upload.
const ABORT_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a write is retried after a conflict with another one of the same name, and
/// the delay before the first retry, which doubles each time.
const MAX_CONFLICTS: u32 = 4;
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// The description of an upload.
#[derive(Clone, Debug)]
pub(super) struct UploadPlan {
    pub(super) location: Location,
    pub(super) part_size: PartSize,
    /// Parts in flight at a time.
    pub(super) parts: usize,
    pub(super) overwrite: bool,
}

impl UploadPlan {
    /// Refuses a name that is taken, with one request; none if overwriting is allowed.
    pub(super) fn refuse_taken(&self, runtime: &Handle) -> Result<(), ErrorKind> {
        if self.overwrite {
            return Ok(());
        }
        let location = self.location.clone();
        let free = wait(runtime, async move { check_name_is_free(&location).await });
        free.flatten().map_err(|error| error.during(IoOperation::Opening))
    }
}

/// The writer's commands to the task.
enum UploadCommand {
    Part(PutPayload, OwnedSemaphorePermit),
    Finish,
    Abort,
}

/// The result of an upload, once there is one.
#[derive(Debug, Default)]
struct UploadResult {
    outcome: Mutex<Option<Result<(), StoreError>>>,
    ended: Condvar,
}

impl UploadResult {
    fn lock(&self) -> MutexGuard<'_, Option<Result<(), StoreError>>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, outcome: Result<(), StoreError>) {
        self.lock().get_or_insert(outcome);
        self.ended.notify_all();
    }

    fn wait(&self) -> Result<(), StoreError> {
        let mut outcome = self.lock();
        loop {
            if let Some(outcome) = &*outcome {
                return outcome.clone();
            }
            outcome = self.ended.wait(outcome).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// As `wait`, for at most `timeout`; `None` if the upload has not ended by then.
    fn wait_for(&self, timeout: Duration) -> Option<Result<(), StoreError>> {
        let until = Instant::now() + timeout;
        let mut outcome = self.lock();
        loop {
            if let Some(outcome) = &*outcome {
                return Some(outcome.clone());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let woken = self.ended.wait_timeout(outcome, left);
            outcome = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Aborts an upload from another thread: for a process that is killed by a signal, which
/// runs no destructors.
#[derive(Clone, Debug)]
pub struct UploadAbort {
    uploads: Vec<TaskHandle>,
}

impl UploadAbort {
    /// Aborts the upload and waits until the store has removed its parts, at most
    /// 30 seconds. A pack that is already complete stays.
    ///
    /// Returns whether no parts remain: false if the store did not answer in time,
    /// or refused.
    pub fn abort(&self) -> bool {
        let aborted: Vec<bool> = self.uploads.iter().map(TaskHandle::abort).collect();
        !aborted.contains(&false)
    }

    /// Returns a handle that aborts both uploads.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.uploads.extend(other.uploads);
        self
    }
}

/// A handle of the task of an upload: sends it commands, and has its result.
#[derive(Clone, Debug)]
struct TaskHandle {
    commands: UnboundedSender<UploadCommand>,
    result: Arc<UploadResult>,
}

impl TaskHandle {
    fn abort(&self) -> bool {
        // Sending fails only if the task has ended.
        let _ = self.commands.send(UploadCommand::Abort);
        match self.result.wait_for(ABORT_TIMEOUT) {
            Some(Ok(())) => true,
            Some(Err(error)) => error.abort_failure().is_none(),
            None => false,
        }
    }
}

impl std::fmt::Debug for UploadCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Part(..) => "Part",
            Self::Finish => "Finish",
            Self::Abort => "Abort",
        })
    }
}

/// The sink of the output stream that uploads its puts. If it is dropped before it
/// is finished, it aborts the upload.
pub(super) struct UploadSink {
    plan: UploadPlan,
    runtime: Handle,
    /// One permit for each part in flight, and one for the first part while it is held
    /// back.
    room: Arc<Semaphore>,
    task: TaskHandle,
}

impl UploadSink {
    /// Starts an upload. Unless the plan allows overwriting, one request checks whether
    /// the name is taken, to fail now and not after everything is written.
    pub(super) fn start(plan: UploadPlan, runtime: &Handle) -> Result<Self, ErrorKind> {
        plan.refuse_taken(runtime)?;
        let room = Arc::new(Semaphore::new(plan.parts.max(1) + 1));
        let result = Arc::new(UploadResult::default());
        let (commands, received) = unbounded_channel();
        let task = UploadTask {
            plan: plan.clone(),
            commands: received,
            room: Arc::clone(&room),
            result: Arc::clone(&result),
            content: UploadContent::new(),
        };
        runtime.spawn(task.run());
        let task = TaskHandle { commands, result };
        Ok(Self { plan, runtime: runtime.clone(), room, task })
    }

    pub(super) fn abort_handle(&self) -> UploadAbort {
        UploadAbort { uploads: vec![self.task.clone()] }
    }

    /// Finishes the upload, and waits until the object exists.
    pub(super) fn finish(self) -> Result<(), ErrorKind> {
        let _ = self.task.commands.send(UploadCommand::Finish);
        self.task.result.wait().map_err(|error| error.during(IoOperation::Publishing))
    }

    /// Returns the reason why the task accepts no more parts.
    fn failure(&self) -> ErrorKind {
        let ended = self.task.result.wait();
        ended.err().unwrap_or_else(aborted).during(IoOperation::Writing)
    }
}

impl PackSink for UploadSink {
    // Less than for files: the parts already take most of the memory, and a network is
    // slower than a disk, so the workers need not be as far ahead.
    const BYTES_PER_WORKER: u64 = 4 << 20;

    fn put_size(&self) -> BufferSize {
        self.plan.part_size.into()
    }

    fn put(&mut self, put: &Put) -> Result<(), ErrorKind> {
        let room = Arc::clone(&self.room);
        let permit = match Arc::clone(&self.room).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => wait(&self.runtime, async move { room.acquire_owned().await.ok() })
                .ok()
                .flatten()
                .ok_or_else(|| self.failure())?,
        };
        let part = put.to_bytes().collect();
        match self.task.commands.send(UploadCommand::Part(part, permit)) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure()),
        }
    }
}

impl Drop for UploadSink {
    fn drop(&mut self) {
        // If the upload has ended, this has no effect.
        let _ = self.task.abort();
    }
}

async fn check_name_is_free(location: &Location) -> Result<(), StoreError> {
    match location.head().await {
        Ok(_) => Err(StoreError::new(StoreFault::Exists)),
        // Without permission to list, a store returns "forbidden" for a missing object.
        Err(error) if matches!(error.fault(), StoreFault::NotFound | StoreFault::Denied) => Ok(()),
        Err(error) => Err(error),
    }
}

/// The task that owns the upload.
struct UploadTask {
    plan: UploadPlan,
    commands: UnboundedReceiver<UploadCommand>,
    room: Arc<Semaphore>,
    result: Arc<UploadResult>,
    content: UploadContent,
}

impl Drop for UploadTask {
    /// Wakes the writer, even if the task ends because the runtime was shut down.
    fn drop(&mut self) {
        self.result.set(Err(aborted()));
        self.room.close();
    }
}

impl UploadTask {
    async fn run(mut self) {
        let outcome = catch_task_panic(self.upload()).await.flatten();
        self.result.set(outcome);
    }

    async fn next(&mut self) -> UploadCommand {
        self.commands.recv().await.unwrap_or(UploadCommand::Abort)
    }

    async fn upload(&mut self) -> Result<(), StoreError> {
        let UploadCommand::Part(first, first_permit) = self.next().await else {
            return Err(aborted());
        };
        self.content.push(&first);
        match self.next().await {
            UploadCommand::Finish => {
                let Self { plan, content, commands, .. } = self;
                until_aborted(commands, plan.put_whole(content, first)).await
            }
            UploadCommand::Abort => Err(aborted()),
            UploadCommand::Part(second, second_permit) => {
                self.content.push(&second);
                let mut upload = self.plan.begin(&self.content).await?;
                let parts = [(first, None), (second, Some(second_permit))];
                // The first part is no longer held back.
                first_permit.forget();
                let ended = match self.send(upload.as_mut(), parts).await {
                    Ok(()) => {
                        let completed = self.plan.complete(&self.content, upload.as_mut());
                        until_aborted(&mut self.commands, completed).await
                    }
                    Err(error) => Err(error),
                };
                match ended {
                    Ok(()) => Ok(()),
                    Err(error) => Err(abort(upload.as_mut(), error).await),
                }
            }
        }
    }

    /// Sends parts as they arrive, until the last one is complete. On an error, and if
    /// the upload is aborted, the parts in flight are dropped.
    async fn send(
        &mut self,
        upload: &mut dyn MultipartUpload,
        first: [(PutPayload, Option<OwnedSemaphorePermit>); 2],
    ) -> Result<(), StoreError> {
        let mut in_flight = FuturesUnordered::new();
        let mut count: u32 = 0;
        for (payload, permit) in first {
            count += 1;
            in_flight.push(part(upload.put_part(payload), permit));
        }
        let mut is_last = false;
        while !is_last || !in_flight.is_empty() {
            let command = std::pin::pin!(self.commands.recv());
            let command = if in_flight.is_empty() {
                command.await
            } else {
                match select(command, in_flight.next()).await {
                    Either::Left((command, _)) => command,
                    Either::Right((done, _)) => {
                        done.unwrap_or(Ok(()))?;
                        continue;
                    }
                }
            };
            match command {
                Some(UploadCommand::Part(payload, permit)) => {
                    count += 1;
                    if count > MAX_PARTS {
                        let part_size = self.plan.part_size.get();
                        return Err(StoreError::new(StoreFault::TooManyParts { part_size }));
                    }
                    self.content.push(&payload);
                    in_flight.push(part(upload.put_part(payload), Some(permit)));
                }
                Some(UploadCommand::Finish) => is_last = true,
                Some(UploadCommand::Abort) | None => return Err(aborted()),
            }
        }
        Ok(())
    }
}

impl UploadPlan {
    /// Begins an upload of several parts. A store without metadata may refuse the request;
    /// then it is repeated without them.
    async fn begin(&self, content: &UploadContent) -> Result<Box<dyn MultipartUpload>, StoreError> {
        let (store, path) = (self.location.store(), self.location.path());
        let begin = |attributes| {
            store.put_multipart_opts(path, PutMultipartOptions { attributes, ..Default::default() })
        };
        let begun = match begin(content.attributes()).await {
            Err(error) if is_not_implemented(&error) => begin(Attributes::new()).await,
            begun => begun,
        };
        begun.map_err(StoreError::writing)
    }

    /// Uploads a pack of one part with a single request. Its condition states whether it
    /// may replace an object. If a store does not support conditions, the object is
    /// looked up first, as for an upload of several parts.
    async fn put_whole(
        &self,
        content: &UploadContent,
        payload: PutPayload,
    ) -> Result<(), StoreError> {
        let Self { location, overwrite, .. } = self;
        let mut mode = if *overwrite { PutMode::Overwrite } else { PutMode::Create };
        let mut attributes = content.attributes();
        let mut conflicts = 0;
        loop {
            let options = PutOptions {
                mode: mode.clone(),
                attributes: attributes.clone(),
                ..Default::default()
            };
            let put = location.store().put_opts(location.path(), payload.clone(), options).await;
            let error = match put {
                Ok(_) => return Ok(()),
                Err(error) if is_not_implemented(&error) && !attributes.is_empty() => {
                    attributes = Attributes::new();
                    continue;
                }
                Err(error) => StoreError::writing(error),
            };
            if error.fault() == StoreFault::NoConditions && mode == PutMode::Create {
                check_name_is_free(location).await?;
                mode = PutMode::Overwrite;
                continue;
            }
            let is_conflict = error.fault() == StoreFault::Exists;
            match content.outcome(location, *overwrite, error).await {
                WriteOutcome::Written => return Ok(()),
                WriteOutcome::NotWritten(_) if is_conflict && conflicts < MAX_CONFLICTS => {
                    tokio::time::sleep(FIRST_DELAY * (1 << conflicts)).await;
                    conflicts += 1;
                }
                WriteOutcome::NotWritten(error) | WriteOutcome::Failed(error) => return Err(error),
            }
        }
    }

    /// Makes the object appear.
    async fn complete(
        &self,
        content: &UploadContent,
        upload: &mut dyn MultipartUpload,
    ) -> Result<(), StoreError> {
        let Self { location, overwrite, .. } = self;
        if !overwrite {
            check_name_is_free(location).await?;
        }
        let Err(error) = upload.complete().await else { return Ok(()) };
        let error = StoreError::completing(error);
        match content.outcome(location, *overwrite, error).await {
            WriteOutcome::Written => Ok(()),
            WriteOutcome::NotWritten(error) | WriteOutcome::Failed(error) => Err(error),
        }
    }
}

/// Returns the result of `work`, unless the writer aborts the upload first: after
/// `Finish`, `Abort` is the only command that can arrive. Then a request in flight is
/// dropped, and the object exists whole or not at all.
async fn until_aborted<T>(
    commands: &mut UnboundedReceiver<UploadCommand>,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match select(std::pin::pin!(commands.recv()), std::pin::pin!(work)).await {
        Either::Left(_) => Err(aborted()),
        Either::Right((done, _)) => done,
    }
}

/// Removes the parts of an upload that ended in `error`. If that fails, adds the failure
/// to the error. An upload that the store does not find has no parts.
async fn abort(upload: &mut dyn MultipartUpload, error: StoreError) -> StoreError {
    match upload.abort().await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => error,
        Err(refused) => error.with_abort_failure(refused),
    }
}

/// Returns whether a store refused the request because it has no metadata; it has written
/// nothing then.
fn is_not_implemented(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotImplemented { .. })
}

/// Sends a part, and returns its permit.
async fn part(request: UploadPart, permit: Option<OwnedSemaphorePermit>) -> Result<(), StoreError> {
    let sent = request.await;
    drop(permit);
    sent.map_err(StoreError::writing)
}
