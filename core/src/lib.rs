//! Packfiles without I/O.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

#[cfg(feature = "check")]
pub mod check;
pub mod codec;
pub mod error;
pub mod format;
pub mod read;
pub mod stream;
pub mod wire;
pub mod write;
pub use error::Error;
