//! Prints results as a table, CSV, JSON or Parquet, as they arrive.

mod destination;
mod table;

use std::io::{self, IsTerminal as _, Write};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::LineDelimitedWriter;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;

use crate::args::{Format, QueryArgs};
use crate::failure::Failure;
use destination::Destination;
use table::TableWriter;

/// Where results go, and in which form.
pub struct Output {
    format: Format,
    destination: Destination,
    state: State,
}

/// What is being written.
enum State {
    /// No result has begun, or the last one has ended.
    Idle,
    /// A result without columns, of which nothing is printed.
    Silent,
    /// A table.
    Table(TableWriter),
    /// CSV; whether the header is still to be written.
    Csv(bool),
    /// JSON.
    Json,
    /// Parquet: the file consists of one result.
    Parquet(Box<ArrowWriter<Destination>>),
    /// The one result of a Parquet file has been written.
    Complete,
}

impl Output {
    /// Opens the output that the arguments ask for.
    pub fn new(args: &QueryArgs) -> Result<Self, Failure> {
        let ending = args.output.as_ref().and_then(|path| path.extension()?.to_str());
        let format = args.format.unwrap_or(match ending {
            Some("parquet") => Format::Parquet,
            Some("json" | "ndjson") => Format::Json,
            None if args.output.is_none() && io::stdout().is_terminal() => Format::Table,
            _ => Format::Csv,
        });
        if format == Format::Parquet && args.output.is_none() {
            return Err(Failure::Usage("--format parquet needs --output FILE".to_string()));
        }
        let destination = match &args.output {
            Some(path) => Destination::file(path, args.force)?,
            None => Destination::standard(),
        };
        Ok(Self { format, destination, state: State::Idle })
    }

    /// Whether results are for people.
    pub fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// Begins a result. One without columns, that of a `CREATE`, prints nothing.
    pub fn begin(&mut self, schema: &SchemaRef) -> Result<(), Failure> {
        if schema.fields().is_empty() {
            if !matches!(self.state, State::Complete) {
                self.state = State::Silent;
            }
            return Ok(());
        }
        self.state = match (self.format, &self.state) {
            (Format::Table, _) => State::Table(TableWriter::new(schema)),
            (Format::Csv, _) => State::Csv(true),
            (Format::Json, _) => State::Json,
            (Format::Parquet, State::Complete) => {
                let message = "a Parquet file holds one result: give the second query an output \
                               of its own";
                return Err(Failure::Usage(message.to_string()));
            }
            (Format::Parquet, _) => State::Parquet(Box::new(parquet(&self.destination, schema)?)),
        };
        Ok(())
    }

    /// Writes rows of the result.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        let output = &mut self.destination;
        match &mut self.state {
            State::Idle | State::Silent | State::Complete => Ok(()),
            State::Table(table) => table.write(batch, output),
            State::Csv(header) => {
                let header = std::mem::take(header);
                write_csv(batch, header, output).map_err(arrow_failed)
            }
            State::Json => LineDelimitedWriter::new(output).write(batch).map_err(arrow_failed),
            State::Parquet(writer) => writer.write(batch).map_err(parquet_failed),
        }
    }

    /// Ends the result.
    pub fn end(&mut self) -> Result<(), Failure> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Table(table) => table.end(&mut self.destination)?,
            State::Parquet(writer) => {
                writer.close().map_err(parquet_failed)?;
                self.state = State::Complete;
            }
            State::Complete => self.state = State::Complete,
            State::Csv(true) | State::Idle | State::Silent | State::Csv(_) | State::Json => {}
        }
        self.destination.flush().map_err(Failure::Output)
    }

    /// Gives up the result that was being written: a new one may begin.
    pub fn abandon(&mut self) {
        self.state = State::Idle;
    }

    /// Makes the file visible, if the output is one.
    pub fn finish(self) -> Result<(), Failure> {
        self.destination.publish()
    }
}

fn write_csv(
    batch: &RecordBatch,
    header: bool,
    output: &mut Destination,
) -> Result<(), ArrowError> {
    csv::WriterBuilder::new().with_header(header).build(output).write(batch)
}

fn parquet(output: &Destination, schema: &Schema) -> Result<ArrowWriter<Destination>, Failure> {
    let compressed =
        WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
    let output = output.share().map_err(Failure::Output)?;
    ArrowWriter::try_new(output, schema.clone().into(), Some(compressed)).map_err(parquet_failed)
}

fn arrow_failed(error: ArrowError) -> Failure {
    match error {
        ArrowError::IoError(_, error) => Failure::Output(error),
        // The CSV writer hides the system's error in its own.
        ArrowError::CsvError(message) if message.contains("Broken pipe") => {
            Failure::Output(io::ErrorKind::BrokenPipe.into())
        }
        error => Failure::Query(error.into()),
    }
}

fn parquet_failed(error: ParquetError) -> Failure {
    Failure::Query(error.into())
}
