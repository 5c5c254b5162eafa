//! The writer's errors: the first one is returned, by every later call, and never lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sealpack::core::codec::Encode;
use sealpack::core::error::{Cause, Limit};
use sealpack::{
    Bytes, Codec, EncoderFactory, Error, ErrorKind, Plain, Writer, WriterOptions, Zstd,
};

/// How an encoder misbehaves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Misbehaviour {
    FailAt(usize),
    PanicAt(usize),
    FailOnFinish,
    FailAtAndOnFinish(usize),
    PanicOnFinish,
    Slow,
}

#[derive(Clone)]
struct Factory {
    misbehaviour: Misbehaviour,
    encoded: Arc<AtomicUsize>,
    finished: Arc<AtomicUsize>,
}

impl Factory {
    fn new(misbehaviour: Misbehaviour) -> Self {
        Self { misbehaviour, encoded: Arc::default(), finished: Arc::default() }
    }
}

impl EncoderFactory for Factory {
    fn encoder(&self) -> Result<Codec, Cause> {
        Ok(Codec::Encoder(Box::new(self.clone())))
    }

    fn format_id(&self) -> u32 {
        77
    }
}

impl Encode for Factory {
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
        let number = self.encoded.fetch_add(1, Ordering::SeqCst);
        match self.misbehaviour {
            Misbehaviour::FailAt(at) | Misbehaviour::FailAtAndOnFinish(at) if number == at => {
                return Err(Cause::text("encoding failed"));
            }
            Misbehaviour::PanicAt(at) if number == at => panic!("encoding panicked"),
            Misbehaviour::Slow => std::thread::sleep(Duration::from_micros(300)),
            _ => {}
        }
        out.extend_from_slice(payload);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), Cause> {
        self.finished.fetch_add(1, Ordering::SeqCst);
        match self.misbehaviour {
            Misbehaviour::FailOnFinish | Misbehaviour::FailAtAndOnFinish(_) => {
                Err(Cause::text("closing failed"))
            }
            Misbehaviour::PanicOnFinish => panic!("closing panicked"),
            _ => Ok(()),
        }
    }
}

/// Appends until an append fails or `max_items` items are appended. Returns the error of
/// the append, and the result of `finish`.
fn run(factory: &Factory, threads: usize, max_items: usize) -> (Option<Error>, Result<(), Error>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let options = Writer::options().codec(factory.clone()).threads(threads).items_per_record(1);
    let mut writer = options.create(&path).unwrap();
    let item = vec![7; 40_000];
    let append_error = (0..max_items).find_map(|_| writer.append(&item).err());
    if let Some(first) = &append_error {
        let again = writer.append(&item).unwrap_err();
        assert_eq!(again.to_string(), first.to_string(), "the next append returns the same error");
    }
    let finished = writer.finish().map(drop);
    assert_eq!(path.exists(), finished.is_ok(), "the pack exists only if finish succeeded");
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, usize::from(finished.is_ok()), "no temporary file is left");
    (append_error, finished)
}

#[test]
fn append_and_finish_return_an_encoders_error() {
    for threads in 0..4 {
        for misbehaviour in
            [Misbehaviour::FailAt(5), Misbehaviour::PanicAt(5), Misbehaviour::FailAtAndOnFinish(5)]
        {
            let factory = Factory::new(misbehaviour);
            let (appended, finished) = run(&factory, threads, 10_000);
            let appended = format!("{:#}", appended.expect("one of ten thousand appends fails"));
            let finished = format!("{:#}", finished.unwrap_err());
            assert_eq!(appended, finished, "both calls return the first error");
            assert!(finished.contains("encoding"), "{finished}");
            assert!(!finished.contains("closing"), "the first error wins: {finished}");
            assert_eq!(
                factory.finished.load(Ordering::SeqCst),
                threads.max(1),
                "every encoder is closed"
            );
        }
    }
}

#[test]
fn an_error_on_closing_an_encoder_is_never_lost() {
    for threads in 0..4 {
        for misbehaviour in [Misbehaviour::FailOnFinish, Misbehaviour::PanicOnFinish] {
            let (appended, finished) = run(&Factory::new(misbehaviour), threads, 10);
            assert!(appended.is_none());
            assert!(format!("{:#}", finished.unwrap_err()).contains("closing"));
        }
    }
}

