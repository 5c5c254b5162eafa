//! Extensions in the app data: an envelope of sections around the caller's own
//! bytes (FORMAT.md, *Extensions*).
//!
//! ```text
//! | magic "SLPKEXT1" | kind u32 | length u32 | bytes | kind u32 | length u32 | bytes | …
//! ```
//!
//! App data that is not exactly such an envelope belongs to the caller, all of
//! it. So a pack without extensions is the same as before they existed.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;

use super::MAX_U32;
use crate::error::{Error, Fault, Limit, Section};
use crate::wire::cursor::ByteCursor;

/// The first bytes of an envelope.
pub const MAGIC: [u8; 8] = *b"SLPKEXT1";

/// Bytes before the content of a section: its kind and its length.
const SECTION_HEADER: usize = 8;

/// What a section of an envelope contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct ExtensionKind(pub u32);

impl ExtensionKind {
    /// The caller's own app data.
    pub const CALLER: Self = Self(1);
    /// A zstd dictionary.
    pub const DICTIONARY: Self = Self(2);
    /// The names of the items ([`names`](crate::names)).
    pub const NAMES: Self = Self(3);

    /// Whether a reader that does not know this kind may ignore it: bit 31 is set.
    #[must_use]
    pub fn may_be_ignored(self) -> bool {
        self.0 >> 31 == 1
    }

    /// What this kind is called; `None` for a kind that this crate does not know.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::CALLER => Some("app data"),
            Self::DICTIONARY => Some("dictionary"),
            Self::NAMES => Some("names"),
            _ => None,
        }
    }
}

impl fmt::Display for ExtensionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#x}", self.0),
        }
    }
}

/// One section of an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionSection {
    /// What it contains.
    pub kind: ExtensionKind,
    /// Its content.
    pub bytes: Bytes,
}

/// The app data of a pack, divided into the caller's part and the extensions.
///
/// ```
/// use sealpack_core::format::extensions::{AppData, AppDataParts, ExtensionKind};
///
/// let parts = AppDataParts { caller: "since 1970".into(), names: Some("…".into()), ..Default::default() };
/// let app_data = AppData::parse(parts.encode()?);
/// assert_eq!(app_data.caller(), &b"since 1970"[..]);
/// assert_eq!(app_data.section(ExtensionKind::NAMES).unwrap(), "…");
///
/// // Without extensions, app data is what the caller gave.
/// let parts = AppDataParts { caller: "since 1970".into(), ..Default::default() };
/// assert_eq!(parts.encode()?, "since 1970");
/// # Ok::<(), sealpack_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppData {
    raw: Bytes,
    caller: Bytes,
    is_envelope: bool,
    refused: Option<ExtensionKind>,
}

impl AppData {
    /// Divides the app data of a pack. Nothing is copied or decoded, and any bytes
    /// are accepted: what is not exactly an envelope is the caller's own.
    #[must_use]
    pub fn parse(raw: Bytes) -> Self {
        let (mut caller, mut refused) = (Bytes::new(), None);
        let is_envelope = is_envelope(&raw);
        if !is_envelope {
            caller = raw.clone();
        }
        for section in sections(&raw, is_envelope) {
            match section.kind {
                ExtensionKind::CALLER => caller = section.bytes,
                kind if kind.name().is_none() && !kind.may_be_ignored() => {
                    refused = refused.or(Some(kind));
                }
                _ => {}
            }
        }
        Self { raw, caller, is_envelope, refused }
    }

    /// All bytes of the app data, as they are in the file. The trailer's CRC and the
    /// root of a digest list cover these.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The caller's part, empty if the caller gave none.
    #[must_use]
    pub fn caller(&self) -> &Bytes {
        &self.caller
    }

