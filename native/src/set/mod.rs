//! Sets: several packs that are read as one sequence of items (FORMAT.md, *Set
//! manifests*).
//!
//! ```text
//! set.json ── manifest.rs ──> SetManifest: members in order, checked against the root
//!                                │  json.rs the text, member.rs the names, diff.rs two of them
//!                                v
//! PackSet ── locate ──> member and position in it
//!         ── reader ──> open_members.rs   at most N readers, opened when they are needed
//!         ── get, get_many, range ──> the reader of each member
//!         ── verify ──> verify.rs   each member alone
//! PackIdentity::of_file ──> what a manifest states about a pack
//! ```

mod diff;
mod identity;
mod json;
mod manifest;
mod member;
mod open;
mod open_members;
mod options;
mod pack_set;
mod range;
mod verify;

pub use diff::{MemberChange, SetDiff};
pub use identity::PackIdentity;
pub use manifest::{MemberPosition, SetManifest};
pub use member::{MemberName, SetMember};
pub use options::{MemberSource, PackSetOptions};
pub use pack_set::{MemberPack, PackSet};
pub use range::SetItems;
pub use verify::{MemberReport, PackSetReport, SetProgress};

/// Used by the sets in stores too.
#[cfg(feature = "remote")]
pub(crate) use self::{manifest::PositionMap, range::set_range};
