//! Opens sets: from a manifest, from a list of packs, from a folder.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::identity::PackIdentity;
use super::manifest::SetManifest;
use super::member::SetMember;
use super::options::{MemberSource, PackSetOptions};
use super::pack_set::{MemberPack, PackSet};
use crate::error::{Error, ErrorKind, IoOperation, SetFault};
use crate::read::Reader;

impl PackSetOptions {
    /// Opens the set that a manifest lists; the members are in the folder of the manifest.
    /// Reads only the manifest.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], [`ErrorKind::NotAFile`], [`ErrorKind::Set`].
    pub fn open(self, manifest: impl AsRef<Path>) -> Result<PackSet, Error> {
        let path = manifest.as_ref();
        let manifest = SetManifest::open(path)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let at = |name: &str| name.split('/').fold(folder.clone(), |path, part| path.join(part));
        self.with_members(manifest, path, at, None)
    }

    /// Opens a set whose manifest is `manifest`, and whose members come from `source`.
    /// Errors about the manifest have `name` in place of the path. Reads nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Set`] if the root is not the trusted one.
    ///
    /// ```
    /// use std::io;
    /// use std::path::PathBuf;
    /// use std::sync::Arc;
    ///
    /// use sealpack::{MemberSource, PackIdentity, PackSet, ReadAt, SetManifest, SetMember};
    ///
    /// /// Every member is the same bytes.
    /// struct InMemory(Vec<u8>);
    ///
    /// impl MemberSource for InMemory {
    ///     fn path(&self, name: &str) -> PathBuf {
    ///         format!("memory/{name}").into()
    ///     }
    ///
    ///     fn open(&self, _: &str) -> io::Result<Arc<dyn ReadAt>> {
    ///         Ok(Arc::new(self.0.clone()))
    ///     }
    /// }
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("a.pack");
    /// # let mut writer = sealpack::Writer::options().create(&path)?;
    /// # writer.append(b"an item")?;
    /// # writer.finish()?;
    /// let identity = PackIdentity::of_file(&path)?;
    /// let manifest = SetManifest::new(vec![SetMember { name: "a".parse()?, identity }])?;
    /// let source = InMemory(std::fs::read(&path)?);
    /// let set = PackSet::options().open_source(manifest, source, "memory/set.json")?;
    /// assert_eq!(set.get(0)?, b"an item"[..]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_source(
        self,
        manifest: SetManifest,
        source: impl MemberSource + 'static,
        name: impl AsRef<Path>,
    ) -> Result<PackSet, Error> {
        let source = Arc::new(source);
        let at = |name: &str| source.path(name);
        let own = Some(Arc::clone(&source) as Arc<dyn MemberSource>);
        self.with_members(manifest, name.as_ref(), at, own)
    }

    fn with_members(
        self,
        manifest: SetManifest,
        name: &Path,
        at: impl Fn(&str) -> PathBuf,
        source: Option<Arc<dyn MemberSource>>,
    ) -> Result<PackSet, Error> {
        if let Some(trusted) = self.trusted
            && trusted != manifest.root()
        {
            let found = manifest.root();
            return Err(Error::of_set(name, SetFault::Untrusted { trusted, found }));
        }
        let member = |member: &SetMember| MemberPack {
            path: at(member.name.as_str()),
            identity: member.identity,
        };
        let members = manifest.members().iter().map(member).collect();
        Ok(PackSet::new(self, name, members, Some(manifest), source))
    }

    /// Opens the packs at these paths as one set, in this order. Every pack is opened
    /// once for its number of items; a pack that is replaced afterwards is an error.
    /// A [trusted root](Self::trust_root) needs a manifest, and is ignored.
    ///
    /// # Errors
    /// Those of opening a pack.
    pub fn open_packs<P: AsRef<Path>>(
        self,
        paths: impl IntoIterator<Item = P>,
    ) -> Result<PackSet, Error> {
        let mut members = Vec::new();
        for path in paths {
            let path = path.as_ref().to_path_buf();
            let reader = Reader::open(&path)?;
            members.push(MemberPack { path, identity: PackIdentity::stated_by(&reader) });
        }
        let name = members.first().map_or(PathBuf::new(), |member| member.path.clone());
        Ok(PackSet::new(self, &name, members, None, None))
    }

    /// Opens the packs in a folder as one set: the files whose names end in `.pack`, in
    /// the order of their names as bytes. As [`open_packs`](Self::open_packs).
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the folder cannot be read; those of opening a pack.
    pub fn open_folder(self, folder: impl AsRef<Path>) -> Result<PackSet, Error> {
        let folder = folder.as_ref();
        let paths = packs_in(folder).map_err(|error| {
            let kind = ErrorKind::io(IoOperation::Opening, error);
            Error::new(&Arc::new(folder.to_path_buf()), kind)
        })?;
        self.open_packs(paths)
    }
}

fn packs_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let is_pack = Path::new(&name).extension() == Some(OsStr::new("pack"));
        if is_pack && folder.join(&name).is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}
