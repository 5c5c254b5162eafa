//! `write/pipeline.rs` on top of `ordered.rs`, with real drafts and sealers;
//! encoder, digester and output are the model's own.

use std::marker::PhantomData;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use sealpack_core::Error;
use sealpack_core::codec::Encode;
use sealpack_core::error::Cause;
use sealpack_core::format::digest::Hash;
use sealpack_core::format::{Dialect, DigestRecords, RecordContent};
use sealpack_core::write::{Draft, Hashing, PackShape, RecordBuilder, Sealer};

use super::at_least;
use crate::error::ErrorKind;
use crate::write::output::{Nowhere, PackOutput};
use crate::write::pipeline::Pipeline;
use crate::{Trouble, explore};

/// The length of an item that fills a draft by itself. Four of them fill the
/// pipeline's window.
const LARGE: usize = 4_000_000;
const SMALL: usize = 40_000;

/// Drafts of one item each; the item's length identifies it.
fn drafts(count: usize, unit: usize) -> Vec<Draft> {
    static ZEROS: [u8; LARGE + 100] = [0; LARGE + 100];
    let mut builder = RecordBuilder::new(&shape(), true);
    let mut drafts = Vec::new();
    for number in 0..count {
        builder.push_owned(Bytes::from_static(&ZEROS[..unit + number])).unwrap();
        drafts.extend(std::iter::from_fn(|| builder.next_draft()));
    }
    assert_eq!(drafts.len(), count, "a draft for each item");
    drafts
}

fn shape() -> PackShape {
    PackShape {
        items_per_record: NonZero::new(1).unwrap(),
        format_id: 0,
        record_checksum: false,
        content_hash: Hashing::Items,
        dialect: Dialect::AppDataCrc,
    }
}

/// The place at which a pipeline has trouble.
#[derive(Clone, Copy, Debug)]
enum At {
    Nowhere,
    Encoding(usize, Trouble),
    Closing(Trouble),
    Writing(usize, Trouble),
}

/// An encoder that reports which item it was given, or has trouble.
struct Encoder {
    at: At,
    closed: Arc<AtomicUsize>,
}

impl Encode for Encoder {
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
        let number = payload.len() % SMALL;
        if let At::Encoding(at, trouble) = self.at
            && at == number
        {
            trouble.strike("encoding")?;
        }
        out.resize(number + 1, 0);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Cause> {
        self.closed.fetch_add(1, Ordering::Relaxed);
        if let At::Closing(trouble) = self.at { trouble.strike("closing") } else { Ok(()) }
    }
}

/// Computes no real digests; its preferred batch is this number of records.
struct Digester(usize);

impl DigestRecords for Digester {
    fn digests(
        &mut self,
        records: &[RecordContent<'_>],
        digests: &mut Vec<Hash>,
    ) -> Result<(), Error> {
        digests.extend(records.iter().map(|_| Hash::default()));
        Ok(())
    }

    fn preferred_batch(&self) -> usize {
        self.0
    }
}

/// The parameters of a pipeline.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// The number of workers; without any, the writer thread also seals.
    workers: usize,
    /// The number of records in a worker's batch of digests.
    lanes: usize,
    /// The number of drafts, and the bytes of each.
    drafts: (usize, usize),
}

struct Made {
    pipeline: Pipeline<Nowhere>,
    came: Arc<Mutex<Vec<usize>>>,
    closed: Arc<AtomicUsize>,
}

fn pipeline(shape_of: Shape, at: At) -> Made {
    let (came, closed) = (Arc::<Mutex<Vec<usize>>>::default(), Arc::<AtomicUsize>::default());
    let trouble =
        if let At::Writing(number, trouble) = at { Some((number, trouble)) } else { None };
    let output = PackOutput { came: Arc::clone(&came), trouble, sink: PhantomData };
    let sealer = || {
        let encoder = Encoder { at, closed: Arc::clone(&closed) };
        let sealer = Sealer::with_encoder(&shape(), Box::new(encoder));
        sealer.with_digester(Box::new(Digester(shape_of.lanes)))
    };
    let pipeline = match shape_of.workers {
        0 => Pipeline::on_one_thread(sealer(), output),
        workers => Pipeline::threads((0..workers).map(|_| sealer()).collect(), output),
    };
    Made { pipeline: pipeline.unwrap(), came, closed }
}

