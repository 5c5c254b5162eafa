//! Packfiles without I/O.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

#[cfg(feature = "check")]
pub mod check;
pub mod stream;
