//! `sealpack dictionary`: trains a dictionary for packs that share it.

use std::io::{self, Write};
use std::path::PathBuf;

use sealpack::{Dictionary, DictionaryTraining};
use serde::Serialize;

use super::dictionary_args::{refused, training};
use super::distinct::Files;
use super::target::{report_caveats, stage};
use crate::interrupt::Interrupt;
use crate::items::read::{self, Accept, InputFraming};
use crate::items::walk::{self, OutputFiles};
use crate::outcome::{CommandOutcome, Failure, Input};
use crate::printable::{self, JsonPath};
use crate::progress::ProgressMeter;
use crate::report::{self, BOLD};
use crate::size::{Bytes, Count, parse_size};

/// Train a dictionary that several packs share
///
/// With a dictionary, records of few small items become about as small as records of many. `sealpack
/// pack --dictionary auto` trains one for a single pack, which stores it. Many small packs of similar
/// items can share one instead, which is written once; the packs do not store it.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DictionaryArgs {
    #[command(subcommand)]
    command: DictionaryCommand,
}

#[derive(clap::Subcommand, Debug)]
enum DictionaryCommand {
    Train(TrainArgs),
}

/// Train a dictionary with items like those that will be packed
///
/// Each INPUT is a sample, or several with --lines or --framed. All inputs are read; if they have more
/// than 16 MiB, samples from all parts of them are used. For a good dictionary, the samples together
/// should be at least ten times as large as the dictionary.
///
/// Packs that are written with --shared-dictionary FILE can be read only with --dictionary FILE. Keep
/// FILE as long as the packs.
#[derive(clap::Args, Debug)]
#[command(after_long_help = EXAMPLES)]
struct TrainArgs {
    /// Files, folders, or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// The dictionary to write, in the format of `zstd --train`
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The maximum size of the dictionary, from 1KiB to 1MiB
    #[arg(long, value_name = "SIZE", default_value = "32KiB", value_parser = parse_size)]
    size: u64,
    /// Each line is a sample
    #[arg(long, conflicts_with = "framed")]
    lines: bool,
    /// Each sample is its length (u32, little-endian) followed by its bytes
    #[arg(long)]
    framed: bool,
    /// Replace FILE if it exists
    #[arg(long)]
    force: bool,
    /// Print one JSON object instead of text, and no progress
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  sealpack dictionary train --lines events.jsonl -o events.dict
  sealpack pack --lines monday.jsonl -o monday.pack --items-per-record 4 \\
      --shared-dictionary events.dict
  sealpack get monday.pack 41 --dictionary events.dict";

/// The result of the training.
#[derive(Serialize)]
struct TrainedDictionary {
    #[serde(flatten)]
    path: JsonPath,
    id: u32,
    bytes: u64,
    samples: u64,
    sample_bytes: u64,
}

impl TrainedDictionary {
    fn print(&self, args: &TrainArgs, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "{BOLD}{}{BOLD:#}", printable::path(&args.output))?;
        writeln!(to, "  id           {}", self.id)?;
        writeln!(to, "  size         {}", Bytes(self.bytes))?;
        writeln!(to, "  samples      {}, {}", Count(self.samples), Bytes(self.sample_bytes))
    }
}

/// Collects the items of the inputs as samples.
struct Sampling {
    samples: sealpack::DictionarySamples,
    progress: ProgressMeter,
    count: u64,
    bytes: u64,
}

impl Sampling {
    fn take(&mut self, item: &[u8]) {
        self.samples.add(item);
        self.count += 1;
        self.bytes += item.len() as u64;
    }
}

impl Accept for Sampling {
    fn parts(&mut self, _: &Input, parts: &[&[u8]]) -> Result<(), Failure> {
        match parts {
            [whole] => self.take(whole),
            parts => self.take(&parts.concat()),
        }
        Ok(())
    }

    fn named(&mut self, _: &Input, _: &[u8], item: Vec<u8>) -> Result<(), Failure> {
        self.take(&item);
        Ok(())
    }

    /// A file that changes while it is read is as good a sample.
    fn changed(&mut self, _: &Input, _: u64, _: u64) -> Result<(), Failure> {
        Ok(())
    }

    fn read(&mut self, bytes: u64) {
        self.progress.add(bytes);
    }
}

impl TrainArgs {
    fn split(&self) -> InputFraming {
        match (self.lines, self.framed) {
            (true, _) => InputFraming::Lines,
            (_, true) => InputFraming::Frames,
            _ => InputFraming::Whole,
        }
    }

    fn check(&self) -> Result<(), Failure> {
        if walk::is_standard_input(&self.output) {
            let why =
                "a dictionary cannot be written to standard output: name a file with --output";
            return Err(Failure::usage(why));
        }
        let mut files = Files::default();
        for input in self.inputs.iter().filter(|input| !input.is_dir()) {
            if walk::is_standard_input(input) {
                files.read_standard_input();
            } else {
                files.read("an input", input);
            }
        }
        files.write("the dictionary", &self.output);
        files.check()
    }

    fn train(&self, training: DictionaryTraining) -> Result<(Dictionary, Sampling), Failure> {
        let outputs = OutputFiles::new(std::iter::once(self.output.as_path()));
        let found = walk::find(&self.inputs, false, &outputs)?;
        let progress = ProgressMeter::bytes("reading samples", found.bytes, self.json);
        let samples = sealpack::DictionarySamples::default();
        let mut sampling = Sampling { samples, progress, count: 0, bytes: 0 };
        for input in &found.inputs {
            read::items(input, self.split(), &mut sampling)?;
        }
        sampling.progress.set_label("training");
        let trained = training.for_sharing().train_with(&sampling.samples);
        Ok((trained.map_err(|error| refused(None, error))?, sampling))
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]: an input cannot be read, the samples are too few, or the file cannot be
/// written.
pub fn run(args: &DictionaryArgs) -> Result<CommandOutcome, Failure> {
    let DictionaryCommand::Train(args) = &args.command;
    args.check()?;
    let training = training(args.size)?;
    let interrupt = Interrupt::new().map_err(Failure::Signals)?;
    let mut staged = stage(&args.output, args.force, &interrupt)?;
    let (dictionary, sampling) = args.train(training)?;
    let written = staged.write_all(dictionary.bytes());
    let path = || Input::Path(args.output.clone());
    let failed = |error| Failure::File { path: path(), operation: "cannot write", error };
    written.map_err(failed)?;
    report_caveats(&args.output, staged.publish()?.caveats());
    let trained = TrainedDictionary {
        path: JsonPath::new(&args.output),
        id: dictionary.id(),
        bytes: dictionary.bytes().len() as u64,
        samples: sampling.count,
        sample_bytes: sampling.bytes,
    };
    drop(sampling);
    match args.json {
        true => report::print_json(&trained)?,
        false => report::print(|to| trained.print(args, to))?,
    }
    Ok(CommandOutcome::Fine)
}
