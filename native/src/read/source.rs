//! Where the bytes of a pack come from.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;

use sealpack_core::read::DEFAULT_TAIL;

use crate::error::{Doing, Error, ErrorKind};

/// Bytes that can be read at any offset, from several threads at once.
///
/// A file is one; so are bytes in memory. Implement it for whatever else holds
/// a pack.
pub trait ReadAt: Send + Sync {
    /// How many bytes there are.
    ///
    /// # Errors
    /// Whatever hinders finding out.
    fn size(&self) -> io::Result<u64>;

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where there are fewer; whatever else
    /// goes wrong.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// How many bytes at its end to read first when a pack of `size` bytes is
    /// opened. Where they do not hold the whole index another read follows, so
    /// [`DEFAULT_TAIL`] unless told otherwise; fewer where a read costs little.
    fn first_read(&self, size: u64) -> u64 {
        size.min(DEFAULT_TAIL)
    }

    /// Bytes that arrive in the time a read takes to begin: 0 for a file and
    /// for memory, millions for a server far away. An item that lies in a
    /// record of no more is read with it, in one read instead of two.
    fn round_trip(&self) -> u64 {
        0
    }
}

/// A pack in a file.
#[derive(Debug)]
pub struct FileSource {
    file: File,
}

impl FileSource {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`ErrorKind::NotAFile`] for a folder, a pipe or a device: opening a
    /// pipe would wait for its writer. [`ErrorKind::Io`] otherwise.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let error = |kind| Error::new(&Arc::new(path.to_path_buf()), kind);
        let opening = |e| error(ErrorKind::io(Doing::Opening, e));
        if !fs::metadata(path).map_err(opening)?.is_file() {
            return Err(error(ErrorKind::NotAFile));
        }
        let file = File::open(path).map_err(opening)?;
        Ok(Self { file })
    }
}

impl ReadAt for FileSource {
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        read_exact_at(&self.file, buffer, offset)
    }

    /// A file that is small is read whole and never again. A large one's index
    /// takes about two bytes a record, so this is that of ten thousand.
    fn first_read(&self, size: u64) -> u64 {
        const TAIL: u64 = 32 << 10;
        if size <= DEFAULT_TAIL { size } else { TAIL }
    }
}

impl<T: AsRef<[u8]> + Send + Sync> ReadAt for io::Cursor<T> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.get_ref().as_ref().len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64);
        let range = usize::try_from(offset).ok().zip(end.and_then(|end| usize::try_from(end).ok()));
        let bytes = range.and_then(|(start, end)| self.get_ref().as_ref().get(start..end));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
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
}

cfg_if::cfg_if! {
    if #[cfg(unix)] {
        use std::os::unix::fs::FileExt as _;

        fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            file.read_exact_at(buffer, offset)
        }
    } else if #[cfg(windows)] {
        use std::os::windows::fs::FileExt as _;

        fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
            while !buffer.is_empty() {
                match file.seek_read(buffer, offset) {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(read) => {
                        offset += read as u64;
                        buffer = buffer.split_at_mut(read).1;
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }
    } else {
        compile_error!("reading at an offset is known for unix and windows");
    }
}
