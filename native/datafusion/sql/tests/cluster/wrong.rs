//! A damaged, a missing, a changed pack among the 64: it is named, and nothing wrong is
//! returned.

use super::fixture::{Cluster, ITEMS, PACKS, pack, sealpack_sql};
use super::queries::LIKE;
use super::start::ServerKind;
use crate::child::Spawn as _;

#[test]
#[ignore = "needs servers: tests/run engine"]
fn a_damaged_pack_is_named() {
    let cluster = Cluster::start(ServerKind::S3sFs);
    let mut bytes = pack(17, ITEMS);
    // A byte of the second record.
    bytes[2000] ^= 1;
    cluster.store.put("packs/17.pack", bytes);
    let answer = cluster.answer(LIKE);
    assert!(answer.error().contains("17.pack"), "{}", answer.message);
    let verify =
        "SELECT pack, error FROM pack_verify('s3://bucket/packs/') WHERE error IS NOT NULL";
    let answer = cluster.answer(verify);
    let rows = answer.rows(&cluster);
    assert!(rows.len() == 1 && rows[0].contains("17.pack"), "{rows:?}");
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn a_pack_that_is_deleted_or_changed_after_the_listing_is_named() {
    // Moto has ETags in listings, so a change of equal size is seen.
    for kind in [ServerKind::S3sFs, ServerKind::Moto] {
        let cluster = Cluster::start(kind);
        let delay = std::time::Duration::from_millis(40);
        for change in ["deleted", "changed"] {
            cluster.store.proxy.set_delay(delay);
            let before = cluster.store.proxy.requests();
            let mut query = cluster.query(LIKE);
            // The listing and the first packs.
            super::child::wait_until("requests", || {
                cluster.store.proxy.requests() > before + 4 || !query.is_running()
            });
            let last = format!("packs/{:02}.pack", PACKS - 1);
            match change {
                "deleted" => cluster.store.delete(&last),
                _ => cluster.store.put(&last, pack(PACKS - 1, ITEMS + 1)),
            }
            cluster.store.proxy.set_delay(std::time::Duration::ZERO);
            let answer = super::fixture::Answer::new(LIKE, query.end());
            assert!(answer.error().contains("63.pack"), "{kind:?} {change}: {}", answer.message);
            cluster.store.put(&last, pack(PACKS - 1, ITEMS));
        }
    }
}

#[test]
#[ignore = "needs servers: tests/run engine"]
fn a_missing_scheduler_is_reported_with_what_to_do() {
    let store = super::fixture::Store::with_packs(ServerKind::S3sFs);
    let output = sealpack_sql(&store, "--ballista 127.0.0.1:1 -c SHOW").run();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(message.contains("127.0.0.1:1") && message.contains("scheduler"), "{message}");
}
