//! COPY writes whole packs or none.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{AsArray as _, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::object_store::ObjectStore as _;
use datafusion::object_store::memory::InMemory;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::SessionContext;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::Semaphore;

use crate::packs::session;

/// What follows the first rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    End,
    Fail,
    /// Nothing, forever.
    Wait,
}

/// One partition of a table: rows, and what follows them.
#[derive(Debug)]
struct Rows {
    schema: SchemaRef,
    then: Then,
    /// Has a permit once the rows before the end were taken.
    taken: Arc<Semaphore>,
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let items = StringViewArray::from_iter_values((0..100).map(|n| format!("item {n}")));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), vec![Arc::new(items)]).unwrap();
        let (then, taken) = (self.then, Arc::clone(&self.taken));
        let rows = futures::stream::iter(vec![Ok(batch.clone()), Ok(batch)]);
        let last = futures::stream::once(async move {
            taken.add_permits(1);
            match then {
                Then::Wait => std::future::pending().await,
                Then::Fail | Then::End => Err(DataFusionError::Execution("planted".to_owned())),
            }
        });
        let length = if then == Then::End { 2 } else { 3 };
        let rows = rows.chain(last).take(length);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}

/// Copies a table with two partitions to packs, until the rows of both were taken; returns
/// the outcome of a copy that ends.
async fn copy(ctx: &SessionContext, to: &str, then: Then) -> Option<Result<(), DataFusionError>> {
    let schema = Arc::new(Schema::new(vec![Field::new("item", DataType::Utf8View, false)]));
    let taken = Arc::new(Semaphore::new(0));
    let partition = || {
        let (schema, taken) = (Arc::clone(&schema), Arc::clone(&taken));
        Arc::new(Rows { schema, then, taken }) as Arc<dyn PartitionStream>
    };
    let table = StreamingTable::try_new(Arc::clone(&schema), vec![partition(), partition()]);
    ctx.deregister_table("rows").unwrap();
    ctx.register_table("rows", Arc::new(table.unwrap())).unwrap();
    let copy = format!("COPY (SELECT item FROM rows) TO '{to}' STORED AS PACK");
    let copying = ctx.sql(&copy).await.unwrap().collect();
    match then {
        Then::Wait => {
            let mut copying = tokio::spawn(copying);
            // Into one pack, the partitions may follow each other: the first one is enough.
            tokio::select! {
                permit = taken.acquire() => permit.unwrap().forget(),
                ended = &mut copying => panic!("the copy has ended: {ended:?}"),
            }
            // The writer has time to take the rows.
            tokio::time::sleep(Duration::from_millis(100)).await;
            copying.abort();
            assert!(copying.await.unwrap_err().is_cancelled());
            None
        }
        Then::End | Then::Fail => Some(copying.await.map(drop)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_does_not_end_leaves_no_pack() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(InMemory::new());
    let ctx = session();
    let url = url::Url::parse("memory://out").unwrap();
    ctx.register_object_store(&url, Arc::clone(&store) as _);
    let local = url::Url::from_directory_path(folder.path().canonicalize().unwrap()).unwrap();
    let objects = async || store.list(None).try_collect::<Vec<_>>().await.unwrap().len();
    let files = || std::fs::read_dir(folder.path()).unwrap().count();
    for name in ["one.pack", "many/"] {
        for base in ["memory://out/", local.as_str()] {
            let to = format!("{base}{name}");
            let outcome = copy(&ctx, &to, Then::Fail).await.unwrap();
            let message = outcome.unwrap_err().to_string();
            assert!(message.contains("planted"), "{message}");
            assert!(copy(&ctx, &to, Then::Wait).await.is_none());
        }
    }
    // The threads that write take their packs back once they see that the copy is gone.
    let is_gone = || {
        let is_empty = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.unwrap().path();
            path.is_dir() && std::fs::read_dir(path).unwrap().count() == 0
        };
        std::fs::read_dir(folder.path()).unwrap().all(is_empty)
    };
    for _ in 0..100 {
        if is_gone() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(is_gone(), "files are left");
    assert_eq!(objects().await, 0);
    // The same copies appear if they end.
    for name in ["one.pack", "many/"] {
        for base in ["memory://out/", local.as_str()] {
            copy(&ctx, &format!("{base}{name}"), Then::End).await.unwrap().unwrap();
        }
    }
    assert_eq!((objects().await, files()), (3, 2));
    for base in ["memory://out/", local.as_str()] {
        for name in ["one.pack", "many/"] {
            let count = format!("SELECT count(*) FROM packs('{base}{name}')");
            let batches = ctx.sql(&count).await.unwrap().collect().await.unwrap();
            let counts = batches[0].column(0);
            let count = counts.as_primitive::<Int64Type>().value(0);
            assert_eq!(count, 400, "{base}{name}");
        }
    }
}
