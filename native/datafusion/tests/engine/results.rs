//! A table has exactly the items of its packs.

use datafusion::arrow::array::{Array as _, AsArray as _, RecordBatch};
use datafusion::arrow::datatypes::{UInt32Type, UInt64Type};
use datafusion::prelude::SessionContext;
use sealpack::Reader;

use crate::packs::Packs;

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

#[tokio::test(flavor = "multi_thread")]
async fn tables_have_the_items_of_their_packs() {
    let packs = Packs::write();
    let (ctx, base) = packs.local();
    check_shapes(&packs, &ctx, &base).await;
    let (ctx, base) = packs.in_memory().await;
    check_shapes(&packs, &ctx, &base).await;
}
