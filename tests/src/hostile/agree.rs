//! Checks that all ways of reading a pack agree with each other and with the
//! verification.

use sealpack::core::Error as PackError;
use sealpack::core::error::Section;
use sealpack::core::format::ContentHasher;
use sealpack::core::format::digest::record_digest;
use sealpack::core::read::{LayerName, Report, Verdict};
use sealpack::{Bytes, Error, ErrorKind, Reader};

/// The limit on the decoded size of a record in hostile packs, in bytes.
pub const LIMIT: u64 = 1 << 20;

/// The maximum number of positions that are read one by one.
const MAX_SINGLE_READS: u32 = 300;

/// The maximum number of items that are scanned: a pack may have millions of empty
/// records.
const MAX_SCANNED: usize = 100_000;

/// Panics unless scanning, reading single items, reading many items and verification
/// agree on every item of a pack in memory, and every error names its section.
pub fn agree(reader: &Reader) {
    let report = reader.verify().unwrap();
    let count = reader.item_count();
    let (scanned, error) = scan(reader);
    let complete = error.is_none();
    let scanned_all = scanned.len() < MAX_SCANNED;
    if scanned_all {
        assert_eq!(
            complete,
            report.damaged_count + report.unchecked_count == 0,
            "scan and verify disagree: {report:?}"
        );
        assert_eq!(complete, scanned.len() == count as usize, "{} of {count}", scanned.len());
    }
    assert_eq!(report.record_count, reader.directory().record_count());
    for position in 0..count.min(MAX_SINGLE_READS) {
        let got = reader.get(position);
        match (scanned.get(position as usize), got) {
            (Some(item), Ok(same)) => assert_eq!(*item, same, "item {position}"),
            (Some(_), Err(error)) => panic!("item {position} was scanned: {error}"),
            // An item may be readable although another part of its plain record is
            // damaged.
            (None, Ok(_)) => {}
            (None, Err(error)) => assert_damage_or_limit(&error),
        }
    }
    check_get_many(reader, &scanned);
    if complete && scanned_all {
        check_report(reader, &scanned, &report);
    }
}

fn scan(reader: &Reader) -> (Vec<Bytes>, Option<Error>) {
    let mut scanned = Vec::new();
    for item in reader.iter().unwrap().take(MAX_SCANNED) {
        match item {
            Ok(item) => scanned.push(item),
            Err(error) => {
                assert_damage_or_limit(&error);
                return (scanned, Some(error));
            }
        }
    }
    (scanned, None)
}

/// Reads positions of scanned items, out of order and repeated, in one call.
fn check_get_many(reader: &Reader, scanned: &[Bytes]) {
    let count = u32::try_from(scanned.len()).unwrap().min(MAX_SINGLE_READS);
    let positions: Vec<u32> = (0..count).rev().chain((0..count).step_by(3)).collect();
    let mut answered = 0;
    let take = |request: usize, item: Bytes| {
        answered += 1;
        assert_eq!(item, scanned[positions[request] as usize], "request {request}");
    };
    reader.get_many(&positions, take).unwrap();
    assert_eq!(answered, positions.len());
}

/// Checks the verification report of a pack of which every item was read.
fn check_report(reader: &Reader, items: &[Bytes], report: &Report) {
    let bytes: u64 = items.iter().map(|item| item.len() as u64).sum();
    assert_eq!(report.payload_size, bytes);
    let per_record = reader.trailer().items_per_record.max(1) as usize;
    for record in items.chunks(per_record) {
        let bytes: usize = record.iter().map(Bytes::len).sum();
        assert!(bytes as u64 <= LIMIT, "a record of {bytes} bytes");
    }
    let mut hasher = ContentHasher::new();
    for record in items.chunks(per_record) {
        hasher.record(&record_digest(record.iter().map(Bytes::as_ref)).unwrap());
    }
    let right = reader.trailer().content_hash.map(|stored| stored == hasher.finish());
    let reported = match report.verdict(LayerName::ContentHash) {
        Verdict::Passed => Some(true),
        Verdict::Failed(_) => Some(false),
        Verdict::NotPresent | Verdict::NotChecked(_) => None,
    };
    assert_eq!(reported, right, "the content hash");
    assert_eq!(report.is_ok(), right != Some(false), "{report:?}");
}

/// Checks that an error of a pack in memory reports damage in a section, or a
/// limit.
pub(super) fn assert_damage_or_limit(error: &Error) {
    match error.kind() {
        ErrorKind::Pack(PackError::Corrupt { section, .. }) => {
            assert_ne!(*section, Section::ContentHash, "only a verification looks at the hash");
        }
        ErrorKind::Pack(PackError::Limit(_)) => {}
        other => panic!("{other:?}"),
    }
    assert!(error.to_string().starts_with("memory: "), "{error}");
}
