//! Items that can be trusted without the file (FORMAT.md, *Digest list*).
//!
//! The content hash is the SHA-256 of the records' digests one after another,
//! so whoever has all digests can prove any record. A *digest list* is a file
//! of them, in blocks, with a Merkle tree over the blocks: one block and the
//! path beside it, a few kilobytes, prove the records of that block.
//!
//! ```text
//! write:  digest, digest, … ──> DigestListBuilder ──> DigestList: header, a path for each block
//! read:   trusted hash ──> ListOpening ──(header; all blocks, under a content hash)──> AuthenticatedList
//!         AuthenticatedList + open pack ──> PendingBinding ──(first and last record, under a content hash)──> TrustedList
//!         block's range ──> prove ──> ProvenBlock::check: is this the record's digest?
//! ```
//!
//! As everywhere in this crate, ranges are asked for and bytes are taken.

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
