//! An executor is killed in the middle of a query: the answer is right or the error is
//! clear, and there is no half of a pack.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sealpack::Reader;

use super::child::wait_until;
use super::fixture::{Answer, Cluster, ITEMS, PACKS, rare_items};
use super::queries::{JOIN, LIKE, MAKE_PARQUET, VERIFY, joined};
use super::start::ServerKind;

/// The delay of each request: so a query takes seconds.
const DELAY: Duration = Duration::from_millis(60);

/// The client lists the packs, and opens each. Executors send all other requests: one for
/// each pack, as long as they have not read it before.
const OF_THE_CLIENT: usize = PACKS + 1;

/// Starts a query on a new cluster, and kills an executor when about half of the packs were
/// read.
fn killed_during(cluster: &mut Cluster, sql: &str) -> Answer {
    let proxy = &cluster.store.proxy;
    proxy.set_delay(DELAY);
    let middle = proxy.requests() + OF_THE_CLIENT + PACKS / 2;
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

/// Kills an executor at several moments of a query, and starts another in its place. `sql`
/// makes the statement of each attempt, and `check` looks at its answer.
fn killed_at_any_time(sql: impl Fn(u32) -> String, check: impl Fn(&Cluster, u32, &Answer)) {
    /// The moments at which an executor is killed.
    const KILLS: u32 = 7;
    let mut cluster = Cluster::start(ServerKind::S3sFs);
    cluster.store.proxy.set_delay(DELAY);
    // The first attempt takes longer: it opens the packs.
    cluster.answer(&sql(0)).rows(&cluster);
    let started = Instant::now();
    cluster.answer(&sql(1)).rows(&cluster);
    let duration = started.elapsed();
    let (mut running, mut answered) = (0, 0);
    for number in 1..=KILLS {
        let sql = sql(number + 1);
        let mut query = cluster.query(&sql);
        // Late, other executors need the results of the one that dies.
        std::thread::sleep(duration * (number + 2) / (KILLS + 3));
        running += u32::from(query.is_running());
        cluster.executors[1].kill();
        cluster.executors[1] = cluster.start_executor();
        let answer = Answer::new(&sql, query.end());
        answered += u32::from(answer.succeeded);
        check(&cluster, number + 1, &answer);
    }
    assert!(running > 0 && answered > 0, "{running} were running, {answered} had an answer");
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
    let answer = killed_during(&mut cluster, VERIFY);
    right_or_clear(&cluster, &answer, &format!("{PACKS},{}", PACKS * ITEMS));
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn an_executor_dies_during_a_filter_over_all_items() {
    let mut cluster = Cluster::start(ServerKind::S3sFs);
    let answer = killed_during(&mut cluster, LIKE);
    right_or_clear(&cluster, &answer, &rare_items().to_string());
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn an_executor_dies_during_a_join() {
    let mut cluster = Cluster::start(ServerKind::S3sFs);
    cluster.answer(MAKE_PARQUET).rows(&cluster);
    let answer = killed_during(&mut cluster, JOIN);
    right_or_clear(&cluster, &answer, &joined());
}

/// Checks that each pack below a prefix is whole, and that they hold each item at most once;
/// exactly once if the query succeeded.
fn check_written(cluster: &Cluster, prefix: &str, answer: &Answer) {
    right_or_clear(cluster, answer, &(PACKS * ITEMS).to_string());
    let folder = tempfile::tempdir().unwrap();
    let mut items = HashSet::new();
    for (name, bytes) in cluster.store.list(prefix) {
        let path = folder.path().join("a.pack");
        std::fs::write(&path, bytes).unwrap();
        let reader = Reader::open(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(reader.verify().unwrap().is_ok(), "{name}");
        for item in reader.range(..).unwrap() {
            assert!(items.insert(item.unwrap().to_vec()), "{name}: an item is written twice");
        }
    }
    if answer.succeeded {
        assert_eq!(items.len(), PACKS * ITEMS);
    }
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn an_executor_dies_at_any_time_of_a_verification() {
    let expected = format!("{PACKS},{}", PACKS * ITEMS);
    killed_at_any_time(
        |_| VERIFY.to_string(),
        |cluster, _, answer| right_or_clear(cluster, answer, &expected),
    );
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn an_executor_dies_at_any_time_of_a_copy() {
    killed_at_any_time(
        |number| copy_to(&format!("out-{number}/a.pack")),
        |cluster, number, answer| check_written(cluster, &format!("out-{number}"), answer),
    );
}

fn copy_to(location: &str) -> String {
    format!("COPY (SELECT item FROM packs) TO 's3://bucket/{location}' STORED AS PACK")
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn an_executor_dies_while_packs_are_written() {
    let mut cluster = Cluster::start(ServerKind::S3sFs);
    let answer = killed_during(&mut cluster, &copy_to("out/"));
    check_written(&cluster, "out", &answer);
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn an_executor_dies_while_one_pack_is_written() {
    let mut cluster = Cluster::start(ServerKind::S3sFs);
    let answer = killed_during(&mut cluster, &copy_to("out/a.pack"));
    check_written(&cluster, "out", &answer);
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn the_death_of_all_executors_is_reported() {
    let mut cluster = Cluster::start(ServerKind::S3sFs);
    cluster.store.proxy.set_delay(DELAY);
    let before = cluster.store.proxy.requests();
    let mut query = cluster.query(LIKE);
    let proxy = &cluster.store.proxy;
    let middle = before + OF_THE_CLIENT + 10;
    wait_until("the executors", || proxy.requests() > middle || !query.is_running());
    cluster.executors.iter_mut().for_each(|executor| executor.kill());
    let answer = Answer::new(LIKE, query.end());
    assert!(answer.error().contains("all executors were lost"), "{}", answer.message);
}
