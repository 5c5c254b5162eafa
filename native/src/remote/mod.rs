//! Packs in object stores: read in place, written in place.
//!
//! The format suits object stores: the end of a pack locates everything else, and an
//! item is one range. The stores are those of the crate [`object_store`] (S3, Google,
//! Azure, HTTP, a folder, memory). The caller makes the store, with its credentials,
//! retries and time limits.
//!
//! ```text
//! Location ── RemoteReader ── get ──────────> one request
//! (store,     (async)      ── get_many ─────> one request for nearby records, in parallel
//!  path)                   ── range, verify > streams; requests run ahead
//!                          ── records ──────> whole records, each with its own outcome
//!          ── RemoteTrust ──────────────────> a digest list that records are checked against
//!          ── RemotePackSet ────────────────> several packs, listed by a manifest or a prefix
//!          ── ReaderCache ── open ──────────> no request if the version is known and cached
//!          ── StoreSource ──> Reader          blocking, for threads
//!          ── RemoteWriter ── append ───────> equal parts of a multipart upload
//! ```
//!
//! Only `pinned.rs` and `location.rs` request bytes, and only `upload.rs` sends
//! them. Every error has the location's name; [`Error::store`](crate::Error::store)
//! returns the store's error.

mod blocking;
mod cache;
mod dictionary;
mod digests;
mod error;
mod location;
mod map_records;
mod names;
mod open_set;
mod options;
mod outcome;
mod pack_set;
mod part;
mod pinned;
mod reader;
mod records;
mod room;
mod runtime;
mod scan;
mod trust;
mod unseal;
mod upload;
mod verify;
mod version;
mod writer;

pub use blocking::StoreSource;
pub use cache::ReaderCache;
pub use error::{ServerRefusal, StoreError, StoreFault};
pub use location::Location;
pub use open_set::RemotePackSetOptions;
pub use options::RemoteReaderOptions;
pub use pack_set::{RemoteMember, RemotePackSet};
pub use part::PartSize;
pub use reader::RemoteReader;
pub use trust::RemoteTrust;
pub use upload::UploadAbort;
pub use version::Version;
pub use writer::{RemoteWriter, RemoteWriterOptions, SealedObject};
