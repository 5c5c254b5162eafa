//! Runs futures on a runtime from threads that do not belong to it.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc;

use futures_util::FutureExt as _;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::error::{StoreError, StoreFault, aborted};
use crate::error::{ErrorKind, IoOperation};
use crate::panics::panic_message;

/// Runs a future on the runtime, and blocks this thread until it has finished.
///
/// # Errors
/// [`StoreFault::Aborted`] if the runtime is shut down first, and
/// [`StoreFault::Panicked`].
pub(super) fn wait<T: Send + 'static>(
    runtime: &Handle,
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, StoreError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime.spawn(async move {
        // Sending fails only if the calling thread has ended.
        let _ = sender.send(catch_task_panic(future).await);
    });
    receiver.recv().unwrap_or_else(|_| Err(aborted()))
}

/// Returns the output of a future; a panic in it becomes an error.
pub(super) async fn catch_task_panic<T>(future: impl Future<Output = T>) -> Result<T, StoreError> {
    let output = AssertUnwindSafe(future).catch_unwind().await;
    output.map_err(|panic: Box<dyn Any + Send>| StoreError::panicked(panic_message(panic.as_ref())))
}

/// Fails for a `current_thread` runtime: its tasks run only inside `block_on`, which the
/// caller's thread does not call.
pub(super) fn refuse_single_thread(runtime: &Handle) -> Result<(), ErrorKind> {
    match runtime.runtime_flavor() {
        RuntimeFlavor::CurrentThread => {
            Err(StoreError::new(StoreFault::NoWorkers).during(IoOperation::Threading))
        }
        _ => Ok(()),
    }
}
