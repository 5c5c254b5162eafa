//! What a cluster answers while nothing goes wrong.

use std::time::Duration;

use super::child::wait_until;
use super::fixture::{Cluster, ITEMS, PACKS, RARE_EVERY, item, rare_items};
use super::start::ServerKind;

/// Writes a table of Parquet with a number for each of the first positions.
pub const MAKE_PARQUET: &str = "COPY (SELECT position, position * 10 AS weight FROM packs WHERE pack \
     LIKE '%/00.pack' AND position < 50) TO 's3://bucket/weights.parquet' STORED AS PARQUET";
/// Joins the packs with it.
pub const JOIN: &str = "CREATE EXTERNAL TABLE weights STORED AS PARQUET LOCATION \
     's3://bucket/weights.parquet'; SELECT sum(weights.weight), count(*) FROM packs JOIN weights \
     ON packs.position = weights.position WHERE packs.size > 0";
/// The result of the join.
pub fn joined() -> String {
    format!("{},{}", PACKS * (0..50).sum::<usize>() * 10, PACKS * 50)
}
pub const VERIFY: &str = "SELECT count(*), sum(items) FROM pack_verify('s3://bucket/packs/') WHERE \
     error IS NULL";
pub const LIKE: &str = "SELECT count(*) FROM packs WHERE item LIKE '%rare%'";

#[test]
#[ignore = "needs servers: tests/run engine"]
fn a_cluster_counts_filters_joins_and_verifies() {
    let cluster = Cluster::start(ServerKind::S3sFs);
    let before = cluster.store.proxy.requests();
    let count = cluster.answer("SELECT count(*) FROM packs");
    assert_eq!(count.value(&cluster), (PACKS * ITEMS).to_string());
    // One for the listing; the client opens each pack, and no other process opens it again.
    assert_eq!(cluster.store.proxy.requests() - before, PACKS + 1);
    let rare = cluster.answer(LIKE);
    assert_eq!(rare.value(&cluster), rare_items().to_string());
    let verified = cluster.answer(VERIFY);
    assert_eq!(verified.value(&cluster), format!("{PACKS},{}", PACKS * ITEMS));
    cluster.answer(MAKE_PARQUET).rows(&cluster);
    assert_eq!(cluster.answer(JOIN).value(&cluster), joined());

    let few = "SELECT CAST(item AS VARCHAR) FROM packs WHERE position = 77 ORDER BY pack LIMIT 3";
    let few = cluster.answer(few);
    let expected: Vec<_> = (0..3).map(|pack| item(pack, 77)).collect();
    assert_eq!(few.rows(&cluster), expected);
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn a_cluster_writes_packs_that_hold_what_was_selected() {
    let cluster = Cluster::start(ServerKind::S3sFs);
    let copy = "COPY (SELECT item FROM packs WHERE position < 100) TO 's3://bucket/out/' STORED AS \
                PACK";
    assert_eq!(cluster.answer(copy).value(&cluster), (PACKS * 100).to_string());
    assert!(cluster.store.list("out").len() > 1, "each partition is a pack");
    let back = "SELECT count(*), count(DISTINCT item) FROM packs";
    let read = cluster.answer(
        "CREATE EXTERNAL TABLE out STORED AS PACK LOCATION 's3://bucket/out/'; SELECT count(*), \
         count(DISTINCT item), sum(CASE WHEN item LIKE '%rare%' THEN 1 ELSE 0 END) FROM out",
    );
    let rare = (0..PACKS).flat_map(|pack| (0..100).map(move |position| pack * ITEMS + position));
    let rare = rare.filter(|number| number.is_multiple_of(RARE_EVERY)).count();
    assert_eq!(read.value(&cluster), format!("{0},{0},{rare}", PACKS * 100));
    let all = cluster.answer(back);
    assert_eq!(all.value(&cluster), format!("{0},{0}", PACKS * ITEMS));
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn ctrl_c_cancels_the_query_on_the_cluster() {
    let cluster = Cluster::start(ServerKind::S3sFs);
    cluster.store.proxy.set_delay(Duration::from_millis(200));
    let before = cluster.store.proxy.requests();
    let mut query = cluster.query(LIKE);
    // The client lists the packs and opens each; the rest are requests of executors.
    wait_until("the executors", || {
        cluster.store.proxy.requests() > before + PACKS + 10 || !query.is_running()
    });
    query.signal(signal_hook::consts::SIGINT);
    let status = query.wait("it to end");
    assert_eq!(status.code(), Some(130));
    wait_until("the cancellation", || cluster.scheduler_log().contains("Job cancelled"));
    cluster.store.proxy.set_delay(Duration::ZERO);
    assert_eq!(cluster.answer(LIKE).value(&cluster), rare_items().to_string());
}
