//! `std::io::BufWriter`.
//!
//! It promises the order of the bytes. It copies every write, puts a short buffer when
//! the next write does not fit, and keeps the bytes of a failed write and retries them:
//! a later flush may succeed after the gap.

use sealpack_core::check::{self, FlushRule, Invariant, Trace};
use sealpack_core::stream::Shape;

use crate::std_buffer::StdBuffer;
use crate::{broken, size};

#[test]
fn bufwriter_promises_only_the_order() {
    let found = broken(Shape::at_least(size(5)), &StdBuffer::open, false);
    let invariants: Vec<Invariant> = found.iter().map(|(invariant, _)| *invariant).collect();
    assert_eq!(invariants, [Invariant::Shape, Invariant::ZeroCopy], "{found:?}");
    assert_eq!(found[0].1, "trim=0 writes=b1,b5");
    assert_eq!(found[1].1, "trim=0 writes=z1");
}

#[test]
fn bufwriter_carries_on_after_a_failed_write_and_the_failure_can_be_stepped_through() {
    let shape = Shape::at_least(size(5));
    let found = broken(shape, &StdBuffer::open, true);
    let (_, case) = found.iter().find(|(broken, _)| *broken == Invariant::FailStop).unwrap();
    let replay =
        check::replay_subject(&case.parse().unwrap(), shape, &StdBuffer::open, FlushRule::Strict);
    assert!(replay.first_violation().is_some(), "{case}");
    let trace = Trace::new("std's BufWriter", FlushRule::Strict, replay);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), trace.to_json_lines()).unwrap();
    // `sealpack step --trace FILE` shows it.
    let text = std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(Trace::from_json_lines(&text).unwrap(), trace);
}
