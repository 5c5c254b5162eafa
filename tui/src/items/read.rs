//! Splits inputs into items: whole files, lines or frames.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::time::SystemTime;

use sealpack::core::error::Limit;

use super::MAX_ITEM_SIZE;
use super::walk::FoundInput;
use crate::descriptors;
use crate::outcome::{Failure, Input};

/// Size of the read buffer. Lines are found in the buffer and passed on from it.
const BUFFER: usize = 1 << 20;

/// How an input is split into items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputFraming {
    /// The whole input is one item.
    Whole,
    /// Each line is an item.
    Lines,
    /// Each frame is an item.
    Frames,
}

/// Receives the items of the inputs.
pub trait Accept {
    /// Takes an item that consists of one or more slices.
    fn parts(&mut self, input: &Input, parts: &[&[u8]]) -> Result<(), Failure>;

    /// Takes ownership of an item. Its name is empty if it has none.
    fn named(&mut self, input: &Input, name: &[u8], item: Vec<u8>) -> Result<(), Failure>;

    /// Decides what happens when a file changed while it was read. `before` and `after`
    /// are its sizes in bytes before and after the read.
    fn changed(&mut self, input: &Input, before: u64, after: u64) -> Result<(), Failure>;

    /// Reports that this many bytes of the inputs were read.
    fn read(&mut self, bytes: u64);
}

/// Splits an input and passes its items to `to`. An input that is one item has this `name`.
///
/// # Errors
/// [`Failure::Input`], [`Failure::Framing`], [`Failure::Item`] for an item that is too
/// large for a pack, and the errors of `to`.
pub fn items(input: &FoundInput, split: InputFraming, to: &mut impl Accept) -> Result<(), Failure> {
    let FoundInput { input, name, .. } = input;
    match input {
        Input::Standard | Input::Member(..) => {
            split_items(input, name, descriptors::standard_input()?, None, split, to)
        }
        Input::Path(path) => {
            let failed = |error| Failure::Input { input: input.clone(), error };
            let file = File::open(path).map_err(failed)?;
            let before = FileStamp::of(&file).map_err(failed)?;
            split_items(input, name, &file, before.map(|before| before.size), split, to)?;
            match before.zip(FileStamp::of(&file).map_err(failed)?) {
                Some((before, after)) if before != after => {
                    to.changed(input, before.size, after.size)
                }
                _ => Ok(()),
            }
        }
    }
}

/// The size and time of a file, which are compared to detect a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileStamp {
    size: u64,
    modified: Option<SystemTime>,
}

impl FileStamp {
    /// Returns `None` for a pipe or a device, which have no size.
    fn of(file: &File) -> io::Result<Option<Self>> {
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let stamp = Self { size: metadata.len(), modified: metadata.modified().ok() };
        Ok(metadata.is_file().then_some(stamp))
    }
}

fn split_items(
    input: &Input,
    name: &[u8],
    from: impl Read,
    size: Option<u64>,
    split: InputFraming,
    to: &mut impl Accept,
) -> Result<(), Failure> {
    match split {
        InputFraming::Whole => whole(input, name, from, size, to),
        InputFraming::Lines => lines(input, from, to),
        InputFraming::Frames => frames(input, from, to),
    }
}

/// Creates the error about an item that is too large for a pack.
pub(super) fn too_large(input: &Input, length: u64) -> Failure {
    let error = sealpack::core::Error::Limit(Limit::Item { length });
    Failure::Item { input: input.clone(), error }
}

