//! Opening a pack as far as it can be trusted.
//!
//! A sound pack is opened as it is. Where a single check fails whose object
//! can be told apart from the rest, the pack is opened *as if* it had passed,
//! with a note of what is not to be trusted: the rest is still held together
//! by checks of its own (the index adds up to its own place in the file, each
//! record has its checksum or its frame). Where nothing can be located the
//! file is [refused](Opened::Refused) with what can be said of it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::terminal::text::count;
use sealpack::core::error::{Error as CoreError, Fault, Section};
use sealpack::core::format::{Trailer, trailer};
use sealpack::core::wire::crc::crc32c;
use sealpack::{Error, ReadAt, Reader, ReaderOptions};

/// What has become of a file.
pub enum Opened {
    /// It is open; the notes say what is not to be trusted.
    Pack(Reader, Vec<Note>),
    /// Nothing in it can be located.
    Refused(Refusal),
}

/// A check that failed, and what follows.
#[derive(Clone, Debug)]
pub struct Note {
    /// What is damaged.
    pub section: Section,
    /// What the check said.
    pub what: String,
    /// What that means for what is shown.
    pub so: String,
}

/// A file of which no record can be located.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The check that failed.
    pub error: CoreError,
    /// The size of the file in bytes.
    pub file_size: u64,
    /// The last bytes of the file, 76 or all of it.
    pub end: Vec<u8>,
    /// The checks that failed before and could be passed over.
    pub notes: Vec<Note>,
}

/// How often a check that failed is passed over: each at most once.
const MOST_NOTES: usize = 4;
/// How far before the end of a file its trailer is looked for.
const LOOKED_THROUGH: u64 = 256 << 10;

/// Opens a file, whose bytes are `source` and whose name `path`.
///
/// # Errors
/// Where the system refuses: not a file, not there, not to be read.
pub fn open(
    source: Arc<dyn ReadAt>,
    path: &Path,
    options: &ReaderOptions,
) -> Result<Opened, Error> {
    let damaged = match options.clone().open_source(Arc::clone(&source), path) {
        Ok(reader) => return Ok(Opened::Pack(reader, Vec::new())),
        Err(error) => core_error(&error).cloned().ok_or(error)?,
    };
    let size = source.size().unwrap_or(0);
    let mut mended = Mended { source, end: size, patches: Vec::new() };
    let (mut damaged, mut notes) = (damaged, Vec::new());
    while notes.len() < MOST_NOTES {
        let Some(note) = mended.mend(&damaged) else { break };
        notes.push(note);
        match options.clone().open_source(mended.clone(), path) {
            Ok(reader) => return Ok(Opened::Pack(reader, notes)),
            Err(error) => damaged = core_error(&error).cloned().ok_or(error)?,
        }
    }
    let end = mended.trailer_bytes().unwrap_or_default();
    Ok(Opened::Refused(Refusal { error: damaged, file_size: size, end, notes }))
}

fn core_error(error: &Error) -> Option<&CoreError> {
    match error.kind() {
        // Not the pack that was asked for: nothing of it is shown.
        sealpack::ErrorKind::Pack(CoreError::Untrusted(_)) => None,
        sealpack::ErrorKind::Pack(error) => Some(error),
        _ => None,
    }
}

/// A file with some of its bytes taken for others.
#[derive(Clone)]
struct Mended {
    source: Arc<dyn ReadAt>,
    /// Where the pack ends; the file may be longer.
    end: u64,
    patches: Vec<(u64, Vec<u8>)>,
}

impl ReadAt for Mended {
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
}

const TRAILER: u64 = trailer::SIZE as u64;

impl Mended {
    /// Passes over a check that failed, where the rest can still be read.
    fn mend(&mut self, error: &CoreError) -> Option<Note> {
        let CoreError::Corrupt { section, fault } = error else { return None };
        let so = match (section, fault) {
            (Section::Trailer, Fault::Checksum { .. }) => {
                self.seal_trailer(None)?;
                "its fields are shown as they stand; the index agrees with those that place it"
            }
            (Section::AppData, Fault::Checksum { computed, .. }) => {
                self.seal_trailer(Some(*computed))?;
                "the app data is not to be trusted; records and index have checks of their own"
            }
            (Section::Index, Fault::Checksum { computed, .. }) => {
                self.patch_index(*computed)?;
                "the sizes in it add up, but any two may be wrong: \
                 a record is as good as its own checks"
            }
            (
                Section::Trailer,
                Fault::Magic { .. } | Fault::Version { .. } | Fault::Truncated { .. },
            ) => {
                let behind = self.find_trailer()?;
                return Some(Note {
                    section: *section,
                    what: format!("{} behind the last trailer", count(behind, "byte")),
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

    /// Gives the trailer the checksum of what it says, and perhaps another one
    /// of the app data.
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
        let behind = u64::from(trailer.app_data_size) + TRAILER;
        let at = self.end.checked_sub(behind)?.checked_sub(4)?;
        self.patches.push((at, crc.to_le_bytes().to_vec()));
        Some(())
    }

    /// Looks for the last sound trailer before the end, and takes its end for
    /// the end of the file. Answers how many bytes stand behind it.
    fn find_trailer(&mut self) -> Option<u64> {
        let start = self.end.saturating_sub(LOOKED_THROUGH);
        let mut bytes = vec![0; usize::try_from(self.end - start).ok()?];
        self.read_exact_at(&mut bytes, start).ok()?;
        let mut places = memchr::memmem::rfind_iter(&bytes, b"SLCH");
        let end = places.find_map(|at| {
            let end = at.checked_add(trailer::SIZE)?;
            Trailer::decode(bytes.get(..end)?).ok().map(|_| end)
        })?;
        let end = start + end as u64;
        let behind = self.end.checked_sub(end).filter(|behind| *behind > 0)?;
        self.end = end;
        Some(behind)
    }
}

/// A field of the trailer as it stands, whether or not it can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawField {
    /// What it is called.
    pub name: &'static str,
    /// Where it starts in the trailer.
    pub at: usize,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The fields of what stands where the trailer should be (FORMAT.md,
/// *Trailer*); nothing where the file is shorter than a trailer.
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
