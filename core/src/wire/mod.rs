//! Bytes on the wire: a checked cursor, the checksum, the packed integers.
//!
//! Nothing here knows what a packfile is. Functions return a bare
//! [`Fault`](crate::error::Fault); the caller knows the section it is in and
//! adds it with [`Fault::in_section`](crate::error::Fault::in_section).

pub mod crc;
pub mod cursor;
pub mod group;
pub(crate) mod packed;
