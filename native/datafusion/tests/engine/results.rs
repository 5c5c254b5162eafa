//! A table has exactly the items of its packs.

use std::path::Path;
use std::process::Command;

use datafusion::arrow::array::{Array as _, AsArray as _, RecordBatch};
use datafusion::arrow::datatypes::{UInt32Type, UInt64Type};
use datafusion::prelude::SessionContext;
use sealpack::Reader;

use crate::packs::Packs;
use crate::start::{SERVER_KINDS, Server};

pub async fn rows(ctx: &SessionContext, query: &str) -> Vec<RecordBatch> {
    ctx.sql(query).await.unwrap().collect().await.unwrap()
}

/// Returns positions, items, sizes and names, in the order of a query.
async fn items(ctx: &SessionContext, query: &str) -> Vec<(u64, Vec<u8>, u32, Option<String>)> {
    let mut found = Vec::new();
    for batch in rows(ctx, query).await {
        let positions = batch.column(0).as_primitive::<UInt64Type>();
        let items = batch.column(1).as_binary_view();
        let sizes = batch.column(2).as_primitive::<UInt32Type>();
        let names = batch.column(3).as_string_view();
        for row in 0..batch.num_rows() {
            let name = names.is_valid(row).then(|| names.value(row).to_owned());
            found.push((positions.value(row), items.value(row).to_vec(), sizes.value(row), name));
        }
    }
    found
}

async fn check_shapes(packs: &Packs, ctx: &SessionContext, base: &str) {
    for path in packs.shapes() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let reader = Reader::open(&path).unwrap();
        let names = reader.names().unwrap();
        let expected: Vec<_> = (0..reader.item_count())
            .map(|position| {
                let item = reader.get(position).unwrap().to_vec();
                let size = u32::try_from(item.len()).unwrap();
                let name = names.as_ref().map(|names| names.get(position).unwrap());
                let name = name.filter(|name| !name.is_empty());
                let name = name.map(|name| String::from_utf8(name.to_vec()).unwrap());
                (u64::from(position), item, size, name)
            })
            .collect();
        let from = format!("FROM packs('{base}shapes/{name}')");
        let query = format!("SELECT position, item, size, name {from} ORDER BY position");
        assert_eq!(items(ctx, &query).await, expected, "{name}");
        // Without the items, sizes come from the lengths alone.
        let query = format!("SELECT position, size, name {from} ORDER BY position");
        let mut row = 0;
        for batch in rows(ctx, &query).await {
            let sizes = batch.column(1).as_primitive::<UInt32Type>();
            for size in sizes.values() {
                assert_eq!(*size, expected[row].2, "{name} {row}");
                row += 1;
            }
        }
        assert_eq!(row, expected.len());
        check_positions(ctx, &from, &expected).await;
        check_searches(ctx, &from, &expected).await;
    }
}

/// Checks filters on positions against the items that they select.
async fn check_positions(
    ctx: &SessionContext,
    from: &str,
    expected: &[(u64, Vec<u8>, u32, Option<String>)],
) {
    type Condition = fn(u64) -> bool;
    let filters: [(&str, Condition); 5] = [
        ("position = 3", |position| position == 3),
        ("position IN (1, 2, 17, 38, 999)", |at| [1, 2, 17, 38, 999].contains(&at)),
        ("position BETWEEN 5 AND 30", |at| (5..=30).contains(&at)),
        ("position >= 20 AND position <> 25", |at| at >= 20 && at != 25),
        ("position % 7 = 1", |at| at % 7 == 1),
    ];
    for (filter, selects) in filters {
        let query =
            format!("SELECT position, item, size, name {from} WHERE {filter} ORDER BY position");
        let wanted: Vec<_> = expected.iter().filter(|row| selects(row.0)).cloned().collect();
        assert_eq!(items(ctx, &query).await, wanted, "{query}");
    }
}

/// Checks searches for texts that all items contain, some, and none.
async fn check_searches(
    ctx: &SessionContext,
    from: &str,
    expected: &[(u64, Vec<u8>, u32, Option<String>)],
) {
    for text in ["n", "9", "line 17", "abcdef abcdef ", "zzz"] {
        for (filter, positions) in [("true", 0..u64::MAX), ("position BETWEEN 5 AND 130", 5..131)] {
            let query = format!(
                "SELECT position, item, size, name {from} WHERE item LIKE '%{text}%' AND {filter} \
                 ORDER BY position"
            );
            let contains =
                |item: &[u8]| item.windows(text.len()).any(|part| part == text.as_bytes());
            let is_wanted = |row: &&(u64, Vec<u8>, u32, Option<String>)| {
                positions.contains(&row.0) && contains(&row.1)
            };
            let wanted: Vec<_> = expected.iter().filter(is_wanted).cloned().collect();
            assert_eq!(items(ctx, &query).await, wanted, "{query}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_have_the_items_of_their_packs() {
    let packs = Packs::write();
    let (ctx, base) = packs.local();
    check_shapes(&packs, &ctx, &base).await;
    let (ctx, base) = packs.in_memory().await;
    check_shapes(&packs, &ctx, &base).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the S3 servers"]
async fn tables_on_s3_have_the_items_of_their_packs() {
    let packs = Packs::write();
    for kind in SERVER_KINDS {
        let server = Server::start(kind);
        let (ctx, base) = packs.on_s3(&server, "packs").await;
        check_shapes(&packs, &ctx, &base).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items_are_views_of_their_records() {
    let packs = Packs::write();
    let (ctx, base) = packs.local();
    for name in ["zstd.pack", "plain.pack"] {
        let reader = Reader::open(packs.folder.path().join("shapes").join(name)).unwrap();
        let payload = |number| reader.record(number).unwrap().payload().len();
        let records: Vec<usize> = (0..reader.directory().record_count()).map(payload).collect();
        // In order, so that all rows are in one partition, and none is copied for a sort.
        let query = format!("SELECT item FROM packs('{base}shapes/{name}') LIMIT 100000");
        ctx.sql("SET datafusion.execution.target_partitions = 1").await.unwrap();
        let batches = rows(&ctx, &query).await;
        let buffers =
            batches.iter().flat_map(|batch| batch.column(0).as_binary_view().data_buffers());
        let sizes: Vec<usize> = buffers.map(|buffer| buffer.len()).collect();
        // One for each record, and nothing else.
        assert_eq!(sizes, records, "{name}");
    }
}

/// The items that `sealpack cat --framed` prints: each after its length.
fn printed_by_cat(pack: &Path) -> Vec<Vec<u8>> {
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/debug/sealpack");
    let command = std::env::var_os("SEALPACK").unwrap_or_else(|| usual.into());
    let output = Command::new(command).args(["cat", "--framed"]).arg(pack).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut rest = output.stdout.as_slice();
    let mut items = Vec::new();
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (item, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        items.push(item.to_vec());
        rest = after;
    }
    items
}

/// `tests/run engine` builds the command.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the command sealpack"]
async fn tables_have_the_items_that_sealpack_cat_prints() {
    let packs = Packs::write();
    let (ctx, base) = packs.local();
    let shapes = packs.shapes();
    assert!(!shapes.is_empty());
    for path in shapes {
        let name = path.file_name().unwrap().to_str().unwrap();
        let from = format!("FROM packs('{base}shapes/{name}')");
        let mut found = Vec::new();
        for batch in rows(&ctx, &format!("SELECT item {from} ORDER BY pack, position")).await {
            found.extend(batch.column(0).as_binary_view().iter().flatten().map(<[u8]>::to_vec));
        }
        assert_eq!(found, printed_by_cat(&path), "{name}");
    }
}
