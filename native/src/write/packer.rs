//! What every writer does, wherever the bytes go: items into records, records
//! through the pipeline.

use sealpack_core::Error as PackError;
use sealpack_core::write::{Hashing, PackShape, RecordBuilder, Sealer};

use super::options::WriterOptions;
use super::output::Output;
use super::pipeline::Pipeline;
use super::sink::Sink;
use crate::codec::Codec;
use crate::digest::Lanes;
use crate::error::ErrorKind;

/// Takes items and hands sealed records to an [`Output`].
pub(crate) struct Packer<S: Sink> {
    builder: RecordBuilder,
    pipeline: Pipeline<S>,
}

/// The sealers of a pack: made before anything is created, so that an encoder
/// that cannot be leaves nothing behind.
pub(crate) enum Sealers {
    /// On the caller's thread.
    Here(Sealer),
    /// On the thread that writes: workers would only be in the way.
    Behind(Sealer),
    /// A worker each.
    Workers(Vec<Sealer>),
}

impl Sealers {
    pub(crate) fn new(options: &WriterOptions, shape: &PackShape) -> Result<Self, ErrorKind> {
        let sealer = || {
            let sealer = match options.codec.encoder() {
                Ok(Codec::Plain) => Sealer::plain(shape),
                Ok(Codec::Encoder(encoder)) => Sealer::with_encoder(shape, encoder),
                Err(cause) => return Err(PackError::Encode { record: None, cause }),
            };
            Ok(sealer.with_digester(Box::new(Lanes::default())))
        };
        // Nothing to do beside writing.
        let nothing_to_do = options.codec.is_plain()
            && matches!(shape.content_hash, Hashing::None)
            && !shape.record_checksum;
        Ok(match options.threads {
            0 => Self::Here(sealer()?),
            _ if nothing_to_do => Self::Behind(sealer()?),
            threads => Self::Workers((0..threads).map(|_| sealer()).collect::<Result<_, _>>()?),
        })
    }
}

impl<S: Sink + 'static> Packer<S> {
    /// Starts the threads that the options ask for.
    pub(crate) fn start(
        options: &WriterOptions,
        shape: &PackShape,
        sealers: Sealers,
        output: Output<S>,
    ) -> Result<Self, ErrorKind> {
        let pipeline = match sealers {
            Sealers::Here(sealer) => Pipeline::inline(sealer, output),
            Sealers::Behind(sealer) => Pipeline::behind(sealer, output)?,
            Sealers::Workers(sealers) => Pipeline::threads(sealers, output)?,
        };
        let builder = RecordBuilder::new(shape, options.codec.is_plain());
        Ok(Self { builder, pipeline })
    }

    /// Lets `push` give an item to the builder, unless the writer has failed.
    pub(crate) fn append_with(
        &mut self,
        push: impl FnOnce(&mut RecordBuilder) -> Result<(), PackError>,
    ) -> Result<(), ErrorKind> {
        match self.pipeline.failure() {
            Some(failure) => return Err(failure),
            None => push(&mut self.builder)?,
        }
        self.submit_drafts()
    }

    /// Items appended so far.
    pub(crate) fn item_count(&self) -> u32 {
        self.builder.total_items()
    }

    /// Seals and writes what is left.
    pub(crate) fn finish(mut self) -> Result<Output<S>, ErrorKind> {
        self.builder.finish();
        let submitted = self.submit_drafts();
        // Also where that failed: the encoders must be closed, and the first
        // error is the pipeline's to tell.
        let output = self.pipeline.finish()?;
        submitted?;
        Ok(output)
    }

    fn submit_drafts(&mut self) -> Result<(), ErrorKind> {
        while let Some(draft) = self.builder.next_draft() {
            self.pipeline.submit(draft)?;
        }
        Ok(())
    }
}
