//! Measures forms: packs the sample in memory, and reads from that pack.

use std::time::{Duration, Instant};

use sealpack::core::format::extensions::ExtensionKind;
use sealpack::core::format::trailer;
use sealpack::{
    DEFAULT_LEVEL, Dictionary, DictionarySamples, DictionaryTraining, Plain, Reader, Writer,
    WriterOptions, Zstd,
};

use super::choose::FormFigures;
use super::form::{Encoding, PackForm};
use crate::items::sample::{InputSample, SampledRun};
use crate::outcome::Failure;

/// The part of the sample that is packed at slow levels is one in so many runs.
const SLOW_PART: usize = 16;

/// At slow levels, at least so many runs are packed.
const MIN_RUNS: usize = 4;

/// Rounds in which the items are read, and the calls of each. The fastest round counts.
const ROUNDS: usize = 3;
const CALLS: u32 = 200;

/// A form, and what was measured of it.
pub struct MeasuredForm {
    /// The form.
    pub form: PackForm,
    /// The figures.
    pub figures: FormFigures,
    /// The mean size of a stored record in bytes: what a `get` reads.
    pub record_size: u64,
    /// The dictionary that was trained for it.
    pub dictionary: Option<Dictionary>,
    /// The sizes of the records of each run.
    runs: Vec<RunSizes>,
}

/// The size of the records whose first item is in a run, before and after encoding.
#[derive(Clone, Copy, Debug, Default)]
struct RunSizes {
    items: u64,
    stored: u64,
}

/// Measures one form after another.
pub struct Measurement<'a> {
    sample: &'a InputSample,
    stores_names: bool,
    /// One of so many runs is packed.
    part: usize,
    /// Dictionaries that were trained, by their maximum size in bytes. `None`: the sample
    /// cannot train one.
    trained: Vec<(u64, Option<Dictionary>)>,
}

impl<'a> Measurement<'a> {
    /// Starts to measure with a sample, of which about `limit` bytes are packed in each
    /// form. All of it trains the dictionaries, as it does when a pack is written.
    pub fn new(sample: &'a InputSample, stores_names: bool, limit: u64) -> Self {
        let part = sample.sampled_bytes().div_ceil(limit.max(1)).max(1);
        let part = usize::try_from(part).unwrap_or(usize::MAX);
        Self { sample, stores_names, part, trained: Vec::new() }
    }

    /// Returns how many bytes of items are packed to measure a form.
    pub fn work(&self, form: &PackForm) -> u64 {
        self.runs(form).map(|(_, run)| run.size()).sum()
    }

    /// Returns the runs that are packed to measure a form, with their numbers.
    fn runs(&self, form: &PackForm) -> impl Iterator<Item = (usize, &'a SampledRun)> {
        let all = &self.sample.runs;
        let is_small = self.sample.sampled_bytes() < 1 << 20;
        let part = match form.is_slow() && !is_small {
            true => self.part * SLOW_PART,
            false => self.part,
        };
        all.iter().enumerate().step_by(part.min(all.len() / MIN_RUNS).max(1))
    }

    /// Measures a form. `earlier` are the forms that were measured before. Returns `None`
    /// if it needs a dictionary that cannot be trained, or that saves so little that `pack`
    /// would leave it out.
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn measure(
        &mut self,
        form: PackForm,
        earlier: &[MeasuredForm],
    ) -> Result<Option<MeasuredForm>, Failure> {
        let dictionary = match form.dictionary() {
            Some(size) => match self.trained(size) {
                Some(dictionary) => Some(dictionary),
                None => return Ok(None),
            },
            None => None,
        };
        let options = Writer::options().items_per_record(form.items_per_record);
        let options = match form.encoding {
            Encoding::Plain => options.codec(Plain),
            Encoding::Zstd { level, .. } => options.codec(match &dictionary {
                Some(dictionary) => Zstd::level(level).dictionary(dictionary.clone()),
                None => Zstd::level(level),
            }),
        };
        let (pack, seconds) = self.pack(&form, options.content_hash(true))?;
        let file_size = pack.len() as u64;
        let items: u64 = self.work(&form);
        let reader = Reader::options().open_source(pack, "the sample")?;
        let runs = self.run_sizes(&form, &reader);
        let records = u64::from(reader.directory().record_count()).max(1);
        let file_size = match self.sample.is_whole && self.runs(&form).count() == runs.len() {
            true => file_size,
            false => {
                let whole = earlier.iter().find(|it| it.form == form.at_default_level());
                let whole = whole.filter(|_| form.is_slow());
                self.estimate(&form, &reader, &runs, whole)
            }
        };
        let figures = FormFigures {
            file_size,
            pack_rate: rate(items, seconds),
            get_seconds: time_of_get(&reader)?,
            scan_rate: rate(items, time_of_scan(&reader)?),
        };
        if form.dictionary().is_some() && !saves_enough(&form, file_size, earlier) {
            return Ok(None);
        }
        let record_size = reader.directory().records_end() / records;
        Ok(Some(MeasuredForm { form, figures, record_size, dictionary, runs }))
    }

    /// Packs the runs of a form. Also returns the time that it took.
    fn pack(
        &self,
        form: &PackForm,
        options: WriterOptions,
    ) -> Result<(Vec<u8>, Duration), Failure> {
        let start = Instant::now();
        let mut writer = options.write_to(Vec::new())?;
        for (_, run) in self.runs(form) {
            for (name, item) in run.items() {
                match self.stores_names {
                    true => writer.append_named(name, item)?,
                    false => writer.append(item)?,
                }
            }
        }
        let pack = writer.finish()?.sink;
        Ok((pack, start.elapsed()))
    }