    /// The sections of the envelope, in their order; none if the app data is the
    /// caller's own.
    pub fn sections(&self) -> impl Iterator<Item = ExtensionSection> + '_ {
        sections(&self.raw, self.is_envelope)
    }

    /// The content of the section of this kind, if there is one.
    #[must_use]
    pub fn section(&self, kind: ExtensionKind) -> Option<Bytes> {
        self.sections().find(|section| section.kind == kind).map(|section| section.bytes)
    }

    /// The first kind that this crate does not know and must not ignore, if there is
    /// one. It refuses to read the items of such a pack.
    #[must_use]
    pub fn refused(&self) -> Option<ExtensionKind> {
        self.refused
    }
}

/// Whether `raw` is the magic, followed by sections of ascending kinds that end
/// exactly where it ends.
fn is_envelope(raw: &Bytes) -> bool {
    let Some(body) = raw.strip_prefix(&MAGIC) else { return false };
    let (mut rest, mut last) = (body, None);
    while !rest.is_empty() {
        let Ok((kind, length)) = section_header(rest) else { return false };
        if last.is_some_and(|last| last >= kind) {
            return false;
        }
        last = Some(kind);
        let end = usize::try_from(length).ok().and_then(|it| it.checked_add(SECTION_HEADER));
        let Some(after) = end.and_then(|end| rest.get(end..)) else { return false };
        rest = after;
    }
    true
}

fn section_header(bytes: &[u8]) -> Result<(ExtensionKind, u32), Fault> {
    let mut cursor = ByteCursor::new(bytes);
    Ok((ExtensionKind(cursor.u32()?), cursor.u32()?))
}

/// The sections of `raw`, which [`is_envelope`] has checked.
fn sections(raw: &Bytes, is_envelope: bool) -> impl Iterator<Item = ExtensionSection> + use<> {
    let raw = raw.clone();
    let mut at = if is_envelope { MAGIC.len() } else { raw.len() };
    core::iter::from_fn(move || {
        let (kind, length) = section_header(raw.get(at..)?).ok()?;
        let start = at.checked_add(SECTION_HEADER)?;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        at = end;
        (end <= raw.len()).then(|| ExtensionSection { kind, bytes: raw.slice(start..end) })
    })
}

/// The parts that a writer stores in the app data.
#[derive(Clone, Debug, Default)]
pub struct AppDataParts {
    /// The caller's own app data.
    pub caller: Bytes,
    /// A zstd dictionary, as zstd writes it.
    pub dictionary: Option<Bytes>,
    /// The names of the items, made by
    /// [`NamesBuilder`](crate::names::NamesBuilder).
    pub names: Option<Bytes>,
}

impl AppDataParts {
    /// The app data of the pack: the caller's bytes as they are, unless there are
    /// extensions or those bytes begin like an envelope.
    ///
    /// # Errors
    /// [`Limit::AppData`] above 2^32-1 bytes.
    pub fn encode(self) -> Result<Bytes, Error> {
        let has_extensions = self.dictionary.is_some() || self.names.is_some();
        if !has_extensions && !self.caller.starts_with(&MAGIC) {
            return Ok(self.caller);
        }
        let caller = Some(self.caller).filter(|caller| !caller.is_empty());
        let sections = [
            (ExtensionKind::CALLER, caller),
            (ExtensionKind::DICTIONARY, self.dictionary),
            (ExtensionKind::NAMES, self.names),
        ];
        let sizes = sections.iter().filter_map(|(_, bytes)| bytes.as_ref());
        let sizes = sizes.map(|bytes| (SECTION_HEADER as u64).saturating_add(bytes.len() as u64));
        let length = sizes.fold(MAGIC.len() as u64, u64::saturating_add);
        let too_long = || Error::Limit(Limit::AppData { length });
        let capacity = u32::try_from(length).map_err(|_| too_long())?;
        let capacity = usize::try_from(capacity).map_err(|_| too_long())?;
        let mut envelope = Vec::with_capacity(capacity);
        envelope.extend_from_slice(&MAGIC);
        for (kind, bytes) in sections {
            let Some(bytes) = bytes else { continue };
            let size = u32::try_from(bytes.len()).unwrap_or(MAX_U32);
            envelope.extend_from_slice(&kind.0.to_le_bytes());
            envelope.extend_from_slice(&size.to_le_bytes());
            envelope.extend_from_slice(&bytes);
        }
        Ok(envelope.into())
    }
}

