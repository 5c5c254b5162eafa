//! The memory of a scan stays within that of the session's pool. A process of its own, since
//! it measures what the process takes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "tests"
)]

use std::sync::Arc;

use datafusion::arrow::array::AsArray as _;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::error::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use sealpack::{Writer, Zstd};

const MIB: usize = 1 << 20;

/// The items take 400 MiB; stored, only few.
const ITEMS: usize = 400;

/// What the process takes apart from queries, in bytes.
const ALLOWANCE: usize = 96 * MIB;

fn session(pool: usize) -> SessionContext {
    let runtime = RuntimeEnvBuilder::new().with_memory_limit(pool, 1.0).build().unwrap();
    let config = SessionConfig::new().with_target_partitions(2).with_repartition_file_min_size(1);
    let state = sealpack_datafusion::session_state(config, Arc::new(runtime)).unwrap();
    SessionContext::new_with_state(state)
}

async fn number(ctx: &SessionContext, query: &str) -> Result<i64, DataFusionError> {
    let found = ctx.sql(query).await?.collect().await?;
    Ok(found[0].column(0).as_primitive::<Int64Type>().value(0))
}

/// Returns the peak of the process's memory since the last call, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: usize = line.trim().trim_end_matches(" kB").trim().parse().unwrap();
    // Starts the next measurement.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    kib << 10
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_stays_within_the_pool() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.pack");
    let options = Writer::options().codec(Zstd::level(1)).content_hash(false).threads(1);
    let mut writer = options.items_per_record(8).create(&path).unwrap();
    for number in 0..ITEMS {
        let mut item = format!("item {number} ").into_bytes().repeat(MIB / 8);
        item.extend_from_slice(if number % 100 == 7 { b"rare" } else { b"----" });
        writer.append(&item).unwrap();
    }
    writer.finish().unwrap();
    let create = format!("CREATE EXTERNAL TABLE t STORED AS PACK LOCATION '{}'", path.display());

    let ctx = session(256 * MIB);
    ctx.sql(&create).await.unwrap().collect().await.unwrap();
    peak();
    let rare = "SELECT count(*) FROM t WHERE item LIKE '%rare%'";
    assert_eq!(number(&ctx, rare).await.unwrap(), 4);
    let taken = peak();
    assert!(taken < 256 * MIB + ALLOWANCE, "{} MiB", taken / MIB);
    let all = "SELECT sum(length(item)) FROM t";
    assert!(number(&ctx, all).await.unwrap() > 400 * (1 << 20));
    let taken = peak();
    assert!(taken < 256 * MIB + ALLOWANCE, "{} MiB", taken / MIB);

    // A pool that is too small is an error.
    let ctx = session(40 * MIB);
    ctx.sql(&create).await.unwrap().collect().await.unwrap();
    let error = number(&ctx, all).await.unwrap_err().find_root().to_string();
    assert!(error.contains("PackScan") || error.contains("limit"), "{error}");
    let ctx = session(MIB);
    ctx.sql(&create).await.unwrap().collect().await.unwrap();
    let error = number(&ctx, all).await.unwrap_err().to_string();
    assert!(error.contains("large.pack") || error.contains("PackScan"), "{error}");
}
