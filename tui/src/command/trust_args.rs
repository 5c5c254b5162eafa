//! `--trust` and `--digests`: authentication of packs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealpack::core::format::digest::Hash;
use sealpack::{ReadAt, Reader, ReaderOptions, Trust, digest_list_path};

use super::location::{PackLocation, PackSource};
use crate::outcome::Failure;

/// The arguments that authenticate a pack.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Trust")]
pub struct TrustArgs {
    /// Check every record against this hash from a trusted source: the root that
    /// `sealpack digests` prints, or the content hash. Data that does not match is
    /// an error
    #[arg(long, value_name = "HASH", value_parser = parse_hash)]
    pub(super) trust: Option<Hash>,
    /// The pack's digest list, a file or a URL; it needs no trust [default: FILE.digests]
    #[arg(long, value_name = "LIST", requires = "trust")]
    pub(super) digests: Option<PathBuf>,
}

impl TrustArgs {
    /// Returns the digest list given by `--digests`.
    pub fn list(&self) -> Option<&Path> {
        self.digests.as_deref()
    }

    /// Returns the options of a reader of `pack` with these arguments.
    ///
    /// # Errors
    /// [`Failure::Usage`]; [`Failure::Pack`] for a list at a URL that cannot be read.
    pub fn apply(
        &self,
        options: ReaderOptions,
        pack: &Path,
        ignores_e_tags: bool,
    ) -> Result<ReaderOptions, Failure> {
        let Some(hash) = self.trust else { return Ok(options) };
        let trust = Trust::either(hash);
        let (list, name) = match List::of(pack, self.digests.as_deref())? {
            List::File(path) => return Ok(options.trust(trust.digests(path))),
            List::Store(location) => open(&location.ignoring_e_tags(ignores_e_tags))?,
        };
        Ok(options.trust(trust.digests_source(list, name)))
    }

    /// Returns the trusted hash if there is no digest list, which is not needed to check a
    /// whole pack.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub fn without_list(&self, pack: &Path) -> Result<Option<Hash>, Failure> {
        if self.trust.is_none() || self.digests.is_some() {
            return Ok(None);
        }
        let none = match List::of(pack, None)? {
            List::File(path) => !path.exists(),
            List::Store(location) => open(&location).is_err(),
        };
        Ok(self.trust.filter(|_| none))
    }
}

/// The place of a digest list.
pub enum List {
    /// A file.
    File(PathBuf),
    /// An object in a store.
    #[cfg_attr(not(feature = "remote"), allow(dead_code, reason = "only a URL makes one"))]
    Store(PackLocation),
}

impl List {
    /// Returns the list given by the user, or else the one next to the pack.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a URL that names nothing, and for a pack whose URL
    /// has a query: its signature is not valid for the list.
    pub fn of(pack: &Path, named: Option<&Path>) -> Result<Self, Failure> {
        let path = match named {
            Some(path) => path.to_path_buf(),
            None => digest_list_path(pack),
        };
        match PackLocation::of(&path)? {
            PackLocation::File(path) => Ok(Self::File(path)),
            #[cfg(feature = "remote")]
            PackLocation::Store(ref url, _) if named.is_none() && url.query().is_some() => {
                let advice = "for a URL with a query, name the list with --digests";
                Err(Failure::usage(format!("{url}: {advice}")))
            }
            #[cfg(feature = "remote")]
            store @ PackLocation::Store(..) => Ok(Self::Store(store)),
        }
    }
}

/// Opens a list in a store and returns its bytes and its name.
///
/// # Errors
/// [`Failure::Pack`].
pub fn open(list: &PackLocation) -> Result<(Arc<dyn ReadAt>, PathBuf), Failure> {
    let PackSource { source, name, .. } = list.open(Reader::options())?;
    Ok((source, name))
}

/// Returns what authenticates the items of a pack; `None` without a trusted hash.
pub fn trusted_by(reader: &Reader) -> Option<&'static str> {
    let root = reader.trusted()?.covers_app_data();
    Some(if root { "root" } else { "content_hash" })
}

/// Parses a SHA-256 in hexadecimal.
fn parse_hash(text: &str) -> Result<Hash, &'static str> {
    const NO_HASH: &str = "a SHA-256 is 64 hexadecimal digits";
    let digits = text.as_bytes();
    let mut hash = Hash::default();
    if digits.len() != 2 * hash.len() {
        return Err(NO_HASH);
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let [high, low] = pair else { return Err(NO_HASH) };
        *byte = digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low).ok_or(NO_HASH)?;
    }
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_sixty_four_digits_of_either_case() {
        let text = "00ff".repeat(16);
        assert_eq!(parse_hash(&text).unwrap()[..4], [0, 255, 0, 255]);
        assert_eq!(parse_hash(&text.to_uppercase()), parse_hash(&text));
        for wrong in [
            "",
            &text[1..],
            &text.replace('f', "g"),
            &"é".repeat(32),
            &("+".to_string() + &text[1..]),
        ] {
            assert!(parse_hash(wrong).is_err(), "{wrong}");
        }
    }
}
