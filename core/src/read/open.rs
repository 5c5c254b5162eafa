//! Opening a pack: from the size of a file to its directory, with one read for
//! nearly every file and at most two.

use alloc::vec::Vec;

use bytes::Bytes;
use core::ops::Range;

use super::{Directory, ReadLimits};
use crate::error::{Error, Fault, Misuse, Section};
use crate::format::{AppData, Dialect, OffsetIndex, Trailer, trailer};

/// The default size of the first read, in bytes. It contains index, app data and
/// trailer of packs with up to about a hundred thousand records.
pub const DEFAULT_TAIL: u64 = 256 << 10;

/// If the missing part is at least this many times as long as the tail, the second
/// read fetches the tail again together with the missing part: reading a sixteenth
/// more costs less than copying the two parts into one.
const REREAD_RATIO: u64 = 16;

/// A pack being opened. Fetch [`range`](Self::range) and pass the bytes to
/// [`supply`](Self::supply); repeat if that returns [`PackOpened::More`].
#[derive(Clone, Debug)]
pub struct Opening {
    file_size: u64,
    limits: ReadLimits,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Wants the file from this offset to its end.
    Tail { from: u64 },
    /// The trailer is known, and the sections start before the bytes at hand. Wants
    /// the bytes before `tail`.
    Sections { trailer: Trailer, from: u64, tail_from: u64, tail: Bytes },
}

/// What [`Opening::supply`] returns.
#[derive(Clone, Debug)]
pub enum PackOpened {
    /// One more range is wanted.
    More(Opening),
    /// The pack is open.
    Ready(Pack),
}

/// An open pack: everything but the records.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Locates each item.
    pub directory: Directory,
    /// The application's data, and the extensions.
    pub app_data: AppData,
    /// The dialect of the file. With [`Dialect::NoAppDataCrc`], nothing protects
    /// the app data.
    pub dialect: Dialect,
    /// The bytes that were read to open the pack. A record that lies within them
    /// need not be read again.
    pub tail: FileTail,
}

/// Bytes at the end of a file.
#[derive(Clone, Debug)]
pub struct FileTail {
    /// Their offset in the file.
    pub start: u64,
    /// The bytes, up to the end of the file.
    pub bytes: Bytes,
}

impl FileTail {
    /// The bytes of `range` of the file, if this tail contains all of them.
    #[must_use]
    pub fn get(&self, range: &Range<u64>) -> Option<Bytes> {
        let start = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        let end = usize::try_from(range.end.checked_sub(self.start)?).ok()?;
        (start <= end && end <= self.bytes.len()).then(|| self.bytes.slice(start..end))
    }
}

impl Opening {
    /// Starts opening a file of this size, in bytes. The first read is the last
    /// [`DEFAULT_TAIL`] bytes.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if the file is empty.
    pub fn new(file_size: u64) -> Result<Self, Error> {
        Self::with_tail(file_size, DEFAULT_TAIL)
    }

    /// As [`new`](Self::new), with a first read of `tail` bytes, but at least the
    /// trailer's 76.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if the file is empty.
    pub fn with_tail(file_size: u64, tail: u64) -> Result<Self, Error> {
        if file_size == 0 {
            let fault = Fault::Truncated { needed: trailer::SIZE as u64, found: 0 };
            return Err(fault.in_section(Section::Trailer));
        }
        let from = file_size.saturating_sub(tail.max(trailer::SIZE as u64));
        let limits = ReadLimits::default();
        Ok(Self { file_size, limits, stage: Stage::Tail { from } })
    }

    /// Sets limits. A pack above them is refused before its index and app data
    /// are asked for.
    #[must_use]
    pub fn with_limits(mut self, limits: ReadLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The range to fetch next; never empty.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        match self.stage {
            Stage::Tail { from } => from..self.file_size,
            Stage::Sections { from, tail_from, .. } => from..tail_from,
        }
    }

    /// Takes the bytes of [`range`](Self::range).
    ///
    /// # Errors
    /// [`Error::Corrupt`] if trailer, app data or index are damaged, in the order
    /// of FORMAT.md, *Trailer*; [`Misuse::Supplied`] for a different number of
    /// bytes than was asked for;
    /// [`Limit::PackItems`](crate::error::Limit::PackItems) and
    /// [`Limit::SingleAllocation`](crate::error::Limit::SingleAllocation) above the
    /// [limits](Self::with_limits).
    pub fn supply(self, bytes: Bytes) -> Result<PackOpened, Error> {
        let range = self.range();
        let (wanted, given) = (range.end - range.start, bytes.len() as u64);
        if wanted != given {
            return Err(Error::Misuse(Misuse::Supplied { wanted, given }));
        }
        match self.stage {
            Stage::Tail { from } => {
                let trailer = Trailer::decode(&bytes)?;
                let records_end = trailer.records_end(self.file_size)?;
                self.limits.admit_sections(&trailer)?;
                if records_end < from {
                    // Do not fetch an index that cannot describe its records.
                    trailer.check_index_size()?;
                } else {
                    let tail = FileTail { start: from, bytes };
                    return ready(trailer, records_end, self.file_size, tail);
                }
                // Read a short tail again, together with the bytes before it:
                // joining two parts of a large index would copy all of it.
                let reread =
                    (self.file_size - from).saturating_mul(REREAD_RATIO) <= from - records_end;
                let (tail_from, tail) =
                    if reread { (self.file_size, Bytes::new()) } else { (from, bytes) };
                let stage = Stage::Sections { trailer, from: records_end, tail_from, tail };
                Ok(PackOpened::More(Self { stage, ..self }))
            }
            Stage::Sections { trailer, from, tail, .. } if tail.is_empty() => {
                ready(trailer, from, self.file_size, FileTail { start: from, bytes })
            }
            Stage::Sections { trailer, from, tail, .. } => {
                let mut all = Vec::with_capacity(bytes.len() + tail.len());
                all.extend_from_slice(&bytes);
                all.extend_from_slice(&tail);
                let tail = FileTail { start: from, bytes: all.into() };
                ready(trailer, from, self.file_size, tail)
            }
        }
    }
}

/// Makes the checks that follow those of the trailer itself.
fn ready(
    trailer: Trailer,
    records_end: u64,
    file_size: u64,
    tail: FileTail,
) -> Result<PackOpened, Error> {
    let trailer_start = file_size - trailer::SIZE as u64;
    let index_end = records_end + u64::from(trailer.index_size);
    let section = |range: Range<u64>, name| {
        let missing = Fault::Truncated { needed: range.end, found: tail.start };
        tail.get(&range).ok_or_else(|| missing.in_section(name))
    };
    let app_data = match trailer.app_data_size {
        0 => Bytes::new(),
        _ => section(index_end..trailer_start, Section::AppData)?,
    };
    let dialect = trailer.check_app_data(&app_data)?;
    trailer.check_index_size()?;
    let index = section(records_end..index_end, Section::Index)?;
    let index = detach(&index, &tail);
    let index = OffsetIndex::decode(index, trailer.record_count, records_end)?;
    trailer.check_counts()?;
    let app_data = AppData::parse(detach(&app_data, &tail));
    let directory = Directory::new(trailer, index, records_end, app_data.refused());
    Ok(PackOpened::Ready(Pack { directory, app_data, dialect, tail }))
}

/// The section, copied if a view would keep a much larger tail alive.
fn detach(section: &Bytes, tail: &FileTail) -> Bytes {
    if section.len() < tail.bytes.len() - tail.bytes.len() / 8 {
        Bytes::copy_from_slice(section)
    } else {
        section.clone()
    }
}
