//! Packs above 4 GiB and a record of the maximum size, on a disk that stores zeros as
//! holes.

use std::fs::{File, Permissions};
use std::io::{self, IoSlice, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealpack::disk::{Disk, DiskFile, Owner, System};
use sealpack::{Bytes, Plain, Reader, Writer};

use super::layer::{Layer, Layered};
use super::threads;

/// Turns zeros into holes.
struct Sparse;

struct Holes(File);

static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

impl DiskFile for Holes {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(first) = slices.iter().find(|slice| !slice.is_empty()) else { return Ok(0) };
        if first.chunks(ZEROS.len()).all(|chunk| chunk == &ZEROS[..chunk.len()]) {
            self.0.seek(SeekFrom::Current(i64::try_from(first.len()).unwrap()))?;
            return Ok(first.len());
        }
        self.0.write(first)
    }
    fn start_writing(&self, _offset: u64, _length: u64) {}
    fn set_permissions(&self, _permissions: Permissions) -> io::Result<()> {
        Ok(())
    }
    fn set_owner(&self, _owner: Owner) -> io::Result<()> {
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Layer for Sparse {
    fn create_new(&self, disk: &dyn Disk, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        drop(disk.create_new(path)?);
        Ok(Box::new(Holes(File::options().write(true).open(path)?)))
    }
}

const LARGEST: u64 = u32::MAX as u64;

/// A record of the maximum size, followed by a small one.
fn pack(folder: &Path) -> PathBuf {
    let path = folder.join("large.pack");
    let options = Writer::options().codec(Plain).items_per_record(1).content_hash(false);
    let options = options.disk(Layered::new(Arc::new(Sparse), System));
    let mut writer = options.create(&path).unwrap();
    // Zeroed memory that is only read occupies no physical memory.
    writer.append_owned(Bytes::from(vec![0; usize::try_from(LARGEST).unwrap()])).unwrap();
    writer.append(b"after it").unwrap();
    let sealed = writer.finish().unwrap();
    assert!(sealed.file_size > LARGEST);
    path
}

#[test]
fn a_record_beyond_four_gibibytes_is_at_its_offset_in_the_index() {
    let _threads = threads::shared();
    let folder = tempfile::tempdir().unwrap();
    let reader = Reader::open(pack(folder.path())).unwrap();
    assert_eq!(reader.directory().record(0).unwrap().range, 0..LARGEST);
    assert_eq!(reader.directory().record(1).unwrap().range.start, LARGEST);
    assert_eq!(reader.get(1).unwrap(), b"after it"[..]);
}

#[test]
#[ignore = "takes 5 GiB of memory"]
fn the_largest_record_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let reader = Reader::options().threads(1).open(pack(folder.path())).unwrap();
    let item = reader.get(0).unwrap();
    assert_eq!(item.len() as u64, LARGEST);
    assert!(item.chunks(ZEROS.len()).all(|chunk| chunk == &ZEROS[..chunk.len()]));
    drop(item);
    assert!(reader.verify().unwrap().is_ok());
}
