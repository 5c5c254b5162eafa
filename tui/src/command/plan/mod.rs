//! `sealpack plan`: compares the forms that a pack of some inputs could have.
//!
//! ```text
//! inputs ── sample ──> InputSample ── measure ──> figures of each form ── choose ──> a form
//! ```

mod choose;
mod form;
mod measure;
mod report;

use std::path::{Path, PathBuf};

use sealpack::{Dictionary, Zstd};

use self::choose::FormFigures;
pub use self::choose::PackPurpose;
use self::form::{Encoding, PackForm};
use self::measure::{MeasuredForm, Measurement};
use self::report::PlanReport;
use super::dictionary_args::DictionaryCodec;
use crate::items::read::InputFraming;
use crate::items::sample::{self, DEFAULT_SAMPLE, InputSample, ItemSource, RUN_BYTES};
use crate::items::walk::{self, FoundInput, FoundInputs, OutputFiles};
use crate::outcome::{CommandOutcome, Failure, Input};
use crate::printable;
use crate::progress::ProgressMeter;
use crate::report as output;
use crate::size::parse_size;

/// Compare the forms that a pack of these inputs could have
///
/// The same items can make a small pack or one that is read fast. This command takes a sample from
/// all parts of the inputs, packs it in memory in each form, and prints what packing all of it would
/// give: the size of the file (within a few percent, if the parts of the input are like each other),
/// and how fast items are packed, read one by one (`get`), and read in order (scan). The speeds are
/// those of this machine at this time, without a disk or a network.
///
/// A form is the number of items per record, the dictionary, and the level. The base form, in the first
/// line, is records of 128 items (fewer if they would have more than 1 MiB), no dictionary, level 3. A
/// form is marked for each of three purposes:
///
/// archive: the smallest file. Of forms at most 1 % larger, the one that is packed fastest.
///
/// balanced: the fastest `get`, of the forms at most 5 % larger than the base form that are packed at
/// least 0.4 times as fast. Of those whose `get` takes at most 10 % longer, the smallest.
///
/// random-reads: the same with 50 % larger, 0.2 times as fast, and 25 % longer.
///
/// `sealpack pack --for PURPOSE` does the same comparison, and packs in the form that it chooses.
///
/// The sample has 16 MiB, and is the same each time. Inputs smaller than that are measured completely.
/// Of frames, archives and standard input, at most the first GiB is sampled. --sample makes the
/// command faster, and the estimates less exact.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub struct PlanArgs {
    /// Files, folders, or - for standard input
    #[arg(required_unless_present = "tar", value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// Each line is an item
    #[arg(long, conflicts_with = "framed")]
    lines: bool,
    /// Each item is its length (u32, little-endian) followed by its bytes
    #[arg(long)]
    framed: bool,
    /// The items are the regular files of this tar archive; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["inputs", "lines", "framed", "follow_links"])]
    tar: Option<PathBuf>,
    /// Plan for a pack without the names of the files
    #[arg(long)]
    no_names: bool,
    /// Follow symbolic links below folders too
    #[arg(long)]
    follow_links: bool,
    /// How much of the sample is packed in each form: from 64KiB to 16MiB
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = sample_size)]
    sample: u64,
    /// Print one JSON object instead of the table, and no progress
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  sealpack plan --lines events.jsonl               compare the forms of a log
  sealpack plan photos/ docs/                      of the files of two folders
  prog | sealpack plan --framed -                  of what a program writes
  sealpack pack --lines events.jsonl -o events.pack --for balanced";

fn sample_size(text: &str) -> Result<u64, String> {
    match parse_size(text) {
        Ok(size @ 0x1_0000..=DEFAULT_SAMPLE) => Ok(size),
        Ok(_) => Err("a size from 64KiB to 16MiB".into()),
        Err(error) => Err(error.to_string()),
    }
}

/// The form that was chosen for a pack.
pub struct ChosenForm {
    form: PackForm,
    dictionary: Option<Dictionary>,
}

impl ChosenForm {
    /// Returns the number of items in a record.
    pub fn items_per_record(&self) -> u32 {
        self.form.items_per_record
    }

    /// Returns zstd with the dictionary that was trained; `None` if records are stored
    /// unencoded.
    pub fn codec(&self) -> Option<DictionaryCodec> {
        let Encoding::Zstd { level, .. } = self.form.encoding else { return None };
        let zstd = Zstd::level(level);
        Some(DictionaryCodec::of(match &self.dictionary {
            Some(dictionary) => zstd.dictionary(dictionary.clone()),
            None => zstd,
        }))
    }

    /// Returns the options that choose this form.
    pub fn options(&self) -> Vec<String> {
        self.form.options()
    }
}

/// Samples the inputs, measures every form, and returns the one that is best for a
/// purpose; `None` if there are no items.
///
/// # Errors
/// [`Failure`]: an input that cannot be read, or not twice.
pub fn choose_form(
    found: &FoundInputs,
    source: ItemSource,
    stores_names: bool,
    purpose: PackPurpose,
    quiet: bool,
) -> Result<Option<ChosenForm>, Failure> {
    if let Some(once) =
        found.inputs.iter().find(|found| !sample::are_files(std::slice::from_ref(found)))
    {
        let why = format!("--for reads the inputs twice, which {} does not allow", once.input);
        return Err(Failure::usage(why));
    }
    let sample = take_sample(&found.inputs, source, found.bytes, quiet)?;
    let forms = measure(&sample, stores_names, DEFAULT_SAMPLE, quiet)?;
    let figures: Vec<FormFigures> = forms.iter().map(|measured| measured.figures).collect();
    let chosen = choose::choose(&figures, purpose).and_then(|number| forms.into_iter().nth(number));
    Ok(chosen.map(|chosen| ChosenForm { form: chosen.form, dictionary: chosen.dictionary }))
}

