//! Files that appear whole or not at all: packs, digest lists, and every other
//! file that a program writes next to them.
//!
//! ```text
//! disk.rs           the calls to the file system, as a trait
//! system.rs         that trait on the machine's file system
//! publication.rs    temporary file ─ fsync ─ rename ─ fsync of the folder
//! replacing.rs      may this file be replaced?
//! staged.rs         StagedFile: one such file, of arbitrary bytes
//! folder/           many such files in a tree of folders
//! ```
//!
//! This module uses `error` and the system, and knows nothing of packs.

pub mod disk;
mod folder;
mod publication;
mod replacing;
mod staged;
mod system;
mod writeback;

pub(crate) use folder::{FileIdentity, NamedEntry, OpenFolder, StagedItem, StagingFolder};
pub use publication::{Caveat, is_temporary_name};
pub(crate) use publication::{Publication, has_its_name, make_durable};
pub(crate) use staged::PublishedFiles;
pub use staged::{PublishedFile, StagedFile};
