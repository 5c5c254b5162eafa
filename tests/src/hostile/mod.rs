//! What must hold whatever the bytes: one function a promise, called with any
//! input by a fuzzer (`tests/fuzz`), and with its corpus and pseudo-random
//! mutations of it by the ordinary tests (`tests/suite/hostile.rs`).
//!
//! A function panics where the promise is broken, and has nothing to say
//! otherwise. It takes the choices that it has (a codec, a layout, a limit) off
//! the front of its input, so a finding is a file and nothing more.

mod agree;
mod input;
mod options;
mod packing;
mod record;
mod repair;
mod round_trip;
mod stream;
mod tail;

pub use agree::{LIMIT, agree};
pub use input::{Input, Random, mutate};
pub use options::options;
pub use packing::{CodecChoice, Flipped, Packing, read_options};
pub use record::record;
pub use repair::{Repairs, repair, repaired};
pub use round_trip::round_trip;
pub use stream::stream;
pub use tail::tail;

/// A promise and its name: that of the fuzz target, and of its corpus.
#[derive(Clone, Copy)]
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// Panics where the promise is broken.
    pub check: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 7] = [
    Target { name: "tail", check: tail },
    Target { name: "record", check: record },
    Target { name: "whole", check: whole },
    Target { name: "round_trip", check: round_trip },
    Target { name: "stream", check: stream },
    Target { name: "options", check: options },
    Target { name: "repaired", check: repaired },
];

/// Opens any bytes as a pack and reads them in every way there is; the ways
/// agree with each other and with what a verification says.
pub fn whole(data: &[u8]) {
    let mut input = Input::new(data);
    let options = read_options(&mut input);
    let file = std::io::Cursor::new(input.rest().to_vec());
    match options.open_source(file, "memory") {
        Ok(reader) => agree(&reader),
        Err(error) => agree::is_told_with_its_section(&error),
    }
}
