//! Sets: several packs that are read as one sequence of items (FORMAT.md, *Set
//! manifests*).
//!
//! ```text
//! set.json ── manifest.rs ──> SetManifest: members in order, checked against the root
//!                │               │  json.rs has the text, member.rs the names
//!                │               └── diff.rs ──> SetDiff: what differs between two manifests
//!                v
//! PackSet ── locate ──> the member that has a position
//!         ── reader ──> open_members.rs   at most N readers, opened when they are needed
//!         ── get, get_many, range ──> the reader of each member
//!         ── verify ──> verify.rs   one member after another
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
pub(crate) use self::{manifest::PositionMap, options::DEFAULT_MAX_OPEN, range::set_range};
