//! `Version`: one version of an object, and how versions are compared.

use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, ObjectMeta};

use super::error::{StoreError, StoreFault};

/// One version of an object: its size, and its ETag or date.
///
/// Made from an [`ObjectMeta`], for example of a listing, or from a size and an ETag that
/// the caller has stored. ETags are compared without quotes and weakness mark: some
/// stores quote them in headers but not in listings, and a proxy that marks one as weak
/// (`W/`) does not change the object.
///
/// ```
/// use sealpack::remote::Version;
///
/// let version = |e_tag: &str| Version::new(7, Some(e_tag.into()));
/// assert_eq!(version("0x8D1"), version("\"0x8D1\""));
/// assert_ne!(version("0x8D1"), version("0x8D2"));
/// ```
#[derive(Clone, Debug)]
pub struct Version {
    meta: ObjectMeta,
}

impl From<ObjectMeta> for Version {
    fn from(mut meta: ObjectMeta) -> Self {
        meta.e_tag = meta.e_tag.filter(|e_tag| !ETag::parse(e_tag).opaque.is_empty());
        Self { meta }
    }
}

/// Versions are equal when their sizes and their [`id`](Version::id)s are.
impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.size() == other.size() && self.id() == other.id()
    }
}

impl Eq for Version {}

/// An ETag as HTTP defines it (RFC 9110, 8.8.3), read leniently.
#[derive(Clone, Copy, Debug)]
struct ETag<'a> {
    is_weak: bool,
    /// Without its quotes.
    opaque: &'a str,
}

impl<'a> ETag<'a> {
    fn parse(text: &'a str) -> Self {
        let text = text.trim();
        let strong = text.strip_prefix("W/");
        let quoted = strong.unwrap_or(text);
        let opaque = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        Self { is_weak: strong.is_some(), opaque: opaque.unwrap_or(quoted) }
    }

    fn quoted(self) -> String {
        format!("\"{}\"", self.opaque)
    }
}

impl Version {
    /// Makes a version of this size, with the ETag that the store gave it. Without
    /// an ETag, a change is detected only by the size.
    #[must_use]
    pub fn new(size: u64, e_tag: Option<String>) -> Self {
        let (location, last_modified) = (ObjectPath::default(), Default::default());
        Self::from(ObjectMeta { location, last_modified, size, e_tag, version: None })
    }

    /// Returns the size of the object in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.meta.size
    }

    /// Returns the ETag as the store wrote it, if there is one.
    #[must_use]
    pub fn e_tag(&self) -> Option<&str> {
        self.meta.e_tag.as_deref()
    }

    /// Returns text that identifies this version among those of the same object: the ETag,
    /// or size and date. It is the same in every run.
    #[must_use]
    pub fn id(&self) -> String {
        let size = self.meta.size;
        match (self.parsed_e_tag(), self.last_modified()) {
            (Some(e_tag), _) => e_tag.quoted(),
            (None, Some(seconds)) => format!("{size} bytes of {seconds}"),
            (None, None) => format!("{size} bytes"),
        }
    }

    /// Normalizes the ETag of a version from a listing. `If-Match` needs the ETag as in
    /// headers, with quotes, which the listings of some stores lack.
    pub(super) fn with_quoted_e_tag(mut self) -> Self {
        self.meta.e_tag = self.parsed_e_tag().map(|e_tag| {
            let weak = if e_tag.is_weak { "W/" } else { "" };
            format!("{weak}{}", e_tag.quoted())
        });
        self
    }

    /// Returns the version without its ETag: only size and date identify it.
    pub(super) fn without_e_tag(mut self) -> Self {
        self.meta.e_tag = None;
        self
    }

    fn parsed_e_tag(&self) -> Option<ETag<'_>> {
        self.e_tag().map(ETag::parse)
    }

    /// Returns when the object was written, in whole seconds since 1970: listings
    /// have milliseconds, headers do not. `object_store` uses 1970 if a server
    /// gives no date.
    fn last_modified(&self) -> Option<i64> {
        Some(self.meta.last_modified.timestamp()).filter(|&seconds| seconds != 0)
    }

    fn is_in_whole_seconds(&self) -> bool {
        self.meta.last_modified.timestamp_subsec_nanos() == 0
    }

    /// Returns the conditions of a request for this version. There is none for a weak ETag,
    /// which never satisfies `If-Match` (RFC 9110, 13.1.1), or for a date with
    /// milliseconds, which is later than the same date in a header. Those are only
    /// compared with the response.
    pub(super) fn conditions(&self) -> GetOptions {
        let options = GetOptions::new();
        match self.parsed_e_tag() {
            Some(e_tag) if !e_tag.is_weak => options.with_if_match(self.meta.e_tag.clone()),
            None if self.meta.version.is_some() => options.with_version(self.meta.version.clone()),
            None if self.last_modified().is_some() && self.is_in_whole_seconds() => {
                options.with_if_unmodified_since(Some(self.meta.last_modified))
            }
            _ => options,
        }
    }

    /// Checks that a response is for this version: a server may ignore the conditions of a
    /// request.
    ///
    /// # Errors
    /// [`StoreFault::Changed`]; [`StoreFault::ETagChanged`] if only the ETag
    /// differs.
    pub(super) fn check(&self, found: &Self) -> Result<(), StoreError> {
        let same_date = self.has_date_of(found);
        let fault = match (self.parsed_e_tag(), found.parsed_e_tag()) {
            _ if self.size() != found.size() => StoreFault::Changed,
            (Some(expected), Some(found)) if expected.opaque == found.opaque => return Ok(()),
            (Some(_), Some(_)) if same_date == Some(true) => StoreFault::ETagChanged,
            (Some(_), Some(_)) => StoreFault::Changed,
            _ if same_date == Some(false) => StoreFault::Changed,
            _ => return Ok(()),
        };
        Err(StoreError::new(fault))
    }

    /// Returns whether both versions were written at the same time; `None` if a
    /// date is not known.
    fn has_date_of(&self, other: &Self) -> Option<bool> {
        let seconds = self.last_modified()? == other.last_modified()?;
        let either_is_whole = self.is_in_whole_seconds() || other.is_in_whole_seconds();
        Some(seconds && (either_is_whole || self.meta.last_modified == other.meta.last_modified))
    }
}
