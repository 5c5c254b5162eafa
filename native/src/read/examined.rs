//! Collects the examinations of records into a report, and counts them.

use sealpack_core::Error as PackError;
use sealpack_core::format::digest::Hash;
use sealpack_core::read::{Examination, Report, SoundRecord, Verification};

use crate::error::ErrorKind;

/// The progress of a verification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct VerifyProgress {
    /// Records examined.
    pub records: u32,
    /// The size of these records in the file, in bytes.
    pub bytes: u64,
    /// Damaged records among them.
    pub damaged: u32,
}

impl VerifyProgress {
    /// Counts another examined record.
    pub(crate) fn count(&mut self, examination: &Examination) {
        self.records += 1;
        self.bytes += examination.place().size();
        self.damaged += u32::from(examination.error().is_some());
    }
}

/// A verification and its progress.
pub(crate) struct RunningVerification {
    verification: Verification,
    progress: VerifyProgress,
}

impl RunningVerification {
    pub(super) fn new(verification: Verification) -> Self {
        Self { verification, progress: VerifyProgress::default() }
    }

    /// Adds the next records, in the order of the file.
    pub(crate) fn push(&mut self, examinations: Vec<Examination>) -> VerifyProgress {
        for examination in examinations {
            self.progress.count(&examination);
            self.verification.push(examination);
        }
        self.progress
    }

    pub(crate) fn finish(self) -> Report {
        self.verification.finish()
    }
}

/// Returns the sound records among the examined ones, with their digests.
pub(crate) fn sound_records(
    examined: &mut [Examination],
) -> impl Iterator<Item = (&mut Examination, Hash)> {
    examined.iter_mut().filter_map(|examination| match examination.outcome() {
        Ok(SoundRecord { digest: Some(digest), .. }) => {
            let digest = *digest;
            Some((examination, digest))
        }
        _ => None,
    })
}

/// Marks a record as damaged if it differs from the trusted hash.
pub(crate) fn mark_untrusted(
    examination: &mut Examination,
    checked: Result<(), ErrorKind>,
) -> Result<(), ErrorKind> {
    match checked {
        Err(ErrorKind::Pack(error @ PackError::Untrusted(_))) => {
            examination.refuse(error);
            Ok(())
        }
        checked => checked,
    }
}
