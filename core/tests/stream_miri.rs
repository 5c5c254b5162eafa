//! The machine on a sampled set, small enough for Miri:
//! `cargo +nightly miri test -p sealpack-core --test stream --test stream_miri`.

use sealpack_core::check::{self, Enumeration, Order, Sample, Space};
use sealpack_core::stream::BufferSize;

#[test]
fn a_sample_of_cases_with_faults_keeps_every_invariant() {
    let seed = 7;
    let space = Space {
        buffer_size: BufferSize::new(4).unwrap(),
        max_events: 2,
        max_write: if cfg!(miri) { 5 } else { 9 },
        order: Order::Events,
    };
    let sample = Sample { seed, one_in: 20 };
    let tally = Enumeration::new(&space, &check::strict)
        .sampled(sample)
        .without_digests()
        .with_faults()
        .run();
    println!("seed {seed}: {} cases, {} with a fault", tally.cases, tally.fault_cases);
    assert!(tally.cases > if cfg!(miri) { 20 } else { 200 });
    assert_eq!(tally.violations, 0);
}
