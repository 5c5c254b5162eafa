//! A failed or abandoned operation frees its memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sealpack::core::codec::Encode;
use sealpack::core::error::Cause;
use sealpack::{Codec, EncoderFactory, Reader, Writer};

use super::{LIVE, alone};

/// Fails at the record with this number.
#[derive(Clone)]
struct Failing(Arc<AtomicUsize>);

impl EncoderFactory for Failing {
    fn encoder(&self) -> Result<Codec, Cause> {
        Ok(Codec::Encoder(Box::new(self.clone())))
    }

    fn format_id(&self) -> u32 {
        77
    }
}

impl Encode for Failing {
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
        out.extend_from_slice(payload);
        let left = self.0.fetch_sub(1, Ordering::Relaxed);
        if left == 0 { Err(Cause::text("the last one")) } else { Ok(()) }
    }
}

#[test]
fn failed_and_abandoned_operations_free_their_memory() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p");
    let mut writer = Writer::options().items_per_record(3).create(&path).unwrap();
    (0..3000u32).for_each(|n| writer.append(&n.to_le_bytes().repeat(100)).unwrap());
    writer.finish().unwrap();
    let mut damaged = std::fs::read(&path).unwrap();
    damaged[20_000] ^= 1;
    let attempt = |threads: usize| {
        let failing = Failing(Arc::new(AtomicUsize::new(500)));
        let options = Writer::options().codec(failing).items_per_record(1).digest_list(true);
        let path = folder.path().join("failing");
        let mut writer = options.threads(threads).create(path).unwrap();
        let appended = (0..3000).try_for_each(|_| writer.append(&[7; 1000]));
        appended.and(writer.finish().map(drop)).unwrap_err();
        let options = Reader::options().threads(threads.max(1));
        let source = std::io::Cursor::new(damaged.clone());
        let reader = options.open_source(source, "damaged").unwrap();
        assert!(!reader.verify().unwrap().is_ok());
        assert!(reader.iter().unwrap().any(|item| item.is_err()));
        assert!(reader.get_many(&(0..3000).collect::<Vec<_>>(), |_, _| {}).is_err());
        drop(reader.iter().unwrap().nth(100));
    };
    let rounds = |count| (0..count).for_each(|round| attempt(round % 4));
    // Some allocations are made once and kept; these rounds make them.
    rounds(8);
    let before = LIVE.load(Ordering::Relaxed);
    rounds(100);
    let left = || LIVE.load(Ordering::Relaxed).saturating_sub(before);
    // The threads that readers keep end a moment after the last reader.
    for _ in 0..500 {
        if left() < 2000 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(left() < 2000, "{} bytes after 100 failures", left());
}
