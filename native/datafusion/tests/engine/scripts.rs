//! Runs the SQL in `tests/slt`, over packs in a folder, in a store in memory, and on S3.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use sqllogictest::{AsyncDB, DBOutput, DefaultColumnType, Runner};

use crate::packs::Packs;
use crate::start::{SERVER_KINDS, Server};

/// A session as a database of `sqllogictest`. The URL of the packs is `{base}` in scripts
/// and in results.
struct Session {
    ctx: SessionContext,
    base: String,
}

#[async_trait]
impl AsyncDB for Session {
    type Error = DataFusionError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, DataFusionError> {
        let batches = self.ctx.sql(&sql.replace("{base}", &self.base)).await?.collect().await;
        let batches = batches.map_err(|error| {
            DataFusionError::Execution(error.to_string().replace(&self.base, "{base}"))
        })?;
        let options = FormatOptions::default().with_null("NULL");
        let mut rows = Vec::new();
        let mut types = Vec::new();
        for batch in &batches {
            types = vec![DefaultColumnType::Any; batch.num_columns()];
            let columns: Result<Vec<_>, _> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &options))
                .collect();
            let columns = columns?;
            for row in 0..batch.num_rows() {
                let text = |column: &ArrayFormatter<'_>| match column.value(row).to_string() {
                    empty if empty.is_empty() => "(empty)".to_owned(),
                    text => on_one_line(&text.replace(&self.base, "{base}")),
                };
                rows.push(columns.iter().map(text).collect());
            }
        }
        Ok(match types.is_empty() {
            true => DBOutput::StatementComplete(0),
            false => DBOutput::Rows { types, rows },
        })
    }

    async fn shutdown(&mut self) {}
}

/// Writes a plan on one line, each node before the one that it reads from.
fn on_one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" <- ")
}

async fn run(make: impl AsyncFn() -> (SessionContext, String), kind: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let mut scripts: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    for script in scripts {
        let text = std::fs::read_to_string(&script).unwrap();
        let name = format!("{} ({kind})", script.file_name().unwrap().display());
        let (ctx, base) = make().await;
        let session = Session { ctx, base };
        let session = std::sync::Mutex::new(Some(session));
        let mut runner = Runner::new(|| {
            let session = session.lock().unwrap().take().unwrap();
            async { Ok(session) }
        });
        let outcome = runner.run_script_with_name_async(&text, name.as_str()).await;
        if let Err(error) = outcome {
            panic!("{name}: {}", error.display(false));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_hold_in_a_folder() {
    let packs = Packs::write();
    run(async || packs.local(), "local").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_hold_in_memory() {
    let packs = Packs::write();
    run(async || packs.in_memory().await, "memory").await;
}

/// `tests/run engine` installs the servers.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the S3 servers"]
async fn scripts_hold_on_s3() {
    let packs = Packs::write();
    for kind in SERVER_KINDS {
        let server = Server::start(kind);
        let copies = AtomicUsize::new(0);
        // Each script has a copy of its own, since some write.
        let make = async || {
            let prefix = format!("copy-{}", copies.fetch_add(1, Ordering::Relaxed));
            packs.on_s3(&server, &prefix).await
        };
        run(make, &format!("{kind:?}")).await;
    }
}
