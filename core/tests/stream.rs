//! The output stream, tested through its public interface, as a driver uses it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests panic")]

use bytes::Bytes;
use sealpack_core::stream::{
    BufferSize, Outcome, Output, ReferenceFlush, Rules, Shape, SpecifiedRules, Stream,
    StreamRefusal,
};

fn size(bytes: usize) -> BufferSize {
    BufferSize::new(bytes).unwrap()
}

#[derive(Clone, Copy, PartialEq)]
enum Op {
    Buffered(usize),
    ZeroCopy(usize),
    Flush,
}

/// Takes every output; appends the puts in the text form, `2+3|7`.
fn drain<R: Rules>(stream: &mut Stream<R>, puts: &mut String) {
    while let Some(output) = stream.next_output() {
        if let Output::Put(put) = &output {
            if !puts.is_empty() {
                puts.push('|');
            }
            let lengths: Vec<_> = put.extents().map(|e| e.len().to_string()).collect();
            puts.push_str(&lengths.join("+"));
        }
        stream.completed(Outcome::Done);
    }
}

fn puts_of<R: Rules>(buffer_size: usize, trim: bool, ops: &[Op]) -> String {
    let mut stream = Stream::<R>::with_rules(Shape { buffer_size: size(buffer_size), trim });
    static ZEROS: [u8; 64] = [0; 64];
    let mut puts = String::new();
    for op in ops {
        match *op {
            Op::Buffered(n) => stream.write(&ZEROS[..n]),
            Op::ZeroCopy(n) => stream.write_owned(Bytes::from_static(&ZEROS[..n])),
            Op::Flush => stream.flush(),
        }
        .unwrap();
        drain(&mut stream, &mut puts);
    }
    stream.close().unwrap();
    drain(&mut stream, &mut puts);
    puts
}

#[test]
fn the_case_in_the_module_documentation_is_put_as_drawn() {
    use Op::{Buffered as B, Flush, ZeroCopy as Z};
    let case = [Z(4), B(4), Flush];
    assert_eq!(puts_of::<SpecifiedRules>(5, true, &case), "4+1|3");
    assert_eq!(puts_of::<SpecifiedRules>(5, false, &case), "4+4");
    assert_eq!(puts_of::<ReferenceFlush>(5, true, &case), "4+4");
}

#[test]
fn the_size_of_the_type_that_ships_is_pinned() {
    // Native keeps one stream per file. Other rules are another type of the same
    // size.
    assert_eq!(size_of::<Stream>(), size_of::<Stream<ReferenceFlush>>());
    #[cfg(target_pointer_width = "64")]
    assert_eq!(size_of::<Stream>(), 296);
}

#[test]
fn an_operation_before_the_outputs_are_taken_is_refused_and_takes_nothing() {
    let mut stream = Stream::new(Shape::at_least(size(4)));
    stream.write(b"12345").unwrap();
    assert_eq!(stream.write(b"6"), Err(StreamRefusal::OutputsWait));
    let Some(Output::Put(put)) = stream.next_output() else { panic!("five bytes are due") };
    assert!(put.extents().eq([b"12345"]));
    assert_eq!(stream.next_output(), None, "one output at a time");
    assert_eq!(stream.flush(), Err(StreamRefusal::OutputsWait));
    assert_eq!(stream.close(), Err(StreamRefusal::OutputsWait));
    stream.completed(Outcome::Done);
    assert_eq!(stream.taken(), 5);
    assert_eq!(stream.write(b"6"), Ok(()));
}

#[test]
fn after_a_failed_put_nothing_follows_but_the_close_of_the_sink() {
    let mut stream = Stream::new(Shape::exactly(size(4)));
    stream.write(&[7; 13]).unwrap();
    assert!(matches!(stream.next_output(), Some(Output::Put(_))));
    stream.completed(Outcome::Done);
    assert!(matches!(stream.next_output(), Some(Output::Put(_))));
    stream.completed(Outcome::Failed { taken: 3 });
    assert_eq!(stream.next_output(), None, "the third put would follow a gap");
    assert_eq!(stream.taken(), 7);
    assert_eq!(stream.write(b"x"), Err(StreamRefusal::Failed));
    assert_eq!(stream.write(b""), Err(StreamRefusal::Failed));
    assert_eq!(stream.write_owned(Bytes::from_static(b"x")), Err(StreamRefusal::Failed));
    assert_eq!(stream.write_extents([]), Err(StreamRefusal::Failed));
    assert_eq!(stream.flush(), Err(StreamRefusal::Failed));
    assert_eq!(stream.close(), Err(StreamRefusal::Failed));
    assert_eq!(stream.next_output(), Some(Output::Close));
    stream.completed(Outcome::Done);
    assert_eq!(stream.close(), Err(StreamRefusal::Failed));
    assert_eq!(stream.next_output(), None, "a sink is closed once");
}