    /// Returns the sizes of the records of each run of the sample; zeros for the runs that
    /// were not packed.
    fn run_sizes(&self, form: &PackForm, reader: &Reader) -> Vec<RunSizes> {
        let directory = reader.directory();
        let mut sizes = vec![RunSizes::default(); self.sample.runs.len()];
        // The run of each packed item, and its size.
        let packed = self.runs(form).flat_map(|(number, run)| {
            run.items().map(move |(_, item)| (number, item.len() as u64))
        });
        let mut packed = packed.peekable();
        for record in directory.records(0..directory.record_count()) {
            let Some(&(run, _)) = packed.peek() else { break };
            let items = packed.by_ref().take(record.item_count as usize);
            let items: u64 = items.map(|(_, size)| size).sum();
            if let Some(sizes) = sizes.get_mut(run) {
                sizes.items += items;
                sizes.stored += record.size();
            }
        }
        sizes
    }

    /// Estimates the size of the file: each run stands for a part of the inputs.
    fn estimate(
        &self,
        form: &PackForm,
        reader: &Reader,
        runs: &[RunSizes],
        whole: Option<&MeasuredForm>,
    ) -> u64 {
        let records = match whole {
            // The slow level was measured with fewer runs: compared with the default level
            // on the same runs, it saves the same share of all.
            Some(whole) => scaled(
                self.records_of_all(&whole.runs, &whole.runs),
                self.records_of_all(runs, runs),
                self.records_of_all(&whole.runs, runs),
            ),
            None => self.records_of_all(runs, runs),
        };
        let directory = reader.directory();
        let sampled_records = u64::from(directory.record_count()).max(1);
        let record_count = self.sample.items.div_ceil(form.items_per_record.into());
        let index = scaled(reader.trailer().index_size.into(), record_count, sampled_records);
        let names = reader.extensions().section(ExtensionKind::NAMES);
        let names = names.map_or(0, |names| names.len() as u64);
        let other = u64::from(reader.trailer().app_data_size).saturating_sub(names);
        let names = scaled(names, self.sample.items, directory.item_count().into());
        [records, index, names, other, trailer::SIZE as u64]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// Estimates the size of all records, from the runs that have items in `used`.
    fn records_of_all(&self, runs: &[RunSizes], used: &[RunSizes]) -> u64 {
        let (mut stored, mut covered) = (0_u64, 0_u64);
        for ((run, sizes), used) in self.sample.runs.iter().zip(runs).zip(used) {
            if used.items > 0 {
                stored = stored.saturating_add(scaled(run.stands_for, sizes.stored, sizes.items));
                covered = covered.saturating_add(run.stands_for);
            }
        }
        scaled(stored, self.sample.bytes, covered)
    }

    /// Returns a dictionary of at most `size` bytes that was trained with the sample.
    fn trained(&mut self, size: u64) -> Option<Dictionary> {
        if let Some((_, trained)) = self.trained.iter().find(|(other, _)| *other == size) {
            return trained.clone();
        }
        let mut samples = DictionarySamples::default();
        let items = self.sample.runs.iter().flat_map(SampledRun::items);
        items.for_each(|(_, item)| samples.add(item));
        let training = usize::try_from(size).ok().map(DictionaryTraining::of_size);
        let trained = training.and_then(Result::ok).and_then(|it| it.train_with(&samples).ok());
        self.trained.push((size, trained.clone()));
        trained
    }
}

/// Returns whether a form with a dictionary has a file that is 3 percent smaller than the one
/// without.
fn saves_enough(form: &PackForm, file_size: u64, earlier: &[MeasuredForm]) -> bool {
    let same = |level| form.without_dictionary(level);
    let others = [form.level().unwrap_or(DEFAULT_LEVEL), DEFAULT_LEVEL].map(same);
    let without = others.iter().find_map(|other| earlier.iter().find(|it| it.form == *other));
    without.is_none_or(|it| file_size < it.figures.file_size / 100 * 97)
}

/// Computes `number * of / by`.
fn scaled(number: u64, of: u64, by: u64) -> u64 {
    let product = u128::from(number) * u128::from(of) / u128::from(by.max(1));
    u64::try_from(product).unwrap_or(u64::MAX)
}

fn rate(bytes: u64, time: Duration) -> f64 {
    bytes as f64 / time.as_secs_f64().max(1e-9)
}

/// Returns the mean time of a `get` of scattered items, in seconds.
fn time_of_get(reader: &Reader) -> Result<f64, Failure> {
    let Some(items) = std::num::NonZero::new(reader.item_count()) else { return Ok(0.0) };
    reader.get(0)?;
    let mut fastest = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for call in 1..=CALLS {
            std::hint::black_box(reader.get(call.wrapping_mul(0x9e37_79b1) % items)?);
        }
        fastest = fastest.min(start.elapsed().as_secs_f64() / f64::from(CALLS));
    }
    Ok(fastest)
}

/// Returns the time in which all items are read in order.
fn time_of_scan(reader: &Reader) -> Result<Duration, Failure> {
    let mut fastest = Duration::MAX;
    for _ in 0..ROUNDS {
        let (start, mut bytes) = (Instant::now(), 0);
        reader.for_each(.., |_, item| bytes += item.len())?;
        std::hint::black_box(bytes);
        fastest = fastest.min(start.elapsed());
    }
    Ok(fastest)
}
