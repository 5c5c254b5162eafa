//! Packfiles as tables of Apache DataFusion.
//!
//! ```
//! use datafusion::prelude::SessionContext;
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("a.pack");
//! # let mut writer = sealpack::Writer::options().create(&path)?;
//! # for i in 0..1000 { writer.append(format!("item {i}").as_bytes())?; }
//! # writer.finish()?;
//! # let location = format!("{}/", folder.path().display());
//! let ctx = SessionContext::new();
//! sealpack_datafusion::register(&ctx)?;
//! // `location` is a folder, or a URL such as `s3://bucket/logs/`.
//! ctx.sql(&format!("CREATE EXTERNAL TABLE logs STORED AS PACK LOCATION '{location}'")).await?;
//! let found = ctx.sql("SELECT count(*) FROM logs WHERE item LIKE '%99%'").await?;
//! found.show().await?;
//! let checked = ctx.sql(&format!("SELECT pack, ok FROM pack_verify('{location}')")).await?;
//! assert_eq!(checked.count().await?, 1);
//! # Ok(()) }
//! ```
//!
//! ```text
//! SQL ── location.rs ──> which packs, in which version
//!     ── table.rs ─────> filter.rs, positions.rs: what the scan answers itself
//!     ── pieces.rs ────> partitions of equal bytes
//!     ── scan.rs ──────> the plan; stream.rs reads a partition, batch.rs makes its batches
//!     ── functions.rs ─> pack_info, pack_verify, pack_records, pack_damage
//!     ── format.rs ────> COPY: write.rs is the plan, writer.rs writes the pack of a partition
//!     ── codec.rs ─────> plans as bytes, for the processes of a cluster
//! ```

mod batch;
mod codec;
mod error;
mod factory;
mod filter;
mod format;
mod function_kind;
mod function_rows;
mod function_scan;
mod functions;
mod location;
mod numbered;
mod options;
mod pieces;
mod positions;
mod readers;
mod record_rows;
mod scan;
mod scan_description;
mod scan_usage;
mod schema;
mod search;
mod session;
mod store;
mod stream;
mod table;
mod write;
mod write_description;
mod write_options;
mod writer;

pub use codec::{PackLogicalCodec, PackPhysicalCodec};
pub use error::PackError;
pub use function_scan::PackFunctionScan;
pub use numbered::{NumberedScan, for_cluster};
pub use options::{OnDamage, PackTableOptions, TextColumn};
pub use readers::Readers;
pub use scan::PackScan;
pub use session::{register, session_state};
pub use table::PackTable;
pub use write::{PackWrite, PackWriteTotal};
