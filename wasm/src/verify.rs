//! Verifying in layers, in two halves that may run on different threads.
//!
//! An [`Inspector`] looks at a run of records and answers *findings*: plain
//! numbers and digests, so that they can be posted from a worker. [`Verdicts`]
//! takes findings in the order of the file and makes the report. Digests that
//! WebCrypto takes faster are left to JavaScript, as messages.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use js_sys::{Array, Function, Object, Uint8Array};
use sealpack_core::Error;
use sealpack_core::codec::FrameChecksum;
use sealpack_core::error::{Cause, Fault, Section};
use sealpack_core::format::digest::{Hash, RecordHasher, record_digest, record_message};
use sealpack_core::read::{
    Damage, Examination, Examiner, Merge, PlannedRead, Record, RecordPlace, Report, Sound, Verdict,
    Verification, plan_records,
};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::error::{coded, set, thrown, to_f64, to_u64};
use crate::read::{Pack, Shared, within};

/// The damaged records that a report lists; those beyond are counted.
const MOST_LISTED: usize = 1000;

/// Runs of records to inspect, in file order.
#[wasm_bindgen]
pub struct Runs {
    shared: Rc<Shared>,
    records: Range<u32>,
    most: u64,
}

#[wasm_bindgen]
impl Runs {
    /// All the records of a pack, in runs of about `most` bytes.
    ///
    /// # Errors
    /// `invalid-argument`.
    #[wasm_bindgen(constructor)]
    pub fn new(pack: &Pack, most: f64) -> Result<Self, JsValue> {
        let shared = Rc::clone(pack.shared());
        let records = 0..shared.pack.directory.record_count();
        Ok(Self { shared, records, most: to_u64(most)? })
    }

    /// The next run, `[first record, records, start, end]`; nothing at the end.
    #[allow(clippy::should_implement_trait, reason = "called from JavaScript, by that name")]
    pub fn next(&mut self) -> Option<Vec<f64>> {
        let merge = Merge { gap: 0, most: self.most };
        let directory = &self.shared.pack.directory;
        let PlannedRead { range, records } =
            plan_records(directory, self.records.clone(), merge).next()?;
        let (first, last) = (records.first()?.place.number, records.last()?.place.number);
        self.records.start = last.saturating_add(1);
        let count = f64::from(last - first) + 1.0;
        Some(vec![first.into(), count, to_f64(range.start), to_f64(range.end)])
    }
}

/// Inspects records; one on each thread.
#[wasm_bindgen]
pub struct Inspector {
    shared: Rc<Shared>,
    /// Messages above this size are left to the caller to hash.
    own_digests_to: usize,
    extract: Option<Function>,
    message: Vec<u8>,
    run: Bytes,
    start: u64,
    places: std::vec::IntoIter<RecordPlace>,
}

/// What was found of a record that is sound in itself, as numbers.
const FRAME_NOT_KEPT: u32 = 0;
const FRAME_PRESENT: u32 = 1;
const FRAME_ABSENT: u32 = 2;

