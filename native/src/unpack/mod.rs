//! Unpacks items into files below one folder; each item's name is the path.
//!
//! ```text
//! names ──> path.rs ──> plan.rs: which item gets which path
//! workers   run.rs      read and decode items, and stage them (publish/folder)
//! naming    naming.rs   syncs staged files together, and renames them
//! ```
//!
//! Names come from untrusted packs. No name leads out of the folder: `path.rs`
//! refuses names that would, and `publish/folder` follows no symbolic link.

mod naming;
mod path;
mod plan;
mod report;
mod run;
mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use self::plan::UnpackPlan;
use self::run::RunSettings;
use crate::cores::MAX_THREADS;
use crate::error::{Error, ErrorKind, IoOperation};
use crate::publish::StagingFolder;

pub use self::report::{RefusedItem, UnpackRefusal, UnpackReport};
pub use self::source::UnpackSource;

/// Options for unpacking items. Made by [`Unpacker::options`].
#[derive(Clone, Debug)]
#[must_use = "options do nothing until an unpacker is created with them"]
pub struct UnpackOptions {
    overwrite: bool,
    portable: bool,
    durable: bool,
    threads: Option<usize>,
}

impl UnpackOptions {
    /// Sets whether a file replaces an existing file at its path, and gets that file's
    /// mode and owner. Default: no. For a symbolic link, the link itself is replaced;
    /// folders, pipes and devices are never replaced.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Sets whether names are refused that some common system cannot store: names that
    /// are not UTF-8, device names of Windows, characters that Windows reserves, and
    /// names that differ only in case. Default: no, but yes on Windows.
    pub fn portable(mut self, portable: bool) -> Self {
        self.portable = portable || cfg!(windows);
        self
    }

    /// Sets whether the files are made durable before they are renamed, so that no
    /// incomplete file is visible even after a crash of the system. Default: yes. With
    /// no, this holds only after a crash of the process.
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// Sets the number of threads that read, decode and write, at least one. Default:
    /// that of the reader.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads.clamp(1, MAX_THREADS));
        self
    }

    /// Creates an unpacker with these options.
    #[must_use]
    pub fn build(self) -> Unpacker {
        Unpacker { options: self, plan: UnpackPlan::default() }
    }
}

/// Writes items of a pack or a set to files below a folder, each at the path that its
/// name gives.
///
/// Each file appears whole or not at all. A name that leads out of the folder, or that
/// the file system cannot store, is refused. The report lists every item that was not
/// written, with the reason; all other items are written.
///
/// ```
/// use sealpack::{Reader, Unpacker, Writer};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("out.pack");
/// # let mut writer = Writer::options().create(&path)?;
/// # for item in ["one", "two", "three"] { writer.append(item.as_bytes())?; }
/// # writer.finish()?;
/// let reader = Reader::open(&path)?;
/// let mut unpacker = Unpacker::options().build();
/// unpacker.add(0, b"docs/one.txt");
/// unpacker.add(1, b"two.txt");
/// unpacker.add(2, b"../three.txt");
/// let report = unpacker.unpack(&reader, folder.path())?;
/// assert_eq!(std::fs::read(folder.path().join("docs/one.txt"))?, b"one");
/// assert_eq!(report.files, 2);
/// assert_eq!(report.refused[0].refusal.to_string(), "the name contains `..`");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Unpacker {
    options: UnpackOptions,
    plan: UnpackPlan,
}

impl Unpacker {
    /// Returns the default options.
    pub fn options() -> UnpackOptions {
        UnpackOptions { overwrite: false, portable: cfg!(windows), durable: true, threads: None }
    }

    /// Adds the item at `position`, to be written to the path `name`, with `/` between
    /// folders. Components `.` are ignored.
    pub fn add(&mut self, position: u64, name: &[u8]) {
        self.plan.add(position, name, self.options.portable);
    }

