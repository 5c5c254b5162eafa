//! Arguments and output that are shared by all commands that read a pack.

use std::path::{Path, PathBuf};

use sealpack::core::format::known::{KnownCodec, known};
use sealpack::{ChosenCodec, DecidedBy, ReadCodec, Reader, ReaderOptions};
use serde::{Deserialize, Serialize};

use super::dictionary_args::load as load_dictionary;
use super::location::{PackLocation, PackSource};
use super::place::place;
use super::trust_args::TrustArgs;
use crate::outcome::Failure;
use crate::printable::{self, JsonPath, hex};
use crate::report;

/// The arguments of commands that read a pack.
#[derive(clap::Args, Debug)]
pub struct ReadArgs {
    /// The codec of the records; `auto` detects it
    #[arg(long, value_name = "CODEC", default_value = "auto")]
    codec: ReadCodecArg,
    /// Identify versions of a URL by size and date and ignore ETags: for a name
    /// that is served by several servers with different ETags
    #[arg(long)]
    no_etag: bool,
    /// The dictionary of a pack that does not store its own (see `sealpack dictionary`)
    #[arg(long, value_name = "FILE")]
    dictionary: Option<PathBuf>,
    #[command(flatten)]
    trusting: TrustArgs,
}

/// The options that the result of a verification depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VerifyQuestion {
    /// `--codec`.
    pub codec: String,
    /// `--trust`, in hexadecimal.
    pub trust: Option<String>,
    /// The place of `--digests`.
    pub digests: Option<String>,
    /// The place of `--dictionary`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dictionary: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ReadCodecArg {
    /// By the format id if it is known, else by the magic of the first record
    Auto,
    /// Records are stored uncompressed
    None,
    /// Each record is a zstd frame
    Zstd,
}

impl ReadArgs {
    /// Opens a pack: a file, or the object of a URL.
    ///
    /// # Errors
    /// [`Failure::Pack`], [`Failure::Usage`] for a URL that names nothing.
    pub fn open(&self, path: &Path) -> Result<Reader, Failure> {
        let PackSource { source, name, options, .. } =
            self.location(path)?.open(self.options(path)?)?;
        Ok(options.open_source(source, name)?)
    }

    /// Returns whether versions are identified without ETags.
    pub fn ignores_e_tags(&self) -> bool {
        self.no_etag
    }

    /// Parses a path or a URL.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a URL that names nothing.
    pub fn location(&self, path: &Path) -> Result<PackLocation, Failure> {
        Ok(PackLocation::of(path)?.ignoring_e_tags(self.no_etag))
    }

    /// Returns the options of a reader of `pack`, with this codec and trusted hash.
    ///
    /// # Errors
    /// Those of [`TrustArgs::apply`].
    pub fn options(&self, pack: &Path) -> Result<ReaderOptions, Failure> {
        self.trusting.apply(self.untrusted_options()?, pack, self.no_etag)
    }

    /// Returns the options without the trusted hash, for a caller that reads the whole pack
    /// and compares the hash itself.
    ///
    /// # Errors
    /// Those of [`load_dictionary`].
    pub fn untrusted_options(&self) -> Result<ReaderOptions, Failure> {
        let codec = match self.codec {
            ReadCodecArg::Auto => ReadCodec::AutoOrPlain,
            ReadCodecArg::None => ReadCodec::Plain,
            ReadCodecArg::Zstd => ReadCodec::Zstd,
        };
        let options = Reader::options().codec(codec);
        Ok(match &self.dictionary {
            Some(path) => options.dictionary(load_dictionary(path)?),
            None => options,
        })
    }

