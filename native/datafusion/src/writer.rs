//! Writes one pack from a stream of rows.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray as _, RecordBatch};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::object_store::path::Path as ObjectPath;
use futures::StreamExt as _;
use sealpack::Writer;
use sealpack::remote::{Location, RemoteWriter};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use url::Url;

use crate::error::{external, pack_error};
use crate::location::{location, store_at};
use crate::write_description::WriteDescription;

/// The batches that wait for the writer.
const BATCHES_AHEAD: usize = 2;

/// The memory of an upload, in bytes: the parts in flight, one that waits, and one that is
/// being filled.
const UPLOAD_MEMORY: u64 = 5 * (8 << 20);

/// A record of this size is assumed for the memory that a writer takes.
const USUAL_RECORD: u64 = 1 << 20;

/// Which partition of a write this is.
pub(crate) struct PackTarget {
    pub(crate) description: Arc<WriteDescription>,
    pub(crate) partition: usize,
    pub(crate) partitions: usize,
}

/// What the thread of a writer receives. Without `Finish` no pack appears.
enum WriteMessage {
    Rows(RecordBatch),
    Finish,
}

/// Where a pack appears.
enum PackPlace {
    File(PathBuf),
    Object(Location, Handle),
}

/// A pack that is being written.
enum PackSink {
    File(Writer),
    Object(RemoteWriter),
}

impl PackSink {
    fn append(&mut self, name: Option<&[u8]>, item: &[u8]) -> Result<()> {
        let appended = match (self, name) {
            (Self::File(writer), None) => writer.append(item),
            (Self::File(writer), Some(name)) => writer.append_named(name, item),
            (Self::Object(writer), None) => writer.append(item),
            (Self::Object(writer), Some(name)) => writer.append_named(name, item),
        };
        appended.map_err(pack_error)
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::File(writer) => writer.finish().map(drop),
            Self::Object(writer) => writer.finish().map(drop),
        }
        .map_err(pack_error)
    }
}

/// Writes the rows of a partition as a pack, and returns their number. No pack appears if
/// the rows end in an error, or if the query is cancelled; none is written for an empty
/// partition, except for the first one.
pub(crate) async fn write_pack(
    target: PackTarget,
    mut rows: SendableRecordBatchStream,
    context: Arc<TaskContext>,
) -> Result<u64> {
    let place = place(&target, &context.runtime_env())?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = (cores / target.partitions.max(1)).max(1);
    let options = target.description.options.writer(threads);
    let upload = match &place {
        PackPlace::File(_) => 0,
        PackPlace::Object(_, _) => UPLOAD_MEMORY,
    };
    let memory = options.memory_bound(USUAL_RECORD).saturating_add(upload);
    let consumer = MemoryConsumer::new(format!("PackWrite[{}]", target.partition));
    let reservation = consumer.register(context.memory_pool());
    reservation.try_grow(usize::try_from(memory).unwrap_or(usize::MAX))?;

    let mut first = None;
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        if batch.num_rows() > 0 {
            first = Some(batch);
            break;
        }
    }
    if first.is_none() && target.partition > 0 {
        return Ok(0);
    }
    let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
    let description = Arc::clone(&target.description);
    let written = tokio::task::spawn_blocking(move || {
        let sink = match place {
            PackPlace::File(path) => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                PackSink::File(options.create(&path).map_err(pack_error)?)
            }
            PackPlace::Object(location, runtime) => {
                let writer = RemoteWriter::options(options).create(&location, &runtime);
                PackSink::Object(writer.map_err(pack_error)?)
            }
        };
        write_rows(sink, receiver, &description)
    });
    let sent = send_rows(first, rows, sender).await;
    // Without the message that finishes it, the thread takes the pack back.
    let written = written.await.map_err(external)?;
    sent?;
    written
}

/// Sends all rows, and then the message that finishes the pack.
async fn send_rows(
    first: Option<RecordBatch>,
    mut rows: SendableRecordBatchStream,
    sender: mpsc::Sender<WriteMessage>,
) -> Result<()> {
    let mut next = first.map(Ok);
    loop {
        let batch = match next.take() {
            Some(batch) => Some(batch),
            None => rows.next().await,
        };
        let message = match batch.transpose()? {
            Some(batch) => WriteMessage::Rows(batch),
            None => WriteMessage::Finish,
        };
        let is_last = matches!(message, WriteMessage::Finish);
        // The thread has ended with an error, which it returns.
        if sender.send(message).await.is_err() || is_last {
            return Ok(());
        }
    }
}

fn write_rows(
    mut sink: PackSink,
    mut receiver: mpsc::Receiver<WriteMessage>,
    description: &WriteDescription,
) -> Result<u64> {
    let mut count = 0_u64;
    while let Some(message) = receiver.blocking_recv() {
        let batch = match message {
            WriteMessage::Rows(batch) => batch,
            WriteMessage::Finish => {
                sink.finish()?;
                return Ok(count);
            }
        };
        let items = Bytes::new(&batch, description.item_column)?;
        let names = description.name_column.map(|column| Bytes::new(&batch, column)).transpose()?;
        for row in 0..batch.num_rows() {
            let Some(item) = items.get(row) else {
                return Err(external(format!(
                    "row {} has a null instead of an item; use coalesce",
                    count.saturating_add(row as u64)
                )));
            };
            let name = names.as_ref().and_then(|names| names.get(row));
            sink.append(name.filter(|name| !name.is_empty()), item)?;
        }
        count = count.saturating_add(batch.num_rows() as u64);
    }
    // The sender is gone: the query was cancelled, or its rows ended in an error.
    Err(DataFusionError::Execution("the pack was not completed".to_owned()))
}

/// A column of bytes or text.
struct Bytes<'a> {
    column: &'a dyn Array,
}

impl<'a> Bytes<'a> {
    fn new(batch: &'a RecordBatch, column: usize) -> Result<Self> {
        match batch.columns().get(column) {
            Some(column) => Ok(Self { column: column.as_ref() }),
            None => Err(external("the rows have fewer columns than planned")),
        }
    }

    fn get(&self, row: usize) -> Option<&'a [u8]> {
        if !self.column.is_valid(row) {
            return None;
        }
        let column = self.column;
        Some(match column.data_type() {
            DataType::Utf8 => column.as_string_opt::<i32>()?.value(row).as_bytes(),
            DataType::LargeUtf8 => column.as_string_opt::<i64>()?.value(row).as_bytes(),
            DataType::Utf8View => column.as_string_view_opt()?.value(row).as_bytes(),
            DataType::Binary => column.as_binary_opt::<i32>()?.value(row),
            DataType::LargeBinary => column.as_binary_opt::<i64>()?.value(row),
            DataType::BinaryView => column.as_binary_view_opt()?.value(row),
            _ => return None,
        })
    }
}

/// Returns where the pack of a partition appears.
fn place(target: &PackTarget, runtime: &RuntimeEnv) -> Result<PackPlace> {
    let description = &target.description;
    let path = ObjectPath::parse(description.path(target.partition))?;
    let url = format!("{}{path}", description.store);
    if description.store.starts_with("file:") {
        let mut file = Url::parse(&description.store).map_err(external)?;
        file.set_path(path.as_ref());
        let no_path = || external(format!("{url} is not a path of this machine"));
        return file.to_file_path().map(PackPlace::File).map_err(|()| no_path());
    }
    let store = store_at(runtime, &description.store)?;
    Ok(PackPlace::Object(location(store, &path, &url)?, Handle::current()))
}
