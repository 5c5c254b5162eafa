//! Writes a pack to any tokio `AsyncWrite`.

use std::fmt;
use std::future::Future as _;
use std::io;
use std::pin::pin;
use std::thread;

use bytes::Bytes;
use sealpack_core::Error as PackError;
use sealpack_core::stream::{BufferSize, Put};
use sealpack_core::write::RecordBuilder;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::options::WriterOptions;
use super::output::{PackOutput, Written};
use super::packer::{PackPlan, Packer};
use super::progress::WriteMonitor;
use super::sink::{PackSink, WRITE_SIZE};
use super::stream_writer::{SealedStream, error, refuse_digest_list};
use crate::error::{Error, ErrorKind, IoOperation};

/// Writes a pack into a tokio [`AsyncWrite`]: a socket, a request body, a pipe.
/// Made by [`WriterOptions::write_to_async`] (feature `async`).
///
/// Records are encoded and hashed on the writer's own threads, as in a
/// [`Writer`](crate::Writer); the sink is polled there too, with the runtime
/// that the writer was made on. No call blocks that runtime: an append that
/// would have to wait for room waits on one of its blocking threads.
///
/// *Cancelling*: a writer that is dropped stops, and drops the sink. So does one
/// whose append or finish was dropped while it was waiting: later calls fail
/// with [`ErrorKind::Ended`].
///
/// ```
/// use sealpack::{Reader, Writer};
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut writer = Writer::options().write_to_async(Vec::new())?;
/// for i in 0..1000 {
///     writer.append(format!("item {i}").as_bytes()).await?;
/// }
/// let sealed = writer.finish().await?;
/// let reader = Reader::options().open_source(sealed.sink, "memory")?;
/// assert_eq!(reader.get(42)?, b"item 42"[..]);
/// # Ok(()) }
/// ```
pub struct AsyncWriter<W: AsyncWrite + Unpin + Send + 'static> {
    /// `None` while a blocking thread uses the packer, and after such a thread
    /// failed.
    packer: Option<Packer<AsyncSink<W>>>,
    monitor: WriteMonitor,
    items: u32,
    runtime: Handle,
    stop: watch::Sender<bool>,
}

impl WriterOptions {
    /// Starts a pack that is written to an async `sink`, as
    /// [`write_to`](Self::write_to) does for a blocking one.
    ///
    /// # Errors
    /// As there; [`ErrorKind::Io`] outside of a tokio runtime.
    pub fn write_to_async<W>(self, sink: W) -> Result<AsyncWriter<W>, Error>
    where
        W: AsyncWrite + Unpin + Send + 'static,
    {
        self.start_async(sink).map_err(error)
    }

    fn start_async<W>(self, sink: W) -> Result<AsyncWriter<W>, ErrorKind>
    where
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let no_runtime = |error| ErrorKind::io(IoOperation::Threading, io::Error::other(error));
        let runtime = Handle::try_current().map_err(no_runtime)?;
        refuse_digest_list(&self)?;
        let plan = PackPlan::without_companions(&self)?;
        let (stop, stopped) = watch::channel(false);
        let sink = AsyncSink { sink, runtime: runtime.clone(), stopped };
        let output = PackOutput::new(plan.shape(), sink, None);
        let packer = Packer::start(plan, output)?;
        let monitor = packer.monitor().clone();
        Ok(AsyncWriter { packer: Some(packer), monitor, items: 0, runtime, stop })
    }
}

