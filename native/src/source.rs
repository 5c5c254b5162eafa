//! The sources that the bytes of a pack are read from.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::read::DEFAULT_TAIL;

use crate::error::{Error, ErrorKind, IoOperation};
use crate::panics::catch_panic;
use crate::trace::event;

/// Bytes that several threads can read at any offset in parallel.
///
/// Implemented for [`File`], for bytes in memory, and for boxes and `Arc`s of
/// sources. Implement it for anything else that stores a pack: a panic in the
/// implementation becomes an error of the reader.
pub trait ReadAt: Send + Sync {
    /// Returns the number of bytes.
    ///
    /// # Errors
    /// Any error of finding the size.
    fn size(&self) -> io::Result<u64>;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if there are fewer; any other error of
    /// reading.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Returns how many bytes at the end of the source to read first when a pack of
    /// `size` bytes is opened. If they do not hold the whole index, another read
    /// follows. Default: [`DEFAULT_TAIL`]. A source whose reads cost little may
    /// return fewer.
    fn first_read(&self, size: u64) -> u64 {
        size.min(DEFAULT_TAIL)
    }

    /// Returns how many bytes could arrive during one round trip: 0 for a file and
    /// for memory, millions for a distant server. If an item's record is at most
    /// this large, the whole record is fetched, in one read instead of two.
    /// Default: 0.
    fn round_trip(&self) -> u64 {
        0
    }

    /// Announces that this range will be read soon, so that the source may fetch it
    /// meanwhile, and returns immediately. Returns whether the source does so: if not,
    /// [`ReaderOptions::io_depth`](crate::ReaderOptions::io_depth) uses more threads.
    /// An empty range only asks. Default: `false`. A file on Linux does.
    fn will_read(&self, offset: u64, length: u64) -> bool {
        let _ = (offset, length);
        false
    }

    /// Opens the source whose name is the name of this one with `ending` appended:
    /// the file next to a pack that holds its names. `None` if there is no such place,
    /// as in memory. Default: `None`.
    fn companion(&self, ending: &str) -> Option<io::Result<Box<dyn ReadAt>>> {
        let _ = ending;
        None
    }
}

/// A pack in a file.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    /// Absolute, because the program may change its current folder.
    path: PathBuf,
}

impl FileSource {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`ErrorKind::NotAFile`] for a folder, a pipe or a device: opening a
    /// pipe would wait for its writer. [`ErrorKind::Io`] otherwise.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let error = |kind| Error::new(&Arc::new(path.to_path_buf()), kind);
        let opening = |e| error(ErrorKind::io(IoOperation::Opening, e));
        if !fs::metadata(path).map_err(opening)?.is_file() {
            return Err(error(ErrorKind::NotAFile));
        }
        let file = File::open(path).map_err(opening)?;
        let path = std::path::absolute(path).map_err(opening)?;
        Ok(Self { file, path })
    }
}

impl ReadAt for FileSource {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn first_read(&self, size: u64) -> u64 {
        self.file.first_read(size)
    }

    fn will_read(&self, offset: u64, length: u64) -> bool {
        self.file.will_read(offset, length)
    }

    fn companion(&self, ending: &str) -> Option<io::Result<Box<dyn ReadAt>>> {
        let open = |path: PathBuf| {
            if !fs::metadata(&path)?.is_file() {
                return Err(io::Error::other("not a regular file"));
            }
            let file = File::open(&path)?;
            Ok(Box::new(Self { file, path }) as Box<dyn ReadAt>)
        };
        Some(open(path_with_ending(&self.path, ending)))
    }
}

/// Returns the path of a file next to another one, whose name has `ending` appended.
pub(crate) fn path_with_ending(path: impl AsRef<Path>, ending: &str) -> PathBuf {
    let mut name = OsString::from(path.as_ref());
    name.push(ending);
    name.into()
}

/// An open file, read without moving its position (on Unix).
impl ReadAt for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        fill(buffer, offset, |buffer, offset| read_at(self, buffer, offset))
    }

    /// A small file is read whole, and never again. A large file's index takes
    /// about two bytes per record, so these bytes hold the index of ten thousand
    /// records.
    fn first_read(&self, size: u64) -> u64 {
        const TAIL: u64 = 32 << 10;
        if size <= DEFAULT_TAIL { size } else { TAIL }
    }

    /// The system reads the pages of the range into its cache.
    #[cfg(target_os = "linux")]
    fn will_read(&self, offset: u64, length: u64) -> bool {
        use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
        use nix::libc::off_t;
        let range = off_t::try_from(offset).ok().zip(off_t::try_from(length).ok());
        let Some((offset, length)) = range else { return false };
        // A length of zero would mean the rest of the file.
        let advice = PosixFadviseAdvice::POSIX_FADV_WILLNEED;
        length == 0 || posix_fadvise(self, offset, length, advice).is_ok()
    }
}

