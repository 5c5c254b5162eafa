//! Verifying in layers, in two halves that may run on different threads.
//!
//! A [`RunExaminer`] examines a run of records and returns *findings*: plain
//! numbers and digests, which a worker can post. [`ReportBuilder`] takes the
//! findings in file order and builds the report. JavaScript hashes the messages
//! that WebCrypto hashes faster.

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use js_sys::{Array, Float64Array, Function, Uint8Array};
use sealpack_core::Error;
use sealpack_core::codec::FrameChecksum;
use sealpack_core::error::{Cause, Fault, Section};
use sealpack_core::format::digest::{Hash, RecordHasher, record_message};
use sealpack_core::read::{
    Examination, Examiner, Record, RecordPlace, Report, SoundRecord, Verdict, Verification,
};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::error::{ModuleRefusal, thrown, to_f64, to_u64};
use crate::read::{PackHandle, SharedPack, digest, part_of};

/// How many damaged records a report lists; it counts all of them.
const MAX_LISTED: usize = 1000;

/// Examines runs of records; each thread has its own.
#[wasm_bindgen]
pub struct RunExaminer {
    shared: Rc<SharedPack>,
    /// The caller hashes messages above this size.
    max_hashed: usize,
    digests: bool,
    extract: Option<Function>,
    message: Vec<u8>,
    run: Bytes,
    start: u64,
    places: vec::IntoIter<RecordPlace>,
    /// The finding of the record examined last.
    found: Result<SoundRecord, Error>,
}

const NOTHING: SoundRecord =
    SoundRecord { frame: FrameChecksum::Unsupported, digest: None, payload_size: 0 };

// The first two numbers that `next` returns. The record is damaged, sound, or
// sound with a message for the caller to hash; then the kind of its frame.
const DAMAGED: u32 = 0;
const SOUND: u32 = 1;
const TO_HASH: u32 = 2;
const FRAME_WITHOUT_CHECKSUMS: u32 = 0;
const FRAME_PRESENT: u32 = 1;
const FRAME_ABSENT: u32 = 2;

#[wasm_bindgen]
impl RunExaminer {
    /// An examiner for this pack. It hashes messages of up to `max_hashed`
    /// bytes itself. `extract` replaces each item before it is hashed. With
    /// `digests` it computes digests even if the pack stores no content hash.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(
        pack: &PackHandle,
        max_hashed: u32,
        extract: Option<Function>,
        digests: bool,
    ) -> Self {
        let stored = pack.shared().pack.directory.trailer().content_hash.is_some();
        Self {
            shared: Rc::clone(pack.shared()),
            max_hashed: max_hashed as usize,
            digests: digests || stored,
            extract,
            message: Vec::new(),
            run: Bytes::new(),
            start: 0,
            places: Vec::new().into_iter(),
            found: Ok(NOTHING),
        }
    }

    /// Takes the bytes of a run.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn load(
        &mut self,
        first: u32,
        count: u32,
        start: f64,
        bytes: Vec<u8>,
    ) -> Result<(), JsValue> {
        let records = first..first.saturating_add(count);
        self.places = self.shared.pack.directory.records(records).collect::<Vec<_>>().into_iter();
        self.start = to_u64(start)?;
        self.run = bytes.into();
        Ok(())
    }

    /// Examines the next record of the run. Returns `[kind, frame, payload
    /// size, address, length]`, or nothing at the end of the run. Address and
    /// length locate the message in memory; they are valid until the next call.
    ///
    /// # Errors
    /// `invalid-argument` if the run has too few bytes.
    #[allow(clippy::should_implement_trait, reason = "called from JavaScript, by that name")]
    pub fn next(&mut self) -> Result<Option<Vec<f64>>, JsValue> {
        let Some(place) = self.places.next() else {
            self.run = Bytes::new();
            return Ok(None);
        };
        let stored = part_of(&self.run, self.start, &place.range)?;
        self.found = self.examine(&place, stored);
        let Ok(sound) = &self.found else { return Ok(Some(vec![DAMAGED.into()])) };
        let frame = match sound.frame {
            FrameChecksum::Unsupported => FRAME_WITHOUT_CHECKSUMS,
            FrameChecksum::Present => FRAME_PRESENT,
            FrameChecksum::Absent => FRAME_ABSENT,
        };
        let kind = if self.message.is_empty() { SOUND } else { TO_HASH };
        // The address is an index into this module's memory.
        let message = (self.message.as_ptr().addr() as f64, self.message.len() as f64);
        let payload_size = to_f64(sound.payload_size);
        Ok(Some(vec![kind.into(), frame.into(), payload_size, message.0, message.1]))
    }

    /// The digest of the record examined last, if it was computed here.
    #[must_use]
    pub fn digest(&self) -> Option<Vec<u8>> {
        self.found.as_ref().ok()?.digest.map(|digest| digest.to_vec())
    }

    fn examine(&mut self, place: &RecordPlace, stored: Bytes) -> Result<SoundRecord, Error> {
        self.message.clear();
        let SharedPack { pack, limits, .. } = &*self.shared;
        let decoder = self.shared.decoder();
        let examiner = Examiner::new(&pack.directory, decoder.as_ref(), *limits, None);
        let (mut sound, record) = examiner.inspect(place, stored)?;
        if !self.digests {
            return Ok(sound);
        }
        if let Some(extract) = &self.extract {
            sound.digest = Some(extracted_digest(extract, &record, place)?);
        } else if record.payload().len() > self.max_hashed {
            record_message(record.slices(), &mut self.message)?;
        } else {
            sound.digest = Some(digest(&record)?);
        }
        Ok(sound)
    }
}

