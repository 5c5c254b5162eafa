//! Copies records from one pack into another without re-encoding them.

use std::ops::{ControlFlow, Range};

use sealpack_core::error::{Fault, Section};
use sealpack_core::format::ContentHasher;
use sealpack_core::format::known::KnownCodec;
use sealpack_core::write::Hashing;

use crate::dictionary::Dictionary;
use crate::error::{Error, ErrorKind, OptionsError};
use crate::read::{ChosenCodec, Reader, StoredCheck};
use crate::write::{KeptHash, RecordForm, Writer};

/// Copies records from one pack into another as they are stored. [`unchecked`](Self::unchecked)
/// copies decode nothing, which takes about twice as long as copying the file.
///
/// Both packs must have the same codec, dictionary, items per record and record
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
/// let mut writer = Writer::options().app_data("other app data").create(&new)?;
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
    keeps_hash: bool,
}

impl<'a> RecordCopy<'a> {
    /// A copy of all records of a pack.
    #[must_use]
    pub fn new(reader: &'a Reader) -> Self {
        Self {
            reader,
            records: 0..reader.directory().record_count(),
            checked: true,
            keeps_hash: false,
        }
    }

    /// Copies only these records. A range that exceeds the pack is an error of
    /// [`append_to`](Self::append_to).
    #[must_use]
    pub fn records(mut self, records: Range<u32>) -> Self {
        self.records = records;
        self
    }

    /// Decodes no records. Two things are still checked: that no record needs a dictionary
    /// that the new pack lacks, and the checksum of each record. It covers the lengths of the
    /// items, or with [record checksums](crate::WriterOptions::record_checksum) the whole
    /// record.
    ///
    /// Default: every record is decoded and checked, and the content hash too if all
    /// records are copied.
    ///
    /// Records are decoded and checked in any case if the new pack computes a content
    /// hash, which needs their digests (see
    /// [`keep_content_hash`](Self::keep_content_hash)), or if the reader has a trusted
    /// hash.
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        self.checked = false;
        self
    }

    /// Writes the content hash that the old pack states, instead of computing it again. The
    /// new pack must consist of exactly the items of the old one: all records are copied
    /// into an empty writer, nothing else can be appended, and no digest list is written.
    ///
    /// With [`unchecked`](Self::unchecked), nothing is decoded. Damaged items are then copied,
    /// with a hash that they do not match: [`Reader::verify`] finds them in the new pack as
    /// in the old one.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use sealpack::{Reader, RecordCopy, Writer};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let (old, new) = (folder.path().join("old.pack"), folder.path().join("new.pack"));
    /// # let mut writer = Writer::options().create(&old)?;
    /// # writer.append(b"an item")?;
    /// # writer.finish()?;
    /// let reader = Reader::open(&old)?;
    /// let mut writer = Writer::options().create(&new)?;
    /// let copy = RecordCopy::new(&reader).unchecked().keep_content_hash();
    /// copy.append_to(&mut writer, |_bytes| ControlFlow::<()>::Continue(()))?;
    /// writer.finish()?;
    /// assert_eq!(std::fs::read(&new)?, std::fs::read(&old)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn keep_content_hash(mut self) -> Self {
        self.keeps_hash = true;
        self
    }

    /// Returns whether the writer's pack stores records in the same form. False for
    /// a codec other than zstd and none, because its settings are unknown.
    ///
    /// # Errors
    /// Any error of reading the first record, which may be needed to detect the
    /// codec.
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
            dictionary: self.dictionary_of(chosen)?,
        };
        let is_known = matches!(form.codec, Some(KnownCodec::Zstd | KnownCodec::None));
        let hashes_items = !matches!(writer.packer().hashing(), Hashing::Extracted(_));
        Ok(is_known && hashes_items && form == *writer.packer().form())
    }

    /// Returns the dictionary that the records of the reader's pack may need.
    fn dictionary_of(&self, chosen: Option<ChosenCodec>) -> Result<Option<Dictionary>, Error> {
        match chosen.and_then(|chosen| chosen.codec) {
            Some(KnownCodec::Zstd) => self.reader.dictionary(),
            _ => Ok(None),
        }
    }

    /// Appends the records to a pack that is being written. `progress` is called with
    /// the stored bytes of every run of records, and may stop the copying.
    ///
    /// # Errors
    /// [`OptionsError::RecordForm`] unless the records [fit](Self::fits); the error
    /// of the first damaged record; [`Fault::ContentHash`] if the stored one differs;
    /// [`OptionsError::KeptContentHash`] if a content hash cannot be kept, or was kept
    /// before;
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
        if self.keeps_hash || writer.packer().keeps_hash() {
            let kept = trailer.content_hash.filter(|_| is_whole && self.keeps_hash);
            let Some(content_hash) = kept else {
                return Err(writer.error(ErrorKind::Options(OptionsError::KeptContentHash)));
            };
            writer.keep_hash(KeptHash { content_hash, items: trailer.total_items })?;
        }
        let hashes = matches!(writer.packer().hashing(), Hashing::Items) && !self.keeps_hash;
        let checked = self.checked || hashes || self.reader.trusted().is_some();
        let check = if checked { StoredCheck::Content } else { StoredCheck::Checksum };
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
            // With an extract, the stored hash covers other bytes than `computed`.
            _ if self.reader.has_hash_extract() => Ok(ControlFlow::Continue(())),
            Some(stored) if checked && is_whole && stored != computed => {
                let fault = Fault::ContentHash { stored, computed };
                Err(self.reader.error(fault.in_section(Section::ContentHash).into()))
            }
            _ => Ok(ControlFlow::Continue(())),
        }
    }
}
