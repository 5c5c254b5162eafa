//! Writes a put with vectored writes, each of which may write only a part.

use std::io::{self, IoSlice};

use sealpack_core::stream::Put;

/// Extents passed to the system in one call. Linux takes at most 1024.
const MAX_EXTENTS: usize = 1024;

/// Writes all bytes of a put, in as few calls as the system allows.
pub(super) fn write_put(
    put: &Put,
    mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = put.extents().map(IoSlice::new).collect();
    slices.chunks_mut(MAX_EXTENTS).try_for_each(|slices| write_all(slices, &mut write))
}

/// Writes all slices, however many calls that takes. Repeats interrupted calls.
fn write_all(
    mut slices: &mut [IoSlice<'_>],
    write: &mut impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
) -> io::Result<()> {
    // A write of empty slices returns 0, which would look like a sink that is full.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match write(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
