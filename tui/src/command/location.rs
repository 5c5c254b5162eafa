//! The location of a pack: a file, or the object of a URL.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealpack::{FileSource, ReadAt, ReaderOptions};

use crate::outcome::Failure;
#[cfg(feature = "remote")]
use crate::stores::{self, ETags, StoreUrl};

/// The location of a pack, as an argument names it.
#[derive(Clone, Debug)]
pub enum PackLocation {
    /// A file.
    File(PathBuf),
    /// An object in a store.
    #[cfg(feature = "remote")]
    Store(StoreUrl, ETags),
}

/// The source of a pack's bytes, which are not checked yet.
pub struct PackSource {
    /// The bytes.
    pub source: Arc<dyn ReadAt>,
    /// Text that identifies this version of the pack, if that is known.
    pub version: Option<String>,
    /// The name that errors begin with.
    pub name: PathBuf,
    /// Options for this kind of source.
    pub options: ReaderOptions,
}

/// Requests in flight for each pack.
#[cfg(feature = "remote")]
pub const REQUESTS: usize = 8;

impl PackLocation {
    /// Parses an argument: with `://` it is a URL. A file of such a name is written
    /// `./s3:/…`.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a URL that names nothing.
    pub fn of(path: &Path) -> Result<Self, Failure> {
        match path.to_str() {
            Some(text) if is_url(text) => Self::of_url(text),
            _ => Ok(Self::File(path.to_path_buf())),
        }
    }

    #[cfg(feature = "remote")]
    fn of_url(text: &str) -> Result<Self, Failure> {
        let refused = |error| Failure::usage(format!("{text}: {error}"));
        if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("file://")) {
            return stores::file(text).map(Self::File).map_err(refused);
        }
        let url = StoreUrl::parse(text).map_err(refused)?;
        Ok(Self::Store(url, ETags::default()))
    }

    #[cfg(not(feature = "remote"))]
    fn of_url(text: &str) -> Result<Self, Failure> {
        Err(Failure::usage(format!(
            "{text}: this sealpack was built without object stores (feature `remote`)"
        )))
    }

    /// Returns the same location; with `ignored`, ETags do not identify the version of an
    /// object.
    #[cfg_attr(not(feature = "remote"), allow(unused_variables, reason = "files have no ETags"))]
    #[must_use]
    pub fn ignoring_e_tags(self, ignored: bool) -> Self {
        match self {
            #[cfg(feature = "remote")]
            Self::Store(url, _) if ignored => Self::Store(url, ETags::Ignored),
            location => location,
        }
    }

    /// Returns whether it is a file.
    pub fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// Returns the path of a file; `None` for an object in a store.
    pub fn into_file(self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path),
            #[cfg(feature = "remote")]
            Self::Store(..) => None,
        }
    }

    /// Opens the source of a pack. Reads nothing of a file, but the end of an object, with
    /// one request.
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn open(&self, options: ReaderOptions) -> Result<PackSource, Failure> {
        match self {
            Self::File(path) => {
                let source = Arc::new(FileSource::open(path)?);
                let version = std::fs::metadata(path).ok().as_ref().and_then(version);
                Ok(PackSource { source, version, name: path.clone(), options })
            }
            #[cfg(feature = "remote")]
            Self::Store(url, e_tags) => open_store(&stores::location(url, *e_tags)?, None, options),
        }
    }
}

/// Returns text that identifies a version of a file: size, modification time, change time
/// (which differs after a restore), device and inode.
#[cfg(unix)]
pub fn version(file: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let written = format!("{}.{:09}", file.mtime(), file.mtime_nsec());
    let changed = format!("{}.{:09}", file.ctime(), file.ctime_nsec());
    let (size, device, inode) = (file.size(), file.dev(), file.ino());
    Some(format!("{size} bytes, mtime {written}, ctime {changed}, inode {device}:{inode}"))
}

/// Returns text that identifies a version of a file: size, modification time and creation
/// time.
#[cfg(not(unix))]
pub fn version(file: &Metadata) -> Option<String> {
    use std::time::{SystemTime, UNIX_EPOCH};
    let since_1970 = |time: SystemTime| match time.duration_since(UNIX_EPOCH) {
        Ok(since) => format!("{}.{:09}", since.as_secs(), since.subsec_nanos()),
        Err(before) => format!("-{:?}", before.duration()),
    };
    let (written, created) = (file.modified().ok()?, file.created().ok()?);
    let (size, written, created) = (file.len(), since_1970(written), since_1970(created));
    Some(format!("{size} bytes, written {written}, created {created}"))
}

/// Returns text that identifies a version of an object; `None` if the store returns neither
/// an ETag nor a date.
#[cfg(feature = "remote")]
pub fn object_version(version: &sealpack::remote::Version) -> Option<String> {
    let (id, size) = (version.id(), version.size());
    (id != format!("{size} bytes")).then(|| format!("{size} bytes, {id}"))
}

/// Opens a pack in a store: the listed version, or the current one.
///
/// # Errors
/// [`Failure::Pack`].
#[cfg(feature = "remote")]
pub fn open_store(
    location: &sealpack::remote::Location,
    listed: Option<sealpack::remote::Version>,
    options: ReaderOptions,
) -> Result<PackSource, Failure> {
    use sealpack::core::read::Merge;
    use sealpack::remote::StoreSource;

    let runtime = stores::runtime()?;
    let source = match listed {
        Some(version) => StoreSource::open_version(location, version, runtime)?,
        None => StoreSource::open(location, runtime)?,
    };
    let version = object_version(source.version());
    let options = options.threads(REQUESTS).merge(Merge { gap: 128 << 10, max_read: 4 << 20 });
    let name = location.name().to_path_buf();
    Ok(PackSource { source: Arc::new(source), version, name, options })
}

/// Returns whether a text begins like a URL: `scheme://`.
fn is_url(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_that_begins_with_a_scheme_is_a_url() {
        for text in ["s3://b/k", "https://host", "file:///a", "what+ever://x"] {
            assert!(is_url(text), "{text}");
        }
        for text in ["a.pack", "./s3://b/k", "C:\\a.pack", "://x", "a b://c", "s3:/b"] {
            assert!(!is_url(text), "{text}");
        }
    }
}
