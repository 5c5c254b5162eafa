//! An output that records its input, and may fail or panic at a draft.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use sealpack_core::stream::{BufferSize, Put};
use sealpack_core::write::SealedDraft;

use super::sink::PackSink;
use crate::InjectedFailure;
use crate::error::ErrorKind;

/// A sink that never receives a byte.
pub(crate) struct DiscardingSink;

impl PackSink for DiscardingSink {
    fn put_size(&self) -> BufferSize {
        BufferSize::new(1 << 20).unwrap()
    }

    fn put(&mut self, _put: &Put) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// Replaces the file: records the lengths of the drafts, in the order of their
/// arrival.
pub(crate) struct PackOutput<S> {
    pub(crate) written: Arc<Mutex<Vec<usize>>>,
    pub(crate) failure: Option<(usize, InjectedFailure)>,
    pub(crate) sink: PhantomData<S>,
}

impl<S> PackOutput<S> {
    pub(crate) fn write(&mut self, sealed: SealedDraft) -> Result<(), ErrorKind> {
        let mut written = self.written.lock().unwrap();
        if let Some((at, failure)) = self.failure
            && at == written.len()
        {
            drop(written);
            let result = failure.trigger("writing");
            let failed = |cause| sealpack_core::Error::Encode { record: None, cause };
            return result.map_err(|cause| failed(cause).into());
        }
        written.push(sealed.extents.iter().map(bytes::Bytes::len).sum());
        Ok(())
    }
}
