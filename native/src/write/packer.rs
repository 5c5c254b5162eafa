//! The part that all writers share: it collects items into records and passes the
//! records through the pipeline.

use std::sync::Arc;

use bytes::Bytes;
use sealpack_core::Error as PackError;
use sealpack_core::error::{Limit, Misuse};
use sealpack_core::format::AppDataParts;
use sealpack_core::format::digest::Hash;
use sealpack_core::format::known::{KnownCodec, known};
use sealpack_core::names::{NamesBuilder, NamesCompanion};
use sealpack_core::write::{Hashing, PackShape, RecordBuilder, StoredRecords};

use super::options::WriterOptions;
use super::output::{PackOutput, Written};
use super::progress::WriteMonitor;
use super::sink::PackSink;
use super::stage::{Sealers, SealingStage, StageOptions};
use crate::dictionary::Dictionary;
use crate::error::{ErrorKind, OptionsError};
use crate::names::NameCollector;

/// Takes items and hands sealed records to a [`PackOutput`].
pub(crate) struct Packer<S: PackSink> {
    builder: RecordBuilder,
    stage: SealingStage<S>,
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
    kept_hash: Option<KeptHash>,
}

/// The content hash of another pack, which this one keeps because it gets the same records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptHash {
    pub(crate) content_hash: Hash,
    /// The number of items that the hash covers.
    pub(crate) items: u32,
}

/// How a pack stores its records. Records can be copied between packs of the same
/// form without re-encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordForm {
    pub(crate) items_per_record: u32,
    pub(crate) record_checksum: bool,
    /// `None` for a codec supplied by the caller, whose settings are unknown.
    pub(crate) codec: Option<KnownCodec>,
    /// The dictionary that records may need.
    pub(crate) dictionary: Option<Dictionary>,
}

impl RecordForm {
    fn new(options: &WriterOptions, shape: &PackShape) -> Self {
        let codec = if options.codec.is_plain() {
            Some(KnownCodec::None)
        } else if options.codec.wanted_sample() > 0 {
            // How it encodes is not known yet.
            None
        } else {
            known(options.codec.format_id()).map(|known| known.codec)
        };
        let dictionary = options.codec.needed_dictionary().map(|needed| needed.dictionary);
        let (items_per_record, record_checksum) =
            (shape.items_per_record.get(), shape.record_checksum);
        Self { items_per_record, record_checksum, codec, dictionary }
    }
}

/// Checked options and the sealers made from them. It is made before any file, so that
/// invalid options or a failing encoder factory leave no file.
pub(crate) struct PackPlan {
    shape: PackShape,
    sealers: Sealers,
    stage: StageOptions,
    app_data: Bytes,
    is_plain: bool,
    form: RecordForm,
    max_names_in_pack: u64,
}

impl PackPlan {
    pub(crate) fn new(options: &WriterOptions) -> Result<Self, ErrorKind> {
        let shape = options.shape()?;
        check_app_data_size(&options.app_data)?;
        let stage = StageOptions { codec: Arc::clone(&options.codec), threads: options.threads };
        let sealers = stage.sealers(&shape)?;
        let (app_data, is_plain) = (options.app_data.clone(), options.codec.is_plain());
        let form = RecordForm::new(options, &shape);
        let max_names_in_pack = options.max_names_in_pack;
        Ok(Self { shape, sealers, stage, app_data, is_plain, form, max_names_in_pack })
    }

    /// As [`new`](Self::new), for a pack with no place next to it.
    pub(crate) fn without_companions(options: &WriterOptions) -> Result<Self, ErrorKind> {
        Ok(Self { max_names_in_pack: u64::MAX, ..Self::new(options)? })
    }

    pub(crate) fn shape(&self) -> &PackShape {
        &self.shape
    }
}

