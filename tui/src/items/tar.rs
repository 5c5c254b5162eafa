//! Reads the members of a tar stream as items with names.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use ::tar::{Archive, EntryType};

use super::MAX_ITEM_SIZE;
use super::read::{Accept, too_large};
use super::walk::SkippedCounts;
use crate::descriptors;
use crate::outcome::{Failure, Input};

/// Size of the read buffer.
const BUFFER: usize = 1 << 20;

/// The maximum size of the headers of one member, with long names and extended headers:
/// a reader of tar keeps them in memory.
const MAX_HEADERS: u64 = 1 << 20;

/// The first bytes of compressed streams, and the command that decompresses them.
const COMPRESSED: [(&[u8], &str); 4] = [
    (b"\x1f\x8b", "gzip -dc"),
    (b"\x28\xb5\x2f\xfd", "zstd -dc"),
    (b"\xfd7zXZ\0", "xz -dc"),
    (b"BZh", "bzip2 -dc"),
];

/// Passes every regular file of a tar stream to `to`, with its name, and counts all other
/// members. `./` at the beginning of a name is removed.
///
/// # Errors
/// [`Failure::Input`] for a stream that is not a complete tar archive, [`Failure::Item`] for
/// a member that is too large, and the errors of `to`.
pub fn members(input: &Input, to: &mut impl Accept) -> Result<SkippedCounts, Failure> {
    match input {
        Input::Standard | Input::Member(..) => read(input, descriptors::standard_input()?, to),
        Input::Path(path) => {
            let failed = |error| Failure::Input { input: input.clone(), error };
            read(input, File::open(path).map_err(failed)?, to)
        }
    }
}

fn read(input: &Input, from: impl Read, to: &mut impl Accept) -> Result<SkippedCounts, Failure> {
    let failed = |error: io::Error| Failure::Input { input: input.clone(), error };
    let mut from = BufReader::with_capacity(BUFFER, from);
    refuse_compressed(from.fill_buf().map_err(failed)?).map_err(failed)?;
    let meter = TarMeter::default();
    let mut skipped = SkippedCounts::default();
    let mut archive = Archive::new(TarReader { from, meter: &meter });
    let mut entries = archive.entries().map_err(failed)?;
    loop {
        meter.headers_left.set(Some(MAX_HEADERS));
        let entry = entries.next().transpose().map_err(failed)?;
        meter.headers_left.set(None);
        to.read(meter.take());
        let Some(mut entry) = entry else { break };
        let kind = entry.header().entry_type();
        if is_file(kind) {
            let name = stored_name(&entry.path_bytes());
            let member = Input::Member(Box::new(input.clone()), name.clone());
            let item = content(&member, entry.size(), &mut entry, &meter, to)?;
            to.named(&member, &name, item)?;
        } else {
            io::copy(&mut entry, &mut io::sink()).map_err(failed)?;
            count(kind, &mut skipped);
        }
    }
    if meter.at_end.get() {
        return Err(failed(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the tar archive has no end mark: it is truncated, or not a tar archive",
        )));
    }
    // Read the padding of the archive, so that the writer of a pipe can finish.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(failed)?;
    to.read(meter.take());
    Ok(skipped)
}

/// Refuses a compressed stream, and names the command that decompresses it.
fn refuse_compressed(start: &[u8]) -> io::Result<()> {
    match COMPRESSED.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, command)) => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("this is compressed: {command} FILE | sealpack pack --tar - …"),
        )),
        None => Ok(()),
    }
}

/// Returns whether a member is a regular file, of any of tar's types for one.
fn is_file(kind: EntryType) -> bool {
    kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()
}

fn count(kind: EntryType, skipped: &mut SkippedCounts) {
    let counter = match kind {
        // A header for all members that follow, such as the one that git writes.
        EntryType::XGlobalHeader => return,
        EntryType::Directory => &mut skipped.folders,
        EntryType::Symlink => &mut skipped.symbolic_links,
        EntryType::Link => &mut skipped.hard_links,
        EntryType::Char | EntryType::Block | EntryType::Fifo => &mut skipped.special_files,
        _ => &mut skipped.unknown_members,
    };
    *counter += 1;
}

/// Removes every `./` at the beginning of a name.
fn stored_name(name: &[u8]) -> Vec<u8> {
    let mut name = name;
    while let Some(rest) = name.strip_prefix(b"./") {
        name = rest;
    }
    name.to_vec()
}

/// Reads a member. Memory grows with the bytes that are read, not with the size that the
/// header claims.
fn content(
    member: &Input,
    size: u64,
    from: &mut impl Read,
    meter: &TarMeter,
    to: &mut impl Accept,
) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::Input { input: member.clone(), error };
    if size > MAX_ITEM_SIZE {
        return Err(too_large(member, size));
    }
    let mut item = Vec::new();
    loop {
        match from.by_ref().take(BUFFER as u64).read_to_end(&mut item).map_err(failed)? {
            0 => break,
            _ => to.read(meter.take()),
        }
    }
    match item.len() as u64 {
        found if found == size => Ok(item),
        found => {
            let text = format!("the archive ends after {found} of its {size} bytes");
            Err(failed(io::Error::new(io::ErrorKind::UnexpectedEof, text)))
        }
    }
}

/// Counts what a [`TarReader`] has read.
#[derive(Default)]
struct TarMeter {
    /// Bytes read since they were last taken.
    read: Cell<u64>,
    /// Bytes of headers that may still be read; `None` while the content of a member is
    /// read.
    headers_left: Cell<Option<u64>>,
    /// Whether a read found the end of the stream.
    at_end: Cell<bool>,
}

impl TarMeter {
    /// Returns the bytes read since the last call.
    fn take(&self) -> u64 {
        self.read.take()
    }
}

/// Reads a stream, counts the bytes and limits those of headers.
struct TarReader<'a, R> {
    from: R,
    meter: &'a TarMeter,
}

impl<R: Read> Read for TarReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        let TarMeter { read: total, headers_left, at_end } = self.meter;
        total.set(total.get().saturating_add(read as u64));
        at_end.set(at_end.get() || (read == 0 && !buffer.is_empty()));
        if let Some(left) = headers_left.get() {
            let Some(left) = left.checked_sub(read as u64) else {
                let text = "the headers of a member have more than 1 MiB";
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            };
            headers_left.set(Some(left));
        }
        Ok(read)
    }
}
