//! The part that all writers share: it collects items into records and passes the
//! records through the pipeline.

use bytes::Bytes;
use sealpack_core::Error as PackError;
use sealpack_core::error::{Limit, Misuse};
use sealpack_core::format::AppDataParts;
use sealpack_core::format::known::{KnownCodec, known};
use sealpack_core::names::{NamesBuilder, NamesCompanion};
use sealpack_core::write::{Hashing, PackShape, RecordBuilder, Sealer};

use super::options::WriterOptions;
use super::output::{PackOutput, Written};
use super::pipeline::Pipeline;
use super::progress::WriteMonitor;
use super::sink::PackSink;
use crate::codec::Codec;
use crate::digest::Lanes;
use crate::error::ErrorKind;
use crate::names::NameCollector;
use crate::panics::{CatchPanics, catch_panic};

/// Takes items and hands sealed records to a [`PackOutput`].
pub(crate) struct Packer<S: PackSink> {
    builder: RecordBuilder,
    pipeline: Pipeline<S>,
    monitor: WriteMonitor,
    app_data: Bytes,
    form: RecordForm,
    hashing: Hashing,
    names: NameCollector,
    /// The maximum number of bytes that the names may take in the pack; more go into a file next
    /// to it.
    max_names_in_pack: u64,
    /// The error of adding a name to an item that the builder already has.
    names_failure: Option<ErrorKind>,
}

/// How a pack stores its records. Records can be copied between packs of the same
/// form without re-encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordForm {
    pub(crate) items_per_record: u32,
    pub(crate) record_checksum: bool,
    /// `None` for a codec supplied by the caller, whose settings are unknown.
    pub(crate) codec: Option<KnownCodec>,
}

impl RecordForm {
    fn new(options: &WriterOptions, shape: &PackShape) -> Self {
        let codec = if options.codec.is_plain() {
            Some(KnownCodec::None)
        } else {
            known(options.codec.format_id()).map(|known| known.codec)
        };
        let (items_per_record, record_checksum) =
            (shape.items_per_record.get(), shape.record_checksum);
        Self { items_per_record, record_checksum, codec }
    }
}

/// Checked options and the sealers made from them. It is made before any file, so that
/// invalid options or a failing encoder factory leave no file.
pub(crate) struct PackPlan {
    shape: PackShape,
    sealers: Sealers,
    app_data: Bytes,
    is_plain: bool,
    form: RecordForm,
    max_names_in_pack: u64,
}

/// The threads that seal, and their sealers.
enum Sealers {
    /// The caller's thread.
    Caller(Sealer),
    /// The thread that writes.
    Writer(Sealer),
    /// One worker for each sealer.
    Workers(Vec<Sealer>),
}

impl PackPlan {
    pub(crate) fn new(options: &WriterOptions) -> Result<Self, ErrorKind> {
        let shape = options.shape()?;
        check_app_data_size(&options.app_data)?;
        let sealers = Sealers::new(options, &shape)?;
        let (app_data, is_plain) = (options.app_data.clone(), options.codec.is_plain());
        let form = RecordForm::new(options, &shape);
        let max_names_in_pack = options.max_names_in_pack;
        Ok(Self { shape, sealers, app_data, is_plain, form, max_names_in_pack })
    }

    /// As [`new`](Self::new), for a pack with no place next to it.
    pub(crate) fn without_companions(options: &WriterOptions) -> Result<Self, ErrorKind> {
        Ok(Self { max_names_in_pack: u64::MAX, ..Self::new(options)? })
    }

    pub(crate) fn shape(&self) -> &PackShape {
        &self.shape
    }
}

impl Sealers {
    fn new(options: &WriterOptions, shape: &PackShape) -> Result<Self, ErrorKind> {
        let sealer = || {
            let sealer = match catch_panic(|| options.codec.encoder()).flatten() {
                Ok(Codec::Plain) => Sealer::plain(shape),
                Ok(Codec::Encoder(encoder)) => {
                    Sealer::with_encoder(shape, Box::new(CatchPanics(encoder)))
                }
                Err(cause) => return Err(ErrorKind::Encoder(cause)),
            };
            Ok(sealer.with_digester(Box::new(Lanes::default())))
        };
        // Without encoding and hashing, workers would only add hand-offs.
        let nothing_to_seal = options.codec.is_plain()
            && matches!(shape.content_hash, Hashing::None)
            && !shape.record_checksum;
        Ok(match options.threads {
            0 => Self::Caller(sealer()?),
            _ if nothing_to_seal => Self::Writer(sealer()?),
            threads => Self::Workers((0..threads).map(|_| sealer()).collect::<Result<_, _>>()?),
        })
    }
}