    /// Returns the options that the result of a verification depends on.
    ///
    /// # Errors
    /// Those of [`place()`].
    pub fn question(&self) -> Result<VerifyQuestion, Failure> {
        // All fields are listed, so that a new field is considered here. `no_etag` is not
        // needed, because it changes the version of a pack.
        let Self { codec, no_etag: _, dictionary, trusting } = self;
        let codec = match codec {
            ReadCodecArg::Auto => "auto",
            ReadCodecArg::None => "none",
            ReadCodecArg::Zstd => "zstd",
        };
        let TrustArgs { trust, digests } = trusting;
        Ok(VerifyQuestion {
            codec: codec.into(),
            trust: trust.as_ref().map(|hash| hex(hash)),
            digests: digests.as_deref().map(place).transpose()?,
            dictionary: dictionary.as_deref().map(place).transpose()?,
        })
    }

    /// Returns the arguments of `--trust`.
    pub fn trusting(&self) -> &TrustArgs {
        &self.trusting
    }

    /// Opens a pack and detects its codec. Unless `quiet`, prints a note if the
    /// first record decided.
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn open_with_codec(
        &self,
        path: &Path,
        quiet: bool,
    ) -> Result<(Reader, Option<ChosenCodec>), Failure> {
        self.detect_codec(self.open(path)?, quiet)
    }

    /// As [`open_with_codec`](Self::open_with_codec) for a pack that is open.
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn detect_codec(
        &self,
        reader: Reader,
        quiet: bool,
    ) -> Result<(Reader, Option<ChosenCodec>), Failure> {
        let chosen = self.chosen_codec(&reader, quiet)?;
        Ok((reader, chosen))
    }

    /// Detects the codec of a pack that is open. Unless `quiet`, prints a note if the
    /// first record decided.
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn chosen_codec(
        &self,
        reader: &Reader,
        quiet: bool,
    ) -> Result<Option<ChosenCodec>, Failure> {
        let chosen = reader.codec()?;
        if let (Some(chosen), false) = (chosen, quiet) {
            note_codec(reader, chosen);
        }
        Ok(chosen)
    }
}

/// Prints a note with the reason if the first record decided the codec.
fn note_codec(reader: &Reader, chosen: ChosenCodec) {
    if chosen.decided_by != DecidedBy::FirstRecord {
        return;
    }
    let path = printable::path(reader.path());
    let format_id = reader.trailer().format_id;
    let observation = match chosen.codec {
        Some(KnownCodec::Zstd) => "is a zstd frame",
        _ => "is not a zstd frame",
    };
    let contradiction = match known(format_id) {
        Some(known) => format!("although format id {format_id} means {}", known.codec.name()),
        None => format!("and format id {format_id:#x} is unknown"),
    };
    let codec = codec_name(chosen).unwrap_or("none");
    report::note(&format_args!(
        "{path}: read as --codec {codec}: the first record {observation}, {contradiction}"
    ));
}

/// The pack and its codec: the first keys of every JSON object.
#[derive(Serialize)]
pub struct PackHeading {
    #[serde(flatten)]
    path: JsonPath,
    codec: Option<&'static str>,
    codec_decided_by: Option<&'static str>,
}

impl PackHeading {
    /// Creates the heading of a pack at `path`, with the codec of its records; `None` if every
    /// record is empty.
    pub fn new(path: &Path, chosen: Option<ChosenCodec>) -> Self {
        Self {
            path: JsonPath::new(path),
            codec: chosen.and_then(codec_name),
            codec_decided_by: chosen.map(|chosen| chosen.decided_by.name()),
        }
    }

    /// Returns the codec and what decided it, in words.
    pub fn codec(&self) -> String {
        let Some(codec) = self.codec else { return "unknown: every record is empty".into() };
        match self.codec_decided_by {
            Some("first_record") => format!("{codec}, by the magic of the first record"),
            Some("caller") => format!("{codec}, by --codec"),
            _ => format!("{codec}, by the format id"),
        }
    }
}

/// Returns the name of a codec.
pub fn codec_name(chosen: ChosenCodec) -> Option<&'static str> {
    chosen.codec.map(KnownCodec::name)
}