impl<S: PackSink + 'static> Packer<S> {
    /// Starts the threads that the options ask for.
    pub(crate) fn start(plan: PackPlan, output: PackOutput<S>) -> Result<Self, ErrorKind> {
        let PackPlan { shape, sealers, stage, app_data, is_plain, form, max_names_in_pack } = plan;
        let monitor = output.monitor().clone();
        let builder = RecordBuilder::new(&shape, is_plain);
        let hashing = shape.content_hash.clone();
        let stage = SealingStage::start(stage, shape, sealers, output)?;
        let names = NameCollector::default();
        Ok(Self {
            builder,
            stage,
            monitor,
            app_data,
            form,
            hashing,
            names,
            max_names_in_pack,
            names_failure: None,
            kept_hash: None,
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
        match self.kept_hash {
            // The kept hash covers no other items.
            Some(_) => Err(ErrorKind::Options(OptionsError::KeptContentHash)),
            None => self.push_any(push),
        }
    }

    /// Adds records as another pack stores them.
    pub(crate) fn append_stored(&mut self, records: StoredRecords) -> Result<(), ErrorKind> {
        self.push_any(|builder| builder.push_stored(records))?;
        self.submit_drafts()
    }

    fn push_any(
        &mut self,
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), ErrorKind> {
        match self.failure() {
            Some(failure) => Err(failure),
            None if self.monitor.is_cancelled() => Err(ErrorKind::Cancelled),
            None => Ok(push(&mut self.builder)?),
        }
    }

    /// Makes the pack keep the content hash of the pack whose records are all appended
    /// next. From then on, only those can be appended.
    pub(crate) fn keep_hash(&mut self, kept: KeptHash) -> Result<(), ErrorKind> {
        let stores_hash = matches!(self.hashing, Hashing::Items);
        if self.kept_hash.is_some() || self.item_count() > 0 || !stores_hash {
            return Err(ErrorKind::Options(OptionsError::KeptContentHash));
        }
        self.kept_hash = Some(kept);
        Ok(())
    }

    /// Returns whether the pack keeps the content hash of another one.
    pub(crate) fn keeps_hash(&self) -> bool {
        self.kept_hash.is_some()
    }

    /// Returns how records are stored.
    pub(crate) fn form(&self) -> &RecordForm {
        &self.form
    }

    /// Returns what the content hash covers.
    pub(crate) fn hashing(&self) -> &Hashing {
        &self.hashing
    }

    fn failure(&self) -> Option<ErrorKind> {
        self.stage.failure().or_else(|| self.names_failure.clone())
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
        let (output, dictionary) = self.stage.finish()?;
        submitted?;
        self.names_failure.map_or(Ok(()), Err)?;
        let items = self.builder.total_items();
        if self.kept_hash.is_some_and(|kept| kept.items != items) {
            return Err(ErrorKind::Options(OptionsError::KeptContentHash));
        }
        let mut names = self.names.finish(items)?;
        let is_too_large = |names: &mut Bytes| names.len() as u64 > self.max_names_in_pack;
        let names_file = names.take_if(is_too_large);
        if let Some(file) = &names_file {
            names = Some(NamesCompanion::new(items, file).encode());
        }
        let stored = dictionary.filter(|needed| needed.is_stored);
        let dictionary = stored.map(|needed| needed.dictionary.bytes().clone());
        let parts = AppDataParts { caller: self.app_data, dictionary, names };
        let kept_hash = self.kept_hash.map(|kept| kept.content_hash);
        Ok(Written { names_file, ..output.finish(parts.encode()?, kept_hash)? })
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
            self.stage.submit(draft)?;
        }
        Ok(())
    }

    /// As [`submit_drafts`](Self::submit_drafts), but stops before it would have to
    /// wait or to seal on this thread. Returns whether it submitted every draft.
    #[cfg(feature = "async")]
    pub(crate) fn try_submit_drafts(&mut self) -> Result<bool, ErrorKind> {
        while self.builder.has_draft() {
            if !self.stage.has_room() {
                return Ok(false);
            }
            if let Some(draft) = self.builder.next_draft() {
                self.monitor.count_in(draft.payload_size());
                self.stage.submit(draft)?;
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
