//! Authenticates items against a trusted hash (FORMAT.md, *Digest list*).
//!
//! The content hash is the SHA-256 of all records' digests, so all digests
//! together prove any record. A *digest list* is a file that contains them in
//! blocks, with a Merkle tree over the blocks: one block and its path, a few
//! kilobytes, prove the records of that block.
//!
//! ```text
//! write:  digest, digest, … ──> DigestListBuilder ──> DigestList: header, a path for each block
//! read:   trusted hash ──> ListOpening ──(header; all blocks, under a content hash)──> AuthenticatedList
//!         AuthenticatedList + open pack ──> PendingBinding ──(first and last record, under a content hash)──> TrustedList
//!         block's range ──> prove ──> ProvenBlock::check: is this the record's digest?
//! ```
//!
//! As everywhere in this crate, core asks for ranges and the driver supplies
//! their bytes.

mod anchor;
mod build;
mod header;
mod proof;
mod shape;
mod tree;

pub use anchor::{Anchor, AuthenticatedList, ListOpened, ListOpening, PendingBinding, TrustedList};
pub use build::{DigestList, DigestListBuilder};
pub use header::ListHeader;
pub use proof::ProvenBlock;
pub use shape::{BLOCK, ListShape};
