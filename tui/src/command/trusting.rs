//! `--trust`: what a pack is held to.

use std::path::{Path, PathBuf};

use sealpack::core::format::digest::Hash;
use sealpack::{Reader, ReaderOptions, Trust, digest_list_path};

/// What a pack is held to.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Trust")]
pub struct Trusting {
    /// Hold every record to this hash, which you have from somebody you trust:
    /// the root that `sealpack digests` tells, or the content hash. Nothing is
    /// given out that does not have it
    #[arg(long, value_name = "HASH", value_parser = parse_hash)]
    trust: Option<Hash>,
    /// The pack's digest list, which nobody need trust [default: FILE.digests]
    #[arg(long, value_name = "LIST", requires = "trust")]
    digests: Option<PathBuf>,
}

impl Trusting {
    /// The options with what was asked for.
    pub fn apply(&self, options: ReaderOptions) -> ReaderOptions {
        let Some(hash) = self.trust else { return options };
        let trust = Trust::either(hash);
        options.trust(match &self.digests {
            Some(path) => trust.digests(path),
            None => trust,
        })
    }

    /// The hash, where there is no list to go with it: reading all of the pack
    /// does without one.
    pub fn without_list(&self, pack: &Path) -> Option<Hash> {
        let none = self.digests.is_none() && !digest_list_path(pack).exists();
        self.trust.filter(|_| none)
    }
}

/// What vouches for the items of a pack; `None` where nothing does.
pub fn trusted_by(reader: &Reader) -> Option<&'static str> {
    let root = reader.trusted()?.vouches_for_app_data();
    Some(if root { "root" } else { "content_hash" })
}

/// A SHA-256 in hexadecimal.
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