#[test]
fn a_slow_encoder_causes_no_error() {
    for threads in 0..3 {
        let (appended, finished) = run(&Factory::new(Misbehaviour::Slow), threads, 200);
        assert!(appended.is_none() && finished.is_ok());
    }
}

#[test]
fn an_extract_that_fails_or_panics_is_an_error_of_its_record() {
    let folder = tempfile::tempdir().unwrap();
    for threads in [0, 2] {
        for panics in [false, true] {
            let extract = move |item: &[u8]| -> Result<Vec<u8>, Cause> {
                assert!(!(panics && item == b"bad"), "extract panicked");
                if item == b"bad" { Err(Cause::text("extract failed")) } else { Ok(item.to_vec()) }
            };
            let path = folder.path().join("out.pack");
            let options = Writer::options().hash_extract(extract).threads(threads);
            let mut writer = options.create(&path).unwrap();
            writer.append(b"good").unwrap();
            writer.append(b"bad").unwrap();
            let error = format!("{:#}", writer.finish().unwrap_err());
            assert!(error.contains("extract"), "{error}");
            assert!(!path.exists());
        }
    }
}

#[test]
fn no_thread_remains_after_a_writer() {
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    // Other tests of this process start threads, too. Only a number of threads
    // that grows with the number of writers is a leak.
    let before = threads();
    for round in 0..100 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.pack");
        let factory = Factory::new(Misbehaviour::FailAt(round % 7));
        let mut writer = Writer::options().codec(factory).threads(3).create(&path).unwrap();
        for _ in 0..20 {
            let _ = writer.append(&[1; 50_000]);
        }
        if round % 2 == 0 {
            let _ = writer.finish();
        }
    }
    assert!(threads() < before + 100, "{} threads were left", threads() - before);
}

#[test]
fn the_append_that_exceeds_a_limit_returns_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let too_long = Bytes::from(vec![0; (1 << 32) + 1]);
    let mut writer = Writer::options().codec(Plain).content_hash(false).create(&path).unwrap();
    let limit = |error: Error| match error.kind() {
        ErrorKind::Pack(sealpack::core::Error::Limit(limit)) => *limit,
        other => panic!("{other:?}"),
    };
    let item = limit(writer.append(&too_long).unwrap_err());
    assert_eq!(item, Limit::Item { length: (1 << 32) + 1 });
    let parts =
        limit(writer.append_parts(&[&too_long[..1 << 31], &too_long[..1 << 31]]).unwrap_err());
    assert_eq!(parts, Limit::Item { length: 1 << 32 });
    writer.append_owned(too_long.slice(..(1 << 31))).unwrap();
    let record = limit(writer.append_owned(too_long.slice(..(1 << 31))).unwrap_err());
    assert!(matches!(record, Limit::Record { .. }));
    let app_data = limit(writer.set_app_data(too_long).unwrap_err());
    assert_eq!(app_data, Limit::AppData { length: (1 << 32) + 1 });
    writer.append(b"refused items leave the writer as it was").unwrap();
    assert_eq!(writer.item_count(), 2);
}

#[test]
fn options_that_describe_no_pack_are_refused_before_a_file_is_created() {
    use sealpack::core::format::Dialect;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let zero = Writer::options().items_per_record(0).create(&path);
    assert!(matches!(zero.err().unwrap().kind(), ErrorKind::Options(_)));
    let older = Writer::options().record_checksum(true).dialect(Dialect::NoAppDataCrc);
    assert!(matches!(older.create(&path).err().unwrap().kind(), ErrorKind::Options(_)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_codec_may_be_boxed_or_shared() {
    let pack = |options: WriterOptions| {
        let mut writer = options.write_to(Vec::new()).unwrap();
        (0..300_u32).for_each(|n| writer.append(&n.to_le_bytes().repeat(50)).unwrap());
        writer.finish().unwrap().sink
    };
    let codecs: [(Vec<u8>, Box<dyn EncoderFactory>); 2] = [
        (pack(Writer::options().codec(Plain)), Box::new(Plain)),
        (pack(Writer::options().codec(Zstd::level(3))), Box::new(Zstd::level(3))),
    ];
    for (expected, codec) in codecs {
        let shared: Arc<dyn EncoderFactory> = Arc::from(codec);
        let boxed: Box<dyn EncoderFactory> = Box::new(Arc::clone(&shared));
        assert_eq!(pack(Writer::options().codec(boxed)), expected);
        assert_eq!(pack(Writer::options().codec(shared)), expected);
    }
}
