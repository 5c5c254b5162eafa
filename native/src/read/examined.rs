//! Examinations of records, counted and collected into a report.

use sealpack_core::Error as PackError;
use sealpack_core::read::{Examination, Report, Verification};

use crate::error::ErrorKind;

/// How far a verification has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct VerifyProgress {
    /// Records looked at.
    pub records: u32,
    /// Bytes of the file that they take.
    pub bytes: u64,
    /// Damaged ones among them.
    pub damaged: u32,
}

impl VerifyProgress {
    /// Another record was looked at.
    pub(crate) fn count(&mut self, examination: &Examination) {
        self.records += 1;
        self.bytes += examination.place().size();
        self.damaged += u32::from(examination.error().is_some());
    }
}

/// A verification and how far it has come.
pub(crate) struct RunningVerification {
    verification: Verification,
    progress: VerifyProgress,
}

impl RunningVerification {
    pub(super) fn new(verification: Verification) -> Self {
        Self { verification, progress: VerifyProgress::default() }
    }

    /// Takes the next records, in the order of the file.
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

/// A record that is not what the caller trusts is damaged, like any other.
pub(crate) fn refuse_untrusted(
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
