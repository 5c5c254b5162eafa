//! The names file of a pack in a store: an object next to it.

use bytes::Bytes;
use tokio::runtime::Handle;

use super::location::Location;
use super::part::PartSize;
use super::reader::RemoteReaderInner;
use super::upload::{UploadPlan, UploadSink};
use crate::error::{ErrorKind, IoOperation};
use crate::names::{Names, names_file_error};
use crate::read::FoundNames;
use crate::write::SinkStream;

impl RemoteReaderInner {
    pub(super) async fn names(&self) -> Result<Option<Names>, ErrorKind> {
        let location = &self.object.location;
        let companion = match self.opened.find_names(&location.name)? {
            FoundNames::Opened(names) => return Ok(names),
            FoundNames::Companion(companion) => companion,
        };
        let file = location.names_file();
        let path = file.name().to_path_buf();
        // One byte more than it should have shows that the object is larger.
        let fetched = file.fetch(0..companion.size.saturating_add(1)).await;
        let bytes =
            fetched.map_err(|error| names_file_error(&path, error.during(IoOperation::Opening)))?;
        self.opened.open_names(&companion, bytes, path).map(Some)
    }
}

/// The names object of a pack that is being written.
pub(super) struct NamesObject {
    /// The upload of the pack.
    pack: UploadPlan,
    runtime: Handle,
    max_in_pack: u64,
    /// Whether the name of the object was looked up.
    is_prepared: bool,
}

/// Uploaded names whose pack does not exist yet.
pub(super) struct UploadedNames {
    location: Location,
    runtime: Handle,
}

impl NamesObject {
    pub(super) fn new(pack: UploadPlan, max_in_pack: u64, runtime: &Handle) -> Self {
        Self { pack, runtime: runtime.clone(), max_in_pack, is_prepared: false }
    }

    fn plan(&self) -> UploadPlan {
        UploadPlan { location: self.pack.location.names_file(), ..self.pack.clone() }
    }

    /// If names of this size would be too large for the pack, checks that no object of
    /// that name exists, unless it may be replaced. So the error comes now, and not after
    /// everything is uploaded.
    pub(super) fn prepare(&mut self, size: u64) -> Result<(), ErrorKind> {
        if size <= self.max_in_pack || self.is_prepared {
            return Ok(());
        }
        self.is_prepared = true;
        let plan = self.plan();
        let free = plan.refuse_taken(&self.runtime);
        free.map_err(|kind| names_file_error(plan.location.name(), kind))
    }

    /// Uploads the names, and makes the object appear.
    pub(super) fn upload(self, names: Bytes) -> Result<UploadedNames, ErrorKind> {
        // A single part is uploaded with one request, and leaves no parts if it is aborted.
        let size = (names.len() as u64).clamp(PartSize::SMALLEST.get(), PartSize::LARGEST.get());
        let plan = UploadPlan { part_size: PartSize::new(size).unwrap_or_default(), ..self.plan() };
        let location = plan.location.clone();
        let uploaded = || {
            let mut to = SinkStream::new(UploadSink::start(plan, &self.runtime)?);
            to.write(names)?;
            to.close()?.finish()
        };
        uploaded().map_err(|kind| names_file_error(location.name(), kind))?;
        Ok(UploadedNames { location, runtime: self.runtime })
    }
}

impl UploadedNames {
    pub(super) fn location(&self) -> &Location {
        &self.location
    }

    /// Removes the names of a pack that does not appear. The caller returns the error
    /// of the pack; names that remain do no harm.
    pub(super) fn remove(self) {
        self.location.take_back(&self.runtime);
    }
}
