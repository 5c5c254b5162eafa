//! 64 packs in a store: how many requests queries make of them, and what happens when one
//! is damaged, missing or replaced.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::AsArray as _;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::object_store::ObjectStoreExt as _;
use datafusion::object_store::path::Path;
use datafusion::prelude::SessionContext;
use datafusion_proto::bytes::{
    logical_plan_from_bytes_with_extension_codec, logical_plan_to_bytes_with_extension_codec,
};
use sealpack::{Bytes, PackIdentity, Plain, SetManifest, SetMember, Writer};
use sealpack_datafusion::{PackError, PackLogicalCodec};

use crate::counting::{self, CountingStore};
use crate::packs::{session, write};
use crate::results::rows;

const PACKS: usize = 64;

/// Ten records in each pack, too large for a pack to be fetched whole when it is opened.
const ITEMS: usize = 80;
const ITEM_SIZE: usize = 4 << 10;

/// The packs, in a store and with the manifest of a set.
struct Many {
    store: Arc<CountingStore>,
}

/// The names and bytes of the packs, and of the manifest of the set: written once.
static WRITTEN: LazyLock<Vec<(String, Bytes)>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let mut objects: Vec<(String, Bytes)> = Vec::new();
    let mut members = Vec::new();
    for pack in 0..PACKS {
        let name = format!("{pack:02}.pack");
        let path = folder.path().join(&name);
        write(&path, options(), &items(pack));
        let identity = PackIdentity::of_file(&path).unwrap();
        members.push(SetMember { name: name.parse().unwrap(), identity });
        objects.push((name, std::fs::read(&path).unwrap().into()));
    }
    let manifest = SetManifest::new(members).unwrap().to_json();
    objects.push(("set.json".into(), manifest.into()));
    objects
});

impl Many {
    async fn write() -> Self {
        let store = Arc::new(CountingStore::default());
        for (name, bytes) in WRITTEN.iter() {
            let path = Path::from(format!("p/{name}"));
            store.store.put(&path, bytes.clone().into()).await.unwrap();
        }
        Self { store }
    }

    async fn session(&self, location: &str, options: &str) -> SessionContext {
        let ctx = session();
        counting::register(&ctx, Arc::clone(&self.store));
        let create = format!(
            "CREATE EXTERNAL TABLE t STORED AS PACK {options} LOCATION 'memory://many/{location}'"
        );
        ctx.sql(&create).await.unwrap().collect().await.unwrap();
        ctx
    }

    async fn replace(&self, pack: usize, change: impl Fn(&mut Vec<u8>)) {
        let path = Path::from(format!("p/{pack:02}.pack"));
        let mut bytes = self.store.store.get(&path).await.unwrap().bytes().await.unwrap().to_vec();
        change(&mut bytes);
        self.store.store.put(&path, bytes.into()).await.unwrap();
    }
}

fn options() -> sealpack::WriterOptions {
    Writer::options().codec(Plain).items_per_record(8).record_checksum(true).threads(1)
}

fn items(pack: usize) -> Vec<Vec<u8>> {
    let item = |item: usize| format!("{pack} {item} ").into_bytes().repeat(ITEM_SIZE / 4);
    (0..ITEMS).map(item).collect()
}

async fn number(ctx: &SessionContext, query: &str) -> i64 {
    rows(ctx, query).await[0].column(0).as_primitive::<Int64Type>().value(0)
}