/// Reads an input as one item. The size, if known, only determines how much memory is
/// reserved; the item is the bytes that are really read.
fn whole(
    input: &Input,
    name: &[u8],
    from: impl Read,
    size: Option<u64>,
    to: &mut impl Accept,
) -> Result<(), Failure> {
    let failed = |error| Failure::Input { input: input.clone(), error };
    let size = size.unwrap_or(0);
    if size > MAX_ITEM_SIZE {
        return Err(too_large(input, size));
    }
    let mut item = Vec::new();
    let out_of_memory = |_| failed(io::ErrorKind::OutOfMemory.into());
    // One byte more than the size, so that reading finds the end without growing the
    // vector.
    let capacity = usize::try_from(size + 1).map_err(|_| too_large(input, size))?;
    item.try_reserve_exact(capacity).map_err(out_of_memory)?;
    // Read in steps, so that the progress of a large item is visible.
    let mut from = from.take(MAX_ITEM_SIZE + 1);
    loop {
        match from.by_ref().take(BUFFER as u64).read_to_end(&mut item).map_err(failed)? {
            0 => break,
            read => to.read(read as u64),
        }
    }
    let length = item.len() as u64;
    if length > MAX_ITEM_SIZE {
        return Err(too_large(input, length));
    }
    to.named(input, name, item)
}

/// Splits an input into lines without their newlines. A line that lies completely in the
/// buffer is passed on without copying; only a line that crosses the end of the buffer is
/// copied.
fn lines(input: &Input, from: impl Read, to: &mut impl Accept) -> Result<(), Failure> {
    let mut from = BufReader::with_capacity(BUFFER, from);
    let mut partial = Vec::new();
    loop {
        let buffer = match from.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Input { input: input.clone(), error }),
        };
        if buffer.is_empty() {
            break;
        }
        let length = buffer.len();
        let mut rest = buffer;
        while let Some((line, after)) = split_line(rest) {
            if partial.is_empty() {
                to.parts(input, &[line])?;
            } else {
                to.parts(input, &[&partial, line])?;
                partial.clear();
            }
            rest = after;
        }
        partial.extend_from_slice(rest);
        if partial.len() as u64 > MAX_ITEM_SIZE {
            return Err(too_large(input, partial.len() as u64));
        }
        from.consume(length);
        to.read(length as u64);
    }
    if partial.is_empty() { Ok(()) } else { to.parts(input, &[&partial]) }
}

/// Returns the first line, and the bytes after its newline.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, after) = bytes.split_at_checked(memchr::memchr(b'\n', bytes)?)?;
    Some((line, after.split_first()?.1))
}

/// Splits an input into frames. Memory grows with the bytes that are read, not with the
/// length that a frame claims.
fn frames(input: &Input, from: impl Read, to: &mut impl Accept) -> Result<(), Failure> {
    let mut from = BufReader::with_capacity(BUFFER, from);
    let mut offset = 0_u64;
    let mut item = Vec::new();
    loop {
        item.clear();
        let length = take(input, &mut from, 4, &mut item)?;
        let Some(header) = item.first_chunk::<4>() else {
            return match length {
                0 => Ok(()),
                found => Err(Failure::Framing { input: input.clone(), offset, claimed: 4, found }),
            };
        };
        let claimed = u64::from(u32::from_le_bytes(*header));
        item.clear();
        let found = take(input, &mut from, claimed, &mut item)?;
        if found < claimed {
            let (claimed, found) = (claimed + 4, found + 4);
            return Err(Failure::Framing { input: input.clone(), offset, claimed, found });
        }
        to.parts(input, &[&item])?;
        offset += claimed + 4;
        to.read(claimed + 4);
    }
}

