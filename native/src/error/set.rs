//! What is wrong with a set of packs: with its manifest, or with a member.

use std::fmt;

use sealpack_core::error::Cause;
use sealpack_core::format::digest::Hash;

/// What is wrong with a set of packs. The path in the error is that of the manifest or of
/// the member at fault.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SetFault {
    /// The manifest is larger than a reader accepts.
    ManifestSize {
        /// Its size in bytes, as far as it is known.
        size: u64,
        /// The largest size.
        limit: u64,
    },
    /// The manifest is not JSON, or a field is missing, unknown, repeated or of another
    /// type.
    Syntax(Cause),
    /// The manifest has a version that this reader does not know.
    Version(u64),
    /// The manifest lists more members than a reader accepts.
    MemberCount {
        /// The number of members.
        members: u64,
        /// The largest number.
        limit: u64,
    },
    /// A name of a member is not a path below the manifest's folder.
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: MemberNameFault,
    },
    /// Two members have the same name.
    Repeated {
        /// The name.
        name: String,
    },
    /// The manifest has neither the content hash nor the digest root of a member.
    NoHash {
        /// The member's name.
        name: String,
    },
    /// The manifest's root is not that of its members.
    Root {
        /// The root in the manifest.
        stated: Hash,
        /// The root of the members that it lists.
        computed: Hash,
    },
    /// The root of the set is not the one that the caller trusts.
    Untrusted {
        /// The trusted root.
        trusted: Hash,
        /// The root of the set.
        found: Hash,
    },
    /// The set has no item at this position.
    Position {
        /// The position.
        position: u64,
        /// The number of items in the set.
        items: u64,
    },
    /// A range that ends before it starts.
    Range {
        /// Its first position.
        start: u64,
        /// The position it ends before.
        end: u64,
    },
    /// The set has no member of this number.
    MemberNumber {
        /// The number, counted from 0.
        member: usize,
        /// The number of members.
        members: usize,
    },
    /// The member has another size than the set lists.
    MemberSize {
        /// The size in the set, in bytes.
        listed: u64,
        /// The size of the file.
        found: u64,
    },
    /// The member has another number of items than the set lists.
    MemberItems {
        /// The number in the set.
        listed: u32,
        /// The number of the pack.
        found: u32,
    },
    /// The member's content hash is not the one that the set lists.
    MemberContentHash {
        /// The hash in the set.
        listed: Hash,
        /// The hash that the pack, or its digest list, stores.
        found: Hash,
    },
}

/// Why a text is not the name of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberNameFault {
    /// It is empty.
    Empty,
    /// It is longer than 1024 bytes.
    Long,
    /// It begins with a slash or a drive letter.
    Absolute,
    /// A part between slashes is empty, `.` or `..`.
    Part,
    /// It has a backslash or a control character.
    Character,
}

impl fmt::Display for MemberNameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::Long => "it is longer than 1024 bytes",
            Self::Absolute => "it is absolute, but members lie below the manifest's folder",
            Self::Part => "a part of it is empty, `.` or `..`",
            Self::Character => "it has a backslash or a control character",
        })
    }
}

impl SetFault {
    /// Returns whether the call is wrong, and not the set.
    #[must_use]
    pub fn is_misuse(&self) -> bool {
        matches!(self, Self::Position { .. } | Self::Range { .. } | Self::MemberNumber { .. })
    }
}

impl std::error::Error for SetFault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Syntax(cause) => Some(cause.get()),
            _ => None,
        }
    }
}

/// Prints the first bytes of a hash, which are enough to see that two differ.
struct Short<'a>(&'a Hash);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")
    }
}

impl fmt::Display for SetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ManifestSize { size, limit } => {
                write!(f, "the manifest has {size} bytes, more than {limit}")
            }
            Self::Syntax(_) => f.write_str("not a set manifest"),
            Self::Version(version) => {
                write!(f, "set manifest of version {version}: only a newer sealpack can read it")
            }
            Self::MemberCount { members, limit } => {
                write!(f, "the set has {members} members, more than {limit}")
            }
            Self::Name { name, reason } => write!(f, "the member name {name:?}: {reason}"),
            Self::Repeated { name } => write!(f, "the member {name:?} is listed twice"),
            Self::NoHash { name } => {
                write!(f, "the member {name:?} has neither a content hash nor a digest root")
            }
            Self::Root { stated, computed } => write!(
                f,
                "the manifest is damaged: it states the root {}, but its members have the root {}",
                Short(stated),
                Short(computed)
            ),
            Self::Untrusted { trusted, found } => write!(
                f,
                "the set is not the trusted one: its root is {} instead of {}",
                Short(found),
                Short(trusted)
            ),
            Self::Position { position, items } => {
                write!(f, "no item at position {position}: the set has {items} items")
            }
            Self::Range { start, end } => {
                write!(f, "range start {start} exceeds its end {end}")
            }
            Self::MemberNumber { member, members } => {
                write!(f, "no member {member}: the set has {members}")
            }
            Self::MemberSize { listed, found } => {
                write!(f, "not the pack that the set lists: {found} bytes instead of {listed}")
            }
            Self::MemberItems { listed, found } => {
                write!(f, "not the pack that the set lists: {found} items instead of {listed}")
            }
            Self::MemberContentHash { listed, found } => write!(
                f,
                "not the pack that the set lists: content hash {} instead of {}",
                Short(found),
                Short(listed)
            ),
        }
    }
}
