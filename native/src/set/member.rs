//! Members of sets, and their names: paths below the folder of the manifest.

use std::fmt;
use std::str::FromStr;

use super::identity::PackIdentity;
use crate::error::{MemberNameFault, SetFault};

/// A member of a set: its name, and what identifies the pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetMember {
    /// The name.
    pub name: MemberName,
    /// What identifies the pack.
    pub identity: PackIdentity,
}

/// The maximum length of a name in bytes, which is also that of a key in S3.
const MAX_LENGTH: usize = 1024;

/// The name of a set's member: a path relative to the folder of the manifest, with
/// slashes between its parts on every system. It never leads out of that folder.
///
/// ```
/// use sealpack::MemberName;
///
/// assert_eq!("2026/01.pack".parse::<MemberName>()?.as_str(), "2026/01.pack");
/// for refused in ["", "/a.pack", "../a.pack", "a//b.pack", "C:/a.pack", "a\\b.pack"] {
///     assert!(refused.parse::<MemberName>().is_err());
/// }
/// # Ok::<(), sealpack::SetFault>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberName(String);

impl MemberName {
    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MemberName {
    type Err = SetFault;

    /// # Errors
    /// [`SetFault::Name`].
    fn from_str(name: &str) -> Result<Self, SetFault> {
        match fault_of(name) {
            None => Ok(Self(name.into())),
            Some(reason) => Err(SetFault::Name { name: name.into(), reason }),
        }
    }
}

fn fault_of(name: &str) -> Option<MemberNameFault> {
    let is_drive = matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    match name {
        "" => Some(MemberNameFault::Empty),
        _ if name.len() > MAX_LENGTH => Some(MemberNameFault::Long),
        _ if name.starts_with('/') || is_drive => Some(MemberNameFault::Absolute),
        _ if name.chars().any(|letter| letter == '\\' || letter.is_control()) => {
            Some(MemberNameFault::Character)
        }
        _ if name.split('/').any(|part| ["", ".", ".."].contains(&part)) => {
            Some(MemberNameFault::Part)
        }
        _ => None,
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for MemberName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for (name, reason) in [
            ("", MemberNameFault::Empty),
            ("/a", MemberNameFault::Absolute),
            ("//host/a", MemberNameFault::Absolute),
            ("c:a", MemberNameFault::Absolute),
            ("C:/a", MemberNameFault::Absolute),
            ("..", MemberNameFault::Part),
            (".", MemberNameFault::Part),
            ("a/../b", MemberNameFault::Part),
            ("a/..", MemberNameFault::Part),
            ("./a", MemberNameFault::Part),
            ("a//b", MemberNameFault::Part),
            ("a/", MemberNameFault::Part),
            ("s3://bucket/a", MemberNameFault::Part),
            ("a\\..\\b", MemberNameFault::Character),
            ("a\nb", MemberNameFault::Character),
            ("a\0", MemberNameFault::Character),
            ("a\u{85}", MemberNameFault::Character),
        ] {
            let Err(SetFault::Name { reason: found, .. }) = name.parse::<MemberName>() else {
                panic!("{name:?} is accepted")
            };
            assert_eq!(found, reason, "{name:?}");
        }
        assert!("n".repeat(MAX_LENGTH + 1).parse::<MemberName>().is_err());
        for name in ["a", "a b/ü?%#.pack", "...", ".hidden/..a", "12:30", &"n".repeat(MAX_LENGTH)]
        {
            assert_eq!(name.parse::<MemberName>().unwrap().as_str(), name);
        }
    }
}
