//! Verifies the members of a set.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::path::PathBuf;

use sealpack_core::format::digest::Hash;
use sealpack_core::read::Report;

use super::pack_set::{MemberPack, PackSet};
use crate::error::Error;
use crate::read::{Reader, VerifyProgress};
use crate::trust::Trust;

/// The result of verifying a set: one report for each member, in order.
#[derive(Clone, Debug)]
pub struct PackSetReport {
    /// The members' reports.
    pub members: Vec<MemberReport>,
}

/// The result of verifying a member.
#[derive(Clone, Debug)]
pub struct MemberReport {
    /// The path of the pack, or the text that stands for it.
    pub path: PathBuf,
    /// The report, or the error of a member that cannot be read or is not the listed
    /// pack.
    pub outcome: Result<Report, Error>,
}

/// The progress of verifying a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetProgress {
    /// The number of the member that is being verified.
    pub member: usize,
    /// The progress in that member.
    pub within_member: VerifyProgress,
}

impl PackSetReport {
    /// Returns whether every member is sound, and is the pack that the set lists.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.members.iter().all(MemberReport::is_ok)
    }
}

impl MemberReport {
    /// Returns whether the member is sound, and is the pack that the set lists.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.outcome.as_ref().is_ok_and(Report::is_ok)
    }
}

impl PackSet {
    /// Checks everything in every member: that it is the pack that the set lists; each of
    /// its layers, as [`Reader::verify`](crate::Reader::verify) does; and its items
    /// against the listed digest root and content hash. The manifest was checked against
    /// its root when the set was opened.
    ///
    /// A member that is missing or damaged does not end the verification.
    #[must_use]
    pub fn verify(&self) -> PackSetReport {
        let ControlFlow::Continue(report) =
            self.verify_with(|_| ControlFlow::<Infallible>::Continue(()));
        report
    }

    /// As [`verify`](Self::verify); `progress` is called after every read, and may stop
    /// the verification. The call then returns the value of its `Break`.
    pub fn verify_with<B>(
        &self,
        mut progress: impl FnMut(SetProgress) -> ControlFlow<B>,
    ) -> ControlFlow<B, PackSetReport> {
        let mut members = Vec::new();
        for (member, MemberPack { path, .. }) in self.members().iter().enumerate() {
            let outcome = self.verify_member(member, |within_member| {
                progress(SetProgress { member, within_member })
            });
            let outcome = match outcome {
                Ok(ControlFlow::Continue(report)) => Ok(report),
                Ok(ControlFlow::Break(reason)) => return ControlFlow::Break(reason),
                Err(error) => Err(error),
            };
            members.push(MemberReport { path: path.clone(), outcome });
        }
        ControlFlow::Continue(PackSetReport { members })
    }

    /// Checks one member, as [`verify`](Self::verify) does.
    ///
    /// # Errors
    /// As [`reader`](Self::reader).
    pub fn verify_member<B>(
        &self,
        member: usize,
        progress: impl FnMut(VerifyProgress) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Report>, Error> {
        let (reader, content_hash) = self.open_to_verify(member)?;
        reader.verify_against(content_hash, progress)
    }

    /// Opens a member for [`Reader::verify_against`]: returns a reader of its own, for
    /// which no open member is closed, and the content hash that its items must have.
    ///
    /// # Errors
    /// As [`reader`](Self::reader).
    pub fn open_to_verify(&self, member: usize) -> Result<(Reader, Option<Hash>), Error> {
        let identity = self.members().get(member).map(|pack| pack.identity);
        let root = identity.and_then(|identity| identity.digest_root);
        // All records are read, so the content hash is checked without a digest list.
        let reader = self.open_member(member, root.map(Trust::root))?;
        let listed = identity.and_then(|identity| identity.content_hash);
        let trusted = reader.trusted().map(|list| list.header().content_hash);
        Ok((reader, trusted.or(listed)))
    }
}
