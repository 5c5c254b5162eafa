//! Records of a pack in another pack, without encoding them anew.

use std::ops::{ControlFlow, Range};

use sealpack_core::error::{Fault, Section};
use sealpack_core::format::ContentHasher;
use sealpack_core::format::known::KnownCodec;
use sealpack_core::write::Hashing;

use crate::error::{Error, ErrorKind, OptionsError};
use crate::read::{Reader, StoredCheck};
use crate::write::{RecordForm, Writer};

/// Copies records from one pack into another as they are stored: near the speed of
/// copying the file where nothing is checked.
///
/// Possible where both packs have the same codec, items per record and record
/// checksum. A record that is not full can only be the last one of the new pack.
///
/// ```
/// use std::ops::ControlFlow;
/// use sealpack::{Reader, RecordCopy, Writer};
///
/// # let folder = tempfile::tempdir()?;
/// # let (old, new) = (folder.path().join("old.pack"), folder.path().join("new.pack"));
/// let mut writer = Writer::options().create(&old)?;
/// writer.append(b"an item")?;
/// writer.finish()?;
///
/// let reader = Reader::open(&old)?;
/// let mut writer = Writer::options().app_data("more to say").create(&new)?;
/// let copy = RecordCopy::new(&reader);
/// if copy.fits(&writer)? {
///     copy.append_to(&mut writer, |_bytes| ControlFlow::<()>::Continue(()))?;
/// }
/// writer.finish()?;
/// assert_eq!(Reader::open(&new)?.get(0)?, b"an item"[..]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RecordCopy<'a> {
    reader: &'a Reader,
    records: Range<u32>,
    checked: bool,
}

impl<'a> RecordCopy<'a> {
    /// A copy of all records of a pack.
    #[must_use]
    pub fn new(reader: &'a Reader) -> Self {
        Self { reader, records: 0..reader.directory().record_count(), checked: true }
    }

    /// Copies these records only. A range that the pack does not have is an error of
    /// [`append_to`](Self::append_to).
    #[must_use]
    pub fn records(mut self, records: Range<u32>) -> Self {
        self.records = records;
        self
    }

    /// Checks nothing but the structure of the pack. Default: every record is
    /// decoded and checked; so is the content hash, if all records are copied.
    /// Records are checked in any case if the new pack stores a content hash, which
    /// needs their digests, or if the reader trusts a hash.
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        self.checked = false;
        self
    }

    /// Returns whether the writer's pack stores records in the same form. False for
    /// a codec other than zstd and none: its settings are unknown.
    ///
    /// # Errors
    /// Those of reading the first record, which may decide the codec.
    pub fn fits(&self, writer: &Writer) -> Result<bool, Error> {
        let trailer = self.reader.trailer();
        let chosen = self.reader.codec()?;
        let form = RecordForm {
            items_per_record: trailer.items_per_record,
            record_checksum: trailer.record_checksum,
            // Records that are all empty are the same in every codec.
            codec: match chosen {
                Some(chosen) => chosen.codec,
                None => writer.packer().form().codec,
            },
        };
        let is_known = matches!(form.codec, Some(KnownCodec::Zstd | KnownCodec::None));
        let hashes_items = !matches!(writer.packer().hashing(), Hashing::Extracted(_));
        Ok(is_known && hashes_items && form == writer.packer().form())
    }

    /// Appends the records to a pack that is being written. `progress` is called with
    /// the stored bytes of every run of records, and may stop the copying.
    ///
    /// # Errors
    /// [`OptionsError::RecordForm`] unless the records [fit](Self::fits); the error
    /// of the first damaged record; a content hash that differs from the stored one;
    /// [`Misuse::Order`](sealpack_core::error::Misuse::Order) if the writer's last
    /// record is not full; the errors of the writer.
    pub fn append_to<B>(
        self,
        writer: &mut Writer,
        mut progress: impl FnMut(u64) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, Error> {
        if !self.fits(writer)? {
            return Err(writer.error(ErrorKind::Options(OptionsError::RecordForm)));
        }
        let trailer = self.reader.trailer();
        let is_whole = self.records == (0..trailer.record_count);
        let hashes = matches!(writer.packer().hashing(), Hashing::Items);
        let checked = self.checked || hashes || self.reader.trusted().is_some();
        let check = if checked { StoredCheck::Content } else { StoredCheck::Nothing };
        let mut content = ContentHasher::new();
        for run in self.reader.stored_runs(self.records, check)? {
            let mut run = run?;
            let bytes = run.sizes.iter().map(|&size| u64::from(size)).sum();
            run.digests.iter().for_each(|digest| content.record(digest));
            if !hashes {
                run.digests.clear();
            }
            writer.append_stored(run)?;
            if let ControlFlow::Break(reason) = progress(bytes) {
                return Ok(ControlFlow::Break(reason));
            }
        }
        let computed = content.finish();
        match trailer.content_hash {
            // With an extract it does not cover the items as they are.
            _ if self.reader.has_hash_extract() => Ok(ControlFlow::Continue(())),
            Some(stored) if checked && is_whole && stored != computed => {
                let fault = Fault::ContentHash { stored, computed };
                Err(self.reader.error(fault.in_section(Section::ContentHash).into()))
            }
            _ => Ok(ControlFlow::Continue(())),
        }
    }
}
