//! Writes items to standard output.

use std::io::{self, BufWriter, IsTerminal as _, Write};

use serde::Serialize;

use crate::outcome::Failure;
use crate::printable::{self, JsonName};
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
    to: ItemOutput,
    /// How names are printed; `None` if they are not.
    names: Option<Quoting>,
}

type StandardOutput = BufWriter<Box<dyn Write>>;

enum ItemOutput {
    Json(JsonList<StandardOutput>),
    Bytes { to: StandardOutput, framing: OutputFraming, written: u64 },
}

/// Whether names that cannot be printed are quoted.
#[derive(Clone, Copy)]
struct Quoting {
    is_quoted: bool,
}

#[derive(Serialize)]
struct JsonItem<'a> {
    position: u64,
    size: usize,
    #[serde(flatten)]
    name: Option<JsonName<'a>>,
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
        let to = match framing.json {
            true => ItemOutput::Json(JsonList::new(to, about).map_err(Failure::Output)?),
            false => ItemOutput::Bytes { to, framing, written: 0 },
        };
        Ok(Self { to, names: None })
    }

    /// Also writes the name of each item: as a line `==> NAME <==` before it, or in
    /// its JSON object.
    #[must_use]
    pub fn with_names(self) -> Self {
        Self { names: Some(Quoting { is_quoted: io::stdout().is_terminal() }), ..self }
    }

    /// Writes an item. The name is only written [`with_names`](Self::with_names).
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn write(&mut self, position: u64, name: &[u8], item: &[u8]) -> Result<(), Failure> {
        let names = self.names;
        let written = match &mut self.to {
            ItemOutput::Json(list) => {
                let text = std::str::from_utf8(item).ok();
                let hex = text.is_none().then(|| printable::hex(item));
                let name = names.map(|_| JsonName(name));
                list.push(&JsonItem { position, size: item.len(), name, text, hex })
            }
            ItemOutput::Bytes { to, framing, written } => {
                *written += 1;
                let named = match names {
                    Some(quoting) => quoting.write(to, *written == 1, position, name),
                    None => Ok(()),
                };
                named.and_then(|()| framing.write(to, item))
            }
        };
        written.map_err(Failure::Output)
    }

    /// Writes the end of the JSON object, if any, and flushes the buffer.
    ///
    /// # Errors
    /// [`Failure::Output`].
    pub fn finish(self) -> Result<(), Failure> {
        let finished = match self.to {
            ItemOutput::Json(list) => list.finish(),
            ItemOutput::Bytes { mut to, .. } => to.flush(),
        };
        finished.map_err(Failure::Output)
    }
}

impl Quoting {
    /// Writes the line before an item, as `head` writes it before each of several files.
    fn write(
        self,
        to: &mut impl Write,
        is_first: bool,
        position: u64,
        name: &[u8],
    ) -> io::Result<()> {
        to.write_all(if is_first { b"==> " } else { b"\n==> " })?;
        match (name, self.is_quoted) {
            (b"", _) => write!(to, "item {position}")?,
            (name, true) => write!(to, "{}", printable::name(name))?,
            (name, false) => to.write_all(name)?,
        }
        to.write_all(b" <==\n")
    }
}

impl OutputFraming {
    fn write(self, to: &mut impl Write, item: &[u8]) -> io::Result<()> {
        if self.framed {
            // An item has at most 2^32-1 bytes: the pack format limits it.
            let length = u32::try_from(item.len()).map_err(io::Error::other)?;
            to.write_all(&length.to_le_bytes())?;
        }
        to.write_all(item)?;
        if self.lines { to.write_all(b"\n") } else { Ok(()) }
    }
}

/// Writes a JSON object whose last field, `items`, is written item by item.
pub struct JsonList<W> {
    to: W,
    written: u64,
}

impl<W: Write> JsonList<W> {
    /// Writes the fields of `about`.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn new(mut to: W, about: &impl Serialize) -> io::Result<Self> {
        let mut object = Vec::new();
        report::write_json(&mut object, about)?;
        // Remove the closing brace: the items follow.
        object.pop();
        to.write_all(&object)?;
        to.write_all(b",\"items\":[")?;
        Ok(Self { to, written: 0 })
    }

    /// Writes an item.
    ///
    /// # Errors
    /// Those of the output.
    pub fn push(&mut self, item: &impl Serialize) -> io::Result<()> {
        if self.written > 0 {
            self.to.write_all(b",")?;
        }
        self.written += 1;
        report::write_json(&mut self.to, item)
    }

    /// Writes the end of the object, and flushes the output.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<()> {
        self.to.write_all(b"]}\n")?;
        self.to.flush()
    }
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
