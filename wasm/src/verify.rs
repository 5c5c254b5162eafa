//! Verifying in layers, in two halves that may run on different threads.
//!
//! An [`Inspector`] looks at a run of records and answers *findings*: plain
//! numbers and digests, so that they can be posted from a worker. [`Verdicts`]
//! takes findings in the order of the file and makes the report. Digests that
//! WebCrypto takes faster are left to JavaScript, as messages.

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;
use js_sys::{Array, Float64Array, Function, Uint8Array};
use sealpack_core::Error;
use sealpack_core::codec::FrameChecksum;
use sealpack_core::error::{Cause, Fault, Section};
use sealpack_core::format::digest::{Hash, RecordHasher, record_digest, record_message};
use sealpack_core::read::{
    DamagedRecord, Examination, Examiner, Record, RecordPlace, Report, SoundRecord, Verdict,
    Verification,
};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::error::{Refusal, thrown, to_f64, to_u64};
use crate::read::{Pack, Shared, within};

/// The damaged records that a report lists; those beyond are counted.
const MOST_LISTED: usize = 1000;

/// Inspects records; one on each thread.
#[wasm_bindgen]
pub struct Inspector {
    shared: Rc<Shared>,
    /// Messages above this size are left to the caller to hash.
    own_digests_to: usize,
    digests: bool,
    extract: Option<Function>,
    message: Vec<u8>,
    run: Bytes,
    start: u64,
    places: vec::IntoIter<RecordPlace>,
    /// What was found of the record looked at last.
    found: Result<SoundRecord, Error>,
}

const NOTHING: SoundRecord =
    SoundRecord { frame: FrameChecksum::NotKept, digest: None, payload_size: 0 };

// What `next` answers of a record, first: it is damaged, sound, or sound and its
// message is left to hash. Then the kind of its frame.
const DAMAGED: u32 = 0;
const SOUND: u32 = 1;
const TO_HASH: u32 = 2;
const FRAME_NOT_KEPT: u32 = 0;
const FRAME_PRESENT: u32 = 1;
const FRAME_ABSENT: u32 = 2;

#[wasm_bindgen]
impl Inspector {
    /// An inspector for this pack. It takes the digest of messages of up to
    /// `own_digests_to` bytes itself. `extract` replaces each item before it
    /// is hashed. With `digests` they are taken although the pack stores no
    /// hash of them.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(pack: &Pack, own_digests_to: u32, extract: Option<Function>, digests: bool) -> Self {
        let stored = pack.shared().pack.directory.trailer().content_hash.is_some();
        Self {
            shared: Rc::clone(pack.shared()),
            own_digests_to: own_digests_to as usize,
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

    /// Looks at the next record of the run; nothing at its end. Answers
    /// `[what, frame, payload size, address, length]`, the last two of the
    /// message in memory, valid until the next call.
    ///
    /// # Errors
    /// `invalid-argument` where the run's bytes are too few.
    #[allow(clippy::should_implement_trait, reason = "called from JavaScript, by that name")]
    pub fn next(&mut self) -> Result<Option<Vec<f64>>, JsValue> {
        let Some(place) = self.places.next() else {
            self.run = Bytes::new();
            return Ok(None);
        };
        let stored = within(&self.run, self.start, &place.range)?;
        self.found = self.inspect(&place, stored);
        let Ok(sound) = &self.found else { return Ok(Some(vec![DAMAGED.into()])) };
        let frame = match sound.frame {
            FrameChecksum::NotKept => FRAME_NOT_KEPT,
            FrameChecksum::Present => FRAME_PRESENT,
            FrameChecksum::Absent => FRAME_ABSENT,
        };
        let what = if self.message.is_empty() { SOUND } else { TO_HASH };
        // An address is no secret here: it is an index into this module's memory.
        let message = (self.message.as_ptr().addr() as f64, self.message.len() as f64);
        let payload_size = to_f64(sound.payload_size);
        Ok(Some(vec![what.into(), frame.into(), payload_size, message.0, message.1]))
    }

    /// The digest of the record looked at last, where it was taken here.
    #[must_use]
    pub fn digest(&self) -> Option<Vec<u8>> {
        self.found.as_ref().ok()?.digest.map(|digest| digest.to_vec())
    }

    fn inspect(&mut self, place: &RecordPlace, stored: Bytes) -> Result<SoundRecord, Error> {
        self.message.clear();
        let Shared { pack, limits, .. } = &*self.shared;
        let decoder = self.shared.decoder();
        let examiner = Examiner::new(&pack.directory, decoder.as_ref(), *limits, None);
        let (mut sound, record) = examiner.inspect(place, stored)?;
        if !self.digests {
            return Ok(sound);
        }
        if let Some(extract) = &self.extract {
            sound.digest = Some(extracted_digest(extract, &record, place)?);
        } else if record.payload().len() > self.own_digests_to {
            record_message(record.slices(), &mut self.message)?;
        } else {
            sound.digest = Some(digest(&record)?);
        }
        Ok(sound)
    }
}

/// The digest of a record. Never inlined: it would be in the module twice.
#[inline(never)]
pub(crate) fn digest(record: &Record) -> Result<Hash, Error> {
    record_digest(record.slices())
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
        let said = extract
            .call1(&JsValue::NULL, &Uint8Array::from(item))
            .map_err(|_| refused("extract() threw"))?;
        let said: Uint8Array =
            said.dyn_into().map_err(|_| refused("extract() must answer with a Uint8Array"))?;
        hasher.item(&said.to_vec())?;
    }
    Ok(hasher.finish())
}

