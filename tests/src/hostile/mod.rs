//! Promises that must hold for any bytes: one function per promise. The fuzzer
//! (`tests/fuzz`) calls each with any input; the ordinary tests
//! (`tests/suite/hostile.rs`) call it with the fuzzer's corpus and pseudo-random
//! mutations of that.
//!
//! A function panics if its promise is broken, and returns nothing otherwise. It
//! takes its choices (a codec, a layout, a limit) from the front of its input, so a
//! single file reproduces a finding.

mod agree;
mod dictionary;
mod extensions;
mod input;
mod options;
mod packing;
mod record;
mod repair;
mod round_trip;
mod stream;
mod tail;

pub use agree::{LIMIT, agree};
pub use extensions::extensions;
pub use input::{Input, Random, mutate};
pub use options::options;
pub use packing::{CodecChoice, Flipped, Packing, read_options};
pub use record::record;
pub use repair::{Repairs, repair, repaired};
pub use round_trip::round_trip;
pub use stream::stream;
pub use tail::tail;

/// A promise with its name, which is also that of the fuzz target and of its
/// corpus.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// Panics if the promise is broken.
    pub check: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 8] = [
    Target { name: "tail", check: tail },
    Target { name: "record", check: record },
    Target { name: "whole", check: whole },
    Target { name: "round_trip", check: round_trip },
    Target { name: "stream", check: stream },
    Target { name: "options", check: options },
    Target { name: "repaired", check: repaired },
    Target { name: "extensions", check: extensions },
];

/// Opens any bytes as a pack and reads them in every way. All ways must agree with
/// each other and with the verification.
pub fn whole(data: &[u8]) {
    let mut input = Input::new(data);
    let options = read_options(&mut input);
    let file = std::io::Cursor::new(input.rest().to_vec());
    match options.open_source(file, "memory") {
        Ok(reader) => agree(&reader),
        Err(error) => agree::assert_damage_or_limit(&error),
    }
}