fn extracted_digest(
    extract: &Function,
    record: &Record,
    place: &RecordPlace,
) -> Result<Hash, Error> {
    let section = Section::Record(place.number);
    let refused = |text: &str| Fault::Extract(Cause::text(text)).in_section(section);
    let mut hasher = RecordHasher::new();
    for item in record.slices() {
        let extracted = extract
            .call1(&JsValue::NULL, &Uint8Array::from(item))
            .map_err(|_| refused("extract() threw"))?;
        let extracted: Uint8Array =
            extracted.dyn_into().map_err(|_| refused("extract() must return a Uint8Array"))?;
        hasher.item(&extracted.to_vec())?;
    }
    Ok(hasher.finish())
}

/// Builds a report from findings in the order of the records.
#[wasm_bindgen]
pub struct ReportBuilder {
    shared: Rc<SharedPack>,
    verification: Option<Verification>,
    next: u32,
}

#[wasm_bindgen]
impl ReportBuilder {
    /// Starts with an open pack and the trusted content hash: 32 bytes, or none
    /// to use the one that the pack stores.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(pack: &PackHandle, trusted: &[u8]) -> Self {
        let shared = Rc::clone(pack.shared());
        let verification = Verification::new(&shared.pack);
        let verification = match Hash::try_from(trusted).ok() {
            Some(content_hash) => verification.against(content_hash),
            None => verification,
        };
        Self { shared, verification: Some(verification), next: 0 }
    }

    /// Adds the next record as sound, with the numbers of
    /// [`RunExaminer::next`] and its digest (empty if none was computed).
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn sound(&mut self, frame: u32, payload_size: f64, digest: &[u8]) -> Result<(), JsValue> {
        let frame = match frame {
            FRAME_PRESENT => FrameChecksum::Present,
            FRAME_ABSENT => FrameChecksum::Absent,
            _ => FrameChecksum::Unsupported,
        };
        let digest = Hash::try_from(digest).ok();
        let sound = SoundRecord { frame, digest, payload_size: to_u64(payload_size)? };
        self.push(Ok(sound))
    }

    /// Adds the next record as this examiner found it last.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn examined(&mut self, examiner: &mut RunExaminer) -> Result<(), JsValue> {
        self.push(core::mem::replace(&mut examiner.found, Ok(NOTHING)))
    }

    fn push(&mut self, outcome: Result<SoundRecord, Error>) -> Result<(), JsValue> {
        let place = self.shared.pack.directory.record(self.next).map_err(|error| thrown(&error))?;
        self.next = self.next.saturating_add(1);
        if let Some(verification) = &mut self.verification {
            verification.push(Examination::new(place, outcome));
        }
        Ok(())
    }

    /// The report, once every record was added.
    ///
    /// # Errors
    /// `invalid-argument` if records are missing.
    pub fn finish(&mut self) -> Result<JsValue, JsValue> {
        let all = self.next == self.shared.pack.directory.record_count();
        let verification = self.verification.take().filter(|_| all);
        let report =
            verification.ok_or_else(|| JsValue::from(ModuleRefusal::RecordsMissing))?.finish();
        Ok(report_to_js(&report))
    }
}

/// The report as `[numbers, failures, damaged, unchecked]`; `js/verify.js` names
/// the numbers. A failure is `[layer, error]`, a record `[record, error]`.
fn report_to_js(report: &Report) -> JsValue {
    let (mut numbers, failures) = (Vec::with_capacity(14), Array::new());
    for (at, layer) in (0u32..).zip(&report.layers) {
        let (number, error) = match &layer.verdict {
            Verdict::Passed => (0.0, None),
            Verdict::Failed(error) => (1.0, Some(error)),
            Verdict::NotPresent => (2.0, None),
            Verdict::NotChecked(error) => (3.0, Some(error)),
        };
        numbers.push(number);
        if let Some(error) = error {
            failures.push(&Array::of2(&at.into(), &thrown(error)));
        }
    }
    let damaged = report.damaged.iter().map(|damaged| (&damaged.record, &damaged.error));
    let unchecked = report.unchecked.iter().map(|unchecked| (&unchecked.record, &unchecked.error));
    numbers.extend_from_slice(&[
        report.damaged_count.into(),
        report.unchecked_count.into(),
        report.record_count.into(),
        report.frames_without_checksum.into(),
        to_f64(report.payload_size),
        report.items_are_protected().into(),
    ]);
    let numbers = Float64Array::from(&numbers[..]);
    Array::of4(&numbers, &failures, &errors_to_js(damaged), &errors_to_js(unchecked)).into()
}

fn errors_to_js<'a>(records: impl Iterator<Item = (&'a RecordPlace, &'a Error)>) -> Array {
    let list = Array::new();
    for (record, error) in records.take(MAX_LISTED) {
        list.push(&Array::of2(&record.number.into(), &thrown(error)));
    }
    list
}
