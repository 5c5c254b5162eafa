//! An executor is killed in the middle of a query: the answer is right or the error is
//! clear, and there is no half of a pack.

use std::time::Duration;

use sealpack::Reader;

use super::child::wait_until;
use super::fixture::{Answer, Cluster, ITEMS, PACKS, rare_items};
use super::queries::{JOIN, LIKE, MAKE_PARQUET, VERIFY, joined};
use super::start::ServerKind;

/// The delay of each request: so a query takes seconds.
const DELAY: Duration = Duration::from_millis(60);

/// Runs a query once without disturbance, to count its requests, then again, and kills an
/// executor when a third of them were sent.
fn killed_during(cluster: &mut Cluster, undisturbed: &str, sql: &str) -> Answer {
    let requests = {
        let before = cluster.store.proxy.requests();
        cluster.answer(undisturbed).rows(cluster);
        cluster.store.proxy.requests() - before
    };
    assert!(requests > PACKS, "{requests} requests");
    let proxy = &cluster.store.proxy;
    proxy.set_delay(DELAY);
    let middle = proxy.requests() + requests / 3;
    let mut query = cluster.query(sql);
    wait_until("the middle of the query", || proxy.requests() >= middle || !query.is_running());
    assert!(query.is_running(), "the query ended before its middle");
    cluster.executors[1].kill();
    cluster.store.proxy.set_delay(Duration::ZERO);
    let answer = Answer::new(sql, query.end());
    // Otherwise the executor had nothing to lose.
    let log = cluster.scheduler_log().to_lowercase();
    let noticed = log.lines().any(|line| line.contains("executor") && line.contains("warn"));
    assert!(noticed, "the scheduler noticed no loss:\n{log}");
    answer
}

/// Checks an answer that may be an error, but not a wrong one.
#[track_caller]
fn right_or_clear(cluster: &Cluster, answer: &Answer, expected: &str) {
    if answer.succeeded {
        assert_eq!(answer.rows, [expected]);
    } else {
        let message = answer.error();
        println!("an error, not an answer: {message}");
        assert!(message.to_lowercase().contains("executor"), "{message}\n{}", cluster.logs());
    }
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn an_executor_dies_during_verification() {
    let mut cluster = Cluster::start(ServerKind::S3sFs);
    let answer = killed_during(&mut cluster, VERIFY, VERIFY);
    right_or_clear(&cluster, &answer, &format!("{PACKS},{}", PACKS * ITEMS));
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn an_executor_dies_during_a_filter_over_all_items() {
    let mut cluster = Cluster::start(ServerKind::S3sFs);
    let answer = killed_during(&mut cluster, LIKE, LIKE);
    right_or_clear(&cluster, &answer, &rare_items().to_string());
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn an_executor_dies_during_a_join() {
    let mut cluster = Cluster::start(ServerKind::S3sFs);
    cluster.answer(MAKE_PARQUET).rows(&cluster);
    let answer = killed_during(&mut cluster, JOIN, JOIN);
    right_or_clear(&cluster, &answer, &joined());
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn an_executor_dies_while_packs_are_written() {
    let mut cluster = Cluster::start(ServerKind::S3sFs);
    let copy = |folder: &str| {
        format!("COPY (SELECT item FROM packs) TO 's3://bucket/{folder}/' STORED AS PACK")
    };
    let answer = killed_during(&mut cluster, &copy("first"), &copy("out"));
    right_or_clear(&cluster, &answer, &(PACKS * ITEMS).to_string());

    let folder = tempfile::tempdir().unwrap();
    let mut items = 0;
    for (name, bytes) in cluster.store.list("out") {
        let path = folder.path().join("a.pack");
        std::fs::write(&path, bytes).unwrap();
        let reader = Reader::open(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(reader.verify().unwrap().is_ok(), "{name}");
        items += reader.range(..).unwrap().count();
    }
    if answer.succeeded {
        assert_eq!(items, PACKS * ITEMS, "each item is written once");
    } else {
        assert!(items <= PACKS * ITEMS, "no item is written twice");
    }
}
