//! An output that keeps its input, and may fail or panic at a draft.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use sealpack_core::stream::{BufferSize, Put};
use sealpack_core::write::SealedDraft;

use super::sink::PackSink;
use crate::Trouble;
use crate::error::ErrorKind;

/// A sink that never receives a byte.
pub(crate) struct Nowhere;

impl PackSink for Nowhere {
    fn put_size(&self) -> BufferSize {
        BufferSize::new(1 << 20).unwrap()
    }

    fn put(&mut self, _put: &Put) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// Replaces the file: keeps the lengths of the drafts, in the order of their
/// arrival.
pub(crate) struct PackOutput<S> {
    pub(crate) came: Arc<Mutex<Vec<usize>>>,
    pub(crate) trouble: Option<(usize, Trouble)>,
    pub(crate) sink: PhantomData<S>,
}

impl<S> PackOutput<S> {
    pub(crate) fn write(&mut self, sealed: SealedDraft) -> Result<(), ErrorKind> {
        let mut came = self.came.lock().unwrap();
        if let Some((at, trouble)) = self.trouble
            && at == came.len()
        {
            drop(came);
            let struck = trouble.strike("writing");
            let failed = |cause| sealpack_core::Error::Encode { record: None, cause };
            return struck.map_err(|cause| failed(cause).into());
        }
        came.push(sealed.extents.iter().map(bytes::Bytes::len).sum());
        Ok(())
    }
}