/// Appends at most `length` bytes to `to` and returns how many were read.
fn take(
    input: &Input,
    from: &mut impl Read,
    length: u64,
    to: &mut Vec<u8>,
) -> Result<u64, Failure> {
    let read = from.by_ref().take(length).read_to_end(to);
    read.map(|read| read as u64).map_err(|error| Failure::Input { input: input.clone(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct ItemCollector {
        names: Vec<Vec<u8>>,
        items: Vec<Vec<u8>>,
        read: u64,
        changed: Vec<(u64, u64)>,
        /// A file, and the size that it is set to after the first bytes were read.
        resizes: Option<(File, u64)>,
    }

    impl Accept for ItemCollector {
        fn parts(&mut self, _: &Input, parts: &[&[u8]]) -> Result<(), Failure> {
            self.items.push(parts.concat());
            Ok(())
        }

        fn named(&mut self, _: &Input, name: &[u8], item: Vec<u8>) -> Result<(), Failure> {
            self.names.push(name.to_vec());
            self.items.push(item);
            Ok(())
        }

        fn changed(&mut self, _: &Input, before: u64, after: u64) -> Result<(), Failure> {
            self.changed.push((before, after));
            Ok(())
        }

        fn read(&mut self, bytes: u64) {
            self.read += bytes;
            if let Some((file, size)) = self.resizes.take() {
                file.set_len(size).unwrap();
            }
        }
    }

    #[test]
    fn a_file_that_grows_or_shrinks_while_it_is_read_is_detected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let text = "line\n".repeat(BUFFER);
        for split in [InputFraming::Whole, InputFraming::Lines] {
            for size in [Some(0), Some(7), Some(text.len() as u64 + 1), None] {
                std::fs::write(&path, &text).unwrap();
                let file = File::options().write(true).open(&path).unwrap();
                let resizes = size.map(|size| (file, size));
                let mut to = ItemCollector { resizes, ..ItemCollector::default() };
                let input = Input::Path(path.clone());
                let found = FoundInput { input, name: b"name".to_vec(), size: None };
                items(&found, split, &mut to).unwrap();
                let is_named = split == InputFraming::Whole;
                assert_eq!(to.names, Vec::from_iter(is_named.then(|| b"name".to_vec())));
                let expected = size.map(|size| (text.len() as u64, size));
                assert_eq!(to.changed, Vec::from_iter(expected), "{split:?}");
            }
        }
    }

    /// Returns a few bytes at a time, as a pipe may.
    struct SlowReader<'a>(&'a [u8], usize);

    impl Read for SlowReader<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let some = self.1.min(buffer.len());
            self.0.take(some as u64).read(buffer).inspect(|read| self.0 = &self.0[*read..])
        }
    }

    fn split(bytes: &[u8], split: InputFraming, step: usize) -> Result<ItemCollector, Failure> {
        let mut to = ItemCollector::default();
        split_items(&Input::Standard, b"", SlowReader(bytes, step), None, split, &mut to)?;
        Ok(to)
    }

    #[test]
    fn lines_are_split_at_newlines_wherever_reads_end() {
        let text = b"one\n\ntwo\r\nthree\n\nlast";
        for step in 1..=text.len() {
            let to = split(text, InputFraming::Lines, step).unwrap();
            let lines = [&b"one"[..], b"", b"two\r", b"three", b"", b"last"];
            assert_eq!(to.items, lines, "{step}");
            assert_eq!(to.read, text.len() as u64);
        }
    }

    #[test]
    fn a_final_newline_does_not_begin_another_line() {
        assert_eq!(split(b"a\n", InputFraming::Lines, 1).unwrap().items, [b"a"]);
        assert_eq!(split(b"\n", InputFraming::Lines, 1).unwrap().items, [b""]);
        assert!(split(b"", InputFraming::Lines, 1).unwrap().items.is_empty());
    }

    #[test]
    fn frames_round_trip() {
        let frames = b"\x03\0\0\0abc\0\0\0\0\x01\0\0\0d";
        for step in 1..=frames.len() {
            let to = split(frames, InputFraming::Frames, step).unwrap();
            assert_eq!(to.items, [&b"abc"[..], b"", b"d"]);
            assert_eq!(to.read, frames.len() as u64);
        }
    }

    #[test]
    fn a_frame_that_ends_early_is_reported_with_its_offset() {
        let broken = |bytes: &[u8]| match split(bytes, InputFraming::Frames, 7) {
            Err(Failure::Framing { offset, claimed, found, .. }) => (offset, claimed, found),
            _ => panic!("{bytes:?} is not whole"),
        };
        assert_eq!(broken(b"\x01\0\0\0a\x02\0"), (5, 4, 2));
        assert_eq!(broken(b"\x01\0\0\0a\xFF\xFF\xFF\xFFbc"), (5, 4 + 0xFFFF_FFFF, 6));
    }
}
