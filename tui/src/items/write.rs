//! Writes items to standard output.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use crate::outcome::Failure;
use crate::report;

/// Size of the output buffer.
const BUFFER: usize = 256 << 10;

/// How items are separated.
#[derive(clap::Args, Clone, Copy, Debug)]
#[group(multiple = false)]
pub struct OutputFraming {
    /// Write a newline after each item
    #[arg(long)]
    lines: bool,
    /// Write each item's length before it: u32, little-endian
    #[arg(long)]
    framed: bool,
    /// Write one JSON object with the items: as text if an item is UTF-8, else
    /// in hexadecimal
    #[arg(long)]
    json: bool,
}

impl OutputFraming {
    /// Returns whether no separator between items was chosen.
    pub fn is_none(self) -> bool {
        !(self.lines || self.framed || self.json)
    }

    /// Returns whether the output is JSON, so that nothing else may be printed.
    pub fn is_json(self) -> bool {
        self.json
    }
}

/// Writes items to standard output.
pub struct ItemWriter {
    to: BufWriter<Box<dyn Write>>,
    framing: OutputFraming,
    written: u64,
}

#[derive(Serialize)]
struct JsonItem<'a> {
    position: u32,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

impl ItemWriter {
    /// Starts writing. The fields of `about` precede the items in the JSON object.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn new(framing: OutputFraming, about: &impl Serialize) -> Result<Self, Failure> {
        let to = BufWriter::with_capacity(BUFFER, standard_output().map_err(Failure::Output)?);
        let mut writer = Self { to, framing, written: 0 };
        if framing.json {
            writer.begin(about).map_err(Failure::Output)?;
        }
        Ok(writer)
    }

    fn begin(&mut self, about: &impl Serialize) -> io::Result<()> {
        let mut object = Vec::new();
        report::write_json(&mut object, about)?;
        // Remove the closing brace: the items follow.
        object.pop();
        self.to.write_all(&object)?;
        self.to.write_all(b",\"items\":[")
    }

    /// Writes an item.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn write(&mut self, position: u32, item: &[u8]) -> Result<(), Failure> {
        self.put(position, item).map_err(Failure::Output)?;
        self.written += 1;
        Ok(())
    }

    fn put(&mut self, position: u32, item: &[u8]) -> io::Result<()> {
        if self.framing.json {
            return self.put_json(position, item);
        }
        if self.framing.framed {
            // An item has at most 2^32-1 bytes: the pack format limits it.
            let length = u32::try_from(item.len()).map_err(io::Error::other)?;
            self.to.write_all(&length.to_le_bytes())?;
        }
        self.to.write_all(item)?;
        if self.framing.lines { self.to.write_all(b"\n") } else { Ok(()) }
    }

    fn put_json(&mut self, position: u32, item: &[u8]) -> io::Result<()> {
        if self.written > 0 {
            self.to.write_all(b",")?;
        }
        let text = std::str::from_utf8(item).ok();
        let hex = text.is_none().then(|| hex(item));
        let item = JsonItem { position, size: item.len(), text, hex };
        report::write_json(&mut self.to, &item)
    }

    /// Writes the end of the JSON object, if any, and flushes the buffer.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn finish(mut self) -> Result<(), Failure> {
        let end = if self.framing.json { &b"]}\n"[..] } else { b"" };
        self.to.write_all(end).and_then(|()| self.to.flush()).map_err(Failure::Output)
    }
}

/// Formats bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns standard output without the line buffer of the standard library, which would
/// search the items for newlines.
#[cfg(unix)]
pub fn standard_output() -> io::Result<Box<dyn Write>> {
    use std::os::fd::AsFd;
    let file = std::fs::File::from(io::stdout().as_fd().try_clone_to_owned()?);
    Ok(Box::new(file))
}

/// Returns standard output.
#[cfg(not(unix))]
pub fn standard_output() -> io::Result<Box<dyn Write>> {
    Ok(Box::new(io::stdout().lock()))
}