/// Submits drafts and finishes; returns the result of `finish`, and what was
/// written.
fn pack(shape: Shape, at: At) -> (Result<(), ErrorKind>, Vec<usize>) {
    let Made { mut pipeline, came, closed } = pipeline(shape, at);
    let (count, unit) = shape.drafts;
    let submitted = drafts(count, unit).into_iter().try_for_each(|draft| pipeline.submit(draft));
    let failure = pipeline.failure();
    let finished = pipeline.finish().map(drop);
    let encoders = shape.workers.max(1);
    assert_eq!(closed.load(Ordering::Relaxed), encoders, "each encoder is closed, once");
    if let Err(error) = submitted.and(failure.map_or(Ok(()), Err)) {
        let finished = finished.as_ref().unwrap_err();
        assert_eq!(finished.to_string(), error.to_string(), "the first error, every time");
    }
    let came = came.lock().unwrap().clone();
    (finished, came)
}

/// Runs a pipeline without trouble.
fn whole(shape: Shape, preemptions: usize) -> usize {
    explore(preemptions, move || {
        let (finished, came) = pack(shape, At::Nowhere);
        finished.unwrap();
        let expected: Vec<usize> = (1..=shape.drafts.0).collect();
        assert_eq!(came, expected, "every draft, in order");
    })
}

pub(super) fn writes() -> String {
    let mut count = 0;
    for (workers, drafts, preemptions) in [(0, 3, 3), (1, 3, 3), (2, 2, 2), (3, 2, 1)] {
        for lanes in [1, 2] {
            count += whole(Shape { workers, lanes, drafts: (drafts, SMALL) }, preemptions);
        }
    }
    at_least(count, 10_000)
}

pub(super) fn waits() -> String {
    let mut count = 0;
    for (workers, drafts, preemptions) in [(0, 6, 3), (1, 6, 2), (2, 7, 1)] {
        for lanes in [1, 2] {
            count += whole(Shape { workers, lanes, drafts: (drafts, LARGE) }, preemptions);
        }
    }
    at_least(count, 4_000)
}

pub(super) fn fails() -> String {
    let mut count = 0;
    for trouble in [Trouble::Fails, Trouble::Panics] {
        for (at, words) in [
            (At::Encoding(0, trouble), "encoding"),
            (At::Encoding(1, trouble), "encoding"),
            (At::Closing(trouble), "closing"),
            (At::Writing(0, trouble), "writing"),
            (At::Writing(1, trouble), "writing"),
        ] {
            for (workers, lanes, preemptions) in [(0, 1, 3), (1, 2, 2), (2, 1, 2)] {
                count += explore(preemptions, move || {
                    let (finished, came) = pack(Shape { workers, lanes, drafts: (2, SMALL) }, at);
                    let error = finished.expect_err("the failure comes out");
                    assert!(format!("{error:#}").contains(words), "{at:?}: {error:#}");
                    assert!(came.iter().is_sorted() && came.len() <= 2);
                });
            }
        }
    }
    at_least(count, 30_000)
}

pub(super) fn dropped() -> String {
    let mut count = 0;
    for (workers, lanes, preemptions) in [(0, 1, 3), (1, 2, 3), (2, 1, 2), (3, 1, 1)] {
        for submitted in 0..=2 {
            count += explore(preemptions, move || {
                let shape = Shape { workers, lanes, drafts: (submitted, SMALL) };
                let Made { mut pipeline, came, closed } = pipeline(shape, At::Nowhere);
                let drafts = drafts(submitted, SMALL);
                drafts.into_iter().for_each(|draft| pipeline.submit(draft).unwrap());
                drop(pipeline);
                assert_eq!(closed.load(Ordering::Relaxed), workers.max(1), "threads have ended");
                assert!(came.lock().unwrap().iter().is_sorted());
            });
        }
    }
    at_least(count, 2_500)
}
