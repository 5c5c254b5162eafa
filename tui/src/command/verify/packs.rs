//! Which packs are verified: those that are named, and those below a folder or
//! a prefix.

use std::fs;
use std::path::{Path, PathBuf};

use sealpack::ReaderOptions;
use walkdir::WalkDir;

use crate::command::location::{self, Location, Opened};
use crate::outcome::{Failure, Input};
use crate::printable;
#[cfg(feature = "remote")]
use crate::stores;

/// What a pack's name ends in.
const ENDING: &str = ".pack";

/// A pack to be verified.
pub struct Pack {
    /// What people call it.
    pub path: PathBuf,
    /// What tells its version from others, where that is known already.
    pub version: Option<String>,
    found: Found,
}

enum Found {
    Named,
    #[cfg(feature = "remote")]
    Listed(Box<(sealpack::remote::Location, sealpack::remote::Version)>),
}

/// The packs that arguments stand for.
#[derive(Default)]
pub struct Packs {
    /// In the order of the arguments, below each by name.
    pub packs: Vec<Pack>,
    /// Whether a folder or a prefix was among the arguments.
    pub walked: bool,
    /// Files and objects that were left out for their names.
    pub left_out: u64,
}

impl Packs {
    /// Looks for them. With `all` everything below a folder or a prefix is
    /// taken for a pack, whatever its name; `with_versions` asks a store for
    /// the version of what a URL names, with one request more.
    ///
    /// # Errors
    /// [`Failure::Input`], [`Failure::Pack`] for what cannot be listed,
    /// [`Failure::Usage`] where there is nothing.
    #[cfg_attr(
        not(feature = "remote"),
        allow(unused_variables, reason = "the versions of files are known")
    )]
    pub fn find(arguments: &[PathBuf], all: bool, with_versions: bool) -> Result<Self, Failure> {
        let mut packs = Self::default();
        for argument in arguments {
            let before = packs.packs.len();
            match Location::of(argument)? {
                Location::File(path) if path.is_dir() => packs.walk(&path, all)?,
                #[cfg(feature = "remote")]
                Location::Store(url) if url.is_prefix() => packs.list(&url, all)?,
                #[cfg(feature = "remote")]
                Location::Store(url) if with_versions => packs.packs.push(Pack::asked(&url)?),
                _ => packs.packs.push(Pack::named(argument)),
            }
            if packs.packs.len() == before {
                let none = format!(
                    "{}: nothing here ends in {ENDING}; --all verifies everything",
                    printable::path(argument)
                );
                return Err(Failure::usage(none));
            }
        }
        Ok(packs)
    }

    fn walk(&mut self, folder: &Path, all: bool) -> Result<(), Failure> {
        self.walked = true;
        let input = || Input::Path(folder.to_path_buf());
        for entry in WalkDir::new(folder).follow_root_links(true).sort_by_file_name() {
            let failed =
                |error: walkdir::Error| Failure::Input { input: input(), error: error.into() };
            let entry = entry.map_err(failed)?;
            if !entry.file_type().is_file() {
                continue;
            }
            match all || entry.path().as_os_str().as_encoded_bytes().ends_with(ENDING.as_bytes()) {
                true => self.packs.push(Pack::named(entry.path())),
                false => self.left_out += 1,
            }
        }
        Ok(())
    }

    #[cfg(feature = "remote")]
    fn list(&mut self, url: &stores::StoreUrl, all: bool) -> Result<(), Failure> {
        self.walked = true;
        for (location, version) in stores::list(url)? {
            if !all && !location.path().as_ref().ends_with(ENDING) {
                self.left_out += 1;
                continue;
            }
            let (path, id) = (location.name().to_path_buf(), version.id());
            let found = Found::Listed(Box::new((location, version)));
            self.packs.push(Pack { path, version: Some(id), found });
        }
        Ok(())
    }
}

impl Pack {
    fn named(path: &Path) -> Self {
        // Of a URL nothing is known before it is opened.
        let version = fs::metadata(path).ok().as_ref().and_then(location::version);
        Self { path: path.to_path_buf(), version, found: Found::Named }
    }

    /// A pack in a store, and its version. Where that cannot be found out,
    /// opening it says why.
    #[cfg(feature = "remote")]
    fn asked(url: &stores::StoreUrl) -> Result<Self, Failure> {
        let location = stores::location(url, stores::Purpose::Any)?;
        let path = location.name().to_path_buf();
        Ok(match stores::runtime()?.block_on(location.version()) {
            Ok(version) => {
                let id = Some(version.id());
                Self { path, version: id, found: Found::Listed(Box::new((location, version))) }
            }
            Err(_) => Self { path, version: None, found: Found::Named },
        })
    }

    /// Its bytes.
    ///
    /// # Errors
    /// [`Failure::Pack`].
    pub fn open(&self, options: ReaderOptions) -> Result<Opened, Failure> {
        match &self.found {
            Found::Named => Location::of(&self.path)?.open(options),
            #[cfg(feature = "remote")]
            Found::Listed(listed) => {
                let (location, version) = listed.as_ref();
                location::open_store(location, Some(version.clone()), options)
            }
        }
    }
}
