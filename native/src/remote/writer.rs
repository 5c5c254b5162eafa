//! `RemoteWriter`: writes a pack to a store.

use std::fmt;

use bytes::Bytes;
use sealpack_core::Error as PackError;
use sealpack_core::format::Trailer;
use sealpack_core::write::RecordBuilder;
use tokio::runtime::Handle;

use super::digests::{DigestListObject, UploadedList};
use super::error::{MAX_PARTS, StoreError, StoreFault};
use super::location::Location;
use super::names::{NamesObject, UploadedNames};
use super::part::PartSize;
use super::runtime::refuse_single_thread;
use super::upload::{UploadAbort, UploadPlan, UploadSink};
use crate::error::{Error, ErrorKind};
use crate::trace::{event, span};
use crate::trust::SealedDigests;
use crate::write::{PackOutput, PackPlan, Packer, WriteMonitor, WriterOptions, Written};

/// The default number of parts in flight.
const PARTS: usize = 3;

/// Writes a pack directly to an object store. The bytes are exactly those that a
/// [`Writer`](crate::Writer) with the same options writes.
///
/// The output stream divides the pack into parts. *All parts have the same size, except
/// that the last may be smaller*, which every store accepts. They are sent as a multipart
/// upload while the pack is written, without a temporary file; memory is bounded by the
/// parts in flight. A pack of one part is a single request.
///
/// *Whole or not at all*: the object appears when [`finish`](Self::finish) has
/// completed the upload. On an error, and when the writer is dropped before that,
/// the upload is aborted, so that no parts remain that cost money. A process that is
/// killed leaves its parts; for that case, set a lifecycle rule of the bucket
/// (`AbortIncompleteMultipartUpload`).
///
/// *No object is replaced* unless [`overwrite`](WriterOptions::overwrite) allows
/// it. For a pack of one part, the request itself has that condition (`If-None-Match:
/// *`). But the crate `object_store` completes multipart uploads without a condition, so
/// for those the name is looked up before the first part and before completing: if two
/// writers complete within the same round trip, the second replaces the first. A store
/// whose HTTP client adds the condition closes that gap; the command `sealpack` has one
/// for S3.
///
/// ```
/// use object_store::memory::InMemory;
/// use sealpack::Writer;
/// use sealpack::remote::{Location, RemoteReader, RemoteWriter};
///
/// let runtime = tokio::runtime::Runtime::new()?;
/// let location = Location::new(InMemory::new(), "a.pack".into());
/// let options = RemoteWriter::options(Writer::options().items_per_record(128));
/// let mut writer = options.create(&location, runtime.handle())?;
/// writer.append(b"an item")?;
/// let sealed = writer.finish()?;
/// assert_eq!(sealed.trailer.total_items, 1);
///
/// let item = runtime.block_on(async { RemoteReader::open(&location).await?.get(0).await })?;
/// assert_eq!(item, b"an item"[..]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The writer blocks: packing takes processor time, and appending waits while too many
/// parts are in flight. In async code, run it on its own thread
/// (`tokio::task::spawn_blocking`). Requests run on the given runtime.
pub struct RemoteWriter {
    location: Location,
    packer: Packer<UploadSink>,
    digests: Option<DigestListObject>,
    names: NamesObject,
    abort: UploadAbort,
    part_size: PartSize,
}

/// Options for writing a pack to a store. Made by [`RemoteWriter::options`].
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a pack is created with them"]
pub struct RemoteWriterOptions {
    writing: WriterOptions,
    part_size: Option<PartSize>,
    size_hint: u64,
    parts: usize,
}

/// A finished pack in a store.
#[derive(Clone, Debug)]
pub struct SealedObject {
    /// The location of the pack.
    pub location: Location,
    /// The pack's trailer.
    pub trailer: Trailer,
    /// The size of the pack in bytes.
    pub size: u64,
    /// The size of the parts; the last one may be smaller.
    pub part_size: PartSize,
    /// The digest list next to the pack, if the options asked for one.
    pub digests: Option<SealedDigests>,
    /// The location of the names next to the pack, if they are too large for it
    /// ([`WriterOptions::max_names_in_pack`]).
    pub names_file: Option<Location>,
}

impl RemoteWriterOptions {
    /// Sets the size of the parts. Default: 8 MiB, or more if
    /// [`size_hint`](Self::size_hint) requires it.
    pub fn part_size(mut self, size: PartSize) -> Self {
        self.part_size = Some(size);
        self
    }

