//! Digests on their way to a list: kept until the last one is known, for the
//! paths beside the first ones depend on it.

use std::io::{self, BufWriter, IoSlice, Read, Seek, Write};
use std::path::Path;

use sealpack_core::format::Trailer;
use sealpack_core::format::digest::Hash;
use sealpack_core::trust::{DigestList, DigestListBuilder};
use tempfile::SpooledTempFile;

use crate::error::{Doing, ErrorKind};
use crate::write::disk::DiskFile;

/// Digests held in memory, in bytes: those of 131,072 records. More of them
/// go to a file without a name.
const IN_MEMORY: usize = 4 << 20;

/// Bytes handed to the spool, or to the list, at once.
const BUFFER: usize = 64 << 10;

/// Digests in the order of the records.
pub(crate) struct DigestSpool {
    builder: DigestListBuilder,
    spool: BufWriter<SpooledTempFile>,
}

impl DigestSpool {
    /// An empty one; what memory does not hold goes to `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        let spool = tempfile::spooled_tempfile_in(IN_MEMORY, folder);
        let spool = BufWriter::with_capacity(BUFFER, spool);
        Self { builder: DigestListBuilder::new(), spool }
    }

    /// Takes the digests of the next records.
    pub(crate) fn push(&mut self, digests: &[Hash]) -> Result<(), ErrorKind> {
        for digest in digests {
            self.builder.push(digest)?;
            self.spool.write_all(digest).map_err(writing)?;
        }
        Ok(())
    }

    /// Writes the list of the pack that has this trailer and app data.
    pub(crate) fn write(
        self,
        trailer: &Trailer,
        app_data: &[u8],
        to: &mut dyn DiskFile,
    ) -> Result<DigestList, ErrorKind> {
        let list = self.builder.finish(trailer, app_data)?;
        let spool = self.spool.into_inner().map_err(|error| writing(error.into_error()))?;
        write_list(&list, spool, to).map_err(writing)?;
        Ok(list)
    }
}

fn write_list(
    list: &DigestList,
    mut digests: SpooledTempFile,
    to: &mut dyn DiskFile,
) -> io::Result<()> {
    digests.rewind()?;
    let mut digests = io::BufReader::with_capacity(BUFFER, digests);
    let mut to = BufWriter::with_capacity(BUFFER, ToDisk(to));
    to.write_all(&list.header().encode())?;
    let shape = list.shape();
    for block in 0..shape.blocks() {
        let records = shape.records(block);
        let size = u64::from(records.end - records.start) * size_of::<Hash>() as u64;
        if io::copy(&mut digests.by_ref().take(size), &mut to)? != size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all(&list.path(block))?;
    }
    to.flush()
}

/// A file of the writer's disk, for the standard library.
struct ToDisk<'a>(&'a mut dyn DiskFile);

impl Write for ToDisk<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&[IoSlice::new(bytes)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn writing(error: io::Error) -> ErrorKind {
    ErrorKind::io(Doing::WritingDigests, error)
}
