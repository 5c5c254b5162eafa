//! The table that `plan` prints, and its JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::choose::PackPurpose;
use super::form::KibiBytes;
use super::measure::MeasuredForm;
use crate::items::sample::InputSample;
use crate::report::{BOLD, GOOD};
use crate::size::{Bytes, Decimal};
use crate::terminal::text::count;

/// What was sampled, what was measured, and what was chosen.
pub struct PlanReport<'a> {
    pub sample: &'a InputSample,
    pub forms: &'a [MeasuredForm],
    /// For each purpose, the number of the form.
    pub choices: Vec<(PackPurpose, usize)>,
    /// The words of the command that packs the inputs, without the options of the form.
    pub command: &'a [String],
}

#[derive(Serialize)]
struct JsonPlan {
    items: u64,
    bytes: u64,
    /// Whether the sample is the whole input, so that items and bytes are exact.
    sample_is_whole: bool,
    /// Whether only the first GiB of the input was read.
    sample_is_cut: bool,
    sampled_items: u64,
    sampled_bytes: u64,
    forms: Vec<JsonForm>,
    choices: Vec<JsonChoice>,
}

#[derive(Serialize)]
struct JsonForm {
    items_per_record: u32,
    codec: &'static str,
    level: Option<i32>,
    dictionary: Option<u64>,
    file_size: u64,
    record_size: u64,
    pack_bytes_per_second: f64,
    get_seconds: f64,
    scan_bytes_per_second: f64,
}

#[derive(Serialize)]
struct JsonChoice {
    purpose: &'static str,
    /// The number of the form in `forms`.
    form: usize,
    options: Vec<String>,
    command: String,
}

impl JsonForm {
    fn new(measured: &MeasuredForm) -> Self {
        let (form, figures) = (&measured.form, &measured.figures);
        Self {
            items_per_record: form.items_per_record,
            codec: if form.level().is_some() { "zstd" } else { "none" },
            level: form.level(),
            dictionary: form.dictionary(),
            file_size: figures.file_size,
            record_size: measured.record_size,
            pack_bytes_per_second: figures.pack_rate,
            get_seconds: figures.get_seconds,
            scan_bytes_per_second: figures.scan_rate,
        }
    }
}

impl PlanReport<'_> {
    /// Returns the command for a form.
    fn command(&self, form: usize) -> String {
        let options = self.forms.get(form).map(|it| it.form.options()).unwrap_or_default();
        self.command.iter().chain(&options).map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// Returns the JSON object.
    pub fn json(&self) -> impl Serialize + use<> {
        let choice = |&(purpose, form): &(PackPurpose, usize)| JsonChoice {
            purpose: purpose.name(),
            form,
            options: self.forms.get(form).map(|it| it.form.options()).unwrap_or_default(),
            command: self.command(form),
        };
        JsonPlan {
            items: self.sample.items,
            bytes: self.sample.bytes,
            sample_is_whole: self.sample.is_whole,
            sample_is_cut: self.sample.is_cut,
            sampled_items: self.sample.sampled_items(),
            sampled_bytes: self.sample.sampled_bytes(),
            forms: self.forms.iter().map(JsonForm::new).collect(),
            choices: self.choices.iter().map(choice).collect(),
        }
    }

    /// Prints the table and the commands.
    pub fn print(&self, to: &mut dyn Write) -> io::Result<()> {
        let sample = self.sample;
        writeln!(to, "input   {}, {}", count(sample.items, "item"), Bytes(sample.bytes))?;
        let sampled = Bytes(sample.sampled_bytes());
        match (sample.is_whole, sample.is_cut) {
            (true, _) => writeln!(to, "sample  all of it")?,
            (_, false) => writeln!(to, "sample  {sampled}, from all parts of it")?,
            (_, true) => writeln!(to, "sample  {sampled}, from the first GiB of it")?,
        }
        writeln!(to)?;
        writeln!(
            to,
            "{BOLD}{:>7} {:>10} {:>5} {:>10} {:>10} {:>9} {:>10}{BOLD:#}",
            "items", "dictionary", "level", "file", "pack MB/s", "get µs", "scan MB/s"
        )?;
        for (number, measured) in self.forms.iter().enumerate() {
            self.print_form(number, measured, to)?;
        }
        for (purpose, form) in &self.choices {
            writeln!(to, "\n{BOLD}{}{BOLD:#}", purpose.name())?;
            writeln!(to, "  {}", self.command(*form))?;
        }
        Ok(())
    }

    fn print_form(
        &self,
        number: usize,
        measured: &MeasuredForm,
        to: &mut dyn Write,
    ) -> io::Result<()> {
        let (form, figures) = (&measured.form, &measured.figures);
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".into());
        write!(
            to,
            "{:>7} {:>10} {:>5} {:>10} {:>10.0} {:>9.1} {:>10.0}",
            form.items_per_record,
            or_none(form.dictionary().map(|size| KibiBytes(size).to_string())),
            or_none(form.level().map(|level| level.to_string())),
            Decimal(figures.file_size).to_string(),
            figures.pack_rate / 1e6,
            figures.get_seconds * 1e6,
            figures.scan_rate / 1e6,
        )?;
        let chosen = self.choices.iter().filter(|(_, form)| *form == number);
        let purposes: Vec<&str> = chosen.map(|(purpose, _)| purpose.name()).collect();
        match purposes.is_empty() {
            true => writeln!(to),
            false => writeln!(to, "  {GOOD}{}{GOOD:#}", purposes.join(", ")),
        }
    }
}
