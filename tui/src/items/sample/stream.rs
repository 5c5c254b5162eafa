//! Samples inputs that can only be read from their beginning on.

use super::{InputSample, ItemSource, SampledRun, scaled, total_size};
use crate::items::read::{self, Accept};
use crate::items::tar;
use crate::items::walk::FoundInput;
use crate::outcome::{Failure, Input};

/// Reading stops after so many bytes: larger inputs are sampled up to there.
const MAX_READ: u64 = 1 << 30;

/// Reads the inputs, and keeps every `stride`-th run.
struct StreamSampler<'a> {
    limit: u64,
    kept: Vec<SampledRun>,
    kept_bytes: u64,
    /// The run that is being read. If it is not kept, it only counts.
    run: RunInProgress,
    /// Runs completed so far.
    runs: u64,
    /// Every run whose number is a multiple of this is kept; a power of two.
    stride: u64,
    items: u64,
    bytes: u64,
    read: u64,
    report: &'a mut dyn FnMut(u64),
}

/// The run that is being read.
#[derive(Default)]
struct RunInProgress {
    content: SampledRun,
    /// Items and bytes of a run that is not kept.
    skipped: (usize, u64),
}

impl RunInProgress {
    fn is_full(&self) -> bool {
        let (items, bytes) = self.skipped;
        self.content.is_full() || items >= super::RUN_ITEMS || bytes >= super::RUN_BYTES
    }
}

impl StreamSampler<'_> {
    fn take(&mut self, name: &[u8], parts: &[&[u8]]) -> Result<(), Failure> {
        let size = parts.iter().map(|part| part.len() as u64).sum::<u64>();
        self.items += 1;
        self.bytes += size;
        if self.runs.is_multiple_of(self.stride) {
            self.run.content.push(name, parts);
        } else {
            self.run.skipped.0 += 1;
            self.run.skipped.1 += size;
        }
        if self.run.is_full() {
            self.complete_run();
        }
        match self.is_cut() {
            // Ends the reading; `sample` does not return it.
            true => Err(Failure::usage("the sample is complete")),
            false => Ok(()),
        }
    }

    fn is_cut(&self) -> bool {
        self.read >= MAX_READ
    }

    fn complete_run(&mut self) {
        self.runs += 1;
        let RunInProgress { content, .. } = std::mem::take(&mut self.run);
        if content.len() > 0 {
            self.kept_bytes += content.size();
            self.kept.push(content);
        }
        while self.kept_bytes > self.limit && self.kept.len() > 1 {
            let mut number = 0_u32;
            self.kept.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.kept_bytes = self.kept.iter().map(SampledRun::size).sum();
            self.stride *= 2;
        }
    }
}

impl Accept for StreamSampler<'_> {
    fn parts(&mut self, _: &Input, parts: &[&[u8]]) -> Result<(), Failure> {
        self.take(b"", parts)
    }

    fn named(&mut self, _: &Input, name: &[u8], item: Vec<u8>) -> Result<(), Failure> {
        self.take(name, &[&item])
    }

    /// A file that changes while it is read is as good a sample.
    fn changed(&mut self, _: &Input, _: u64, _: u64) -> Result<(), Failure> {
        Ok(())
    }

    fn read(&mut self, bytes: u64) {
        self.read += bytes;
        (self.report)(bytes);
    }
}

/// Samples the items of inputs of any kind.
///
/// # Errors
/// Those of reading the inputs.
pub(super) fn sample(
    inputs: &[FoundInput],
    source: ItemSource,
    limit: u64,
    report: &mut dyn FnMut(u64),
) -> Result<InputSample, Failure> {
    let mut sampler = StreamSampler {
        limit,
        kept: Vec::new(),
        kept_bytes: 0,
        run: RunInProgress::default(),
        runs: 0,
        stride: 1,
        items: 0,
        bytes: 0,
        read: 0,
        report,
    };
    for input in inputs {
        let read = match source {
            ItemSource::Tar => tar::members(&input.input, &mut sampler).map(|_| ()),
            ItemSource::Split(split) => read::items(input, split, &mut sampler),
        };
        if sampler.is_cut() {
            break;
        }
        read?;
    }
    sampler.complete_run();
    let is_cut = sampler.is_cut();
    let StreamSampler { kept: mut runs, mut items, mut bytes, read, stride, .. } = sampler;
    let is_whole = stride == 1 && !is_cut;
    let size = total_size(inputs);
    if is_cut && size > read {
        (items, bytes) = (scaled(items, size, read), scaled(bytes, size, read));
    }
    let kept: u64 = runs.iter().map(SampledRun::size).sum();
    runs.iter_mut().for_each(|run| run.stands_for = scaled(run.size(), bytes, kept));
    Ok(InputSample { runs, items, bytes, is_whole, is_cut })
}