#[wasm_bindgen]
impl Inspector {
    /// An inspector for this pack. It takes the digest of messages of up to
    /// `own_digests_to` bytes itself. `extract` replaces each item before it
    /// is hashed.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(pack: &Pack, own_digests_to: u32, extract: Option<Function>) -> Self {
        Self {
            shared: Rc::clone(pack.shared()),
            own_digests_to: own_digests_to as usize,
            extract,
            message: Vec::new(),
            run: Bytes::new(),
            start: 0,
            places: Vec::new().into_iter(),
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

    /// Looks at the next record of the run; nothing at its end.
    ///
    /// # Errors
    /// `invalid-argument` where the run's bytes are too few.
    #[allow(clippy::should_implement_trait, reason = "called from JavaScript, by that name")]
    pub fn next(&mut self) -> Result<Option<Finding>, JsValue> {
        let Some(place) = self.places.next() else {
            self.run = Bytes::new();
            return Ok(None);
        };
        let stored = within(&self.run, self.start, &place.range)?;
        let outcome = self.inspect(&place, stored);
        Ok(Some(Finding { outcome }))
    }

    /// Where the message of the record just looked at lies in memory, and how
    /// long it is: valid until the next call.
    #[wasm_bindgen(js_name = messageAt)]
    #[must_use]
    pub fn message_at(&self) -> Vec<f64> {
        // An address is not a secret here: it is an index into this module's memory.
        vec![self.message.as_ptr().addr() as f64, self.message.len() as f64]
    }

    fn inspect(&mut self, place: &RecordPlace, stored: Bytes) -> Result<Inspected, Error> {
        self.message.clear();
        let Shared { pack, limits, .. } = &*self.shared;
        let decoder = self.shared.decoder();
        let examiner = Examiner::new(&pack.directory, decoder.as_ref(), *limits, None);
        let (mut sound, record) = examiner.inspect(place, stored)?;
        if pack.directory.trailer().content_hash.is_none() {
            return Ok(Inspected { sound, to_hash: false });
        }
        let to_hash = self.extract.is_none() && record.payload().len() > self.own_digests_to;
        if to_hash {
            record_message(record.slices(), &mut self.message)?;
        } else {
            sound.digest = Some(match &self.extract {
                None => record_digest(record.slices())?,
                Some(extract) => extracted_digest(extract, &record, place)?,
            });
        }
        Ok(Inspected { sound, to_hash })
    }
}

fn extracted_digest(
    extract: &Function,
    record: &Record,
    place: &RecordPlace,
) -> Result<Hash, Error> {
    let section = Section::Record(place.number);
    let refused = |text: &str| Fault::Extract(Cause::text(text)).within(section);
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

struct Inspected {
    sound: Sound,
    to_hash: bool,
}

/// What was found of a record.
#[wasm_bindgen]
pub struct Finding {
    outcome: Result<Inspected, Error>,
}

#[wasm_bindgen]
impl Finding {
    /// Whether the record is sound in itself.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn sound(&self) -> bool {
        self.outcome.is_ok()
    }

    /// Whether its message still has to be hashed.
    #[wasm_bindgen(getter, js_name = toHash)]
    #[must_use]
    pub fn to_hash(&self) -> bool {
        matches!(&self.outcome, Ok(Inspected { to_hash: true, .. }))
    }

    /// The digest, where it was taken here.
    #[must_use]
    pub fn digest(&self) -> Option<Vec<u8>> {
        self.outcome.as_ref().ok()?.sound.digest.map(|digest| digest.to_vec())
    }

    /// `[frame, payload size]`, to be handed to [`Verdicts::sound`].
    #[must_use]
    pub fn numbers(&self) -> Vec<f64> {
        let Ok(Inspected { sound, .. }) = &self.outcome else { return Vec::new() };
        let frame = match sound.frame {
            FrameChecksum::NotKept => FRAME_NOT_KEPT,
            FrameChecksum::Present => FRAME_PRESENT,
            FrameChecksum::Absent => FRAME_ABSENT,
        };
        vec![frame.into(), to_f64(sound.payload_size)]
    }
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
    /// Starts with an open pack.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(pack: &Pack) -> Self {
        let shared = Rc::clone(pack.shared());
        let verification = Some(Verification::new(&shared.pack));
        Self { shared, verification, next: 0 }
    }

    /// The next record is sound, with what [`Finding::numbers`] said and its
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
        let sound = Sound { frame, digest, payload_size: to_u64(payload_size)? };
        self.push(Ok(sound))
    }

    /// The next record is damaged: looks at it again, here, and notes how.
    ///
    /// # Errors
    /// `invalid-argument`.
    pub fn damaged(&mut self, finding: Finding) -> Result<(), JsValue> {
        let outcome = finding.outcome.map(|inspected| inspected.sound);
        self.push(outcome)
    }

    fn push(&mut self, outcome: Result<Sound, Error>) -> Result<(), JsValue> {
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
        let report = verification
            .ok_or_else(|| coded("invalid-argument", "not every record was looked at"))?
            .finish();
        Ok(plain(&report))
    }
}

/// The layers of a pack whose records were not looked at yet.
#[wasm_bindgen(js_name = openLayers)]
#[must_use]
pub fn open_layers(pack: &Pack) -> JsValue {
    let layers = Object::new().into();
    let report = Verification::new(&pack.shared().pack).finish();
    for layer in &report.layers[..3] {
        set(&layers, layer.name.name(), &layer.verdict.name().into());
    }
    layers
}

/// The report as plain data.
fn plain(report: &Report) -> JsValue {
    let js = Object::new().into();
    let (layers, failures) = (Object::new().into(), Array::new());
    for layer in &report.layers {
        set(&layers, layer.name.name(), &layer.verdict.name().into());
        if let Verdict::Failed(error) = &layer.verdict {
            let failure = thrown(error);
            set(&failure, "layer", &layer.name.name().into());
            failures.push(&failure);
        }
    }
    let damaged = Array::new();
    for Damage { record, error } in report.damaged.iter().take(MOST_LISTED) {
        let damage = thrown(error);
        set(&damage, "record", &record.number.into());
        damaged.push(&damage);
    }
    set(&js, "ok", &report.is_ok().into());
    set(&js, "layers", &layers);
    set(&js, "failures", &failures);
    set(&js, "damaged", &damaged);
    set(&js, "damagedCount", &report.damaged_count.into());
    set(&js, "recordCount", &report.record_count.into());
    set(&js, "framesWithoutChecksum", &report.frames_without_checksum.into());
    set(&js, "payloadSize", &to_f64(report.payload_size).into());
    set(&js, "itemsAreProtected", &report.items_are_protected().into());
    js
}
