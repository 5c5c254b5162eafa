//! Files that appear whole or not at all: packs, digest lists, and every other
//! file that a program writes next to them.
//!
//! ```text
//! disk.rs           the calls to the file system, as a trait
//! system.rs         that trait on the machine's file system
//! publication.rs    temporary file ─ fsync ─ rename ─ fsync of the folder
//! replacing.rs      may this file be replaced?
//! staged.rs         StagedFile: the same for any program's bytes
//! folder/           the same for many files in a tree of folders
//! ```
//!
//! This module knows `error` and the system, nothing of packs.

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
