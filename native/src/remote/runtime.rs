//! Waits for a runtime from a thread that does not belong to it.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc;

use futures_util::FutureExt as _;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::error::{StoreError, StoreFault, no_answer};
use crate::caught::panic_message;
use crate::error::{ErrorKind, IoOperation};

/// Runs a future on the runtime and blocks until it has finished.
///
/// # Errors
/// [`StoreFault::Aborted`] if the runtime is shut down first, and
/// [`StoreFault::Panicked`].
pub(super) fn wait<T: Send + 'static>(
    runtime: &Handle,
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, StoreError> {
    let (answer, answered) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        // The receiver waits below, unless the calling thread has ended too.
        let _ = answer.send(unless_it_panics(future).await);
    });
    answered.recv().unwrap_or_else(|_| Err(no_answer()))
}

/// Returns the output of a future; a panic in it becomes an error.
pub(super) async fn unless_it_panics<T>(future: impl Future<Output = T>) -> Result<T, StoreError> {
    let caught = AssertUnwindSafe(future).catch_unwind().await;
    caught.map_err(|panic: Box<dyn Any + Send>| StoreError::panicked(panic_message(panic.as_ref())))
}

/// Refuses a `current_thread` runtime: its tasks run only while a thread blocks on
/// that runtime, which a writer's thread does not.
pub(super) fn refuse_single_thread(runtime: &Handle) -> Result<(), ErrorKind> {
    match runtime.runtime_flavor() {
        RuntimeFlavor::CurrentThread => {
            Err(StoreError::new(StoreFault::NoWorkers).during(IoOperation::Threading))
        }
        _ => Ok(()),
    }
}
