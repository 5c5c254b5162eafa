//! The items of a record as input of its digest, and computing many digests at
//! once.

use alloc::vec::Vec;

use bytes::Bytes;

use super::digest::{Hash, record_digest};
use crate::error::Error;
use crate::wire::group::Group;

/// The decoded items of one record: the input of its digest.
#[derive(Clone, Copy, Debug)]
pub struct RecordContent<'a> {
    runs: ContentRuns<'a>,
    lengths: Lengths<'a>,
}

/// The bytes of the items. No item spans two runs.
#[derive(Clone, Copy, Debug)]
enum ContentRuns<'a> {
    One(&'a [u8]),
    Many(&'a [Bytes]),
}

/// The lengths of the items.
#[derive(Clone, Copy, Debug)]
enum Lengths<'a> {
    List(&'a [u32]),
    Packed(Group<'a>),
    /// The record is one item.
    Single,
}

impl<'a> RecordContent<'a> {
    /// A record whose items lie in one run of bytes and have these lengths.
    #[must_use]
    pub fn listed(run: &'a [u8], lengths: &'a [u32]) -> Self {
        Self { runs: ContentRuns::One(run), lengths: Lengths::List(lengths) }
    }

    /// A record whose items lie in several runs. No item may span two of them.
    #[must_use]
    pub fn in_runs(runs: &'a [Bytes], lengths: &'a [u32]) -> Self {
        Self { runs: ContentRuns::Many(runs), lengths: Lengths::List(lengths) }
    }

    /// A record from its decoded payload and the packed lengths of its items;
    /// without lengths the payload is one item.
    #[must_use]
    pub fn packed(payload: &'a [u8], lengths: Option<Group<'a>>) -> Self {
        let lengths = lengths.map_or(Lengths::Single, Lengths::Packed);
        Self { runs: ContentRuns::One(payload), lengths }
    }

    /// The number of items in the record.
    #[must_use]
    pub fn item_count(&self) -> usize {
        match self.lengths {
            Lengths::List(lengths) => lengths.len(),
            Lengths::Packed(group) => group.count() as usize,
            Lengths::Single => 1,
        }
    }

    /// The size of all items, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self.runs {
            ContentRuns::One(run) => run.len(),
            ContentRuns::Many(runs) => runs.iter().map(Bytes::len).sum(),
        }
    }

    /// The payload, if it is one run of bytes.
    #[must_use]
    pub fn run(&self) -> Option<&'a [u8]> {
        match self.runs {
            ContentRuns::One(run) => Some(run),
            ContentRuns::Many(_) => None,
        }
    }

    /// The items in order.
    pub fn items(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (mut rest, mut runs): (&[u8], _) = match self.runs {
            ContentRuns::One(run) => (run, [].iter()),
            ContentRuns::Many(runs) => (&[], runs.iter()),
        };
        let lengths = self.lengths;
        (0..self.item_count()).map(move |at| {
            let length = match lengths {
                Lengths::List(list) => list.get(at).map_or(0, |&length| length as usize),
                Lengths::Packed(group) => {
                    let length = u32::try_from(at).ok().and_then(|at| group.get(at));
                    length.map_or(0, |length| length as usize)
                }
                Lengths::Single => rest.len(),
            };
            while rest.is_empty() && length > 0 {
                let Some(run) = runs.next() else { break };
                rest = run;
            }
            let (item, after) = rest.split_at(length.min(rest.len()));
            rest = after;
            item
        })
    }
}

/// Computes the digests of records. The digests of different records are
/// independent of each other, so a platform may compute many at once.
pub trait DigestRecords: Send {
    /// Appends the digest of each record to `digests`, in order.
    ///
    /// # Errors
    /// [`Limit::Item`](crate::error::Limit::Item), which cannot occur for a
    /// record that this crate built or read.
    fn digests(
        &mut self,
        records: &[RecordContent<'_>],
        digests: &mut Vec<Hash>,
    ) -> Result<(), Error>;

    /// The number of records per call at which it is fastest.
    fn preferred_batch(&self) -> usize {
        1
    }
}

/// Computes one digest after another, with [`record_digest`].
#[derive(Clone, Copy, Debug, Default)]
pub struct OneByOne;

impl DigestRecords for OneByOne {
    fn digests(
        &mut self,
        records: &[RecordContent<'_>],
        digests: &mut Vec<Hash>,
    ) -> Result<(), Error> {
        for record in records {
            digests.push(record_digest(record.items())?);
        }
        Ok(())
    }
}
