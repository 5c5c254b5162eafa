//! Every plan gives the same rows after a journey as bytes.

use std::sync::Arc;

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::physical_plan::{ExecutionPlan, collect, displayable};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion_proto::bytes::{
    logical_plan_from_bytes_with_extension_codec, logical_plan_to_bytes_with_extension_codec,
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};
use sealpack_datafusion::{PackLogicalCodec, PackPhysicalCodec};

use crate::packs::Packs;

const QUERIES: [&str; 12] = [
    "SELECT count(*) FROM t",
    "SELECT pack, position, size, name FROM t WHERE position IN (3, 4, 90) ORDER BY 1, 2",
    "SELECT pack, sum(size) FROM t WHERE item LIKE '%9%' GROUP BY pack ORDER BY pack",
    "SELECT position FROM t WHERE name = 'dir/file-03' ORDER BY pack LIMIT 1",
    "SELECT day, year, count(*) FROM f WHERE year <> '2025' GROUP BY 1, 2",
    "SELECT sum(length(item)) FROM set WHERE position BETWEEN 3 AND 22",
    "SELECT text FROM strict WHERE position = 0",
    "SELECT pack, items, codec FROM pack_info('{base}shapes/') ORDER BY pack",
    "SELECT pack, ok, damaged_records, lengths FROM pack_verify('{base}shapes/') ORDER BY pack",
    "SELECT pack, record, bytes FROM pack_records('{base}shapes/') ORDER BY pack, record",
    "SELECT * FROM pack_damage('{base}shapes/')",
    "SELECT name, arrow_cast(item, 'Utf8View') FROM packs('{base}shapes/named.pack') ORDER BY 1, 2",
];

/// Returns the rows of a plan as a table.
async fn run(plan: Arc<dyn ExecutionPlan>, ctx: &SessionContext) -> String {
    let batches = collect(plan, ctx.task_ctx()).await.unwrap();
    pretty_format_batches(&batches).unwrap().to_string()
}

async fn check_logical(ctx: &SessionContext, frame: DataFrame) {
    let logical = frame.logical_plan().clone();
    let codec = PackLogicalCodec::default();
    let bytes = logical_plan_to_bytes_with_extension_codec(&logical, &codec).unwrap();
    let decoded =
        logical_plan_from_bytes_with_extension_codec(&bytes, &ctx.task_ctx(), &codec).unwrap();
    assert_eq!(decoded.display_indent().to_string(), logical.display_indent().to_string());
    let state = ctx.state();
    let decoded = state.create_physical_plan(&decoded).await.unwrap();
    let expected = run(frame.create_physical_plan().await.unwrap(), ctx).await;
    assert_eq!(run(decoded, ctx).await, expected);
}

async fn check_physical(ctx: &SessionContext, frame: DataFrame) {
    let physical = frame.create_physical_plan().await.unwrap();
    let codec = PackPhysicalCodec::default();
    let bytes = physical_plan_to_bytes_with_extension_codec(Arc::clone(&physical), &codec).unwrap();
    let decoded =
        physical_plan_from_bytes_with_extension_codec(&bytes, &ctx.task_ctx(), &codec).unwrap();
    let shown = |plan: &Arc<dyn ExecutionPlan>| displayable(plan.as_ref()).indent(true).to_string();
    assert_eq!(shown(&decoded), shown(&physical));
    assert_eq!(run(decoded, ctx).await, run(physical, ctx).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_survive_encoding() {
    let packs = Packs::write();
    let (ctx, base) = packs.in_memory().await;
    for create in [
        "t STORED AS PACK LOCATION '{base}shapes/'",
        "f STORED AS PACK LOCATION '{base}folders/'",
        "set STORED AS PACK LOCATION '{base}set/set.json'",
        "strict STORED AS PACK OPTIONS (text 'true') LOCATION '{base}shapes/plain.pack'",
    ] {
        let create = format!("CREATE EXTERNAL TABLE {create}").replace("{base}", &base);
        ctx.sql(&create).await.unwrap().collect().await.unwrap();
    }
    for query in QUERIES {
        let frame = ctx.sql(&query.replace("{base}", &base)).await.unwrap();
        check_logical(&ctx, frame.clone()).await;
        check_physical(&ctx, frame).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_survive_encoding() {
    let packs = Packs::write();
    let (ctx, base) = packs.in_memory().await;
    let copy = format!(
        "COPY (SELECT item FROM packs('{base}shapes/plain.pack') ORDER BY position) \
         TO '{base}out/one.pack' STORED AS PACK \
         OPTIONS (codec 'none', items_per_record '3', overwrite 'true')"
    );
    check_physical(&ctx, ctx.sql(&copy).await.unwrap()).await;
    // The options are part of the format, since the plan loses them on its way.
    let frame = ctx.sql(&copy).await.unwrap();
    let (state, logical) = frame.into_parts();
    let logical = state.optimize(&logical).unwrap();
    let codec = PackLogicalCodec::default();
    let bytes = logical_plan_to_bytes_with_extension_codec(&logical, &codec).unwrap();
    let decoded =
        logical_plan_from_bytes_with_extension_codec(&bytes, &ctx.task_ctx(), &codec).unwrap();
    ctx.execute_logical_plan(decoded).await.unwrap().collect().await.unwrap();
    let info = format!("SELECT items, records, codec FROM pack_info('{base}out/one.pack')");
    let found = crate::results::rows(&ctx, &info).await;
    let found = pretty_format_batches(&found).unwrap().to_string();
    assert!(found.contains("| 100   | 34      | none  |"), "{found}");
}