/// Fills `buffer` from bytes in memory.
fn copy_from(bytes: &[u8], buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let start = usize::try_from(offset).ok();
    let end = start.and_then(|start| start.checked_add(buffer.len()));
    let part = start.zip(end).and_then(|(start, end)| bytes.get(start..end));
    buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
    Ok(())
}

impl<T: AsRef<[u8]> + Send + Sync> ReadAt for io::Cursor<T> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.get_ref().as_ref().len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        copy_from(self.get_ref().as_ref(), buffer, offset)
    }
}

/// Implements [`ReadAt`] for bytes in memory, and for pointers to other sources.
macro_rules! read_at {
    (memory: $($memory:ty),*; pointers: $($pointer:ident),*) => {
        $(impl ReadAt for $memory {
            fn size(&self) -> io::Result<u64> {
                Ok(self.len() as u64)
            }

            fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
                copy_from(self, buffer, offset)
            }
        })*
        $(impl<T: ReadAt + ?Sized> ReadAt for $pointer<T> {
            fn size(&self) -> io::Result<u64> {
                (**self).size()
            }

            fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
                (**self).read_exact_at(buffer, offset)
            }

            fn first_read(&self, size: u64) -> u64 {
                (**self).first_read(size)
            }

            fn round_trip(&self) -> u64 {
                (**self).round_trip()
            }

            fn will_read(&self, offset: u64, length: u64) -> bool {
                (**self).will_read(offset, length)
            }

            fn companion(&self, ending: &str) -> Option<io::Result<Box<dyn ReadAt>>> {
                (**self).companion(ending)
            }
        })*
    };
}

read_at!(memory: Bytes, Vec<u8>, &[u8]; pointers: Box, Arc);

/// An opened source, which may be an implementation of the caller. All calls to it
/// go through this type, which turns its panics into errors.
pub(crate) struct Source {
    bytes: Arc<dyn ReadAt>,
    size: u64,
    first_read: u64,
    round_trip: u64,
    fetches_ahead: bool,
}

impl Source {
    pub(crate) fn open(bytes: Arc<dyn ReadAt>) -> Result<Self, ErrorKind> {
        let opened = catch_panic(|| {
            let size = bytes.size()?;
            Ok((size, bytes.first_read(size), bytes.round_trip(), bytes.will_read(0, 0)))
        });
        let (size, first_read, round_trip, fetches_ahead) = opened
            .map_err(ErrorKind::Panicked)?
            .map_err(|error| ErrorKind::io(IoOperation::Opening, error))?;
        Ok(Self { bytes, size, first_read, round_trip, fetches_ahead })
    }

    /// See [`ReadAt::companion`].
    pub(crate) fn companion(&self, ending: &str) -> Result<Option<Self>, ErrorKind> {
        let opened = catch_panic(|| self.bytes.companion(ending)).map_err(ErrorKind::Panicked)?;
        let Some(opened) = opened else { return Ok(None) };
        let source = opened.map_err(|error| ErrorKind::io(IoOperation::Opening, error))?;
        Self::open(Arc::from(source)).map(Some)
    }

    /// Returns the source's size in bytes, as of when it was opened.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// See [`ReadAt::first_read`].
    pub(crate) fn first_read(&self) -> u64 {
        self.first_read
    }

    /// See [`ReadAt::round_trip`].
    pub(crate) fn round_trip(&self) -> u64 {
        self.round_trip
    }

    /// Returns whether the source fetches ranges that are [announced](Self::will_read).
    pub(crate) fn fetches_ahead(&self) -> bool {
        self.fetches_ahead
    }

    /// Announces a read of a range that lies within the source. A failure is left to that
    /// read.
    pub(crate) fn will_read(&self, range: &Range<u64>) {
        let _ = catch_panic(|| self.bytes.will_read(range.start, range.end - range.start));
    }

    /// Reads a range that lies within the source.
    pub(crate) fn fetch(&self, range: &Range<u64>) -> Result<Bytes, ErrorKind> {
        self.read_into(range, Vec::new()).map(Bytes::from)
    }

    /// Reads a range that lies within the source to the front of `buffer`, which
    /// grows if it is too short. Bytes that the buffer already has are not zeroed
    /// again.
    pub(crate) fn read_into(
        &self,
        range: &Range<u64>,
        mut buffer: Vec<u8>,
    ) -> Result<Vec<u8>, ErrorKind> {
        let length = range.end - range.start;
        let failed =
            |error| ErrorKind::io(IoOperation::Reading { offset: range.start, length }, error);
        let no_memory = || failed(io::ErrorKind::OutOfMemory.into());
        let length = usize::try_from(length).map_err(|_| no_memory())?;
        if let Some(missing) = length.checked_sub(buffer.len()) {
            buffer.try_reserve_exact(missing).map_err(|_| no_memory())?;
            buffer.resize(length, 0);
        }
        self.read_exact(range.start, buffer.get_mut(..length).unwrap_or_default())?;
        Ok(buffer)
    }

