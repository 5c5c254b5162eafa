//! Writing packs: options, pipeline, output, publication.
//!
//! ```text
//!                                      .── sealer ──.
//! append ──> RecordBuilder ──drafts──> +── sealer ──+ ──in order──> PackOutput ──> FileSink
//!            (the caller's thread)     '── sealer ──'    (one thread: assembly,
//!                                                         output stream, writev)
//! finish ──> index, app data, trailer ──> Publication: fsync, rename, fsync of the folder
//! ```
//!
//! Every call to the file system is in the module `publish`.

#[cfg(feature = "async")]
mod async_writer;
mod file;
mod names_file;
mod options;
mod output;
mod packer;
mod pipeline;
mod progress;
mod sink;
mod stage;
mod stream_writer;
mod vectored;
mod writer;

#[cfg(feature = "async")]
pub use async_writer::AsyncWriter;
pub use options::WriterOptions;
#[cfg(feature = "remote")]
pub(crate) use output::{PackOutput, SinkStream, Written};
pub(crate) use packer::{KeptHash, RecordForm};
#[cfg(feature = "remote")]
pub(crate) use packer::{PackPlan, Packer};
pub use progress::{WriteMonitor, WriteProgress};
#[cfg(feature = "remote")]
pub(crate) use sink::PackSink;
pub use stream_writer::{SealedStream, StreamWriter};
pub use writer::{SealedPack, Writer};