#[test]
fn close_reaches_the_sink_even_if_the_flush_failed() {
    let mut stream = Stream::new(Shape::exactly(size(4)));
    stream.write(b"12").unwrap();
    stream.close().unwrap();
    assert!(matches!(stream.next_output(), Some(Output::Put(_))));
    stream.completed(Outcome::Done);
    assert_eq!(stream.next_output(), Some(Output::Flush));
    stream.completed(Outcome::Failed { taken: 0 });
    assert_eq!(stream.next_output(), Some(Output::Close));
    stream.completed(Outcome::Done);
    assert_eq!(stream.next_output(), None);
    assert_eq!(stream.write(b"x"), Err(StreamRefusal::Failed));
}

// Found by the fuzz target `stream`: after the second failure the stream forgot
// that the sink had been closed.
#[test]
fn a_sink_whose_close_fails_after_a_failed_put_is_not_closed_again() {
    let mut stream = Stream::new(Shape::exactly(size(4)));
    stream.write(b"12345").unwrap();
    assert!(matches!(stream.next_output(), Some(Output::Put(_))));
    stream.completed(Outcome::Failed { taken: 0 });
    assert_eq!(stream.close(), Err(StreamRefusal::Failed));
    assert_eq!(stream.next_output(), Some(Output::Close));
    stream.completed(Outcome::Failed { taken: 0 });
    assert_eq!(stream.close(), Err(StreamRefusal::Failed));
    assert_eq!(stream.next_output(), None, "a sink is closed once");
}

#[test]
fn a_closed_stream_refuses_writes_and_a_second_close() {
    let mut stream = Stream::new(Shape::exactly(size(4)));
    stream.close().unwrap();
    drain(&mut stream, &mut String::new());
    assert_eq!(stream.write(b"x"), Err(StreamRefusal::Closed));
    assert_eq!(stream.close(), Err(StreamRefusal::Closed));
}

#[test]
fn nothing_handed_over_is_copied_and_empty_extents_are_left_out() {
    let body = Bytes::from(vec![1; 100]);
    let mut stream = Stream::new(Shape::exactly(size(64)));
    stream.write_extents([Bytes::new(), body.slice(..10), Bytes::new(), body.slice(10..)]).unwrap();
    let Some(Output::Put(put)) = stream.next_output() else { panic!("64 bytes are due") };
    let places: Vec<_> = put.extents().map(|e| (e.as_ptr(), e.len())).collect();
    assert_eq!(places, [(body.as_ptr(), 10), (body[10..].as_ptr(), 54)]);
    assert_eq!(put.len(), 64);
}

#[test]
fn a_report_without_an_output_in_hand_changes_nothing() {
    let mut stream = Stream::new(Shape::exactly(size(4)));
    stream.completed(Outcome::Failed { taken: 9 });
    assert_eq!(stream.write(b"x"), Ok(()));
    assert_eq!(stream.taken(), 0);
}

// A stream of small writes whose puts come back reuses the same memory: a pack of a
// million small items must not allocate a buffer for each 8 KiB.
#[test]
fn the_memory_of_recycled_puts_is_reused() {
    let mut stream = Stream::new(Shape::exactly(size(64)));
    let mut places = std::collections::BTreeSet::new();
    // The test immediately takes any memory that the stream frees: otherwise the
    // allocator could return the same address, as if the stream had kept the memory.
    let mut others = Vec::new();
    for _ in 0..1000 {
        others.push(Vec::<u8>::with_capacity(64));
        stream.write(&[7; 16]).unwrap();
        while let Some(output) = stream.next_output() {
            if let Output::Put(put) = output {
                assert!(put.extents().eq([[7; 64]]));
                places.insert(put.extents().map(<[u8]>::as_ptr).next());
                stream.recycle(put);
            }
            stream.completed(Outcome::Done);
        }
    }
    assert!(places.len() <= 3, "{} buffers for 250 puts", places.len());
}

// The stream also reuses the memory of a buffer that was given away in pieces, but
// not while another view of it exists.
#[test]
fn memory_with_another_view_is_not_reused() {
    let mut stream = Stream::new(Shape::at_least(size(64)));
    let mut held = Vec::new();
    for turn in 0..100_u8 {
        stream.write(&[turn; 40]).unwrap();
        stream.write_owned(Bytes::from_static(&[255; 64])).unwrap();
        while let Some(output) = stream.next_output() {
            if let Output::Put(put) = output {
                held.push((turn, put.to_bytes().next().unwrap()));
                stream.recycle(put);
            }
            stream.completed(Outcome::Done);
        }
    }
    for (turn, extent) in held {
        assert!(extent.iter().all(|byte| *byte == turn), "written over: {turn}");
    }
}
