//! Collects digests for a list. They are spooled until the last one is known, because
//! the proof paths of the first ones depend on it.

use std::io::{self, BufWriter, Read as _, Seek as _, Write as _};
use std::path::Path;

use sealpack_core::format::Trailer;
use sealpack_core::format::digest::Hash;
use sealpack_core::trust::{DigestList, DigestListBuilder};
use tempfile::SpooledTempFile;

use crate::error::{ErrorKind, IoOperation};

/// The maximum number of bytes of digests kept in memory: those of 131,072 records. More of them
/// go to an unnamed temporary file.
const IN_MEMORY: usize = 4 << 20;

/// The buffer size of writes to the spool, or to a list.
pub(super) const BUFFER: usize = 64 << 10;

/// Digests in the order of the records.
pub(crate) struct DigestSpool {
    builder: DigestListBuilder,
    spool: BufWriter<SpooledTempFile>,
}

impl DigestSpool {
    /// Makes an empty spool; digests beyond the memory bound go to `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        let spool = tempfile::spooled_tempfile_in(IN_MEMORY, folder);
        let spool = BufWriter::with_capacity(BUFFER, spool);
        Self { builder: DigestListBuilder::new(), spool }
    }

    /// Adds the digests of the next records.
    pub(crate) fn push(&mut self, digests: &[Hash]) -> Result<(), ErrorKind> {
        for digest in digests {
            self.builder.push(digest)?;
            self.spool.write_all(digest).map_err(writing)?;
        }
        Ok(())
    }

    /// Passes the bytes of the list, front to back, to `take`. Trailer and app data are
    /// those of the pack.
    pub(crate) fn write(
        self,
        trailer: &Trailer,
        app_data: &[u8],
        take: impl FnMut(&[u8]) -> Result<(), ErrorKind>,
    ) -> Result<DigestList, ErrorKind> {
        let list = self.builder.finish(trailer, app_data)?;
        let spool = self.spool.into_inner().map_err(|error| writing(error.into_error()))?;
        write_list(&list, spool, take)?;
        Ok(list)
    }
}

fn write_list(
    list: &DigestList,
    mut digests: SpooledTempFile,
    mut take: impl FnMut(&[u8]) -> Result<(), ErrorKind>,
) -> Result<(), ErrorKind> {
    digests.rewind().map_err(writing)?;
    let mut digests = io::BufReader::with_capacity(BUFFER, digests);
    take(&list.header().encode())?;
    let shape = list.shape();
    let mut records = Vec::new();
    for block in 0..shape.blocks() {
        let numbers = shape.records(block);
        records.resize((numbers.end - numbers.start) as usize * size_of::<Hash>(), 0);
        digests.read_exact(&mut records).map_err(writing)?;
        take(&records)?;
        take(&list.path(block))?;
    }
    Ok(())
}

pub(super) fn writing(error: io::Error) -> ErrorKind {
    ErrorKind::io(IoOperation::WritingDigests, error)
}
