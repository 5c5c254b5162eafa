//! Opens a pack as far as it can be trusted.
//!
//! A sound pack opens normally. If a single check fails whose object can be separated
//! from the rest, the pack opens *as if* the check had passed, with a note on what cannot
//! be trusted: the rest still has checks of its own (the sizes in the index add up to the
//! index's own place in the file, each record has its checksum or its frame). If no
//! record can be located, the file is [refused](OpenedFile::Refused) with the information
//! that is available.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::terminal::text::count;
use sealpack::core::error::{Error as CoreError, Fault, Section};
use sealpack::core::format::{Trailer, trailer};
use sealpack::core::wire::crc::crc32c;
use sealpack::{Error, ReadAt, Reader, ReaderOptions};

/// The result of opening a file.
pub enum OpenedFile {
    /// The pack is open; the notes list what cannot be trusted.
    Pack(Reader, Vec<Note>),
    /// No record in the file can be located.
    Refused(RefusedFile),
}

/// A failed check and its consequence.
#[derive(Clone, Debug)]
pub struct Note {
    /// The damaged section.
    pub section: Section,
    /// The error of the check.
    pub what: String,
    /// What that means for the data shown.
    pub so: String,
}

/// A file of which no record can be located.
#[derive(Clone, Debug)]
pub struct RefusedFile {
    /// The check that failed.
    pub error: CoreError,
    /// The size of the file in bytes.
    pub file_size: u64,
    /// The last bytes of the file, 76 or all of it.
    pub end: Vec<u8>,
    /// The checks that failed earlier and could be bypassed.
    pub notes: Vec<Note>,
}

/// The maximum number of failed checks that are bypassed, each at most once.
const MAX_NOTES: usize = 4;
/// How far before the end of a file its trailer is searched for.
const TRAILER_SEARCH_BYTES: u64 = 256 << 10;

/// Opens a file with the bytes `source` and the name `path`.
///
/// # Errors
/// An error of the system: the path is not a file, does not exist, or cannot be read.
pub fn open(
    source: Arc<dyn ReadAt>,
    path: &Path,
    options: &ReaderOptions,
) -> Result<OpenedFile, Error> {
    let damaged = match options.clone().open_source(Arc::clone(&source), path) {
        Ok(reader) => return Ok(OpenedFile::Pack(reader, Vec::new())),
        Err(error) => core_error(&error).cloned().ok_or(error)?,
    };
    let size = source.size().unwrap_or(0);
    let mut patched = PatchedSource { source, end: size, patches: Vec::new() };
    let (mut damaged, mut notes) = (damaged, Vec::new());
    while notes.len() < MAX_NOTES {
        let Some(note) = patched.bypass(&damaged) else { break };
        notes.push(note);
        match options.clone().open_source(patched.clone(), path) {
            Ok(reader) => return Ok(OpenedFile::Pack(reader, notes)),
            Err(error) => damaged = core_error(&error).cloned().ok_or(error)?,
        }
    }
    let end = patched.trailer_bytes().unwrap_or_default();
    Ok(OpenedFile::Refused(RefusedFile { error: damaged, file_size: size, end, notes }))
}

fn core_error(error: &Error) -> Option<&CoreError> {
    match error.kind() {
        // The pack is not the one that was requested: nothing of it is shown.
        sealpack::ErrorKind::Pack(CoreError::Untrusted(_)) => None,
        sealpack::ErrorKind::Pack(error) => Some(error),
        _ => None,
    }
}

/// A file with some of its bytes replaced in memory.
#[derive(Clone)]
struct PatchedSource {
    source: Arc<dyn ReadAt>,
    /// Where the pack ends; the file may be longer.
    end: u64,
    patches: Vec<(u64, Vec<u8>)>,
}

impl ReadAt for PatchedSource {
    fn size(&self) -> io::Result<u64> {
        Ok(self.end)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.source.read_exact_at(buffer, offset)?;
        for (at, patch) in &self.patches {
            for (place, byte) in (*at..).zip(patch) {
                let within = place.checked_sub(offset).and_then(|p| usize::try_from(p).ok());
                if let Some(target) = within.and_then(|within| buffer.get_mut(within)) {
                    *target = *byte;
                }
            }
        }
        Ok(())
    }

    fn companion(&self, ending: &str) -> Option<io::Result<Box<dyn ReadAt>>> {
        self.source.companion(ending)
    }
}

const TRAILER: u64 = trailer::SIZE as u64;