    /// Sets the approximate size of the pack, so that the part size is chosen large enough
    /// for 10,000 parts. Has no effect if [`part_size`](Self::part_size) was set.
    pub fn size_hint(mut self, bytes: u64) -> Self {
        self.size_hint = bytes;
        self
    }

    /// Sets the number of parts in flight, from 1 to the 10,000 parts that an upload may
    /// have. Default: 3. Memory holds these parts, one that waits, and one that is being
    /// filled.
    pub fn parts_in_flight(mut self, parts: usize) -> Self {
        self.parts = parts.clamp(1, MAX_PARTS as usize);
        self
    }

    /// Returns the part size that these options result in.
    #[must_use]
    pub fn chosen_part_size(&self) -> PartSize {
        self.part_size.unwrap_or_else(|| PartSize::for_pack(self.size_hint))
    }

    /// Starts a pack that will appear at `location` when it is finished. Takes one
    /// request, unless the options allow overwriting.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] without [`overwrite`](WriterOptions::overwrite);
    /// [`ErrorKind::Io`], with [`Error::store`]:
    /// [`StoreFault::NoWorkers`](super::StoreFault::NoWorkers) for a runtime that
    /// has no threads of its own; [`ErrorKind::Options`], or the codec's error.
    pub fn create(self, location: &Location, runtime: &Handle) -> Result<RemoteWriter, Error> {
        let _span = span!("create", path = %location.name().display());
        self.create_at(location, runtime).map_err(|kind| location.error(kind))
    }

    fn create_at(self, location: &Location, runtime: &Handle) -> Result<RemoteWriter, ErrorKind> {
        refuse_single_thread(runtime)?;
        let wants_digest_list = self.writing.wants_digest_list()?;
        let pack = PackPlan::new(&self.writing)?;
        let part_size = self.chosen_part_size();
        let plan = UploadPlan {
            location: location.clone(),
            part_size,
            parts: self.parts,
            overwrite: self.writing.overwrite,
        };
        let sink = UploadSink::start(plan.clone(), runtime)?;
        let start_list = || DigestListObject::start(&plan, runtime);
        let digests = wants_digest_list.then(start_list).transpose()?;
        let abort = match &digests {
            Some(list) => sink.abort_handle().and(list.abort_handle()),
            None => sink.abort_handle(),
        };
        let spool = digests.as_ref().map(|_| DigestListObject::spool());
        let output = PackOutput::new(pack.shape(), sink, spool);
        let packer = Packer::start(pack, output)?;
        let names = NamesObject::new(plan, self.writing.max_names_in_pack, runtime);
        let location = location.clone();
        Ok(RemoteWriter { location, packer, digests, names, abort, part_size })
    }
}

/// Returns whether it is unknown if the object was written.
fn is_outcome_unknown(kind: &ErrorKind) -> bool {
    StoreError::find_in(kind).is_some_and(|error| error.fault() == StoreFault::Unknown)
}

impl fmt::Debug for RemoteWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteWriter")
            .field("location", &self.location)
            .field("part_size", &self.part_size)
            .finish_non_exhaustive()
    }
}

impl RemoteWriter {
    /// Makes the options of a new pack from those of a pack in a file. `threads`
    /// and all options that shape the pack apply; options that concern the disk
    /// (`writeback_every`) have no effect. A digest list (`digest_list`) is a
    /// separate object, at [`Location::digest_list`], and exists before the pack
    /// does; up to 131,072 digests wait for it in memory, more in an unnamed
    /// temporary file.
    pub fn options(writing: WriterOptions) -> RemoteWriterOptions {
        RemoteWriterOptions { writing, part_size: None, size_hint: 0, parts: PARTS }
    }

    /// As [`Writer::append`](crate::Writer::append).
    ///
    /// # Errors
    /// As there; a part that could not be sent is an error of the writer.
    pub fn append(&mut self, item: &[u8]) -> Result<(), Error> {
        self.append_with(|builder| builder.push(item))
    }

    /// As [`Writer::append_parts`](crate::Writer::append_parts).
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_parts(&mut self, parts: &[&[u8]]) -> Result<(), Error> {
        self.append_with(|builder| builder.push_parts(parts))
    }

    /// As [`Writer::append_owned`](crate::Writer::append_owned).
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn append_owned(&mut self, item: impl Into<Bytes>) -> Result<(), Error> {
        let item = item.into();
        self.append_with(|builder| builder.push_owned(item))
    }

    /// As [`Writer::append_named`](crate::Writer::append_named).
    ///
    /// # Errors
    /// As there.
    pub fn append_named(&mut self, name: &[u8], item: &[u8]) -> Result<(), Error> {
        self.append_named_with(name, |builder| builder.push(item))
    }

