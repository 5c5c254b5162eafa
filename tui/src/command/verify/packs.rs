//! Finds the packs to verify: those given as arguments, and those below a folder or a
//! prefix.

use std::path::{Path, PathBuf};
use std::{fs, io};

use sealpack::{PackSet, ReaderOptions};
use serde::Serialize;
use walkdir::WalkDir;

use crate::command::location::{self, PackLocation, PackSource};
use crate::command::pack_sequence::open_set;
#[cfg(feature = "remote")]
use crate::command::place::of_object;
use crate::command::place::place;
use crate::command::read_args::ReadArgs;
use crate::outcome::{Failure, Input};
use crate::printable;
use crate::report;
#[cfg(feature = "remote")]
use crate::stores::{self, ETags, NotAStore, StoreListing, StoreUrl};

/// The ending of pack names.
const ENDING: &[u8] = b".pack";

/// A pack to be verified.
pub struct PackToVerify {
    /// The path or URL to print.
    pub path: PathBuf,
    /// Text that identifies the place of the pack, see [`place()`].
    pub place: String,
    /// Text that identifies the version of the pack, if that is already known.
    pub version: Option<String>,
    found: PackOrigin,
}

enum PackOrigin {
    Named,
    /// A member of a set, by its number.
    Member(PackSet, usize),
    /// A folder that cannot be read.
    Unreadable(io::Error),
    #[cfg(feature = "remote")]
    Listed(Box<(sealpack::remote::Location, sealpack::remote::Version)>),
    /// An object whose key the store's client cannot express.
    #[cfg(feature = "remote")]
    Inexpressible,
}

/// The packs that arguments stand for.
#[derive(Default)]
pub struct Packs {
    /// In the order of the arguments, and sorted by name below each folder or prefix.
    pub packs: Vec<PackToVerify>,
    /// Whether a folder or a prefix was among the arguments.
    pub walked: bool,
    /// Counts of what is not verified.
    pub left_out: OmittedCounts,
}

/// Counts of the entries below folders and prefixes that are not verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OmittedCounts {
    /// Files and objects whose names do not end in `.pack`.
    #[serde(rename = "left_out")]
    pub names: u64,
    /// Symbolic links to folders.
    #[serde(rename = "folder_links_left_out")]
    pub folder_links: u64,
    /// Pipes, sockets and devices whose names end in `.pack`.
    #[serde(rename = "special_files_left_out")]
    pub special_files: u64,
}

/// The options of the search.
#[derive(Clone, Copy, Debug)]
pub struct SearchOptions<'a> {
    /// Whether all files below a folder or prefix are packs, whatever their names.
    pub all: bool,
    /// The state file, which is not verified.
    pub state: Option<&'a Path>,
}

impl Packs {
    /// Finds the packs. With a state file, one more request per URL gets the version.
    ///
    /// # Errors
    /// [`Failure::Pack`] for a prefix that cannot be listed, [`Failure::Usage`]
    /// if nothing is found. A folder that cannot be read becomes one of the packs, so that
    /// it is reported.
    pub fn find(
        arguments: &[PathBuf],
        reading: &ReadArgs,
        search: SearchOptions<'_>,
    ) -> Result<Self, Failure> {
        let mut packs = Self::default();
        for argument in arguments {
            let (before, left_out) = (packs.packs.len(), packs.left_out);
            if let Some(set) = open_set(reading, argument)? {
                packs.add_members(&set)?;
                continue;
            }
            match reading.location(argument)? {
                PackLocation::File(path) if path.is_dir() => packs.walk(&path, search)?,
                PackLocation::File(path) if search.is_state(&path) => {
                    let path = printable::path(argument);
                    report::note(&format_args!("{path} is the state file and is not verified"));
                    continue;
                }
                #[cfg(feature = "remote")]
                PackLocation::Store(url, e_tags) if url.is_prefix() => {
                    packs.list(&url, e_tags, search.all)?;
                }
                #[cfg(feature = "remote")]
                PackLocation::Store(url, e_tags) if search.state.is_some() => {
                    packs.packs.push(PackToVerify::with_version(argument, &url, e_tags)?);
                }
                _ => packs.packs.push(PackToVerify::named(argument)?),
            }
            if packs.packs.len() == before {
                let links = packs.left_out.folder_links > left_out.folder_links;
                return Err(nothing_in(argument, search.all, links));
            }
        }
        Ok(packs)
    }

    /// Adds the members of a set.
    fn add_members(&mut self, set: &PackSet) -> Result<(), Failure> {
        self.walked = true;
        for number in 0..set.members().len() {
            self.packs.push(PackToVerify::member(set, number)?);
        }
        Ok(())
    }

    fn walk(&mut self, folder: &Path, search: SearchOptions<'_>) -> Result<(), Failure> {
        self.walked = true;
        for entry in WalkDir::new(folder).follow_root_links(true).sort_by_file_name() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.packs.push(PackToVerify::unreadable(folder, error)?);
                    continue;
                }
            };
            let (path, file_type) = (entry.path(), entry.file_type());
            if entry.depth() == 0 || file_type.is_dir() {
                continue;
            }
            // The target of a link. A dangling link is reported as unreadable.
            let target = file_type.is_symlink().then(|| fs::metadata(path).ok()).flatten();
            let target = target.map_or(file_type, |target| target.file_type());
            if target.is_dir() {
                self.left_out.folder_links += 1;
            } else if !search.all && !path.as_os_str().as_encoded_bytes().ends_with(ENDING) {
                self.left_out.names += 1;
            } else if !target.is_file() && !target.is_symlink() {
                self.left_out.special_files += 1;
            } else if !search.is_state(path) {
                self.packs.push(PackToVerify::named(path)?);
            }
        }
        Ok(())
    }

    #[cfg(feature = "remote")]
    fn list(&mut self, url: &StoreUrl, e_tags: ETags, all: bool) -> Result<(), Failure> {
        self.walked = true;
        let StoreListing { objects, inexpressible } = stores::list(url, e_tags)?;
        for name in inexpressible {
            match all || name.as_bytes().ends_with(ENDING) {
                true => self.packs.push(PackToVerify::inexpressible(name)),
                false => self.left_out.names += 1,
            }
        }
        for (location, version) in objects {
            if !all && !location.path().as_ref().as_bytes().ends_with(ENDING) {
                self.left_out.names += 1;
                continue;
            }
            self.packs.push(PackToVerify::listed(url, location, version));
        }
        Ok(())
    }
}