/// Returns the text of the error of a query.
async fn failure(ctx: &SessionContext, query: &str) -> String {
    ctx.sql(query).await.unwrap().collect().await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_rows_takes_a_request_for_each_pack() {
    let many = Many::write().await;
    let ctx = many.session("p/", "").await;
    assert_eq!(number(&ctx, "SELECT count(*) FROM t").await, 64 * 80);
    assert_eq!(many.store.take(), (PACKS, 1));
    // The table keeps what it has learnt.
    assert_eq!(number(&ctx, "SELECT count(*) FROM t WHERE position < 10").await, 640);
    assert_eq!(number(&ctx, "SELECT count(*) FROM t WHERE pack LIKE '%1.pack'").await, 560);
    assert_eq!(many.store.take(), (0, 0));
    // A set needs no listing, but its manifest.
    let ctx = many.session("p/set.json", "").await;
    assert_eq!(number(&ctx, "SELECT count(*) FROM t").await, 64 * 80);
    assert_eq!(many.store.take(), (PACKS + 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_plans_without_requests() {
    let many = Many::write().await;
    let ctx = many.session("p/", "").await;
    let frame = ctx.sql("SELECT count(*), max(position) FROM t").await.unwrap();
    let codec = PackLogicalCodec::default();
    let plan = frame.logical_plan();
    let bytes = logical_plan_to_bytes_with_extension_codec(plan, &codec).unwrap();
    let codec = PackLogicalCodec::default();
    many.store.take();
    let task = ctx.task_ctx();
    let plan = logical_plan_from_bytes_with_extension_codec(&bytes, &task, &codec).unwrap();
    let found = ctx.execute_logical_plan(plan).await.unwrap().collect().await.unwrap();
    assert_eq!(found[0].column(0).as_primitive::<Int64Type>().value(0), 64 * 80);
    assert_eq!(many.store.take(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_are_looked_up_with_a_request_for_each_record() {
    let many = Many::write().await;
    let ctx = many.session("p/07.pack", "").await;
    // One to find the object, one to open the pack.
    assert_eq!(many.store.take(), (2, 0));
    let found = rows(&ctx, "SELECT item FROM t WHERE position IN (1, 20, 33, 47, 79)").await;
    assert_eq!(found.iter().map(|batch| batch.num_rows()).sum::<usize>(), 5);
    let (gets, lists) = many.store.take();
    assert!((1..=5).contains(&gets) && lists == 0, "{gets} requests");
    let ctx = many.session("p/", "").await;
    many.store.take();
    let query = "SELECT item FROM t WHERE pack LIKE '%/07.pack' AND position = 33";
    assert_eq!(rows(&ctx, query).await.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
    assert_eq!(many.store.take(), (1, 0));
    let all = "SELECT sum(length(item)) FROM t WHERE position IN (1, 20, 33, 47, 79)";
    rows(&ctx, all).await;
    assert!(many.store.take().0 <= 5 * PACKS);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_are_not_needed_are_not_read() {
    let many = Many::write().await;
    let ctx = many.session("p/", "").await;
    many.store.take();
    rows(&ctx, "SELECT pack, sum(position) FROM t GROUP BY pack").await;
    assert_eq!(many.store.take(), (0, 0), "positions are in the directory");
    assert_eq!(rows(&ctx, "SELECT item FROM t LIMIT 3").await[0].num_rows(), 3);
    let (gets, _) = many.store.take();
    assert!(gets <= 4, "a limit of 3 rows took {gets} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_statistics_a_table_opens_one_pack() {
    let many = Many::write().await;
    let ctx = many.session("p/", "OPTIONS (statistics 'false')").await;
    assert_eq!(many.store.take(), (1, 1));
    assert_eq!(number(&ctx, "SELECT count(*) FROM t").await, 64 * 80);
    assert_eq!(many.store.take(), (PACKS - 1, 0), "each pack is opened once by all partitions");
}

/// Changes a byte in the middle of the first record.
fn damage(bytes: &mut [u8]) {
    bytes[1000] ^= 1;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_pack_is_named() {
    let many = Many::write().await;
    many.replace(17, |bytes| damage(bytes)).await;
    let ctx = many.session("p/", "").await;
    let error = failure(&ctx, "SELECT count(*) FROM t WHERE item LIKE '%x%'").await;
    assert!(error.contains("memory://many/p/17.pack") && error.contains("record 0"), "{error}");
    let error = ctx.sql("SELECT item FROM t").await.unwrap().collect().await.unwrap_err();
    assert!(PackError::find_in(&error).is_some(), "{error}");
    // Other packs, and other records of this one, are read.
    let query = "SELECT count(*) FROM (SELECT item FROM t WHERE pack NOT LIKE '%17.pack')";
    assert_eq!(number(&ctx, query).await, 63 * 80);
    let query = "SELECT item FROM t WHERE pack LIKE '%17.pack' AND position = 8";
    assert_eq!(rows(&ctx, query).await[0].num_rows(), 1);
    let query = "SELECT count(*) FROM pack_verify('memory://many/p/') WHERE ok";
    assert_eq!(number(&ctx, query).await, 63);
    let query = "SELECT count(*) FROM pack_verify('memory://many/p/') WHERE NOT ok \
                 AND pack LIKE '%17.pack' AND damaged_records = 1 AND record_checksum = 'failed'";
    assert_eq!(number(&ctx, query).await, 1);
    let query = "SELECT count(*) FROM pack_damage('memory://many/p/') WHERE record = 0 \
                 AND first_position = 0 AND items = 8 AND pack LIKE '%17.pack'";
    assert_eq!(number(&ctx, query).await, 1);
    // The option returns the rest.
    let ctx = many.session("p/", "OPTIONS (on_damage 'skip')").await;
    let query = "SELECT count(*) FROM t WHERE item LIKE '%0%'";
    assert_eq!(number(&ctx, query).await, 64 * 80 - 8 - without_zero(17));
    let query = "SELECT min(position) FROM t WHERE pack LIKE '%17.pack'";
    let found = rows(&ctx, query).await;
    let least = found[0].column(0).as_primitive::<datafusion::arrow::datatypes::UInt64Type>();
    assert_eq!(least.value(0), 8);
    // A limit counts rows, not the positions that are left out: the first eight.
    for limit in [5, 10, 15] {
        let query = format!(
            "SELECT count(*) FROM (SELECT item FROM t WHERE pack LIKE '%17.pack' AND position < 20 \
             LIMIT {limit})"
        );
        assert_eq!(number(&ctx, &query).await, limit.min(12));
    }
}

/// The number of items of all packs without a zero, apart from the first record of one.
fn without_zero(damaged: usize) -> i64 {
    let mut count = 0;
    for pack in 0..PACKS {
        for (position, item) in items(pack).iter().enumerate() {
            let is_left_out = pack == damaged && position < 8;
            count += i64::from(!is_left_out && !item.contains(&b'0'));
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_pack_is_named() {
    let many = Many::write().await;
    let ctx = many.session("p/", "").await;
    many.store.store.delete(&Path::from("p/40.pack")).await.unwrap();
    let error = failure(&ctx, "SELECT count(*) FROM t WHERE item LIKE '%x%'").await;
    assert!(error.contains("memory://many/p/40.pack"), "{error}");
    // A set says which packs there should be.
    let query = "SELECT count(*) FROM pack_verify('memory://many/p/set.json') WHERE NOT ok \
                 AND pack = 'memory://many/p/40.pack' AND error LIKE '%no such object%'";
    assert_eq!(number(&ctx, query).await, 1);
    let ctx = many.session("p/set.json", "").await;
    let error = failure(&ctx, "SELECT sum(size) FROM t").await;
    assert!(error.contains("memory://many/p/40.pack"), "{error}");
    let ctx = many.session("p/set.json", "OPTIONS (on_damage 'skip')").await;
    assert_eq!(number(&ctx, "SELECT count(*) FROM t").await, 63 * 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_pack_is_named() {
    let many = Many::write().await;
    let ctx = many.session("p/", "").await;
    // The same bytes, but another object.
    many.replace(23, |_| ()).await;
    let error = failure(&ctx, "SELECT count(*) FROM t WHERE item LIKE '%x%'").await;
    assert!(error.contains("memory://many/p/23.pack") && error.contains("changed"), "{error}");
    // A set detects another pack of the same size.
    many.replace(23, |bytes| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.pack");
        write(&path, options(), &items(32));
        *bytes = std::fs::read(path).unwrap();
    })
    .await;
    let ctx = many.session("p/set.json", "").await;
    let error = failure(&ctx, "SELECT count(*) FROM t WHERE item LIKE '%x%'").await;
    assert!(error.contains("memory://many/p/23.pack"), "{error}");
    let query = "SELECT count(*) FROM pack_verify('memory://many/p/set.json') WHERE NOT ok";
    assert_eq!(number(&ctx, query).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_query_stops_reading() {
    use futures::StreamExt as _;
    let many = Many::write().await;
    let ctx = many.session("p/", "").await;
    many.store.take();
    let mut stream = ctx.sql("SELECT item FROM t").await.unwrap().execute_stream().await.unwrap();
    stream.next().await.unwrap().unwrap();
    drop(stream);
    // What was in flight ends, and nothing follows.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let (gets, _) = many.store.take();
    assert!(gets < PACKS, "{gets} requests");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(many.store.take(), (0, 0));
}
