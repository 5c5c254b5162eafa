//! Packs in sinks and sources that are not files.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use sealpack::{Bytes, ErrorKind, OptionsError, Plain, ReadAt, Reader, Writer, WriterOptions};
use tokio::io::{AsyncReadExt as _, AsyncWrite, duplex};

fn items() -> Vec<Vec<u8>> {
    (0..3000u32).map(|n| n.to_le_bytes().repeat(1 + n as usize % 500)).collect()
}

/// The pack that a file of these options holds.
fn in_a_file(options: WriterOptions) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let mut writer = options.create(&path).unwrap();
    items().iter().for_each(|item| writer.append(item).unwrap());
    writer.finish().unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn a_stream_gets_the_bytes_that_a_file_gets() {
    for threads in 0..3 {
        let options = || Writer::options().threads(threads).app_data("app");
        let mut writer = options().write_to(Vec::new()).unwrap();
        items().iter().for_each(|item| writer.append(item).unwrap());
        assert_eq!(writer.item_count(), 3000);
        let sealed = writer.finish().unwrap();
        assert_eq!(sealed.size, sealed.sink.len() as u64);
        assert_eq!(sealed.sink, in_a_file(options()), "{threads} threads");
    }
}

#[test]
fn an_open_file_gets_the_pack_from_its_position_on() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"before").unwrap();
    let mut writer = Writer::options().write_to(file).unwrap();
    items().iter().for_each(|item| writer.append(item).unwrap());
    let mut file: File = writer.finish().unwrap().sink;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    assert!(bytes.starts_with(b"before"));
    assert_eq!(bytes[6..], in_a_file(Writer::options()));
}

/// A sink that fails or panics at a write.
#[derive(Debug)]
struct FailingSink {
    panics: bool,
}

