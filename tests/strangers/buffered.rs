//! `std::io::BufWriter`.
//!
//! It promises the order of the bytes. It copies whatever is written, puts a short
//! buffer when the next write does not fit, and after a failed write it keeps the
//! bytes and tries again: a later flush may succeed behind the gap.

use std::io::{BufWriter, Write};

use bytes::Bytes;
use sealpack_core::check::{self, Failed, FlushRule, Invariant, Recorder, Sink, Subject, Trace};
use sealpack_core::stream::Shape;

use crate::{broken, size};

struct Std {
    stream: BufWriter<Sink>,
    sink: Sink,
}

impl Std {
    fn open(shape: Shape) -> Box<dyn Subject> {
        let sink = Sink::new();
        let stream = BufWriter::with_capacity(shape.buffer_size.get(), sink.clone());
        Box::new(Std { stream, sink })
    }
}

impl Subject for Std {
    fn write(&mut self, bytes: &[u8], recorder: &mut Recorder) -> Result<(), Failed> {
        self.sink.clone().lend(recorder, || self.stream.write_all(bytes)).map_err(|_| Failed)
    }

    fn write_extents(&mut self, extents: &[Bytes], sink: &mut Recorder) -> Result<(), Failed> {
        extents.iter().try_for_each(|extent| self.write(extent, sink))
    }

    fn flush(&mut self, recorder: &mut Recorder) -> Result<(), Failed> {
        let flushed = self.sink.clone().lend(recorder, || self.stream.flush());
        flushed.map_err(|_| Failed)?;
        recorder.flush()
    }

    fn close(&mut self, recorder: &mut Recorder) -> Result<(), Failed> {
        let flushed = self.flush(recorder);
        flushed.and(recorder.close())
    }
}

#[test]
fn bufwriter_keeps_the_order_and_nothing_else() {
    let found = broken(Shape::at_least(size(5)), &Std::open, false);
    let invariants: Vec<Invariant> = found.iter().map(|(invariant, _)| *invariant).collect();
    assert_eq!(invariants, [Invariant::Shape, Invariant::ZeroCopy], "{found:?}");
    assert_eq!(found[0].1, "trim=0 writes=b1,b5");
    assert_eq!(found[1].1, "trim=0 writes=z1");
}

#[test]
fn bufwriter_carries_on_after_a_failed_write_and_the_failure_can_be_stepped_through() {
    let shape = Shape::at_least(size(5));
    let found = broken(shape, &Std::open, true);
    let (_, case) = found.iter().find(|(broken, _)| *broken == Invariant::FailStop).unwrap();
    let replay =
        check::replay_subject(&case.parse().unwrap(), shape, &Std::open, FlushRule::Strict);
    assert!(replay.first_violation().is_some(), "{case}");
    let trace = Trace::new("std's BufWriter", FlushRule::Strict, replay);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), trace.to_json_lines()).unwrap();
    // … to be seen with `sealpack step --trace FILE`.
    let text = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(Trace::from_json_lines(&text).unwrap(), trace);
}