    /// Fills `bytes` from `offset` on, which lies within the source.
    pub(crate) fn read_exact(&self, offset: u64, bytes: &mut [u8]) -> Result<(), ErrorKind> {
        let length = bytes.len() as u64;
        event!(TRACE, offset = offset, bytes = length, "read");
        let read = catch_panic(|| self.bytes.read_exact_at(bytes, offset));
        let failed = |error| ErrorKind::io(IoOperation::Reading { offset, length }, error);
        read.map_err(ErrorKind::Panicked)?.map_err(failed)
    }
}

/// Fills `buffer` with reads that may each be interrupted or return fewer bytes than
/// requested; `read` gets the rest of the buffer, and the offset of its first byte.
///
/// This loop replaces the standard library's, which exists for Unix alone and does
/// not accept a test's simulated reads.
fn fill(
    mut buffer: &mut [u8],
    mut offset: u64,
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<()> {
    while !buffer.is_empty() {
        match read(buffer, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(taken) => {
                let wrong = || io::Error::other("a read returned more bytes than requested");
                buffer = buffer.split_at_mut_checked(taken).ok_or_else(wrong)?.1;
                offset = offset.checked_add(taken as u64).ok_or_else(wrong)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

cfg_if::cfg_if! {
    if #[cfg(unix)] {
        fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            std::os::unix::fs::FileExt::read_at(file, buffer, offset)
        }
    } else if #[cfg(windows)] {
        fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
        }
    } else {
        compile_error!("reading at an offset is known for unix and windows");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of one simulated system call.
    #[derive(Clone, Copy, Debug)]
    enum CallResult {
        /// It returns at most this many bytes.
        AtMost(usize),
        /// It returns an error of this kind.
        Error(io::ErrorKind),
    }

    use CallResult::{AtMost, Error};

    const FILE: &[u8] = b"the bytes of a file, read at an offset..";

    /// Reads `length` bytes from `offset` on. The first calls return `results`, later
    /// ones succeed. Returns the outcome and the number of calls.
    fn fill_from(
        results: &[CallResult],
        offset: u64,
        length: usize,
    ) -> (io::Result<Vec<u8>>, usize) {
        let mut calls = 0;
        let mut buffer = vec![0; length];
        let filled = fill(&mut buffer, offset, |buffer, offset| {
            let rest = &FILE[FILE.len().min(usize::try_from(offset).unwrap())..];
            let limit = match results.get(calls) {
                Some(Error(kind)) => {
                    calls += 1;
                    return Err((*kind).into());
                }
                Some(AtMost(bytes)) => *bytes,
                None => usize::MAX,
            };
            calls += 1;
            let taken = limit.min(rest.len()).min(buffer.len());
            buffer[..taken].copy_from_slice(&rest[..taken]);
            Ok(taken)
        });
        (filled.map(|()| buffer), calls)
    }

    #[test]
    fn short_reads_and_interruptions_at_any_byte_change_nothing() {
        let interrupted = Error(io::ErrorKind::Interrupted);
        // Under Miri a few of the offsets suffice: they cover every path.
        for offset in (0..FILE.len()).step_by(if cfg!(miri) { 13 } else { 1 }) {
            for length in 0..=FILE.len() - offset {
                let expected = &FILE[offset..offset + length];
                for first in 1..=length {
                    let results = [
                        interrupted,
                        AtMost(first),
                        interrupted,
                        interrupted,
                        AtMost(1),
                        interrupted,
                    ];
                    let (got, _) = fill_from(&results, offset as u64, length);
                    assert_eq!(got.unwrap(), expected);
                }
                let (got, calls) = fill_from(&[AtMost(1); FILE.len()], offset as u64, length);
                assert_eq!((got.unwrap(), calls), (expected.to_vec(), length));
            }
        }
    }

    #[test]
    fn an_error_ends_reading_and_is_returned_unchanged() {
        let kinds = [
            io::ErrorKind::WouldBlock,
            io::ErrorKind::TimedOut,
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::StaleNetworkFileHandle,
        ];
        for kind in kinds {
            for before in 0..3 {
                let mut results = vec![AtMost(1); before];
                results.push(Error(kind));
                let (got, calls) = fill_from(&results, 3, 10);
                assert_eq!((got.unwrap_err().kind(), calls), (kind, before + 1), "not tried again");
            }
        }
    }

    #[test]
    fn a_file_that_ends_too_early_is_an_error_and_not_an_endless_loop() {
        for offset in [0, FILE.len() - 1, FILE.len(), FILE.len() + 9] {
            let left = FILE.len().saturating_sub(offset);
            let (got, calls) = fill_from(&[AtMost(5)], offset as u64, left + 1);
            assert_eq!(got.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
            assert!(calls <= 3, "{calls} calls");
        }
        assert_eq!(fill_from(&[], u64::MAX, 0).1, 0, "an empty range needs no call");
    }

    #[test]
    fn a_system_call_that_returns_more_than_requested_is_an_error() {
        let mut buffer = [0; 4];
        fill(&mut buffer, 0, |_, _| Ok(5)).unwrap_err();
        fill(&mut buffer, u64::MAX, |_, _| Ok(3)).unwrap_err();
    }
}