    /// As [`append_owned`](Self::append_owned), for an item with a name.
    ///
    /// # Errors
    /// As [`append_named`](Self::append_named).
    pub fn append_named_owned(&mut self, name: &[u8], item: impl Into<Bytes>) -> Result<(), Error> {
        let item = item.into();
        self.append_named_with(name, |builder| builder.push_owned(item))
    }

    /// As [`Writer::name_item`](crate::Writer::name_item).
    ///
    /// # Errors
    /// As there.
    pub fn name_item(&mut self, position: u32, name: &[u8]) -> Result<(), Error> {
        self.packer.name_item(position, name).map_err(|kind| self.location.error(kind))?;
        self.prepare_names()
    }

    /// As [`Writer::set_app_data`](crate::Writer::set_app_data).
    ///
    /// # Errors
    /// [`Limit::AppData`](sealpack_core::error::Limit::AppData) above 2^32-1
    /// bytes.
    pub fn set_app_data(&mut self, app_data: impl Into<Bytes>) -> Result<(), Error> {
        let set = self.packer.set_app_data(app_data.into());
        set.map_err(|kind| self.location.error(kind))
    }

    /// Returns the number of items appended so far.
    #[must_use]
    pub fn item_count(&self) -> u32 {
        self.packer.item_count()
    }

    /// Returns a handle that watches this writer, and can cancel it, from any
    /// thread. Bytes count as packed once they are handed to the upload.
    #[must_use]
    pub fn monitor(&self) -> WriteMonitor {
        self.packer.monitor().clone()
    }

    /// Returns a handle that aborts the upload from another thread, for a process that is
    /// killed by a signal and runs no destructors.
    #[must_use]
    pub fn abort_handle(&self) -> UploadAbort {
        self.abort.clone()
    }

    /// Sends the remaining bytes and makes the object appear.
    ///
    /// # Errors
    /// The first error of the writer; [`ErrorKind::Exists`] if an object of this
    /// name has appeared meanwhile. Then the pack does not appear. If the response to a
    /// request is lost, the call looks up the object before it fails; if that fails
    /// too, the error is [`StoreFault::Unknown`](super::StoreFault::Unknown).
    pub fn finish(self) -> Result<SealedObject, Error> {
        let location = self.location.clone();
        let _span = span!("finish", path = %location.name().display());
        self.finish_all().map_err(|kind| location.error(kind))
    }

    fn finish_all(self) -> Result<SealedObject, ErrorKind> {
        let monitor = self.monitor();
        let Self { location, packer, digests, names, part_size, .. } = self;
        let written = packer.finish()?;
        let Written { sink, trailer, file_size: size, app_data, digests: spool, names_file } =
            written;
        // Names and list are uploaded first, so that they exist once the pack does.
        let named = names_file.map(|bytes| names.upload(bytes)).transpose()?;
        let listed = match (digests, spool) {
            (Some(list), Some(spool)) => list.finish(spool, &trailer, &app_data).map(Some),
            _ => Ok(None),
        };
        let (finished, listed) = match listed {
            Ok(listed) if monitor.is_cancelled() => (Err(ErrorKind::Cancelled), listed),
            Ok(listed) => (sink.finish(), listed),
            Err(error) => (Err(error), None),
        };
        match finished {
            Ok(()) => {
                event!(
                    DEBUG,
                    items = trailer.total_items,
                    bytes_in = monitor.progress().bytes_in,
                    bytes_out = size,
                    "finished"
                );
                let digests = listed.map(|listed| listed.sealed);
                let names_file = named.map(|named| named.location().clone());
                Ok(SealedObject { location, trailer, size, part_size, digests, names_file })
            }
            Err(error) => {
                // If the pack may exist after all, its list and its names stay.
                if !is_outcome_unknown(&error) {
                    listed.into_iter().for_each(UploadedList::remove);
                    named.into_iter().for_each(UploadedNames::remove);
                }
                Err(error)
            }
        }
    }

    fn append_named_with(
        &mut self,
        name: &[u8],
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), Error> {
        let appended = self.packer.append_named_with(name, push);
        appended.map_err(|kind| self.location.error(kind))?;
        self.prepare_names()
    }

    fn prepare_names(&mut self) -> Result<(), Error> {
        let prepared = self.names.prepare(self.packer.names_size_bound());
        prepared.map_err(|kind| {
            self.packer.fail_names(kind.clone());
            self.location.error(kind)
        })
    }

    fn append_with(
        &mut self,
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), Error> {
        self.packer.append_with(push).map_err(|kind| self.location.error(kind))
    }
}
