//! `write/pipeline.rs` on top of `ordered.rs`, with real drafts and sealers; the model
//! provides encoder, digester and output.

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
use crate::write::output::{DiscardingSink, PackOutput};
use crate::write::pipeline::Pipeline;
use crate::{InjectedFailure, explore};

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

/// The point at which a pipeline fails.
#[derive(Clone, Copy, Debug)]
enum FailurePoint {
    None,
    Encoding(usize, InjectedFailure),
    Closing(InjectedFailure),
    Writing(usize, InjectedFailure),
}

/// An encoder whose output identifies its item, and which may fail.
struct Encoder {
    at: FailurePoint,
    closed: Arc<AtomicUsize>,
}

impl Encode for Encoder {
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
        let number = payload.len() % SMALL;
        if let FailurePoint::Encoding(at, failure_kind) = self.at
            && at == number
        {
            failure_kind.trigger("encoding")?;
        }
        out.resize(number + 1, 0);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Cause> {
        self.closed.fetch_add(1, Ordering::Relaxed);
        if let FailurePoint::Closing(failure_kind) = self.at {
            failure_kind.trigger("closing")
        } else {
            Ok(())
        }
    }
}

/// Returns empty digests; its preferred batch is this number of records.
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
struct PipelineShape {
    /// The number of workers; without any, the writer thread also seals.
    workers: usize,
    /// The number of records in a worker's batch of digests.
    lanes: usize,
    /// The number of drafts, and the bytes of each.
    drafts: (usize, usize),
}

struct TestPipeline {
    pipeline: Pipeline<DiscardingSink>,
    written: Arc<Mutex<Vec<usize>>>,
    closed: Arc<AtomicUsize>,
}

fn pipeline(shape_of: PipelineShape, at: FailurePoint) -> TestPipeline {
    let (written, closed) = (Arc::<Mutex<Vec<usize>>>::default(), Arc::<AtomicUsize>::default());
    let failure = if let FailurePoint::Writing(number, failure_kind) = at {
        Some((number, failure_kind))
    } else {
        None
    };
    let output = PackOutput { written: Arc::clone(&written), failure, sink: PhantomData };
    let sealer = || {
        let encoder = Encoder { at, closed: Arc::clone(&closed) };
        let sealer = Sealer::with_encoder(&shape(), Box::new(encoder));
        sealer.with_digester(Box::new(Digester(shape_of.lanes)))
    };
    let pipeline = match shape_of.workers {
        0 => Pipeline::on_one_thread(sealer(), output),
        workers => Pipeline::threads((0..workers).map(|_| sealer()).collect(), output),
    };
    TestPipeline { pipeline: pipeline.unwrap(), written, closed }
}

/// Submits drafts and finishes; returns the result of `finish`, and what was
/// written.
fn pack(shape: PipelineShape, at: FailurePoint) -> (Result<(), ErrorKind>, Vec<usize>) {
    let TestPipeline { mut pipeline, written, closed } = pipeline(shape, at);
    let (count, unit) = shape.drafts;
    let submitted = drafts(count, unit).into_iter().try_for_each(|draft| pipeline.submit(draft));
    let failure = pipeline.failure();
    let finished = pipeline.finish().map(drop);
    let encoders = shape.workers.max(1);
    assert_eq!(closed.load(Ordering::Relaxed), encoders, "each encoder is closed, once");
    if let Err(error) = submitted.and(failure.map_or(Ok(()), Err)) {
        let finished = finished.as_ref().unwrap_err();
        assert_eq!(finished.to_string(), error.to_string(), "every call returns the first error");
    }
    let written = written.lock().unwrap().clone();
    (finished, written)
}

/// Runs a pipeline without failures.
fn packs_all(shape: PipelineShape, preemptions: usize) -> usize {
    explore(preemptions, move || {
        let (finished, written) = pack(shape, FailurePoint::None);
        finished.unwrap();
        let expected: Vec<usize> = (1..=shape.drafts.0).collect();
        assert_eq!(written, expected, "every draft, in order");
    })
}

pub(super) fn writes() -> String {
    let mut count = 0;
    for (workers, drafts, preemptions) in [(0, 3, 3), (1, 3, 3), (2, 2, 2), (3, 2, 1)] {
        for lanes in [1, 2] {
            count +=
                packs_all(PipelineShape { workers, lanes, drafts: (drafts, SMALL) }, preemptions);
        }
    }
    at_least(count, 10_000)
}

pub(super) fn waits() -> String {
    let mut count = 0;
    for (workers, drafts, preemptions) in [(0, 6, 3), (1, 6, 2), (2, 7, 1)] {
        for lanes in [1, 2] {
            count +=
                packs_all(PipelineShape { workers, lanes, drafts: (drafts, LARGE) }, preemptions);
        }
    }
    at_least(count, 4_000)
}

pub(super) fn fails() -> String {
    let mut count = 0;
    for failure_kind in [InjectedFailure::Fails, InjectedFailure::Panics] {
        for (at, text) in [
            (FailurePoint::Encoding(0, failure_kind), "encoding"),
            (FailurePoint::Encoding(1, failure_kind), "encoding"),
            (FailurePoint::Closing(failure_kind), "closing"),
            (FailurePoint::Writing(0, failure_kind), "writing"),
            (FailurePoint::Writing(1, failure_kind), "writing"),
        ] {
            for (workers, lanes, preemptions) in [(0, 1, 3), (1, 2, 2), (2, 1, 2)] {
                count += explore(preemptions, move || {
                    let (finished, written) =
                        pack(PipelineShape { workers, lanes, drafts: (2, SMALL) }, at);
                    let error = finished.expect_err("finish returns the failure");
                    assert!(format!("{error:#}").contains(text), "{at:?}: {error:#}");
                    assert!(written.iter().is_sorted() && written.len() <= 2);
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
                let shape = PipelineShape { workers, lanes, drafts: (submitted, SMALL) };
                let TestPipeline { mut pipeline, written, closed } =
                    pipeline(shape, FailurePoint::None);
                let drafts = drafts(submitted, SMALL);
                drafts.into_iter().for_each(|draft| pipeline.submit(draft).unwrap());
                drop(pipeline);
                assert_eq!(closed.load(Ordering::Relaxed), workers.max(1), "threads have ended");
                assert!(written.lock().unwrap().iter().is_sorted());
            });
        }
    }
    at_least(count, 2_500)
}
