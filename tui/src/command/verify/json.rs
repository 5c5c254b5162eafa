//! The JSON object of `verify --json`.

use std::path::Path;

use sealpack::core::Error as PackError;
use sealpack::core::error::Section;
use sealpack::core::read::{DamagedRecord, LayerName, Verdict};
use serde::Serialize;

use super::VerifyResult;
use crate::command::read_args::PackHeading;

/// The object. Its keys are stable.
#[derive(Serialize)]
pub struct VerifyJson {
    #[serde(flatten)]
    about: PackHeading,
    ok: bool,
    /// The first error, in words.
    error: Option<String>,
    layers: Layers,
    /// The layers that failed or were not checked, with the reason.
    failures: Vec<LayerFailure>,
    /// Whether some check covers every byte of every item; null if that is not
    /// known.
    items_are_protected: Option<bool>,
    /// What authenticates the items: root or content_hash; null without --trust.
    trusted_by: Option<&'static str>,
    record_count: Option<u32>,
    total_items: Option<u32>,
    damaged_count: Option<u32>,
    damaged_records: Vec<DamagedRecordJson>,
    frames_without_checksum: Option<u32>,
    payload_size: Option<u64>,
    seconds: Option<f64>,
}

/// Each is `passed`, `failed`, `not_checked` or `not_present`.
#[derive(Serialize)]
struct Layers {
    structure: &'static str,
    index: &'static str,
    app_data: &'static str,
    record_checksum: &'static str,
    decoding: &'static str,
    frame_checksum: &'static str,
    lengths: &'static str,
    content_hash: &'static str,
}

#[derive(Serialize)]
struct LayerFailure {
    layer: &'static str,
    section: Option<&'static str>,
    record: Option<u32>,
    message: String,
}

#[derive(Serialize)]
struct DamagedRecordJson {
    record: u32,
    first_item: u32,
    items: u32,
    offset: u64,
    size: u64,
    message: String,
}

/// The result of a file as an object.
pub fn object(path: &Path, found: &VerifyResult) -> VerifyJson {
    match found {
        VerifyResult::Verified(verified) => {
            let report = &verified.report;
            VerifyJson {
                about: PackHeading::new(path, verified.chosen),
                items_are_protected: Some(report.items_are_protected()),
                trusted_by: verified.trusted_by,
                record_count: Some(report.record_count),
                total_items: Some(verified.reader.item_count()),
                damaged_count: Some(report.damaged_count),
                damaged_records: report.damaged.iter().map(DamagedRecordJson::of).collect(),
                frames_without_checksum: Some(report.frames_without_checksum),
                payload_size: Some(report.payload_size),
                seconds: Some(verified.took.as_secs_f64()),
                ..VerifyJson::of(path, report.is_ok(), |name| report.verdict(name).clone())
            }
        }
        VerifyResult::Unopened(unopened) => {
            VerifyJson::of(path, false, |name| unopened.verdict(name))
        }
        VerifyResult::Unreadable(failure) => VerifyJson {
            error: Some(failure.to_string()),
            ..VerifyJson::of(path, false, |_| Verdict::NotPresent)
        },
    }
}

impl VerifyJson {
    fn of(path: &Path, ok: bool, verdict: impl Fn(LayerName) -> Verdict) -> Self {
        let failures: Vec<_> = LayerName::ALL
            .into_iter()
            .filter_map(|name| match verdict(name) {
                Verdict::Failed(error) | Verdict::NotChecked(error) => {
                    Some(LayerFailure::of(name, &error))
                }
                _ => None,
            })
            .collect();
        Self {
            about: PackHeading::new(path, None),
            ok,
            error: failures.first().map(|failure| failure.message.clone()),
            layers: Layers::of(|name| verdict(name).name()),
            failures,
            items_are_protected: None,
            trusted_by: None,
            record_count: None,
            total_items: None,
            damaged_count: None,
            damaged_records: Vec::new(),
            frames_without_checksum: None,
            payload_size: None,
            seconds: None,
        }
    }
}

impl Layers {
    fn of(verdict: impl Fn(LayerName) -> &'static str) -> Self {
        Self {
            structure: verdict(LayerName::Structure),
            index: verdict(LayerName::Index),
            app_data: verdict(LayerName::AppData),
            record_checksum: verdict(LayerName::RecordChecksum),
            decoding: verdict(LayerName::Decoding),
            frame_checksum: verdict(LayerName::FrameChecksum),
            lengths: verdict(LayerName::Lengths),
            content_hash: verdict(LayerName::ContentHash),
        }
    }
}

impl LayerFailure {
    fn of(layer: LayerName, error: &PackError) -> Self {
        let (section, record) = match error {
            PackError::Corrupt { section, .. } => match *section {
                Section::Trailer => (Some("trailer"), None),
                Section::Index => (Some("index"), None),
                Section::AppData => (Some("app_data"), None),
                Section::Record(number) => (Some("record"), Some(number)),
                Section::ContentHash => (Some("content_hash"), None),
                _ => (None, None),
            },
            _ => (None, None),
        };
        Self { layer: layer.name(), section, record, message: format!("{error:#}") }
    }
}

impl DamagedRecordJson {
    fn of(damage: &DamagedRecord) -> Self {
        let positions = damage.record.positions();
        Self {
            record: damage.record.number,
            first_item: positions.start,
            items: positions.end.saturating_sub(positions.start),
            offset: damage.record.range.start,
            size: damage.record.size(),
            message: format!("{:#}", damage.error),
        }
    }
}