impl PatchedSource {
    /// Bypasses a failed check, if the rest can still be read.
    fn bypass(&mut self, error: &CoreError) -> Option<Note> {
        let CoreError::Corrupt { section, fault } = error else { return None };
        let so = match (section, fault) {
            (Section::Trailer, Fault::Checksum { .. }) => {
                self.seal_trailer(None)?;
                "its fields are shown as stored; the index agrees with those that locate it"
            }
            (Section::AppData, Fault::Checksum { computed, .. }) => {
                self.seal_trailer(Some(*computed))?;
                "the app data cannot be trusted; records and index have checks of their own"
            }
            (Section::Index, Fault::Checksum { computed, .. }) => {
                self.patch_index(*computed)?;
                "the sizes in it add up, but any two may be wrong: \
                 rely on the checks of each record"
            }
            (
                Section::Trailer,
                Fault::Magic { .. } | Fault::Version { .. } | Fault::Truncated { .. },
            ) => {
                let extra = self.find_trailer()?;
                return Some(Note {
                    section: *section,
                    what: format!("{} after the last trailer", count(extra, "byte")),
                    so: "the file is read as if it ended there".into(),
                });
            }
            _ => return None,
        };
        Some(Note { section: *section, what: fault.to_string(), so: so.into() })
    }

    fn trailer_bytes(&self) -> Option<Vec<u8>> {
        let length = self.end.min(TRAILER);
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.read_exact_at(&mut bytes, self.end - length).ok()?;
        Some(bytes)
    }

    /// Replaces the checksum of the trailer with the one of its fields and, if given, the
    /// checksum of the app data.
    fn seal_trailer(&mut self, app_data_crc: Option<u32>) -> Option<()> {
        let mut bytes = self.trailer_bytes()?;
        if let Some(crc) = app_data_crc {
            bytes.get_mut(68..72)?.copy_from_slice(&crc.to_le_bytes());
        }
        let crc = crc32c(bytes.get(..72)?);
        bytes.get_mut(72..76)?.copy_from_slice(&crc.to_le_bytes());
        let at = self.end.checked_sub(TRAILER)?;
        self.patches.push((at, bytes));
        Some(())
    }

    fn patch_index(&mut self, crc: u32) -> Option<()> {
        let trailer = Trailer::decode(&self.trailer_bytes()?).ok()?;
        let after_index = u64::from(trailer.app_data_size) + TRAILER;
        let at = self.end.checked_sub(after_index)?.checked_sub(4)?;
        self.patches.push((at, crc.to_le_bytes().to_vec()));
        Some(())
    }

    /// Searches for the last sound trailer before the end, and takes its end as the end
    /// of the file. Returns how many bytes follow it.
    fn find_trailer(&mut self) -> Option<u64> {
        let start = self.end.saturating_sub(TRAILER_SEARCH_BYTES);
        let mut bytes = vec![0; usize::try_from(self.end - start).ok()?];
        self.read_exact_at(&mut bytes, start).ok()?;
        let mut places = memchr::memmem::rfind_iter(&bytes, b"SLCH");
        let end = places.find_map(|at| {
            let end = at.checked_add(trailer::SIZE)?;
            Trailer::decode(bytes.get(..end)?).ok().map(|_| end)
        })?;
        let end = start + end as u64;
        let extra = self.end.checked_sub(end).filter(|extra| *extra > 0)?;
        self.end = end;
        Some(extra)
    }
}

/// A field of the trailer as it is stored, whether or not it can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawField {
    /// The name of the field.
    pub name: &'static str,
    /// The offset of the field in the trailer.
    pub at: usize,
    /// The bytes of the field.
    pub bytes: Vec<u8>,
}

/// Returns the fields of the bytes where the trailer should be (FORMAT.md, *Trailer*);
/// empty if the file is shorter than a trailer.
#[must_use]
pub fn raw_fields(end: &[u8]) -> Vec<RawField> {
    const FIELDS: [(&str, usize, usize); 13] = [
        ("magic", 0, 4),
        ("version", 4, 1),
        ("flags", 5, 1),
        ("format id", 8, 4),
        ("records", 12, 4),
        ("items", 16, 4),
        ("items per record", 20, 4),
        ("index group size", 24, 2),
        ("index size", 28, 4),
        ("app data size", 32, 4),
        ("content hash", 36, 32),
        ("CRC of app data", 68, 4),
        ("CRC of trailer", 72, 4),
    ];
    if end.len() < trailer::SIZE {
        return Vec::new();
    }
    let field = |(name, at, length): (&'static str, usize, usize)| {
        let bytes = end.get(at..at + length)?.to_vec();
        Some(RawField { name, at, bytes })
    };
    FIELDS.into_iter().filter_map(field).collect()
}
