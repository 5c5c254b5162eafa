//! Broken packs are refused, or their damage is reported. They never cause a panic,
//! and never yield items that differ from those that the Go library reads.

use sealpack::core::read::Report;
use sealpack::{Error, ErrorKind, ReadCodec, Reader};
use sealpack_tests::fixtures::{self, Broken, items_sha256};

/// How far reading a broken pack got.
enum Outcome {
    /// It did not open, or some item could not be read.
    Refused(Error),
    /// Every item was read; this is the verification's report.
    Read { sha256: String, report: Box<Report> },
}

fn read_pack(broken: &Broken) -> Outcome {
    let codec = if broken.codec == "none" { ReadCodec::Plain } else { ReadCodec::Zstd };
    let reader = match Reader::options().codec(codec).open(broken.path()) {
        Ok(reader) => reader,
        Err(error) => return Outcome::Refused(error),
    };
    let report = reader.verify().unwrap();
    let scanned: Result<Vec<_>, _> = reader.iter().unwrap().collect();
    let one_by_one: Result<Vec<_>, _> =
        (0..reader.item_count().min(1000)).map(|position| reader.get(position)).collect();
    match (scanned, one_by_one) {
        (Ok(items), Ok(same)) => {
            assert_eq!(items[..same.len()], same, "{}", broken.file);
            Outcome::Read { sha256: items_sha256(&items), report: Box::new(report) }
        }
        (Err(error), _) => {
            assert!(!report.is_ok(), "{}: a scan fails, but verify does not", broken.file);
            Outcome::Refused(error)
        }
        // A single item may be readable from a record whose other part is damaged,
        // but not the other way round.
        (Ok(_), Err(error)) => panic!("{}: {error}", broken.file),
    }
}

/// Packs that some branch of the Go library reads without an error, and that
/// sealpack refuses by a rule of FORMAT.md.
const REFUSED_BY_A_RULE: &[(&str, &str)] = &[
    ("index-wraparound.pack", "a residual that carries past 2^32-1"),
    ("reserved68-nonzero.pack", "the CRC of no app data is 0"),
    ("zstd-fcs-0-garbage-ipr1.pack", "an empty frame followed by other bytes"),
];

#[test]
fn every_broken_pack_is_refused_or_read_as_the_reference_reads_it() {
    let cases = fixtures::broken();
    let (mut refused, mut found_by_verify, mut same) = (0, 0, 0);
    for broken in &cases {
        let name = broken.file.as_str();
        let correct_results: Vec<_> =
            broken.peer.values().filter(|result| result.reads_everything()).collect();
        match read_pack(broken) {
            Outcome::Refused(error) => {
                refused += 1;
                let by_rule = REFUSED_BY_A_RULE.iter().any(|(file, _)| *file == name);
                assert!(correct_results.is_empty() || by_rule, "{name} ({}): {error}", broken.edit);
                assert!(
                    error.corruption().is_some() || is_limit(&error),
                    "{name}: the error names no section: {error}"
                );
                assert!(error.to_string().contains(name), "the error names the file: {error}");
            }
            Outcome::Read { report, .. } if !report.is_ok() => {
                found_by_verify += 1;
                assert!(correct_results.is_empty(), "{name}: the reference finds nothing wrong");
            }
            Outcome::Read { sha256, .. } => {
                same += 1;
                let same_items = |result: &&fixtures::ReferenceResult| {
                    result.scan_sha256.as_ref() == Some(&sha256)
                };
                assert!(
                    correct_results.iter().any(same_items),
                    "{name} ({}): {correct_results:?}",
                    broken.edit
                );
            }
        }
    }
    assert_eq!(cases.len(), refused + found_by_verify + same);
    println!(
        "{refused} refused, {found_by_verify} found by verify, {same} read as the reference does"
    );
    assert!(refused > 80 && found_by_verify >= 2, "{refused} {found_by_verify} {same}");
}

fn is_limit(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Pack(sealpack::core::Error::Limit(_)))
}