impl<S: PackSink + 'static> Packer<S> {
    /// Starts the threads that the options ask for.
    pub(crate) fn start(plan: PackPlan, output: PackOutput<S>) -> Result<Self, ErrorKind> {
        let PackPlan { shape, sealers, app_data, is_plain, form, max_names_in_pack } = plan;
        let monitor = output.monitor().clone();
        let pipeline = match sealers {
            Sealers::Caller(sealer) => Pipeline::inline(sealer, output),
            Sealers::Writer(sealer) => Pipeline::on_one_thread(sealer, output)?,
            Sealers::Workers(sealers) => Pipeline::threads(sealers, output)?,
        };
        let builder = RecordBuilder::new(&shape, is_plain);
        let hashing = shape.content_hash;
        let names = NameCollector::default();
        Ok(Self {
            builder,
            pipeline,
            monitor,
            app_data,
            form,
            hashing,
            names,
            max_names_in_pack,
            names_failure: None,
        })
    }

    /// As [`append_with`](Self::append_with), for one item with a name.
    pub(crate) fn append_named_with(
        &mut self,
        name: &[u8],
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), ErrorKind> {
        self.push_named_with(name, push)?;
        self.submit_drafts()
    }

    /// As [`append_named_with`](Self::append_named_with), but submits no drafts.
    pub(crate) fn push_named_with(
        &mut self,
        name: &[u8],
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), ErrorKind> {
        NamesBuilder::check(name)?;
        let position = self.item_count();
        self.push_with(push)?;
        let named = self.names.push(position, name);
        named.inspect_err(|error| self.names_failure = Some(error.clone()))
    }

    /// Names an item that was appended before; later items must not have names yet.
    pub(crate) fn name_item(&mut self, position: u32, name: &[u8]) -> Result<(), ErrorKind> {
        NamesBuilder::check(name)?;
        self.failure().map_or(Ok(()), Err)?;
        let items = self.item_count();
        if position < self.names.count() || position >= items {
            return Err(
                PackError::Misuse(Misuse::Position { position: position.into(), items }).into()
            );
        }
        let named = self.names.push(position, name);
        named.inspect_err(|error| self.names_failure = Some(error.clone()))
    }

    /// Lets `push` add an item to the builder, unless the writer has failed.
    pub(crate) fn append_with(
        &mut self,
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), ErrorKind> {
        self.push_with(push)?;
        self.submit_drafts()
    }

    /// As [`append_with`](Self::append_with), but submits no drafts.
    pub(crate) fn push_with(
        &mut self,
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), ErrorKind> {
        match self.failure() {
            Some(failure) => Err(failure),
            None if self.monitor.is_cancelled() => Err(ErrorKind::Cancelled),
            None => Ok(push(&mut self.builder)?),
        }
    }

    /// Returns how records are stored.
    pub(crate) fn form(&self) -> RecordForm {
        self.form
    }

    /// Returns what the content hash covers.
    pub(crate) fn hashing(&self) -> &Hashing {
        &self.hashing
    }

    fn failure(&self) -> Option<ErrorKind> {
        self.pipeline.failure().or_else(|| self.names_failure.clone())
    }

    /// Returns the monitor that watches and cancels this writer.
    pub(crate) fn monitor(&self) -> &WriteMonitor {
        &self.monitor
    }

    /// Returns the number of items appended so far.
    pub(crate) fn item_count(&self) -> u32 {
        self.builder.total_items()
    }

    /// Replaces the app data.
    pub(crate) fn set_app_data(&mut self, app_data: Bytes) -> Result<(), ErrorKind> {
        check_app_data_size(&app_data)?;
        self.app_data = app_data;
        Ok(())
    }

    /// Seals and writes the remaining items, then the sections that follow them.
    pub(crate) fn finish(mut self) -> Result<Written<S>, ErrorKind> {
        self.builder.finish();
        let submitted = self.submit_drafts();
        // Finish the pipeline even if submitting failed: it closes the encoders and
        // returns the first error.
        let output = self.pipeline.finish()?;
        submitted?;
        self.names_failure.map_or(Ok(()), Err)?;
        let items = self.builder.total_items();
        let mut names = self.names.finish(items)?;
        let is_too_large = |names: &mut Bytes| names.len() as u64 > self.max_names_in_pack;
        let names_file = names.take_if(is_too_large);
        if let Some(file) = &names_file {
            names = Some(NamesCompanion::new(items, file).encode());
        }
        let parts = AppDataParts { caller: self.app_data, dictionary: None, names };
        Ok(Written { names_file, ..output.finish(parts.encode()?)? })
    }

    /// The maximum number of bytes that the names so far can take.
    pub(crate) fn names_size_bound(&self) -> u64 {
        self.names.size_bound()
    }

    /// Fails the writer, because its names cannot be written.
    pub(crate) fn fail_names(&mut self, error: ErrorKind) {
        self.names_failure.get_or_insert(error);
    }

    /// Submits complete drafts; waits while too many are in flight.
    pub(crate) fn submit_drafts(&mut self) -> Result<(), ErrorKind> {
        while let Some(draft) = self.builder.next_draft() {
            self.monitor.count_in(draft.payload_size());
            self.pipeline.submit(draft)?;
        }
        Ok(())
    }

    /// As [`submit_drafts`](Self::submit_drafts), but stops before it would have to
    /// wait or to seal on this thread. Returns whether it submitted every draft.
    #[cfg(feature = "async")]
    pub(crate) fn try_submit_drafts(&mut self) -> Result<bool, ErrorKind> {
        while self.builder.has_draft() {
            if !self.pipeline.has_room() {
                return Ok(false);
            }
            if let Some(draft) = self.builder.next_draft() {
                self.monitor.count_in(draft.payload_size());
                self.pipeline.submit(draft)?;
            }
        }
        Ok(true)
    }
}

fn check_app_data_size(app_data: &Bytes) -> Result<(), ErrorKind> {
    let length = app_data.len() as u64;
    if u32::try_from(length).is_err() {
        return Err(PackError::Limit(Limit::AppData { length }).into());
    }
    Ok(())
}