/// The error for items of a pack with an unknown extension that must not be ignored.
pub(crate) fn unknown(kind: ExtensionKind) -> Error {
    Fault::Extension { kind: kind.0 }.in_section(Section::AppData)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn envelope(sections: &[(u32, &[u8])]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for (kind, content) in sections {
            bytes.extend_from_slice(&kind.to_le_bytes());
            bytes.extend_from_slice(&u32::try_from(content.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(content);
        }
        bytes
    }

    fn parse(bytes: &[u8]) -> AppData {
        AppData::parse(Bytes::copy_from_slice(bytes))
    }

    #[test]
    fn app_data_without_extensions_stays_as_it_is() {
        for bytes in [&b""[..], b"SLPKEXT", b"SLPKEXT2....", b"anything"] {
            let parsed = parse(bytes);
            assert_eq!((parsed.caller(), parsed.sections().count()), (parsed.raw(), 0));
            let caller = Bytes::copy_from_slice(bytes);
            let written = AppDataParts { caller, ..AppDataParts::default() };
            assert_eq!(written.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn caller_data_that_begins_like_an_envelope_is_wrapped_and_comes_back() {
        let nested = envelope(&[(1, b"inner"), (3, b"no names")]);
        for caller in [&MAGIC[..], b"SLPKEXT1 but not an envelope", &nested] {
            let caller = Bytes::copy_from_slice(caller);
            let written = AppDataParts { caller: caller.clone(), ..AppDataParts::default() };
            let raw = written.encode().unwrap();
            assert_ne!(raw, caller);
            let parsed = AppData::parse(raw);
            assert_eq!(parsed.caller(), &caller);
            assert_eq!(parsed.section(ExtensionKind::NAMES), None);
        }
    }

    #[test]
    fn only_an_exact_sequence_of_sections_is_an_envelope() {
        let sound = envelope(&[(1, b"mine"), (3, b"names"), (1 << 31, b"")]);
        assert_eq!(parse(&sound).caller(), &b"mine"[..]);
        for length in MAGIC.len() + 1..sound.len() {
            let cut = &sound[..length];
            // A cut between two sections leaves an envelope of fewer sections.
            let whole = [8 + 12, 8 + 12 + 13].contains(&length);
            assert_eq!(parse(cut).caller() != cut, whole, "{length} bytes");
        }
        let mut huge = envelope(&[(1, b"mine")]);
        huge[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        for broken in [
            envelope(&[(3, b"names"), (1, b"mine")]),
            envelope(&[(1, b"mine"), (1, b"mine")]),
            [&sound[..], b"x"].concat(),
            huge,
        ] {
            let parsed = parse(&broken);
            assert_eq!(parsed.caller(), &broken);
            assert_eq!((parsed.refused(), parsed.sections().count()), (None, 0));
        }
    }

    #[test]
    fn unknown_kinds_are_refused_by_name_unless_bit_31_is_set() {
        for (kinds, refused) in [
            (vec![1, 2, 3], None),
            (vec![1, 1 << 31, u32::MAX], None),
            (vec![0], Some(0)),
            (vec![1, 4, 7, 1 << 31], Some(4)),
        ] {
            let sections: Vec<(u32, &[u8])> = kinds.iter().map(|&kind| (kind, &b"x"[..])).collect();
            let parsed = parse(&envelope(&sections));
            assert_eq!(parsed.refused().map(|kind| kind.0), refused, "{kinds:?}");
            assert_eq!(parsed.sections().count(), kinds.len());
        }
    }
}