/// Gathers findings, in the order of the records, into a report.
#[wasm_bindgen]
pub struct Verdicts {
    shared: Rc<Shared>,
    verification: Option<Verification>,
    next: u32,
}

#[wasm_bindgen]
impl Verdicts {
    /// Starts with an open pack, and the content hash that is trusted: 32
    /// bytes, or none for the one that the pack stores.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(pack: &Pack, trusted: &[u8]) -> Self {
        let shared = Rc::clone(pack.shared());
        let verification = Verification::new(&shared.pack);
        let verification = match Hash::try_from(trusted).ok() {
            Some(content_hash) => verification.against(content_hash),
            None => verification,
        };
        Self { shared, verification: Some(verification), next: 0 }
    }

    /// The next record is sound, with what [`Inspector::next`] said and its
    /// digest (empty where the pack stores no content hash).
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn sound(&mut self, frame: u32, payload_size: f64, digest: &[u8]) -> Result<(), JsValue> {
        let frame = match frame {
            FRAME_PRESENT => FrameChecksum::Present,
            FRAME_ABSENT => FrameChecksum::Absent,
            _ => FrameChecksum::NotKept,
        };
        let digest = Hash::try_from(digest).ok();
        let sound = SoundRecord { frame, digest, payload_size: to_u64(payload_size)? };
        self.push(Ok(sound))
    }

    /// The next record is the one that this inspector looked at last.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn inspected(&mut self, inspector: &mut Inspector) -> Result<(), JsValue> {
        self.push(core::mem::replace(&mut inspector.found, Ok(NOTHING)))
    }

    fn push(&mut self, outcome: Result<SoundRecord, Error>) -> Result<(), JsValue> {
        let place = self.shared.pack.directory.record(self.next).map_err(|error| thrown(&error))?;
        self.next = self.next.saturating_add(1);
        if let Some(verification) = &mut self.verification {
            verification.push(Examination::new(place, outcome));
        }
        Ok(())
    }

    /// The report, once every record was looked at.
    ///
    /// # Errors
    /// `invalid-argument` where records are missing.
    pub fn finish(&mut self) -> Result<JsValue, JsValue> {
        let all = self.next == self.shared.pack.directory.record_count();
        let verification = self.verification.take().filter(|_| all);
        let report = verification.ok_or_else(|| JsValue::from(Refusal::RecordsMissing))?.finish();
        Ok(plain(&report))
    }
}

/// The report as `[numbers, failures, damaged]`; `js/verify.js` names the
/// parts. Each failure is `[layer, error]`, each damage `[record, error]`.
fn plain(report: &Report) -> JsValue {
    let (mut numbers, failures) = (Vec::with_capacity(13), Array::new());
    for (at, layer) in (0u32..).zip(&report.layers) {
        numbers.push(match &layer.verdict {
            Verdict::Passed => 0.0,
            Verdict::Failed(error) => {
                failures.push(&Array::of2(&at.into(), &thrown(error)));
                1.0
            }
            Verdict::NotPresent => 2.0,
        });
    }
    let damaged = Array::new();
    for DamagedRecord { record, error } in report.damaged.iter().take(MOST_LISTED) {
        damaged.push(&Array::of2(&record.number.into(), &thrown(error)));
    }
    numbers.extend_from_slice(&[
        report.damaged_count.into(),
        report.record_count.into(),
        report.frames_without_checksum.into(),
        to_f64(report.payload_size),
        report.items_are_protected().into(),
    ]);
    Array::of3(&Float64Array::from(&numbers[..]), &failures, &damaged).into()
}
