//! A cursor that reads fixed-size fields from the front of a section and
//! refuses surplus bytes.

use crate::error::Fault;

/// Reads little-endian fields one after another.
///
/// ```
/// use sealpack_core::wire::cursor::ByteCursor;
///
/// let mut cursor = ByteCursor::new(&[1, 2, 0, 9]);
/// assert_eq!(cursor.u8()?, 1);
/// assert_eq!(cursor.u16()?, 2);
/// assert!(cursor.finish().is_err(), "one byte remains");
/// # Ok::<(), sealpack_core::error::Fault>(())
/// ```
#[derive(Clone, Debug)]
pub struct ByteCursor<'a> {
    rest: &'a [u8],
}

impl<'a> ByteCursor<'a> {
    /// A cursor at the front of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if fewer remain.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let Some((array, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(Fault::Truncated { needed: N as u64, found: self.rest.len() as u64 });
        };
        self.rest = rest;
        Ok(*array)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if none remains.
    pub fn u8(&mut self) -> Result<u8, Fault> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next two bytes, little-endian.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if fewer remain.
    pub fn u16(&mut self) -> Result<u16, Fault> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next four bytes, little-endian.
    ///
    /// # Errors
    /// [`Fault::Truncated`] if fewer remain.
    pub fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_le_bytes)
    }

    /// Ends the section.
    ///
    /// # Errors
    /// [`Fault::Leftover`] if bytes remain.
    pub fn finish(self) -> Result<(), Fault> {
        match self.rest.len() {
            0 => Ok(()),
            bytes => Err(Fault::Leftover { bytes: bytes as u64 }),
        }
    }
}

/// Splits a section into its bytes and the little-endian `u32` at its end, its
/// checksum.
///
/// # Errors
/// [`Fault::Truncated`] if there are fewer than four bytes.
pub fn split_last_u32(bytes: &[u8]) -> Result<(&[u8], u32), Fault> {
    match bytes.split_last_chunk::<4>() {
        Some((front, last)) => Ok((front, u32::from_le_bytes(*last))),
        None => Err(Fault::Truncated { needed: 4, found: bytes.len() as u64 }),
    }
}
