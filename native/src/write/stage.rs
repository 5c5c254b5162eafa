//! The sealing stage: a running pipeline, or drafts that wait until there are enough for
//! the codec to learn from.
//!
//! ```text
//! drafts ──> Learning: wait ──(enough, or finish)──> codec.learn ──> Pipeline
//! ```

use std::sync::Arc;

use sealpack_core::write::{Draft, Hashing, PackShape, Sealer};

use super::output::PackOutput;
use super::pipeline::Pipeline;
use super::sink::PackSink;
use crate::codec::{Codec, EncoderFactory, FirstRecords, RecordDictionary};
use crate::cores::cores;
use crate::digest::Lanes;
use crate::error::ErrorKind;
use crate::panics::{CatchPanics, catch_panic};

/// A codec, and how many threads encode with it.
#[derive(Clone)]
pub(super) struct StageOptions {
    pub(super) codec: Arc<dyn EncoderFactory>,
    pub(super) threads: usize,
}

/// The threads that seal, and their sealers.
pub(super) enum Sealers {
    /// The caller's thread.
    Caller(Sealer),
    /// The thread that writes, if there is so little to do that workers would only add
    /// hand-offs.
    Writer(Sealer),
    /// One worker for each sealer.
    Workers(Vec<Sealer>),
}

impl StageOptions {
    pub(super) fn sealers(&self, shape: &PackShape) -> Result<Sealers, ErrorKind> {
        let sealer = || {
            let sealer = match catch_panic(|| self.codec.encoder()).flatten() {
                Ok(Codec::Plain) => Sealer::plain(shape),
                Ok(Codec::Encoder(encoder)) => {
                    Sealer::with_encoder(shape, Box::new(CatchPanics(encoder)))
                }
                Err(cause) => return Err(ErrorKind::Encoder(cause)),
            };
            Ok(sealer.with_digester(Box::new(Lanes::default())))
        };
        // Nothing to encode or to compute.
        let nothing_to_do = self.codec.is_plain()
            && matches!(shape.content_hash, Hashing::None)
            && !shape.record_checksum;
        // An extract may take any amount of time; checksums and digests take less than writing.
        let is_light =
            self.codec.is_plain() && !matches!(shape.content_hash, Hashing::Extracted(_));
        Ok(match self.threads {
            0 => Sealers::Caller(sealer()?),
            _ if nothing_to_do => Sealers::Writer(sealer()?),
            threads => {
                let threads = if is_light { threads.min(light_workers(cores())) } else { threads };
                Sealers::Workers((0..threads).map(|_| sealer()).collect::<Result<_, _>>()?)
            }
        })
    }
}

/// Returns how many workers can compute checksums and digests of plain records without taking
/// a core from the thread that appends or from the thread that writes.
fn light_workers(cores: usize) -> usize {
    cores.saturating_sub(2).max(1)
}

/// Drafts on their way to the file, from the start of the pack on.
pub(super) enum SealingStage<S: PackSink> {
    Learning(Box<Learning<S>>),
    Sealing {
        pipeline: Pipeline<S>,
        dictionary: Option<RecordDictionary>,
    },
    /// Starting the pipeline failed.
    Failed(ErrorKind),
}

/// Drafts that wait until there are enough to learn from.
pub(super) struct Learning<S> {
    waiting: Vec<Draft>,
    payload: u64,
    weight: u64,
    wanted: u64,
    options: StageOptions,
    shape: PackShape,
    output: PackOutput<S>,
}

impl<S> Learning<S> {
    /// Small items weigh more than their bytes, and are bounded too.
    fn is_full(&self) -> bool {
        self.payload >= self.wanted || self.weight >= self.wanted.saturating_mul(2)
    }
}

