//! Samples files at evenly spaced offsets, and reads nothing between them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use super::{InputSample, MAX_RUNS, RUN_BYTES, RUN_ITEMS, SampledRun, scaled, total_size};
use crate::items::walk::FoundInput;
use crate::outcome::{Failure, Input};

/// A file counts for so many bytes more than it has: so empty files are sampled too.
const BYTES_OF_FILE: u64 = 64;

/// A file larger than a run is read in so many places.
const PIECES: u64 = 4;

/// The number of runs that the mean size of a line is estimated with.
const PROBES: u64 = 16;

/// Offsets of the inputs, if they lay one after another.
struct Offsets {
    /// Where each input starts, and the end of the last one.
    starts: Vec<u64>,
}

impl Offsets {
    fn new(sizes: impl Iterator<Item = u64>) -> Self {
        let mut starts = vec![0];
        let mut end = 0_u64;
        starts.extend(sizes.map(|size| {
            end = end.saturating_add(size);
            end
        }));
        Self { starts }
    }

    fn start(&self, input: usize) -> u64 {
        self.starts.get(input).copied().unwrap_or_else(|| self.end())
    }

    fn end(&self) -> u64 {
        self.starts.last().copied().unwrap_or_default()
    }

    /// Returns the input that contains an offset.
    fn input_at(&self, offset: u64) -> usize {
        self.starts.partition_point(|&start| start <= offset).saturating_sub(1)
    }
}

/// Samples inputs that are an item each.
///
/// # Errors
/// [`Failure::Input`].
pub(super) fn files(
    inputs: &[FoundInput],
    limit: u64,
    report: &mut dyn FnMut(u64),
) -> Result<InputSample, Failure> {
    let sizes = || inputs.iter().map(|found| found.size.unwrap_or(0));
    let offsets = Offsets::new(sizes());
    let weights = Offsets::new(sizes().map(|size| size.saturating_add(BYTES_OF_FILE)));
    let count = (inputs.len() as u64).max(1);
    let mean = (weights.end() / count).max(1);
    let run = (mean.saturating_mul(RUN_ITEMS as u64)).min(RUN_BYTES.max(mean));
    let runs = (limit / run).clamp(1, MAX_RUNS);
    let is_whole = weights.end() <= limit.max(runs * run);
    let mut sampled: Vec<(usize, SampledRun)> = Vec::new();
    let (mut at, mut number) = (0, 0);
    while at < inputs.len() && number < runs.max(if is_whole { u64::MAX } else { 0 }) {
        let (first, mut run) = (at, SampledRun::default());
        while let Some(found) = inputs.get(at)
            && !run.is_full()
        {
            push_file(found, &mut run)?;
            at += 1;
        }
        report(run.size());
        sampled.push((first, run));
        number += 1;
        if !is_whole {
            at = at.max(weights.input_at(scaled(weights.end(), number, runs)));
        }
    }
    let firsts: Vec<usize> = sampled.iter().map(|(first, _)| *first).collect();
    let ends = firsts.iter().skip(1).copied().chain([inputs.len()]);
    // The first run also stands for what is before it.
    let starts = std::iter::once(0).chain(firsts.iter().skip(1).copied());
    let spans: Vec<Range<usize>> = starts.zip(ends).map(|(start, end)| start..end).collect();
    let mut runs = Vec::with_capacity(sampled.len());
    for ((_, mut run), span) in sampled.into_iter().zip(spans) {
        run.stands_for = offsets.start(span.end) - offsets.start(span.start);
        runs.push(run);
    }
    let (items, bytes) = (inputs.len() as u64, offsets.end());
    let has_all = inputs.iter().all(|found| found.size.is_none_or(|size| size <= RUN_BYTES));
    Ok(InputSample { runs, items, bytes, is_whole: is_whole && has_all, is_cut: false })
}