impl Write for FailingSink {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        assert!(!self.panics, "the sink panicked");
        Err(io::Error::other("the sink failed"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_error_or_a_panic_of_the_sink_ends_the_writer() {
    for threads in 0..3 {
        for panics in [false, true] {
            let options = Writer::options().codec(Plain).threads(threads);
            let mut writer = options.write_to(FailingSink { panics }).unwrap();
            let appended = (0..10_000).find_map(|_| writer.append(&[7; 10_000]).err());
            let finished = writer.finish().unwrap_err();
            for error in [appended.expect("an append fails"), finished] {
                let panicked = matches!(error.kind(), ErrorKind::Panicked(_));
                assert_eq!(panicked, panics, "{error:#}");
                assert!(format!("{error:#}").contains("the sink"), "{error:#}");
            }
        }
    }
}

#[test]
fn a_stream_cannot_have_a_digest_list() {
    let refused = Writer::options().digest_list(true).write_to(Vec::new()).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Options(OptionsError::DigestListOfStream)));
}

#[test]
fn progress_adds_up_and_a_cancelled_writer_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    for threads in 0..3 {
        let mut writer = Writer::options().threads(threads).create(&path).unwrap();
        let monitor = writer.monitor();
        items().iter().for_each(|item| writer.append(item).unwrap());
        let progress = monitor.progress();
        assert!(progress.bytes_in_flight <= progress.bytes_in);
        let bytes: usize = items().iter().map(Vec::len).sum();
        assert!(progress.bytes_in <= bytes as u64);
        let sealed = writer.finish().unwrap();
        let progress = monitor.progress();
        assert_eq!((progress.bytes_in, progress.bytes_in_flight), (bytes as u64, 0));
        assert_eq!(progress.bytes_out, sealed.file_size);
        std::fs::remove_file(&path).unwrap();

        for cancelled_before in [0, 1, 1500] {
            let mut writer = Writer::options().threads(threads).create(&path).unwrap();
            let monitor = writer.monitor();
            for (number, item) in items().iter().enumerate() {
                if number == cancelled_before {
                    monitor.cancel();
                }
                let appended = writer.append(item);
                assert_eq!(appended.is_err(), number >= cancelled_before, "item {number}");
            }
            let refused = writer.finish().unwrap_err();
            assert!(matches!(refused.kind(), ErrorKind::Cancelled), "{refused:#}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}

#[test]
fn a_cancelled_writer_cannot_be_finished() {
    let mut writer = Writer::options().write_to(Vec::new()).unwrap();
    writer.append(b"an item").unwrap();
    writer.monitor().cancel();
    assert!(matches!(writer.finish().unwrap_err().kind(), ErrorKind::Cancelled));
}

#[test]
fn bytes_files_and_pointers_are_sources() {
    let pack = in_a_file(Writer::options());
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&pack).unwrap();
    let open = |source: Box<dyn ReadAt>| {
        let reader = Reader::options().open_source(source, "memory").unwrap();
        assert_eq!(reader.get(2999).unwrap(), items()[2999]);
    };
    let borrowed: &'static [u8] = pack.clone().leak();
    open(Box::new(file));
    open(Box::new(Bytes::from(pack.clone())));
    open(Box::new(borrowed));
    open(Box::new(io::Cursor::new(pack.clone())));
    open(Box::new(Arc::new(pack.clone()) as Arc<dyn ReadAt>));
    open(Box::new(Box::new(pack.clone()) as Box<dyn ReadAt>));
    open(Box::new(pack));
}

/// A source that panics in one of its methods.
struct PanicsIn(&'static str, Vec<u8>, AtomicUsize);

impl ReadAt for PanicsIn {
    fn size(&self) -> io::Result<u64> {
        assert!(self.0 != "size", "size panicked");
        self.1.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let number = self.2.fetch_add(1, Ordering::Relaxed);
        assert!(self.0 != "read" || number == 0, "read panicked");
        self.1.read_exact_at(buffer, offset)
    }

    fn first_read(&self, _: u64) -> u64 {
        assert!(self.0 != "first read", "first read panicked");
        76
    }

    fn round_trip(&self) -> u64 {
        assert!(self.0 != "round trip", "round trip panicked");
        0
    }
}

#[test]
fn a_panic_in_any_method_of_a_source_is_an_error() {
    let pack = in_a_file(Writer::options());
    for method in ["size", "first read", "round trip", "read"] {
        let source = PanicsIn(method, pack.clone(), AtomicUsize::new(0));
        let refused = Reader::options().open_source(source, "memory").unwrap_err();
        assert!(matches!(refused.kind(), ErrorKind::Panicked(_)), "{method}: {refused:#}");
        assert!(format!("{refused:#}").contains(method), "{refused:#}");
    }
}

#[tokio::test]
async fn an_async_sink_gets_the_bytes_that_a_file_gets() {
    for threads in 0..3 {
        let (sink, mut receiver) = duplex(1000);
        let receiving = tokio::spawn(async move {
            let mut pack = Vec::new();
            receiver.read_to_end(&mut pack).await.map(|_| pack)
        });
        let mut writer = Writer::options().threads(threads).write_to_async(sink).unwrap();
        for item in items() {
            writer.append_owned(item).await.unwrap();
        }
        assert_eq!(writer.item_count(), 3000);
        let sealed = writer.finish().await.unwrap();
        assert_eq!(sealed.trailer.total_items, 3000);
        drop(sealed.sink);
        assert_eq!(receiving.await.unwrap().unwrap(), in_a_file(Writer::options()));
    }
}

#[tokio::test]
async fn a_dropped_async_writer_drops_a_sink_that_takes_nothing() {
    for threads in 0..3 {
        let (sink, mut receiver) = duplex(16);
        let mut writer =
            Writer::options().codec(Plain).threads(threads).write_to_async(sink).unwrap();
        let filling = async {
            loop {
                writer.append(&[7; 100_000]).await.unwrap();
            }
        };
        // It waits for room, since the other end reads nothing.
        let waited = tokio::time::timeout(Duration::from_millis(200), filling).await;
        assert!(waited.is_err());
        let after = writer.append(b"an item").await.unwrap_err();
        assert!(matches!(after.kind(), ErrorKind::Ended), "{after:#}");
        drop(writer);
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(30), receiver.read_to_end(&mut rest));
        assert!(closed.await.expect("the sink is dropped").is_ok());
    }
}

/// An async sink that fails.
#[derive(Debug)]
struct Broken;

impl AsyncWrite for Broken {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn an_error_of_an_async_sink_ends_its_writer() {
    let mut writer = Writer::options().write_to_async(Broken).unwrap();
    writer.append(b"an item").await.unwrap();
    let error = writer.finish().await.unwrap_err();
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::BrokenPipe);
}
