//! Bytes on the wire: a checked cursor, the checksum, the packed integers.
//!
//! Nothing here knows what a packfile is. Functions answer with a bare
//! [`Fault`](crate::error::Fault); the caller knows the section it is in and
//! adds it with [`Fault::within`](crate::error::Fault::within).

pub mod crc;
pub mod group;
mod packed;
pub mod take;
