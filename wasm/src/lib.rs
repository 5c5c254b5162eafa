//! Packfiles in a browser, in Node and in a worker: the wasm side of the npm
//! package `sealpack`.
//!
//! `sealpack-core` decides what a pack is, which bytes are wanted next and
//! whether they are sound. JavaScript (`js/`) fetches the bytes. This crate
//! connects the two and supplies zstd: [`decode`] by zstd-rs or C zstd, [`encode`] by ruzstd.
//!
//! ```text
//!   js/pack.js     await source.read(start, end) ──┐          ┌──> items
//!   read.rs        PackOpening, PackHandle         │          │
//!   range.rs       reads of records ───────────────┴─ core ───┘
//!   js/names.js    strings and bytes
//!   names.rs       NamesHandle: blocks of names, lookups
//!   js/trust.js    fetches ranges of a digest list
//!   trust.rs       DigestListHandle: the digests that records must have
//!   js/verify.js   slices, workers, WebCrypto
//!   verify.rs      RunExaminer (any thread) ──> ReportBuilder (in order) ──> report
//!   js/builder.js  append, finish
//!   build.rs       PackBuilder ──> core's write steps ──> core's stream ──> puts
//!   names.rs       NamesWriter: the names of a pack that is being built
//! ```
//!
//! Inside the crate: `verify, range ──> read ──> codec ──> decode`, `build ──> encode`;
//! `trust`, `names` and `lab` depend on neither; all depend on `error`.
//!
//! Each feature is a wasm module of its own: a page that only reads loads
//! neither the encoder, nor the digest lists, nor what looks up names, and only
//! the lab loads the checker. `fast` is `read` with another decoder.
//!
//! The rules of this crate: no input makes a function trap; errors are thrown
//! ([`error`]), and the instance stays usable. Offsets are `f64`, exact up to
//! 2^53, because a `usize` has 32 bits here and a pack may be larger. Memory is
//! allocated for bytes that exist, not for sizes that a file claims.
//!
//! As a module of the package (`--cfg sealpack_module`, set by `build.mjs`) the
//! crate is built without `std`: its panic messages and their formatting alone
//! are half the size of this crate, and in wasm every panic is a trap anyway.
//! Only `fast` has it, because the crate zstd-safe requires it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(not(sealpack_module), feature = "fast"))]
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
#[cfg(feature = "names")]
pub mod names;
#[cfg(feature = "read")]
pub mod range;
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

/// A bug in this crate: no input reaches this, which the tests check. The caller
/// sees a `RuntimeError`.
#[cfg(all(sealpack_module, not(feature = "fast")))]
#[panic_handler]
fn panicked(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
