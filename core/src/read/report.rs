//! What a verification reports: a verdict on each layer, and the records that
//! are damaged or were not checked.

use alloc::vec::Vec;

use super::RecordPlace;
use crate::error::{DecodeError, Error, Fault, Section};

/// The layers of a verification, in the order in which they are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum LayerName {
    /// The trailer, and the sizes and counts in it.
    Structure,
    /// The offset index.
    Index,
    /// The checksum of the app data.
    AppData,
    /// The checksum of each record, if it covers the payload.
    RecordChecksum,
    /// The decoding of each record's payload.
    Decoding,
    /// The codec's checksum in each encoded payload.
    FrameChecksum,
    /// The checksum of the item lengths, and that they add up to the payload.
    Lengths,
    /// The hash over all items.
    ContentHash,
}

impl LayerName {
    /// Every layer, in order.
    pub const ALL: [Self; 8] = [
        Self::Structure,
        Self::Index,
        Self::AppData,
        Self::RecordChecksum,
        Self::Decoding,
        Self::FrameChecksum,
        Self::Lengths,
        Self::ContentHash,
    ];

    /// A stable name, for JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Index => "index",
            Self::AppData => "app_data",
            Self::RecordChecksum => "record_checksum",
            Self::Decoding => "decoding",
            Self::FrameChecksum => "frame_checksum",
            Self::Lengths => "lengths",
            Self::ContentHash => "content_hash",
        }
    }

    /// The layer to which a record's error belongs.
    pub(super) fn of(error: &Error, record_checksum: bool) -> Self {
        match error {
            Error::Corrupt { section: Section::ContentHash, .. } | Error::Untrusted(_) => {
                Self::ContentHash
            }
            Error::Corrupt { fault, .. } => match fault {
                Fault::Checksum { .. } if record_checksum => Self::RecordChecksum,
                Fault::Decode(DecodeError::FrameChecksum) => Self::FrameChecksum,
                Fault::Decode(_) => Self::Decoding,
                Fault::Extract(_) => Self::ContentHash,
                _ => Self::Lengths,
            },
            _ => Self::Decoding,
        }
    }
}

/// The verdict of a verification on one layer.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Verdict {
    /// All of it was checked and is sound.
    Passed,
    /// It is damaged; this is the first error.
    Failed(Error),
    /// The pack does not have this layer, so nothing was checked.
    NotPresent,
    /// What was checked of it is sound, but some records were not checked; this is
    /// the reason for the first of them.
    NotChecked(Error),
}

impl Verdict {
    /// A stable name, for JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "failed",
            Self::NotPresent => "not_present",
            Self::NotChecked(_) => "not_checked",
        }
    }
}

/// A layer and its verdict.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct LayerVerdict {
    /// The layer.
    pub name: LayerName,
    /// The verdict on it.
    pub verdict: Verdict,
}

/// A damaged record.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DamagedRecord {
    /// The record.
    pub record: RecordPlace,
    /// What is wrong with it.
    pub error: Error,
}

/// A record that was not checked. It may be sound.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct UncheckedRecord {
    /// The record.
    pub record: RecordPlace,
    /// Why not: a limit of the reader, or an extension that it does not know.
    pub error: Error,
}

/// The result of a verification.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Report {
    /// Every layer, in order.
    pub layers: [LayerVerdict; 8],
    /// The damaged records, at most the first ten thousand.
    pub damaged: Vec<DamagedRecord>,
    /// The number of damaged records.
    pub damaged_count: u32,
    /// The records that were not checked, because of a limit of the reader or an
    /// unknown extension; at most the first ten thousand.
    pub unchecked: Vec<UncheckedRecord>,
    /// The number of unchecked records.
    pub unchecked_count: u32,
    /// The number of examined records.
    pub record_count: u32,
    /// The number of encoded payloads that could carry a checksum but do not.
    pub frames_without_checksum: u32,
    /// The decoded size of all sound records, in bytes.
    pub payload_size: u64,
}

impl Report {
    /// Whether every record was checked and nothing failed.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        let is_ok = |layer: &LayerVerdict| {
            !matches!(layer.verdict, Verdict::Failed(_) | Verdict::NotChecked(_))
        };
        self.layers.iter().all(is_ok)
    }

    /// The verdict on one layer.
    #[must_use]
    pub fn verdict(&self, name: LayerName) -> &Verdict {
        const MISSING: &Verdict = &Verdict::NotPresent;
        let layer = self.layers.iter().find(|layer| layer.name == name);
        layer.map_or(MISSING, |layer| &layer.verdict)
    }

    /// Whether some check covers every byte of every item. If not, a flipped bit
    /// in an item would have gone unnoticed.
    ///
    /// Only the content hash covers the order of records of the same size.
    #[must_use]
    pub fn items_are_protected(&self) -> bool {
        [LayerName::RecordChecksum, LayerName::FrameChecksum, LayerName::ContentHash]
            .into_iter()
            .any(|name| !matches!(self.verdict(name), Verdict::NotPresent))
            || self.payload_size == 0
    }
}
