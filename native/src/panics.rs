//! Runs the caller's code on this crate's threads: a panic there becomes an error.
//!
//! A worker that unwound would not deliver its job's result, and the thread that
//! waits for the result would wait forever.

use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use sealpack_core::codec::{Decode, Encode, FrameChecksum, Size};
use sealpack_core::error::{Cause, DecodeError};
use sealpack_core::format::digest::Extract;

/// Runs `work`; a panic becomes a [`Cause`] with the panic's message.
pub(crate) fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, Cause> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let message = panic_message(panic.as_ref());
        Cause::text(format!("it panicked: {message}"))
    })
}

/// Returns the message of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(message), _) => message,
        (_, Some(message)) => message,
        _ => "(no message)",
    }
}

/// The caller's extract, encoder or decoder; its panics become errors.
pub(crate) struct CatchPanics<T>(pub(crate) T);

impl<T: Extract> Extract for CatchPanics<T> {
    fn extract<'a>(&self, item: &'a [u8]) -> Result<Cow<'a, [u8]>, Cause> {
        catch_panic(|| self.0.extract(item))?
    }
}

impl Encode for CatchPanics<Box<dyn Encode>> {
    fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Cause> {
        catch_panic(|| self.0.encode(payload, out))?
    }

    fn finish(self: Box<Self>) -> Result<(), Cause> {
        catch_panic(|| self.0.finish())?
    }
}

impl<T: Decode + ?Sized> Decode for CatchPanics<&T> {
    fn decode(&self, encoded: Bytes, size: Size) -> Result<Bytes, DecodeError> {
        catch_panic(|| self.0.decode(encoded, size)).map_err(DecodeError::Codec)?
    }

    fn checksum(&self, encoded: &[u8]) -> FrameChecksum {
        catch_panic(|| self.0.checksum(encoded)).unwrap_or(FrameChecksum::Unsupported)
    }
}