/// Adds a file: all of it, or pieces of a large one. Leaves out what is no file.
fn push_file(found: &FoundInput, to: &mut SampledRun) -> Result<(), Failure> {
    let (Input::Path(path), Some(size)) = (&found.input, found.size) else { return Ok(()) };
    let failed = |error| Failure::Input { input: found.input.clone(), error };
    to.push(&found.name, &[&read_pieces(path, size).map_err(failed)?]);
    Ok(())
}

fn read_pieces(path: &Path, size: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut bytes = Vec::new();
    if size <= RUN_BYTES {
        file.take(RUN_BYTES).read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    for number in 0..PIECES {
        file.seek(SeekFrom::Start(scaled(size, number, PIECES)))?;
        file.by_ref().take(RUN_BYTES / PIECES).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Samples the lines of files.
///
/// # Errors
/// [`Failure::Input`].
pub(super) fn lines(
    inputs: &[FoundInput],
    limit: u64,
    report: &mut dyn FnMut(u64),
) -> Result<InputSample, Failure> {
    let probed = lines_at(inputs, PROBES, &mut |_| ())?;
    let bytes: u64 = probed.iter().map(|(_, run)| run.size()).sum();
    let mean = (bytes / PROBES).max(1);
    let sampled = lines_at(inputs, (limit / mean).clamp(PROBES, MAX_RUNS), report)?;
    let starts: Vec<u64> = sampled.iter().map(|(start, _)| *start).collect();
    let ends = starts.iter().skip(1).copied().chain([total_size(inputs)]);
    let starts = std::iter::once(0).chain(starts.iter().skip(1).copied());
    let spans: Vec<u64> = starts.zip(ends).map(|(start, end)| end.saturating_sub(start)).collect();
    let mut sample = InputSample::default();
    for ((_, mut run), span) in sampled.into_iter().zip(spans) {
        let items = run.len() as u64;
        // Each line has a newline, which is not part of the item.
        let with_newlines = run.size() + items;
        run.stands_for = scaled(span, run.size(), with_newlines);
        sample.items += scaled(span, items, with_newlines);
        sample.bytes += run.stands_for;
        sample.runs.push(run);
    }
    Ok(sample)
}

/// Reads runs of lines at `count` evenly spaced offsets. Returns each with its offset.
fn lines_at(
    inputs: &[FoundInput],
    count: u64,
    report: &mut dyn FnMut(u64),
) -> Result<Vec<(u64, SampledRun)>, Failure> {
    let offsets = Offsets::new(inputs.iter().map(|found| found.size.unwrap_or(0)));
    let mut sampled = Vec::new();
    let mut end = 0;
    for number in 0..count {
        let offset = scaled(offsets.end(), number, count);
        if offset < end {
            continue;
        }
        let at = offsets.input_at(offset);
        let Some(found) = inputs.get(at) else { break };
        let Input::Path(path) = &found.input else { continue };
        let failed = |error| Failure::Input { input: found.input.clone(), error };
        let start = offsets.start(at);
        let (lines, run) = lines_of(path, offset - start).map_err(failed)?;
        if run.len() > 0 {
            report(run.size());
            end = start + lines.end;
            sampled.push((start + lines.start, run));
        }
    }
    Ok(sampled)
}

/// Reads a run of lines, from the first one that begins at `offset` or after it. Also
/// returns where the lines are.
fn lines_of(path: &Path, offset: u64) -> io::Result<(Range<u64>, SampledRun)> {
    let mut file = File::open(path)?;
    let mut at = offset.saturating_sub(1);
    file.seek(SeekFrom::Start(at))?;
    let mut file = BufReader::with_capacity(64 << 10, file);
    let mut line = Vec::new();
    let mut next = |line: &mut Vec<u8>| {
        line.clear();
        file.by_ref().take(RUN_BYTES).read_until(b'\n', line)
    };
    if offset > 0 {
        at += next(&mut line)? as u64;
    }
    let (start, mut run) = (at, SampledRun::default());
    while !run.is_full() {
        let read = next(&mut line)?;
        if read == 0 {
            break;
        }
        at += read as u64;
        run.push(b"", &[line.strip_suffix(b"\n").unwrap_or(&line)]);
    }
    Ok((start..at, run))
}
