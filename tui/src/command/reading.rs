//! What every command has that reads a pack.

use std::path::Path;

use sealpack::core::format::known::{KnownCodec, known};
use sealpack::{ChosenCodec, DecidedBy, ReadCodec, Reader, ReaderOptions};
use serde::{Deserialize, Serialize};

use super::location::{Location, Opened};
use super::place::place;
use super::trusting::Trusting;
use crate::items::write::hex;
use crate::outcome::Failure;
use crate::printable::{self, JsonPath};
use crate::report;

/// How the records of a pack are decoded.
#[derive(clap::Args, Debug)]
pub struct Reading {
    /// How records are decoded: as the format id says and the records do not
    /// contradict, or as told
    #[arg(long, value_name = "CODEC", default_value = "auto")]
    codec: CodecArgument,
    /// Identify the version of what a URL names by size and date, and not by its
    /// ETag: for servers behind one name that each have ETags of their own
    #[arg(long)]
    no_etag: bool,
    #[command(flatten)]
    trusting: Trusting,
}

/// Everything in the arguments that the verdict about a pack depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Question {
    /// `--codec`.
    pub codec: String,
    /// `--trust`, in hexadecimal.
    pub trust: Option<String>,
    /// The place of `--digests`.
    pub digests: Option<String>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum CodecArgument {
    /// The format id where it is known, else the first record's magic
    Auto,
    /// Stored as they are
    None,
    /// A zstd frame each
    Zstd,
}

impl Reading {
    /// Opens a pack: a file, or what a URL names.
    ///
    /// # Errors
    /// [`Failure::Pack`], [`Failure::Usage`] for a URL that names nothing.
    pub fn open(&self, path: &Path) -> Result<Reader, Failure> {
        let Opened { source, name, options, .. } =
            self.location(path)?.open(self.options(path)?)?;
        Ok(options.open_source(source, name)?)
    }

    /// Whether versions are identified without ETags.
    pub fn ignores_e_tags(&self) -> bool {
        self.no_etag
    }

    /// What `path` names.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a URL that names nothing.
    pub fn location(&self, path: &Path) -> Result<Location, Failure> {
        Ok(Location::of(path)?.ignoring_e_tags(self.no_etag))
    }

    /// The options of a reader of `pack` that decodes as told, and holds it to
    /// what is trusted.
    ///
    /// # Errors
    /// Those of [`Trusting::apply`].
    pub fn options(&self, pack: &Path) -> Result<ReaderOptions, Failure> {
        self.trusting.apply(self.untrusted_options(), pack, self.no_etag)
    }

    /// The same, trusting what is there: for a caller that reads all of it and
    /// compares the hash.
    pub fn untrusted_options(&self) -> ReaderOptions {
        let codec = match self.codec {
            CodecArgument::Auto => ReadCodec::AutoOrPlain,
            CodecArgument::None => ReadCodec::Plain,
            CodecArgument::Zstd => ReadCodec::Zstd,
        };
        Reader::options().codec(codec)
    }

    /// What these arguments ask of a pack.
    ///
    /// # Errors
    /// Those of [`place()`].
    pub fn question(&self) -> Result<Question, Failure> {
        // Every field by name: a new one has to be in the question, too, if the
        // verdict depends on it.
        // The version of a pack differs by itself without its ETag.
        let Self { codec, no_etag: _, trusting } = self;
        let codec = match codec {
            CodecArgument::Auto => "auto",
            CodecArgument::None => "none",
            CodecArgument::Zstd => "zstd",
        };
        let Trusting { trust, digests } = trusting;
        Ok(Question {
            codec: codec.into(),
            trust: trust.as_ref().map(|hash| hex(hash)),
            digests: digests.as_deref().map(place).transpose()?,
        })
    }

    /// What is trusted.
    pub fn trusting(&self) -> &Trusting {
        &self.trusting
    }

    /// Opens a pack and tells, unless `quiet`, where its format id did not
    /// decide how it is decoded.
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn open_and_tell(
        &self,
        path: &Path,
        quiet: bool,
    ) -> Result<(Reader, Option<ChosenCodec>), Failure> {
        self.tell_of(self.open(path)?, quiet)
    }

    /// As [`open_and_tell`](Self::open_and_tell), of a pack that is open.
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn tell_of(
        &self,
        reader: Reader,
        quiet: bool,
    ) -> Result<(Reader, Option<ChosenCodec>), Failure> {
        let chosen = reader.codec()?;
        if let (Some(chosen), false) = (chosen, quiet) {
            tell(&reader, chosen);
        }
        Ok((reader, chosen))
    }
}

/// Says that the first record decided, and why it had to.
fn tell(reader: &Reader, chosen: ChosenCodec) {
    if chosen.decided_by != DecidedBy::FirstRecord {
        return;
    }
    let path = printable::path(reader.path());
    let format_id = reader.trailer().format_id;
    let looks = match chosen.codec {
        Some(KnownCodec::Zstd) => "is a zstd frame",
        _ => "is no zstd frame",
    };
    let says = match known(format_id) {
        Some(known) => format!("although format id {format_id} stands for {}", known.codec.name()),
        None => format!("and format id {format_id:#x} is not known"),
    };
    let codec = codec_name(chosen).unwrap_or("none");
    report::note(&format_args!(
        "{path}: read as --codec {codec}: the first record {looks}, {says}"
    ));
}

/// What JSON says of the pack that was read, before anything else.
#[derive(Serialize)]
pub struct About {
    #[serde(flatten)]
    path: JsonPath,
    codec: Option<&'static str>,
    codec_decided_by: Option<&'static str>,
}

impl About {
    /// A pack at `path`, with the codec of its records; `None` where every
    /// record is empty.
    pub fn new(path: &Path, chosen: Option<ChosenCodec>) -> Self {
        Self {
            path: JsonPath::new(path),
            codec: chosen.and_then(codec_name),
            codec_decided_by: chosen.map(|chosen| chosen.decided_by.name()),
        }
    }

    /// The codec and what decided it, in words.
    pub fn codec(&self) -> String {
        let Some(codec) = self.codec else { return "unknown: every record is empty".into() };
        match self.codec_decided_by {
            Some("first_record") => format!("{codec}, as the first record's magic says"),
            Some("caller") => format!("{codec}, as told"),
            _ => format!("{codec}, as the format id says"),
        }
    }
}

/// The name of a codec.
pub fn codec_name(chosen: ChosenCodec) -> Option<&'static str> {
    chosen.codec.map(KnownCodec::name)
}
