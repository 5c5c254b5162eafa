//! Packfiles in a browser, in Node and in a worker: the wasm side of the npm
//! package `sealpack`.
//!
//! A thin skin. What a pack is, which bytes are wanted next and whether they
//! are sound is decided in `sealpack-core`; the loop that waits for bytes is
//! JavaScript (`js/`). Here the two are joined, and zstd is filled in
//! ([`decode`], [`encode`]) with ruzstd.
//!
//! ```text
//!   js/pack.js     await source.read(start, end) ──┐          ┌──> items
//!   read.rs        Opening, Pack, Scan, Read ──────┴─ core ───┘
//!   js/trust.js    a digest list, by ranges
//!   trust.rs       Trusting: what records' digests must be
//!   js/verify.js   slices, workers, WebCrypto
//!   verify.rs      Inspector (any thread) ──> Verdicts (in order) ──> report
//!   js/builder.js  append, finish
//!   build.rs       Builder ──> core's write steps ──> core's stream ──> puts
//! ```
//!
//! Each feature is a wasm module of its own, so that a page which only reads
//! loads neither the encoder nor what digest lists take, and none loads the
//! checker.
//!
//! The rules of this crate: no function traps, whatever it is given; what is
//! wrong is thrown as an `Error` with a `code` ([`error`]), and the instance
//! goes on working. Offsets are `f64`, exact up to 2^53, since a `usize` here
//! is 32 bits wide and a pack is not. What is allocated follows the bytes
//! that are there.
//!
//! As a module of the package (`--cfg sealpack_module`, which `build.mjs`
//! sets) the crate does without `std`, whose panics alone are half as large as
//! all of this: a message would need the formatting of everything that may
//! appear in one, and in wasm a panic is a trap whatever it says.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(not(sealpack_module))]
extern crate std;

pub mod error;

#[cfg(feature = "build")]
pub mod build;
#[cfg(feature = "read")]
pub mod codec;
#[cfg(feature = "read")]
pub mod decode;
#[cfg(feature = "build")]
pub mod encode;
#[cfg(feature = "lab")]
pub mod lab;
#[cfg(feature = "read")]
pub mod read;
#[cfg(feature = "trust")]
pub mod trust;
#[cfg(feature = "read")]
pub mod verify;

/// Half the size of the allocator that `std` would bring.
#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// A bug of ours. The caller sees a `RuntimeError`, and the tests see to it
/// that no input gets here.
#[cfg(sealpack_module)]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
