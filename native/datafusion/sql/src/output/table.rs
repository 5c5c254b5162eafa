//! Aligned columns. The first rows decide the widths, so that a long result is printed
//! as it arrives, in little memory.

use std::io::Write;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;

use crate::failure::Failure;

/// The rows that decide the widths.
const SAMPLE: usize = 1000;
/// The most characters of a cell that are printed.
const MAX_CELL: usize = 200;

/// Writes a table.
pub struct TableWriter {
    titles: Vec<String>,
    /// Whether a column is aligned to the right, as numbers are.
    right: Vec<bool>,
    /// The first rows, until the widths are known.
    rows: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

impl TableWriter {
    /// Begins a table with these columns.
    pub fn new(schema: &Schema) -> Self {
        let fields = schema.fields();
        Self {
            titles: fields.iter().map(|field| printable(field.name())).collect(),
            right: fields.iter().map(|field| field.data_type().is_numeric()).collect(),
            rows: Vec::new(),
            widths: None,
        }
    }

    /// Writes rows.
    pub fn write(&mut self, batch: &RecordBatch, output: &mut impl Write) -> Result<(), Failure> {
        let columns = cells(batch).map_err(|error| Failure::Query(error.into()))?;
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| column.get(row).cloned().unwrap_or_default());
            self.rows.push(cells.collect());
        }
        if self.widths.is_some() || self.rows.len() >= SAMPLE { self.flush(output) } else { Ok(()) }
    }

    /// Ends the table.
    pub fn end(mut self, output: &mut impl Write) -> Result<(), Failure> {
        self.flush(output)
    }

    fn flush(&mut self, output: &mut impl Write) -> Result<(), Failure> {
        let widths = match &self.widths {
            Some(widths) => widths.clone(),
            None => {
                let widths = self.measure();
                let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
                line(&self.titles, &widths, &[], output)?;
                writeln!(output, "{}", rule.join("  ")).map_err(Failure::Output)?;
                self.widths = Some(widths.clone());
                widths
            }
        };
        for row in std::mem::take(&mut self.rows) {
            line(&row, &widths, &self.right, output)?;
        }
        Ok(())
    }

    fn measure(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.titles.iter().map(|title| width(title)).collect();
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(cell));
            }
        }
        widths
    }
}

fn line(
    cells: &[String],
    widths: &[usize],
    right: &[bool],
    output: &mut impl Write,
) -> Result<(), Failure> {
    let mut text = String::new();
    let last = cells.len().saturating_sub(1);
    for (column, (cell, widest)) in cells.iter().zip(widths).enumerate() {
        let pad = " ".repeat(widest.saturating_sub(width(cell)));
        let right = right.get(column).is_some_and(|right| *right);
        match right {
            true => text.extend([pad.as_str(), cell]),
            false if column == last => text.push_str(cell),
            false => text.extend([cell, pad.as_str()]),
        }
        if column < last {
            text.push_str("  ");
        }
    }
    // An empty cell at the end leaves spaces that separate it from nothing.
    let text = if cells.last().is_some_and(String::is_empty) { text.trim_end() } else { &text };
    writeln!(output, "{text}").map_err(Failure::Output)
}

/// The number of characters: wide ones are rare here, and only alignment depends on it.
fn width(text: &str) -> usize {
    text.chars().count()
}

/// The cells of each column.
fn cells(batch: &RecordBatch) -> Result<Vec<Vec<String>>, ArrowError> {
    batch.columns().iter().map(|column| column_cells(column)).collect()
}

fn column_cells(column: &dyn Array) -> Result<Vec<String>, ArrowError> {
    if *column.data_type() == DataType::BinaryView {
        let items = column.as_any().downcast_ref::<datafusion::arrow::array::BinaryViewArray>();
        if let Some(items) = items {
            return Ok(items.iter().map(|item| item.map(bytes).unwrap_or_default()).collect());
        }
    }
    let options = FormatOptions::default();
    let format = ArrayFormatter::try_new(column, &options)?;
    (0..column.len()).map(|row| Ok(printable(&format.value(row).try_to_string()?))).collect()
}

/// Bytes for people: as text if they are text, otherwise as hexadecimal digits.
fn bytes(item: &[u8]) -> String {
    let shown = item.get(..MAX_CELL * 4).unwrap_or(item);
    let text = match std::str::from_utf8(shown) {
        Ok(text) => Some(text),
        // A character may lie across the end of what is shown.
        Err(error) if shown.len() < item.len() && error.error_len().is_none() => {
            shown.get(..error.valid_up_to()).and_then(|shown| std::str::from_utf8(shown).ok())
        }
        Err(_) => None,
    };
    match text {
        Some(text) => printable(text),
        None => {
            let digits = shown.iter().take(MAX_CELL).map(|byte| format!("{byte:02x}"));
            printable(&format!("\\x{}", digits.collect::<String>()))
        }
    }
}

/// A text on one line and without control characters, cut if it is long.
fn printable(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == MAX_CELL {
            shown.push('…');
            break;
        }
        match character {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            control if control.is_control() => shown.extend(control.escape_default()),
            other => shown.push(other),
        }
    }
    shown
}

impl From<ArrowError> for Failure {
    fn from(error: ArrowError) -> Self {
        Self::Query(DataFusionError::from(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{ArrayRef, BinaryViewArray, UInt64Array};
    use std::sync::Arc;

    fn printed(items: Vec<&[u8]>) -> String {
        let positions: ArrayRef = Arc::new(UInt64Array::from_iter_values(0..items.len() as u64));
        let items: ArrayRef = Arc::new(BinaryViewArray::from_iter_values(items));
        let batch = RecordBatch::try_from_iter([("position", positions), ("item", items)]).unwrap();
        let mut table = TableWriter::new(&batch.schema());
        let mut output = Vec::new();
        table.write(&batch, &mut output).unwrap();
        table.end(&mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn columns_are_aligned_and_bytes_are_readable() {
        let text = printed(vec![b"first", b"two\nlines", b"\xff\x00"]);
        let expected = "position  item\n--------  ----------\n       0  first\n       1  \
                        two\\nlines\n       2  \\xff00\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_long_cell_is_cut() {
        let long = "ä".repeat(10_000);
        let text = printed(vec![long.as_bytes()]);
        assert!(text.contains('…') && text.chars().count() < 800, "{text}");
    }

    #[test]
    fn an_empty_result_has_its_titles() {
        assert_eq!(printed(vec![]), "position  item\n--------  ----\n");
    }
}