impl<S: PackSink + 'static> SealingStage<S> {
    /// Starts with `sealers`. If the codec wants to learn first, starts without encoders
    /// and threads.
    pub(super) fn start(
        options: StageOptions,
        shape: PackShape,
        sealers: Sealers,
        output: PackOutput<S>,
    ) -> Result<Self, ErrorKind> {
        let wanted = options.codec.wanted_sample();
        if wanted == 0 {
            return Self::seal(sealers, options.codec.needed_dictionary(), output);
        }
        let (waiting, payload, weight) = (Vec::new(), 0, 0);
        let learning = Learning { waiting, payload, weight, wanted, options, shape, output };
        Ok(Self::Learning(Box::new(learning)))
    }

    fn seal(
        sealers: Sealers,
        dictionary: Option<RecordDictionary>,
        output: PackOutput<S>,
    ) -> Result<Self, ErrorKind> {
        let pipeline = match sealers {
            Sealers::Caller(sealer) => Pipeline::inline(sealer, output),
            Sealers::Writer(sealer) => Pipeline::on_one_thread(sealer, output)?,
            Sealers::Workers(sealers) => Pipeline::threads(sealers, output)?,
        };
        Ok(Self::Sealing { pipeline, dictionary })
    }

    /// Submits a draft; waits while too many are in flight. If enough drafts wait to learn
    /// from, the codec learns first.
    pub(super) fn submit(&mut self, draft: Draft) -> Result<(), ErrorKind> {
        if self.learns_next() {
            self.learn()?;
        }
        match self {
            Self::Learning(learning) => {
                learning.payload = learning.payload.saturating_add(draft.payload_size());
                learning.weight = learning.weight.saturating_add(draft.weight());
                learning.waiting.push(draft);
                Ok(())
            }
            Self::Sealing { pipeline, .. } => pipeline.submit(draft),
            Self::Failed(failure) => Err(failure.clone()),
        }
    }

    fn learns_next(&self) -> bool {
        matches!(self, Self::Learning(learning) if learning.is_full())
    }

    /// Lets the codec learn from the waiting drafts, and submits them.
    fn learn(&mut self) -> Result<(), ErrorKind> {
        // In its place until the pipeline has started.
        let stage = std::mem::replace(self, Self::Failed(ErrorKind::Ended));
        let Self::Learning(learning) = stage else {
            *self = stage;
            return Ok(());
        };
        let started = start_learned(*learning);
        match started {
            Ok(stage) => {
                *self = stage;
                Ok(())
            }
            Err(failure) => {
                *self = Self::Failed(failure.clone());
                Err(failure)
            }
        }
    }

    /// Returns whether [`submit`](Self::submit) would neither wait nor work on this
    /// thread.
    #[allow(dead_code, reason = "used by the feature `async` alone")]
    pub(super) fn has_room(&self) -> bool {
        match self {
            Self::Learning(learning) => !learning.is_full(),
            Self::Sealing { pipeline, .. } => pipeline.has_room(),
            Self::Failed(_) => true,
        }
    }

    /// Returns the first error, if there was one, without waiting.
    pub(super) fn failure(&self) -> Option<ErrorKind> {
        match self {
            Self::Learning(_) => None,
            Self::Sealing { pipeline, .. } => pipeline.failure(),
            Self::Failed(failure) => Some(failure.clone()),
        }
    }

    /// Waits until all drafts are written and every encoder is closed. Also returns the
    /// dictionary that the records need.
    pub(super) fn finish(mut self) -> Result<(PackOutput<S>, Option<RecordDictionary>), ErrorKind> {
        self.learn()?;
        match self {
            Self::Sealing { pipeline, dictionary } => Ok((pipeline.finish()?, dictionary)),
            Self::Failed(failure) => Err(failure),
            Self::Learning(_) => Err(ErrorKind::Ended),
        }
    }
}

fn start_learned<S: PackSink + 'static>(
    learning: Learning<S>,
) -> Result<SealingStage<S>, ErrorKind> {
    let Learning { waiting, mut options, shape, output, .. } = learning;
    let per_record = usize::try_from(shape.items_per_record.get()).unwrap_or(usize::MAX);
    let records = waiting.iter().flat_map(|draft| draft.records(per_record)).collect();
    let first = FirstRecords { records };
    let learned = catch_panic(|| options.codec.learn(&first)).flatten();
    if let Some(codec) = learned.map_err(ErrorKind::Encoder)? {
        options.codec = codec;
    }
    drop(first);
    let sealers = options.sealers(&shape)?;
    let mut stage = SealingStage::seal(sealers, options.codec.needed_dictionary(), output)?;
    for draft in waiting {
        stage.submit(draft)?;
    }
    Ok(stage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Plain, Writer, WriterOptions, Zstd};

    fn workers(options: WriterOptions) -> usize {
        let stage = StageOptions { codec: Arc::clone(&options.codec), threads: options.threads };
        match stage.sealers(&options.shape().unwrap()).unwrap() {
            Sealers::Workers(sealers) => sealers.len(),
            Sealers::Caller(_) | Sealers::Writer(_) => 0,
        }
    }

    #[test]
    fn plain_records_leave_cores_to_the_threads_that_append_and_write() {
        let many = cores() + 8;
        let plain = || Writer::options().codec(Plain).content_hash(true);
        assert_eq!(workers(plain().threads(many)), light_workers(cores()));
        assert_eq!(workers(plain().threads(1)), 1);
        assert_eq!(workers(plain().codec(Zstd::level(3)).threads(many)), many);
        let extract = |item: &[u8]| Ok(item.to_vec());
        assert_eq!(workers(plain().hash_extract(extract).threads(many)), many);
        assert_eq!([1, 2, 3, 4, 8].map(light_workers), [1, 1, 1, 2, 6]);
    }
}
