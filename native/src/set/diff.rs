//! Compares two manifests: which packs a mirror has to copy.

use std::collections::HashMap;

use super::manifest::SetManifest;
use super::member::SetMember;

/// The differences between two versions of a set.
///
/// ```
/// # use sealpack::{MemberChange, PackIdentity, SetDiff, SetManifest, SetMember};
/// # let identity = |size| PackIdentity {
/// #     items: 1, size, content_hash: Some([7; 32]), digest_root: None,
/// # };
/// # let member = |name: &str, size| SetMember { name: name.parse().unwrap(), identity: identity(size) };
/// let old = SetManifest::new(vec![member("a.pack", 10), member("b.pack", 20)])?;
/// let new = SetManifest::new(vec![member("a.pack", 10), member("c.pack", 30)])?;
/// let diff = SetDiff::between(&old, &new);
/// let copied: Vec<_> = diff.to_copy().map(|member| member.name.as_str()).collect();
/// assert_eq!(copied, ["c.pack"]);
/// assert!(matches!(diff.changes[1], MemberChange::Removed(_)));
/// # Ok::<(), sealpack::SetFault>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetDiff<'a> {
    /// Each member of either manifest: those of the old one in order, then those that
    /// only the new one has.
    pub changes: Vec<MemberChange<'a>>,
    /// Whether the members that both have are in another order.
    pub is_reordered: bool,
}

/// What happened to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange<'a> {
    /// Both manifests list the same pack under this name.
    Same(&'a SetMember),
    /// Only the new manifest has the name.
    Added(&'a SetMember),
    /// Only the old manifest has the name.
    Removed(&'a SetMember),
    /// The manifests list different packs under this name.
    Changed {
        /// The pack in the old manifest.
        old: &'a SetMember,
        /// The pack in the new manifest.
        new: &'a SetMember,
    },
}

impl<'a> SetDiff<'a> {
    /// Compares two manifests by the names of their members.
    #[must_use]
    pub fn between(old: &'a SetManifest, new: &'a SetManifest) -> Self {
        let numbered = new.members().iter().enumerate();
        let mut unmatched: HashMap<&str, (usize, &SetMember)> =
            numbered.map(|(number, new)| (new.name.as_str(), (number, new))).collect();
        let (mut changes, mut is_reordered, mut last) = (Vec::new(), false, None);
        for old in old.members() {
            let Some((number, new)) = unmatched.remove(old.name.as_str()) else {
                changes.push(MemberChange::Removed(old));
                continue;
            };
            is_reordered |= last.is_some_and(|last| last > number);
            last = Some(number);
            changes.push(match old.identity == new.identity {
                true => MemberChange::Same(new),
                false => MemberChange::Changed { old, new },
            });
        }
        let is_new = |member: &&SetMember| unmatched.contains_key(member.name.as_str());
        changes.extend(new.members().iter().filter(is_new).map(MemberChange::Added));
        Self { changes, is_reordered }
    }

    /// Returns the members of the new manifest whose packs a mirror of the old one
    /// lacks.
    pub fn to_copy(&self) -> impl Iterator<Item = &'a SetMember> {
        self.changes.iter().filter_map(|change| match *change {
            MemberChange::Added(new) | MemberChange::Changed { new, .. } => Some(new),
            MemberChange::Same(_) | MemberChange::Removed(_) => None,
        })
    }

    /// Returns whether both manifests list the same packs in the same order.
    #[must_use]
    pub fn is_same(&self) -> bool {
        let is_same = |change: &MemberChange<'_>| matches!(change, MemberChange::Same(_));
        !self.is_reordered && self.changes.iter().all(is_same)
    }
}