/// Samples the inputs.
///
/// # Errors
/// Those of reading the inputs.
pub fn take_sample(
    inputs: &[FoundInput],
    source: ItemSource,
    bytes: Option<u64>,
    quiet: bool,
) -> Result<InputSample, Failure> {
    let is_split = source != ItemSource::Split(InputFraming::Whole);
    let bytes = bytes.map(|bytes| if is_split { bytes } else { bytes.min(DEFAULT_SAMPLE) });
    let mut progress = ProgressMeter::bytes("sampling", bytes, quiet);
    sample::sample(inputs, source, DEFAULT_SAMPLE, &mut |read| progress.add(read))
}

/// Measures every form that could be best for these items; none if there are no items.
fn measure(
    sample: &InputSample,
    stores_names: bool,
    limit: u64,
    quiet: bool,
) -> Result<Vec<MeasuredForm>, Failure> {
    if sample.sampled_items() == 0 {
        return Ok(Vec::new());
    }
    let forms = form::forms(sample.bytes / sample.items.max(1), RUN_BYTES);
    let mut measurement = Measurement::new(sample, stores_names, limit);
    let work = forms.iter().map(|form| measurement.work(form)).sum();
    let mut progress = ProgressMeter::bytes("measuring", Some(work), quiet);
    let mut measured: Vec<MeasuredForm> = Vec::with_capacity(forms.len());
    for form in forms {
        let figures = measurement.measure(form, &measured)?;
        measured.extend(figures);
        progress.add(measurement.work(&form));
    }
    Ok(measured)
}

impl PlanArgs {
    fn source(&self) -> ItemSource {
        match (self.lines, self.framed, &self.tar) {
            (true, ..) => ItemSource::Split(InputFraming::Lines),
            (_, true, _) => ItemSource::Split(InputFraming::Frames),
            (.., Some(_)) => ItemSource::Tar,
            _ => ItemSource::Split(InputFraming::Whole),
        }
    }

    fn inputs(&self) -> &[PathBuf] {
        self.tar.as_ref().map_or(self.inputs.as_slice(), std::slice::from_ref)
    }

    fn check(&self) -> Result<(), Failure> {
        let inputs = self.inputs();
        let standard = inputs.iter().filter(|input| walk::is_standard_input(input)).count();
        if standard > 1 {
            return Err(Failure::usage("standard input can be read only once: give `-` once"));
        }
        if self.tar.as_ref().is_some_and(|tar| tar.is_dir()) {
            return Err(Failure::usage(
                "--tar reads a tar archive: to plan for a folder, give it as INPUT",
            ));
        }
        if standard > 0 && self.source() == ItemSource::Split(InputFraming::Whole) {
            let why = "standard input is a single item here: use --lines, --framed or --tar";
            return Err(Failure::usage(why));
        }
        Ok(())
    }

    /// Returns the words of the command that packs the inputs.
    fn command(&self) -> Vec<String> {
        let mut words: Vec<String> = vec!["sealpack".into(), "pack".into()];
        let flags = [
            ("--lines", self.lines),
            ("--framed", self.framed),
            ("--tar", self.tar.is_some()),
            ("--no-names", self.no_names),
            ("--follow-links", self.follow_links),
        ];
        let (tar, others) = flags.split_at(3);
        let given = |flags: &[(&str, bool)]| -> Vec<String> {
            let flags = flags.iter().filter(|(_, is_given)| *is_given);
            flags.map(|(flag, _)| (*flag).to_string()).collect()
        };
        words.extend(given(others));
        words.extend(given(tar));
        words.extend(self.inputs().iter().map(|input| quoted(input)));
        words.extend(["-o".into(), "FILE".into()]);
        words
    }
}

/// Returns a path as a word of a command line.
fn quoted(path: &Path) -> String {
    let printed = printable::path(path).to_string();
    match path.to_str() {
        Some(text) if text == printed => shell_words::quote(text).into_owned(),
        // Already quoted, because it has unprintable characters.
        _ => printed,
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: an input that cannot be read, or no items.
pub fn run(args: &PlanArgs) -> Result<CommandOutcome, Failure> {
    args.check()?;
    let found = {
        let _progress = ProgressMeter::bytes("looking for files", None, args.json);
        walk::find(args.inputs(), args.follow_links, &OutputFiles::default())?
    };
    let source = args.source();
    let sample = take_sample(&found.inputs, source, found.bytes, args.json)?;
    let has_names = matches!(source, ItemSource::Tar | ItemSource::Split(InputFraming::Whole));
    let names = has_names && !args.no_names;
    let forms = measure(&sample, names, args.sample, args.json)?;
    if forms.is_empty() {
        let input = found.inputs.first().map_or(Input::Standard, |found| found.input.clone());
        let error = std::io::Error::other("there are no items to plan for");
        return Err(Failure::Input { input, error });
    }
    let figures: Vec<FormFigures> = forms.iter().map(|measured| measured.figures).collect();
    let choice = |purpose| Some((purpose, choose::choose(&figures, purpose)?));
    let choices = PackPurpose::ALL.into_iter().filter_map(choice).collect();
    let report = PlanReport { sample: &sample, forms: &forms, choices, command: &args.command() };
    match args.json {
        true => output::print_json(&report.json())?,
        false => output::print(|to| report.print(to))?,
    }
    Ok(CommandOutcome::Fine)
}
