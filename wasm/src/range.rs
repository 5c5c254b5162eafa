//! Reading records: planned reads of a range of the file each, decoded record by record.

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;
use sealpack_core::read::{Merge, PlannedRead, PlannedRecord, plan_ascending, plan_records};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{thrown, to_f64, to_u64};
use crate::read::{LentRecord, PackHandle, SharedPack, digest, length, part_of};

#[wasm_bindgen]
impl PackHandle {
    /// The reads for the records of these positions, in file order. Each record
    /// must be named once, by the position of any of its items, in ascending
    /// order.
    ///
    /// # Errors
    /// `out-of-range`, before anything is read.
    pub fn plan(
        &self,
        positions: &[u32],
        gap: f64,
        max_read: f64,
    ) -> Result<Vec<RangeRead>, JsValue> {
        let merge = Merge { gap: to_u64(gap)?, max_read: to_u64(max_read)? };
        let ascending = positions.iter().copied().zip(0..);
        let reads = plan_ascending(&self.shared().pack.directory, ascending, merge)
            .map_err(|error| thrown(&error))?;
        let read = |planned| RangeRead::new(self.shared(), planned);
        Ok(reads.into_iter().map(read).collect())
    }

    /// Decodes a record from all of its bytes into the module's memory, where it stays
    /// until the next call. Returns its place as [`RangeRead::decode_next`] does, or
    /// nothing if the codec must be detected first.
    ///
    /// # Errors
    /// Damage to the record; `out-of-range`.
    #[wasm_bindgen(js_name = decodeRecord)]
    pub fn decode_record(&self, number: u32, bytes: Vec<u8>) -> Result<Option<Vec<u32>>, JsValue> {
        let shared = self.shared();
        shared.lent.borrow_mut().record = None; // its memory is used again
        let place = shared.pack.directory.record(number).map_err(|error| thrown(&error))?;
        let record = shared.unseal(&place, bytes.into())?;
        Ok(record.map(|record| shared.lent.borrow_mut().keep(record)))
    }

    /// The reads for a range of items, in order.
    ///
    /// # Errors
    /// `out-of-range`.
    pub fn scan(
        &self,
        start: u32,
        end: u32,
        gap: f64,
        max_read: f64,
    ) -> Result<RangeScan, JsValue> {
        let records = self
            .shared()
            .pack
            .directory
            .records_of(&(start..end))
            .map_err(|error| thrown(&error))?;
        let merge = Merge { gap: to_u64(gap)?, max_read: to_u64(max_read)? };
        Ok(RangeScan { shared: Rc::clone(self.shared()), records, merge })
    }
}

/// A range of items being read.
#[wasm_bindgen]
pub struct RangeScan {
    shared: Rc<SharedPack>,
    records: Range<u32>,
    merge: Merge,
}

#[wasm_bindgen]
impl RangeScan {
    /// The next read, or nothing at the end.
    #[allow(clippy::should_implement_trait, reason = "called from JavaScript, by that name")]
    pub fn next(&mut self) -> Option<RangeRead> {
        let directory = &self.shared.pack.directory;
        let planned = plan_records(directory, self.records.clone(), self.merge).next()?;
        self.records.start = planned.records.last()?.place.number.saturating_add(1);
        Some(RangeRead::new(&self.shared, planned))
    }
}

/// A range of the file to fetch, and the records in it.
#[wasm_bindgen]
pub struct RangeRead {
    shared: Rc<SharedPack>,
    planned: PlannedRead,
    bytes: Bytes,
    /// How many records were decoded.
    count: usize,
    lent: LentRecord,
}

impl RangeRead {
    fn new(shared: &Rc<SharedPack>, planned: PlannedRead) -> Self {
        let shared = Rc::clone(shared);
        Self { shared, planned, bytes: Bytes::new(), count: 0, lent: LentRecord::default() }
    }
}

#[wasm_bindgen]
impl RangeRead {
    /// `[start, end, in tail, first record, record count]`; `in tail` is 1 if
    /// opening the pack read the whole range.
    #[must_use]
    pub fn range(&self) -> Vec<f64> {
        let PlannedRead { range, records } = &self.planned;
        let in_tail = self.shared.pack.tail.get(range).is_some();
        let first = records.first().map_or(0, |record| record.place.number);
        let count = length(records.len());
        vec![to_f64(range.start), to_f64(range.end), f64::from(in_tail), first.into(), count.into()]
    }

    /// The numbers of the records in the range.
    #[must_use]
    pub fn records(&self) -> Vec<u32> {
        self.planned.records.iter().map(|record| record.place.number).collect()
    }

    /// Takes the bytes of the read. Without `bytes`, those that opening read are used.
    pub fn supply(&mut self, bytes: Option<Vec<u8>>) {
        let tail = || self.shared.pack.tail.get(&self.planned.range).unwrap_or_default();
        self.bytes = bytes.map_or_else(tail, Bytes::from);
    }

    /// Decodes the next record into the module's memory, where it stays until the next
    /// call. Returns its place: the address and the size of the payload, and the address
    /// and the number of the offsets at which its items end. Returns nothing after the
    /// last record, and if the codec must be detected first: the next call decodes the
    /// same record then.
    ///
    /// # Errors
    /// Damage to the record.
    #[wasm_bindgen(js_name = decodeNext)]
    pub fn decode_next(&mut self) -> Result<Option<Vec<u32>>, JsValue> {
        self.lent.record = None; // its memory is used again
        let planned = self.planned.records.get(self.count);
        let Some(PlannedRecord { place, .. }) = planned else { return Ok(None) };
        let stored = part_of(&self.bytes, self.planned.range.start, &place.range)?;
        let Some(record) = self.shared.unseal(place, stored)? else { return Ok(None) };
        self.count = self.count.saturating_add(1);
        Ok(Some(self.lent.keep(record)))
    }

    /// The digest of the record decoded last.
    ///
    /// # Errors
    /// An item above the limits of a digest.
    pub fn digest(&self) -> Result<Vec<u8>, JsValue> {
        let digest = self.lent.record.as_ref().map(digest).transpose();
        Ok(digest.map_err(|error| thrown(&error))?.unwrap_or_default().to_vec())
    }
}