    /// Returns the number of items that were added and not refused so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.plan.len()
    }

    /// Returns whether no item was added, or all were refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the path of each item, by position, and a report that lists the items
    /// without one: for a program that writes an archive, say, instead of files. Each
    /// path is relative, is not empty, and contains no `..`.
    #[must_use]
    pub fn paths(mut self) -> (Vec<UnpackedPath>, UnpackReport) {
        self.plan.resolve_conflicts(self.options.overwrite, self.options.portable);
        let path = |file: &plan::PlannedFile| UnpackedPath {
            position: file.position,
            path: Bytes::copy_from_slice(self.plan.path(*file)),
        };
        let paths = self.plan.files().iter().map(path).collect();
        (paths, self.plan.report())
    }

    /// Writes the files below an existing folder.
    ///
    /// # Errors
    /// As [`StagedUnpack::run`] and [`stage`](Self::stage).
    pub fn unpack<'a>(
        self,
        source: impl Into<UnpackSource<'a>>,
        folder: impl AsRef<Path>,
    ) -> Result<UnpackReport, Error> {
        self.stage(folder)?.run(source, |_| {})
    }

    /// Creates the temporary folder `.unpack.XXXXXX.tmp` in an existing folder; files are
    /// written there before they are renamed. For a program that removes it when a
    /// signal ends the process.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the folder cannot be created.
    pub fn stage(mut self, folder: impl AsRef<Path>) -> Result<StagedUnpack, Error> {
        let path = Arc::new(folder.as_ref().to_path_buf());
        let staging = StagingFolder::create(&path)
            .map_err(|error| Error::new(&path, ErrorKind::io(IoOperation::Creating, error)))?;
        self.plan.resolve_conflicts(self.options.overwrite, self.options.portable);
        let stop = Arc::new(AtomicBool::new(false));
        Ok(StagedUnpack { path, options: self.options, plan: self.plan, staging, stop })
    }
}

/// The path of an item below a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnpackedPath {
    /// The position of the item.
    pub position: u64,
    /// Its path: components with `/` between them.
    pub path: Bytes,
}

/// An unpacking that has not begun. If it is dropped, nothing remains.
#[derive(Debug)]
pub struct StagedUnpack {
    path: Arc<PathBuf>,
    options: UnpackOptions,
    plan: UnpackPlan,
    staging: Arc<StagingFolder>,
    stop: Arc<AtomicBool>,
}

/// The progress of an unpacking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnpackProgress {
    /// Items read and written, refused ones included.
    pub items: u64,
    /// Bytes of these items.
    pub bytes: u64,
}

impl StagedUnpack {
    /// Returns a handle that stops the unpacking from another thread.
    #[must_use]
    pub fn abort_handle(&self) -> UnpackAbort {
        UnpackAbort { staging: self.staging.path().to_path_buf(), stop: Arc::clone(&self.stop) }
    }

    /// Writes the files. Calls `progress` after each megabyte or so, on any thread.
    ///
    /// An item of a damaged record is refused, like an item without a usable name.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the pack cannot be read or a file cannot be written,
    /// [`ErrorKind::Cancelled`] after [`UnpackAbort::abort`], [`ErrorKind::Set`] for a
    /// member that is not the listed one, and errors of the pack that concern more than
    /// single records. Files that were written stay.
    pub fn run<'a>(
        self,
        source: impl Into<UnpackSource<'a>>,
        progress: impl Fn(UnpackProgress) + Sync,
    ) -> Result<UnpackReport, Error> {
        let Self { path, options, plan, staging, stop } = self;
        let source = source.into();
        let threads = options.threads.unwrap_or_else(|| source.threads());
        let settings = RunSettings { path, staging, stop, threads, durable: options.durable };
        let done = run::run(source, &plan, settings, options.overwrite, &progress)?;
        let UnpackReport { mut refused, replaced, .. } = plan.report();
        refused.extend(done.refused);
        refused.sort_by_key(|item| item.position);
        Ok(UnpackReport { refused, replaced, ..done })
    }
}

/// Stops an unpacking.
#[derive(Clone, Debug)]
pub struct UnpackAbort {
    staging: PathBuf,
    stop: Arc<AtomicBool>,
}

impl UnpackAbort {
    /// Stops the unpacking, and removes its temporary folder. Files that were already
    /// renamed stay.
    pub fn abort(&self) {
        /// Each failure means that a worker created another file meanwhile; workers
        /// stop after the current one.
        const ATTEMPTS: usize = 1000;
        self.stop.store(true, Ordering::SeqCst);
        for _ in 0..ATTEMPTS {
            match std::fs::remove_dir_all(&self.staging) {
                Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => {}
                _ => return,
            }
        }
    }
}
