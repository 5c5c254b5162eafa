//! Tables of packs that are authenticated against a hash.

use std::path::Path;

use datafusion::prelude::SessionContext;
use sealpack::{SetManifest, Writer};

use crate::packs::{Packs, lines, session};
use crate::results::rows;

fn hex(hash: [u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn create(ctx: &SessionContext, location: &Path, trust: &str) -> Result<(), String> {
    let statement = format!(
        "CREATE OR REPLACE EXTERNAL TABLE t STORED AS PACK OPTIONS (trust '{trust}') LOCATION '{}'",
        location.display()
    );
    let created = ctx.sql(&statement).await.map_err(|error| error.to_string())?;
    created.collect().await.map(drop).map_err(|error| error.to_string())
}

async fn failure(ctx: &SessionContext) -> String {
    ctx.sql("SELECT item FROM t").await.unwrap().collect().await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_checked_against_the_root_of_a_digest_list() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pack");
    let mut writer = Writer::options().digest_list(true).create(&path).unwrap();
    lines(300).iter().for_each(|line| writer.append(line).unwrap());
    let root = writer.finish().unwrap().digests.unwrap().root;
    let ctx = session();
    create(&ctx, &path, &hex(root)).await.unwrap();
    let found = rows(&ctx, "SELECT item FROM t").await;
    assert_eq!(found.iter().map(|batch| batch.num_rows()).sum::<usize>(), 300);
    create(&ctx, &path, &hex([7; 32])).await.unwrap();
    let error = failure(&ctx).await;
    assert!(error.contains("a.pack"), "{error}");
    let error = create(&ctx, folder.path(), &hex(root)).await.unwrap_err();
    assert!(error.contains("one hash cannot authenticate several packs"), "{error}");
    let error = create(&ctx, &path, "ab").await.unwrap_err();
    assert!(error.contains("trust must be 64 hexadecimal digits"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_of_a_set_authenticates_its_members() {
    let packs = Packs::write();
    let path = packs.folder.path().join("set/set.json");
    let root = SetManifest::open(&path).unwrap().root();
    let ctx = session();
    create(&ctx, &path, &hex(root)).await.unwrap();
    let found = rows(&ctx, "SELECT item FROM t").await;
    assert_eq!(found.iter().map(|batch| batch.num_rows()).sum::<usize>(), 50);
    assert!(create(&ctx, &path, &hex([7; 32])).await.is_err());
    // A sound pack, but not the member that the set states.
    let member = packs.folder.path().join("set/a.pack");
    let mut writer = Writer::options().overwrite(true).create(&member).unwrap();
    lines(20).iter().rev().for_each(|line| writer.append(line).unwrap());
    writer.finish().unwrap();
    let ctx = session();
    create(&ctx, &path, &hex(root)).await.unwrap();
    let error = failure(&ctx).await;
    assert!(error.contains("a.pack"), "{error}");
}
