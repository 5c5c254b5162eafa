//! Every read of a reader fails once with each error. The reader returns the error
//! with the path and the offset, yields no wrong data, and leaves no thread.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Mutex;

use nix::libc;
use sealpack::core::read::Merge;
use sealpack::{Bytes, Error, ErrorKind, IoOperation, ReadAt, Reader, Writer, Zstd};
use sealpack_tests::incompressible::item;

use super::threads;

/// A call of a reader: the size, or bytes at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Size,
    Read { offset: u64, length: u64 },
}

/// Bytes of which the call with this number, from 0, fails.
pub struct Faulty {
    pub bytes: Bytes,
    pub fault: Option<(usize, i32)>,
    pub calls: std::sync::Arc<Mutex<Vec<Call>>>,
}

impl Faulty {
    fn check(&self, call: Call) -> io::Result<()> {
        let mut calls = self.calls.lock().unwrap();
        calls.push(call);
        match self.fault {
            Some((at, errno)) if at == calls.len() - 1 => Err(io::Error::from_raw_os_error(errno)),
            _ => Ok(()),
        }
    }
}

impl ReadAt for Faulty {
    fn size(&self) -> io::Result<u64> {
        self.check(Call::Size)?;
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.check(Call::Read { offset, length: buffer.len() as u64 })?;
        io::Cursor::new(&self.bytes).read_exact_at(buffer, offset)
    }
}

const ITEMS: u32 = 1500;
const LENGTH: usize = 1000;

/// A pack of 1.5 MB, more than the first read of a reader covers.
fn pack(folder: &Path) -> Bytes {
    let path = folder.join("in.pack");
    let options = Writer::options().codec(Zstd::level(1)).items_per_record(20).threads(0);
    let mut writer = options.create(&path).unwrap();
    (0..ITEMS).for_each(|number| writer.append(&item(number, LENGTH)).unwrap());
    writer.finish().unwrap();
    fs::read(path).unwrap().into()
}

/// A use of a reader. Each use checks that the data is correct.
type ReaderUse = fn(&Reader) -> Result<(), Error>;

const USES: [(&str, ReaderUse); 4] = [
    ("get", |reader| {
        [0, 700, 1400].into_iter().try_for_each(|number| {
            assert_eq!(reader.get(number)?, item(number, LENGTH));
            Ok(())
        })
    }),
    ("get_many", |reader| {
        let positions: Vec<u32> = (0..ITEMS).step_by(60).collect();
        reader
            .get_many(&positions, |request, got| assert_eq!(got, item(positions[request], LENGTH)))
    }),
    ("range", |reader| {
        let mut items = reader.range(10..ITEMS)?;
        for number in 10..ITEMS {
            match items.next().expect("an item or an error for each position") {
                Ok(got) => assert_eq!(got, item(number, LENGTH)),
                Err(error) => {
                    assert!(items.next().is_none(), "after an error it ends");
                    return Err(error);
                }
            }
        }
        Ok(())
    }),
    ("verify", |reader| {
        assert!(reader.verify()?.is_ok());
        Ok(())
    }),
];

fn attempt(
    bytes: &Bytes,
    threads: usize,
    fault: Option<(usize, i32)>,
    use_reader: ReaderUse,
) -> (Vec<Call>, Result<(), Error>) {
    let calls = std::sync::Arc::<Mutex<Vec<Call>>>::default();
    let source = Faulty { bytes: bytes.clone(), fault, calls: std::sync::Arc::clone(&calls) };
    // Small reads, so that several threads have several reads.
    let options = Reader::options().threads(threads).merge(Merge { gap: 0, max_read: 200_000 });
    let opened = options.open_source(source, "the source");
    let result = opened.and_then(|reader| use_reader(&reader));
    let calls = calls.lock().unwrap().clone();
    (calls, result)
}

#[test]
fn every_read_fails_once_with_each_error_which_is_returned_with_its_offset() {
    let _alone = threads::exclusive();
    let folder = tempfile::tempdir().unwrap();
    let bytes = pack(folder.path());
    let errors = [
        libc::EIO,
        libc::EINTR,
        libc::EAGAIN,
        libc::EACCES,
        libc::EBADF,
        libc::ENOMEM,
        libc::ENXIO,
        libc::ESTALE,
    ];
    let mut injected = 0;
    for (name, use_reader) in USES {
        for threads in 1..=3 {
            let (calls, clean) = attempt(&bytes, threads, None, use_reader);
            clean.unwrap();
            for at in 0..calls.len() {
                for errno in errors {
                    let (calls, result) = attempt(&bytes, threads, Some((at, errno)), use_reader);
                    let context = (name, threads, at, io::Error::from_raw_os_error(errno));
                    let error = result.expect_err("the error is returned");
                    assert_eq!(error.path(), Path::new("the source"), "{context:?}");
                    let ErrorKind::Io { operation, error } = error.kind() else {
                        panic!("{context:?}: {error}");
                    };
                    let expected = match calls[at] {
                        Call::Size => IoOperation::Opening,
                        Call::Read { offset, length } => IoOperation::Reading { offset, length },
                    };
                    assert_eq!(
                        (*operation, error.raw_os_error()),
                        (expected, Some(errno)),
                        "{context:?}"
                    );
                    threads::assert_nothing_is_left(folder.path(), &context);
                    injected += 1;
                }
            }
        }
    }
    println!("{injected} faults");
    assert!(injected >= 500, "{injected}");
}

#[test]
fn a_file_truncated_under_an_open_reader_gives_its_items_or_an_error() {
    let _threads = threads::shared();
    let folder = tempfile::tempdir().unwrap();
    let bytes = pack(folder.path());
    let path = folder.path().join("cut.pack");
    let (mut correct, mut refused) = (0, 0);
    for cut in (0..bytes.len()).step_by(bytes.len() / 40) {
        fs::write(&path, &bytes).unwrap();
        let reader = Reader::options().threads(2).open(&path).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(cut as u64).unwrap();
        for number in (0..ITEMS).step_by(100) {
            match reader.get(number) {
                Ok(got) => {
                    assert_eq!(got, item(number, LENGTH));
                    correct += 1;
                }
                Err(error) => {
                    assert!(error.to_string().contains("cut.pack"), "{error}");
                    refused += 1;
                }
            }
        }
        // The reader read everything after the records when it opened.
        let records_are_whole = cut as u64 >= reader.directory().records_end();
        assert_eq!(reader.verify().is_ok(), records_are_whole, "cut to {cut}");
        let mut items = reader.iter().unwrap();
        let intact = items.by_ref().take_while(Result::is_ok).count();
        assert_eq!(intact == ITEMS as usize, records_are_whole, "cut to {cut}");
        assert!(items.next().is_none(), "cut to {cut}");
    }
    assert!(correct > 100 && refused > 100, "{correct} correct, {refused} refused");
}