fn nothing_in(argument: &Path, all: bool, has_folder_links: bool) -> Failure {
    let nothing = match all {
        true => "there are no files here",
        false => "nothing here ends in .pack; --all verifies everything",
    };
    let links = match has_folder_links {
        true => "; symbolic links to folders are not followed",
        false => "",
    };
    Failure::usage(format!("{}: {nothing}{links}", printable::path(argument)))
}

impl SearchOptions<'_> {
    fn is_state(&self, path: &Path) -> bool {
        self.state.is_some_and(|state| fs::canonicalize(path).is_ok_and(|path| path == state))
    }
}

impl PackToVerify {
    fn named(path: &Path) -> Result<Self, Failure> {
        // The version of an object is known once it is opened.
        let version = fs::metadata(path).ok().as_ref().and_then(location::version);
        let (path, place) = (path.to_path_buf(), place(path)?);
        Ok(Self { path, place, version, found: PackOrigin::Named })
    }

    fn member(set: &PackSet, number: usize) -> Result<Self, Failure> {
        let path = set.members().get(number).map(|pack| pack.path.clone()).unwrap_or_default();
        let identity = set.members().get(number).map(|pack| pack.identity);
        let named = Self::named(&path)?;
        let found = PackOrigin::Member(set.clone(), number);
        // A result holds for what the set lists.
        let listed = identity
            .map(|it| printable::hex(&it.digest_root.or(it.content_hash).unwrap_or_default()));
        let place = format!("{} listed as {}", named.place, listed.unwrap_or_default());
        Ok(Self { place, found, ..named })
    }

    /// Returns the set and the number of the member that the pack is.
    pub fn as_member(&self) -> Option<(&PackSet, usize)> {
        match &self.found {
            PackOrigin::Member(set, number) => Some((set, *number)),
            _ => None,
        }
    }

    fn unreadable(folder: &Path, error: walkdir::Error) -> Result<Self, Failure> {
        let path = error.path().unwrap_or(folder).to_path_buf();
        let error = error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into());
        let place = place(&path)?;
        Ok(Self { path, place, version: None, found: PackOrigin::Unreadable(error) })
    }

    /// Creates an object below a prefix whose key the client cannot express.
    #[cfg(feature = "remote")]
    fn inexpressible(name: String) -> Self {
        let (path, place) = (PathBuf::from(&name), name);
        Self { path, place, version: None, found: PackOrigin::Inexpressible }
    }

    #[cfg(feature = "remote")]
    fn listed(
        url: &StoreUrl,
        location: sealpack::remote::Location,
        version: sealpack::remote::Version,
    ) -> Self {
        let (path, id) = (location.name().to_path_buf(), location::object_version(&version));
        let place = of_object(&location.to_string(), url);
        let found = PackOrigin::Listed(Box::new((location, version)));
        Self { path, place, version: id, found }
    }

    /// Creates a pack in a store with its version. If the store does not return one, opening
    /// the pack later reports the error.
    #[cfg(feature = "remote")]
    fn with_version(argument: &Path, url: &StoreUrl, e_tags: ETags) -> Result<Self, Failure> {
        let location = stores::location(url, e_tags)?;
        let object = location.clone();
        match stores::wait(async move { object.version().await })? {
            Ok(version) => {
                let place = place(argument)?;
                Ok(Self { place, ..Self::listed(url, location, version) })
            }
            Err(_) => Self::named(argument),
        }
    }

    /// Returns the version that was verified. For an object that is the `opened` one; for a
    /// file the one before the verification, if the file is still the same.
    pub fn unchanged_version(&self, opened: Option<String>) -> Option<String> {
        match PackLocation::of(&self.path) {
            Ok(PackLocation::File(path)) => {
                let now = fs::metadata(path).ok().as_ref().and_then(location::version);
                now.filter(|now| Some(now) == self.version.as_ref())
            }
            _ => opened,
        }
    }

    /// Opens the pack.
    ///
    /// # Errors
    /// [`Failure::Pack`], [`Failure::File`].
    pub fn open(&self, reading: &ReadArgs, options: ReaderOptions) -> Result<PackSource, Failure> {
        match &self.found {
            PackOrigin::Named | PackOrigin::Member(..) => {
                reading.location(&self.path)?.open(options)
            }
            PackOrigin::Unreadable(error) => Err(Failure::File {
                path: Input::Path(self.path.clone()),
                operation: "cannot read this folder",
                error: io::Error::new(error.kind(), error.to_string()),
            }),
            #[cfg(feature = "remote")]
            PackOrigin::Listed(listed) => {
                let (location, version) = listed.as_ref();
                location::open_store(location, Some(version.clone()), options)
            }
            #[cfg(feature = "remote")]
            PackOrigin::Inexpressible => {
                Err(Failure::Object { name: self.path.clone(), why: NotAStore::Key.to_string() })
            }
        }
    }
}