impl<W: AsyncWrite + Unpin + Send + 'static> AsyncWriter<W> {
    /// As [`Writer::append`](crate::Writer::append).
    ///
    /// # Errors
    /// As there.
    pub async fn append(&mut self, item: &[u8]) -> Result<(), Error> {
        self.append_with(|builder| builder.push(item)).await
    }

    /// As [`Writer::append_owned`](crate::Writer::append_owned).
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub async fn append_owned(&mut self, item: impl Into<Bytes>) -> Result<(), Error> {
        let item = item.into();
        self.append_with(|builder| builder.push_owned(item)).await
    }

    /// As [`Writer::append_named`](crate::Writer::append_named).
    ///
    /// # Errors
    /// As there.
    pub async fn append_named(&mut self, name: &[u8], item: &[u8]) -> Result<(), Error> {
        self.append_named_with(name, |builder| builder.push(item)).await
    }

    /// As [`append_owned`](Self::append_owned), for an item with a name.
    ///
    /// # Errors
    /// As [`append_named`](Self::append_named).
    pub async fn append_named_owned(
        &mut self,
        name: &[u8],
        item: impl Into<Bytes>,
    ) -> Result<(), Error> {
        let item = item.into();
        self.append_named_with(name, |builder| builder.push_owned(item)).await
    }

    /// As [`Writer::set_app_data`](crate::Writer::set_app_data).
    ///
    /// # Errors
    /// [`Limit::AppData`](sealpack_core::error::Limit::AppData) above 2^32-1
    /// bytes.
    pub fn set_app_data(&mut self, app_data: impl Into<Bytes>) -> Result<(), Error> {
        self.packer()?.set_app_data(app_data.into()).map_err(error)
    }

    /// Returns the number of items appended so far.
    #[must_use]
    pub fn item_count(&self) -> u32 {
        self.items
    }

    /// Returns a handle that watches this writer and can cancel it.
    #[must_use]
    pub fn monitor(&self) -> WriteMonitor {
        self.monitor.clone()
    }

    /// Writes the remaining bytes, flushes the sink and returns it.
    ///
    /// # Errors
    /// The first error of the writer or of the sink. Then the sink is dropped.
    pub async fn finish(mut self) -> Result<SealedStream<W>, Error> {
        let packer = self.packer.take().ok_or(ErrorKind::Ended).map_err(error)?;
        let finished = self.runtime.spawn_blocking(move || packer.finish());
        let written = finished.await.unwrap_or(Err(ErrorKind::Ended)).map_err(error)?;
        let Written { sink, trailer, file_size, .. } = written;
        let mut sink = sink.sink;
        let flushed = sink.flush().await;
        flushed.map_err(|cause| error(ErrorKind::io(IoOperation::Writing, cause)))?;
        Ok(SealedStream { sink, trailer, size: file_size })
    }

    fn packer(&mut self) -> Result<&mut Packer<AsyncSink<W>>, Error> {
        self.packer.as_mut().ok_or(ErrorKind::Ended).map_err(error)
    }

    async fn append_with(
        &mut self,
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), Error> {
        let packer = self.packer()?;
        packer.push_with(push).map_err(error)?;
        self.submit().await
    }

    async fn append_named_with(
        &mut self,
        name: &[u8],
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), Error> {
        let packer = self.packer()?;
        packer.push_named_with(name, push).map_err(error)?;
        self.submit().await
    }

    /// Submits complete drafts; waits on a blocking thread if too many are in flight.
    async fn submit(&mut self) -> Result<(), Error> {
        let packer = self.packer()?;
        let items = packer.item_count();
        let submitted = packer.try_submit_drafts();
        self.items = items;
        if submitted.map_err(error)? {
            return Ok(());
        }
        let Some(mut packer) = self.packer.take() else { return Ok(()) };
        let submitted = self.runtime.spawn_blocking(move || {
            let submitted = packer.submit_drafts();
            (packer, submitted)
        });
        let (packer, submitted) = submitted.await.map_err(|_| error(ErrorKind::Ended))?;
        self.packer = Some(packer);
        submitted.map_err(error)
    }
}

/// Stops the threads without waiting for them: the runtime's thread must not be
/// blocked.
impl<W: AsyncWrite + Unpin + Send + 'static> Drop for AsyncWriter<W> {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(packer) = self.packer.take() {
            let stopping = thread::Builder::new().name("sealpack-stop".into());
            drop(stopping.spawn(move || drop(packer)));
        }
    }
}

impl<W: AsyncWrite + Unpin + Send + 'static> fmt::Debug for AsyncWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncWriter").field("item_count", &self.items).finish_non_exhaustive()
    }
}

/// An async sink, written to from a thread that may be blocked.
struct AsyncSink<W> {
    sink: W,
    runtime: Handle,
    stopped: watch::Receiver<bool>,
}

impl<W: AsyncWrite + Unpin + Send> PackSink for AsyncSink<W> {
    fn put_size(&self) -> BufferSize {
        WRITE_SIZE
    }

    fn put(&mut self, put: &Put) -> Result<(), ErrorKind> {
        let Self { sink, runtime, stopped } = self;
        let write = async {
            for extent in put.extents() {
                sink.write_all(extent).await?;
            }
            Ok(())
        };
        runtime.block_on(async {
            let (mut write, mut stop) = (pin!(write), pin!(stopped.wait_for(|stop| *stop)));
            std::future::poll_fn(|context| {
                if stop.as_mut().poll(context).is_ready() {
                    return Err(ErrorKind::Cancelled).into();
                }
                let written = write.as_mut().poll(context);
                written.map_err(|error: io::Error| ErrorKind::io(IoOperation::Writing, error))
            })
            .await
        })
    }
}
