//! The digest list of a pack in a store: an object next to it.

use sealpack_core::format::Trailer;
use tokio::runtime::Handle;

use super::location::Location;
use super::upload::{UploadAbort, UploadPlan, UploadSink};
use crate::error::ErrorKind;
use crate::trust::{DigestSpool, SealedDigests, list_error};
use crate::write::SinkStream;

/// A digest list that is uploaded once all digests of its pack are known.
pub(super) struct DigestListObject {
    location: Location,
    sink: UploadSink,
    runtime: Handle,
}

/// An uploaded digest list whose pack does not exist yet.
pub(super) struct UploadedList {
    pub(super) sealed: SealedDigests,
    location: Location,
    runtime: Handle,
}

impl DigestListObject {
    /// Starts the list of the pack that `plan` uploads. Takes one request, unless the plan
    /// allows overwriting.
    pub(super) fn start(plan: &UploadPlan, runtime: &Handle) -> Result<Self, ErrorKind> {
        let location = plan.location.digest_list();
        let plan = UploadPlan { location: location.clone(), ..plan.clone() };
        let sink = UploadSink::start(plan, runtime);
        let sink = sink.map_err(|kind| list_error(location.error(kind)))?;
        Ok(Self { location, sink, runtime: runtime.clone() })
    }

    pub(super) fn abort_handle(&self) -> UploadAbort {
        self.sink.abort_handle()
    }

    /// Makes the spool that keeps the digests until the last one is known: up to 4 MiB in
    /// memory, more in an unnamed file.
    pub(super) fn spool() -> DigestSpool {
        DigestSpool::new(&std::env::temp_dir())
    }

    /// Uploads the list and makes it appear.
    pub(super) fn finish(
        self,
        spool: DigestSpool,
        trailer: &Trailer,
        app_data: &[u8],
    ) -> Result<UploadedList, ErrorKind> {
        let Self { location, sink, runtime } = self;
        let uploaded = || {
            let mut to = SinkStream::new(sink);
            let list = spool.write(trailer, app_data, |bytes| to.copy(bytes))?;
            to.close()?.finish()?;
            Ok(list)
        };
        let list = uploaded().map_err(|kind| list_error(location.error(kind)))?;
        let sealed = SealedDigests::of(&list, location.name().to_path_buf());
        Ok(UploadedList { sealed, location, runtime })
    }
}

impl UploadedList {
    /// Removes the list, because its pack does not appear. The error to report is that of
    /// the pack; a list that remains does no harm.
    pub(super) fn remove(self) {
        self.location.take_back(&self.runtime);
    }
}
