//! The report about a pack that cannot be opened: the layers that passed before the error.

use std::io::{self, Write};
use std::path::Path;

use sealpack::core::Error as PackError;
use sealpack::core::error::Section;
use sealpack::core::format::{Trailer, trailer};
use sealpack::core::read::{LayerName, Verdict};
use sealpack::{ErrorKind, ReadAt, Reader};

use super::in_words;
use crate::command::location::PackLocation;
use crate::outcome::Failure;
use crate::printable;
use crate::report::{BAD, BOLD, GOOD};

/// A file that is not a pack, or a pack whose end is damaged.
pub struct UnopenedPack {
    /// The error.
    pub error: PackError,
    failed: LayerName,
    app_data_is_sound: bool,
}

impl UnopenedPack {
    /// Finds the layer that failed; `None` if the error is not damage.
    pub fn new(path: &Path, failure: &Failure) -> Option<Self> {
        let Failure::Pack(error) = failure else { return None };
        let (section, _) = error.corruption()?;
        let ErrorKind::Pack(error) = error.kind() else { return None };
        let failed = match section {
            Section::Index => LayerName::Index,
            Section::AppData => LayerName::AppData,
            _ => LayerName::Structure,
        };
        // App data is checked before the index (FORMAT.md, *Trailer*).
        let app_data_is_sound = failed == LayerName::Index
            && trailer_of(path).is_some_and(|trailer| trailer.app_data_crc != 0);
        Some(Self { error: error.clone(), failed, app_data_is_sound })
    }

    /// Returns the verdict of a layer. Layers after the damage were not checked, and count as
    /// not present.
    pub fn verdict(&self, layer: LayerName) -> Verdict {
        match layer {
            _ if layer == self.failed => Verdict::Failed(self.error.clone()),
            LayerName::Structure => Verdict::Passed,
            LayerName::AppData if self.app_data_is_sound => Verdict::Passed,
            _ => Verdict::NotPresent,
        }
    }

    /// Prints the report as text.
    pub fn print(&self, path: &Path, to: &mut dyn Write) -> io::Result<()> {
        writeln!(to, "{BOLD}{}{BOLD:#}: {BAD}cannot be opened{BAD:#}", printable::path(path))?;
        for layer in LayerName::ALL {
            let name = in_words(layer);
            match self.verdict(layer) {
                Verdict::Passed => writeln!(to, "  {name:<16} {GOOD}passed{GOOD:#}")?,
                Verdict::Failed(error) => {
                    let error = printable::text(format!("{error:#}"));
                    writeln!(to, "  {name:<16} {BAD}failed{BAD:#}: {error}")?;
                }
                Verdict::NotPresent | Verdict::NotChecked(_) => {
                    writeln!(to, "  {name:<16} not reached")?
                }
            }
        }
        Ok(())
    }
}

/// Returns the trailer, if it is sound.
fn trailer_of(path: &Path) -> Option<Trailer> {
    let source = PackLocation::of(path).ok()?.open(Reader::options()).ok()?.source;
    let mut bytes = [0; trailer::SIZE];
    let start = source.size().ok()?.checked_sub(bytes.len() as u64)?;
    source.read_exact_at(&mut bytes, start).ok()?;
    Trailer::decode(&bytes).ok()
}
