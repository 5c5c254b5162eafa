//! The destination of a new pack: a file, or an object in a store.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
#[cfg(feature = "remote")]
use std::time::Duration;

use sealpack::core::format::Trailer;
use sealpack::{Caveat, Error, SealedDigests, SealedPack, StagedFile, Writer, WriterOptions};

use super::location::PackLocation;
use crate::interrupt::Interrupt;
use crate::outcome::Failure;
use crate::{printable, report};
#[cfg(feature = "remote")]
use {
    crate::size::{Bytes, Decimal, parse_size},
    crate::stores::{self, Purpose, Service, StoreUrl, Uploads},
    sealpack::remote::{PartSize, RemoteWriter, SealedObject},
};

/// Options for writing a pack to a URL.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "Writing to a store (s3://, gs://, az://)")]
pub struct UploadArgs {
    /// Size of each part of the upload, 5MiB to 1GiB. A store accepts 10,000
    /// parts, so parts of 8MiB allow a pack of up to 83.9 GB [default: 8MiB,
    /// or more if the size of the pack is known and requires it]
    #[cfg(feature = "remote")]
    #[arg(long, value_name = "BYTES", value_parser = part_size)]
    part_size: Option<PartSize>,
    /// The maximum size of the pack, from which the size of the parts is
    /// computed. Needed only if an input is not a file
    #[cfg(feature = "remote")]
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    size_hint: Option<u64>,
}

#[cfg(feature = "remote")]
fn part_size(text: &str) -> Result<PartSize, String> {
    let bytes = parse_size(text).map_err(|error| error.to_string())?;
    PartSize::new(bytes).ok_or_else(|| "a part size is 5MiB to 1GiB".into())
}

/// A pack that is being written.
pub enum Target {
    /// To a file.
    File(Box<PackFile>),
    /// To a store.
    #[cfg(feature = "remote")]
    Store(Box<PackUpload>),
}

/// A pack that is being written to a file. A signal removes its temporary files.
pub struct PackFile {
    pub writer: Writer,
    temporary: Arc<Mutex<Vec<PathBuf>>>,
    has_names_file: bool,
}

impl PackFile {
    fn create(path: &Path, options: WriterOptions, interrupt: &Interrupt) -> Result<Self, Error> {
        interrupt.guard(|| {
            let writer = options.create(path)?;
            let temporary = temporary_paths(&writer).map(Path::to_path_buf).collect::<Vec<_>>();
            let temporary = Arc::new(Mutex::new(temporary));
            let created = Arc::clone(&temporary);
            let cleanup = move || {
                for path in &*created.lock().unwrap_or_else(PoisonError::into_inner) {
                    // If the file is gone, it already has its final name.
                    drop(std::fs::remove_file(path));
                }
            };
            Ok((Self { writer, temporary, has_names_file: false }, cleanup))
        })
    }

    /// Adds the file with the names to those that a signal removes, once there is one.
    fn guard_names_file(&mut self) {
        if !self.has_names_file
            && let Some(path) = self.writer.temporary_names_path()
        {
            self.has_names_file = true;
            let mut temporary = self.temporary.lock().unwrap_or_else(PoisonError::into_inner);
            temporary.push(path.to_path_buf());
        }
    }
}

/// Printed after an upload to a store that does not support `If-None-Match`.
#[cfg(feature = "remote")]
const NO_CONDITIONS: &str = "this store does not support conditional writes (If-None-Match): the name was \
    free just before the upload was completed, but an object created since then was replaced";

/// A pack that is being uploaded. If it is dropped before it is finished, its upload is
/// aborted, and the parts that then remain in the store are reported.
#[cfg(feature = "remote")]
pub struct PackUpload {
    // The writer is dropped first, which aborts the upload.
    writer: RemoteWriter,
    leftovers: LeftoverReporter,
}

/// Reports, when it is dropped, the parts that an upload left in a store.
#[cfg(feature = "remote")]
struct LeftoverReporter {
    uploads: Uploads,
    url: StoreUrl,
}

#[cfg(feature = "remote")]
impl Drop for LeftoverReporter {
    fn drop(&mut self) {
        report_leftovers(&self.uploads, &self.url);
    }
}

#[cfg(feature = "remote")]
fn report_leftovers(uploads: &Uploads, url: &StoreUrl) {
    for upload in uploads.leftovers(url) {
        report::note(&upload);
    }
}

/// Explains, after a second, why the process has not ended yet.
#[cfg(feature = "remote")]
fn announce_slow_abort() {
    let announce = || {
        std::thread::sleep(Duration::from_secs(1));
        report::note(&"aborting the upload; a second signal ends this at once");
    };
    // If no thread can be started, nothing is printed.
    drop(std::thread::Builder::new().spawn(announce));
}

/// A pack that was written.
pub struct WrittenPack {
    /// The trailer of the pack.
    pub trailer: Trailer,
    /// Its size in bytes.
    pub size: u64,
    /// The number and size of the upload's parts, for people.
    pub parts: Option<String>,
    /// The digest list, if one was requested.
    pub digests: Option<SealedDigests>,
    /// The path of the file with the names, if they are too large for the pack.
    pub names_file: Option<PathBuf>,
    /// Guarantees that the files lack although they are complete.
    pub caveats: Vec<Caveat>,
}

/// The destination of a pack.
pub enum Destination {
    /// To a file.
    File(PathBuf),
    /// To a store.
    #[cfg(feature = "remote")]
    Store(StoreUrl),
}

impl Destination {
    /// Parses the argument that names the destination.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a URL that names no object.
    pub fn of(path: &Path) -> Result<Self, Failure> {
        match PackLocation::of(path)? {
            PackLocation::File(path) => Ok(Self::File(path)),
            #[cfg(feature = "remote")]
            PackLocation::Store(url, _) if url.is_prefix() => Err(Failure::usage(format!(
                "{url}: a pack needs a name, for example {}/out.pack",
                url.to_string().trim_end_matches('/')
            ))),
            #[cfg(feature = "remote")]
            PackLocation::Store(url, _) if url.service() == Service::Http => {
                Err(Failure::usage(format!(
                    "{url}: packs cannot be written to a web server; write to s3://, gs:// or az://"
                )))
            }
            #[cfg(feature = "remote")]
            PackLocation::Store(url, _) => Ok(Self::Store(url)),
        }
    }

    /// Returns the path if the destination is a file.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            #[cfg(feature = "remote")]
            Self::Store(_) => None,
        }
    }

    /// Creates the pack. On an error or a signal the unfinished pack is removed.
    ///
    /// # Errors
    /// [`Failure::Pack`]: the pack exists already, or the store refuses it.
    #[cfg_attr(not(feature = "remote"), allow(unused_variables, reason = "files need no hint"))]
    pub fn create(
        &self,
        options: WriterOptions,
        upload: &UploadArgs,
        interrupt: &Interrupt,
        input_size: Option<u64>,
        replace: bool,
    ) -> Result<Target, Failure> {
        match self {
            Self::File(path) => {
                Ok(Target::File(Box::new(PackFile::create(path, options, interrupt)?)))
            }
            #[cfg(feature = "remote")]
            Self::Store(url) => {
                let purpose = if replace { Purpose::Any } else { Purpose::Create };
                let (location, uploads) = stores::destination(url, purpose)?;
                // Data that does not compress becomes slightly larger than the input.
                let input_size = input_size.map(|size| size.saturating_add(size / 8));
                let hint = upload.size_hint.or(input_size).unwrap_or(0);
                let mut options = RemoteWriter::options(options).size_hint(hint);
                if let Some(size) = upload.part_size {
                    options = options.part_size(size);
                }
                // Nothing is sent before the first item, so a signal that arrives before
                // the upload can be aborted finds no upload.
                let writer = options.create(&location, stores::runtime()?)?;
                let leftovers = LeftoverReporter { uploads, url: url.clone() };
                let abort = writer.abort_handle();
                let (uploads, upload_url) = (leftovers.uploads.clone(), url.clone());
                let report = move || report_leftovers(&uploads, &upload_url);
                let on_second_signal = report.clone();
                let cleanup = move || {
                    announce_slow_abort();
                    let _ = abort.abort();
                    report();
                };
                interrupt.clean_up(cleanup, on_second_signal);
                Ok(Target::Store(Box::new(PackUpload { writer, leftovers })))
            }
        }
    }
}

/// Creates a file that is published together with the pack. A signal removes it.
///
/// # Errors
/// [`Failure::Pack`]: the file exists already, or its folder does not exist.
pub fn stage(path: &Path, replace: bool, interrupt: &Interrupt) -> Result<StagedFile, Failure> {
    let staged = interrupt.guard(|| {
        let staged = StagedFile::create(path, replace)?;
        let temporary = staged.temporary_path().to_path_buf();
        // If the file is gone, it already has its final name.
        let cleanup = move || drop(std::fs::remove_file(temporary));
        Ok::<_, Error>((staged, cleanup))
    })?;
    Ok(staged)
}

/// Prints the guarantees that published files lack although they are complete.
pub fn report_caveats(path: &Path, caveats: &[Caveat]) {
    for caveat in caveats {
        report::note(&format!("{}: {caveat}", printable::path(path)));
    }
}

fn temporary_paths(writer: &Writer) -> impl Iterator<Item = &Path> {
    [Some(writer.temporary_path()), writer.temporary_digests_path()].into_iter().flatten()
}

impl Target {
    /// Returns the temporary paths of the files that are being written.
    pub fn temporary_paths(&self) -> Vec<&Path> {
        match self {
            Self::File(file) => temporary_paths(&file.writer).collect(),
            #[cfg(feature = "remote")]
            Self::Store(_) => Vec::new(),
        }
    }

    /// Same as [`Writer::append_parts`].
    pub fn append_parts(&mut self, parts: &[&[u8]]) -> Result<(), Error> {
        match (self, parts) {
            (Self::File(file), [item]) => file.writer.append(item),
            (Self::File(file), parts) => file.writer.append_parts(parts),
            #[cfg(feature = "remote")]
            (Self::Store(upload), [item]) => upload.writer.append(item),
            #[cfg(feature = "remote")]
            (Self::Store(upload), parts) => upload.writer.append_parts(parts),
        }
    }

    /// Same as [`Writer::append_owned`].
    pub fn append_owned(&mut self, item: impl Into<sealpack::Bytes>) -> Result<(), Error> {
        match self {
            Self::File(file) => file.writer.append_owned(item),
            #[cfg(feature = "remote")]
            Self::Store(upload) => upload.writer.append_owned(item),
        }
    }

    /// Same as [`Writer::append_named_owned`].
    pub fn append_named_owned(&mut self, name: &[u8], item: Vec<u8>) -> Result<(), Error> {
        match self {
            Self::File(file) => {
                file.writer.append_named_owned(name, item)?;
                file.guard_names_file();
                Ok(())
            }
            #[cfg(feature = "remote")]
            Self::Store(upload) => upload.writer.append_named_owned(name, item),
        }
    }

    /// Same as [`Writer::name_item`].
    pub fn name_item(&mut self, position: u32, name: &[u8]) -> Result<(), Error> {
        match self {
            Self::File(file) => {
                file.writer.name_item(position, name)?;
                file.guard_names_file();
                Ok(())
            }
            #[cfg(feature = "remote")]
            Self::Store(upload) => upload.writer.name_item(position, name),
        }
    }

    /// Returns the number of items appended so far.
    pub fn item_count(&self) -> u32 {
        match self {
            Self::File(file) => file.writer.item_count(),
            #[cfg(feature = "remote")]
            Self::Store(upload) => upload.writer.item_count(),
        }
    }

    /// Publishes the pack together with its list of names.
    ///
    /// # Errors
    /// Same as [`Writer::finish_with`]: on an error neither appears.
    pub fn finish(self, names: Option<StagedFile>) -> Result<WrittenPack, Error> {
        match self {
            Self::File(file) => {
                let sealed = file.writer.finish_with(names.into_iter().collect())?;
                let SealedPack { trailer, file_size: size, digests, names_file, caveats, .. } =
                    sealed;
                Ok(WrittenPack { trailer, size, parts: None, digests, names_file, caveats })
            }
            #[cfg(feature = "remote")]
            Self::Store(upload) => {
                let names = names.map(StagedFile::publish).transpose()?;
                let PackUpload { writer, leftovers } = *upload;
                let caveats = names.iter().flat_map(|names| names.caveats().to_vec()).collect();
                let finished = writer.finish();
                if let (Err(_), Some(names)) = (&finished, names) {
                    // The upload's error is the one to report.
                    drop(names.take_back());
                }
                let SealedObject { trailer, size, part_size, digests, names_file, .. } = finished?;
                let names_file = names_file.map(|location| location.name().to_path_buf());
                let part = Bytes(part_size.get());
                let max_size = Decimal(part_size.largest_pack());
                let parts = match size.div_ceil(part_size.get()) {
                    1 => "1, sent in one request".into(),
                    parts => format!("{parts} of {part}, enough for {max_size}"),
                };
                if leftovers.uploads.had_no_conditions() {
                    report::note(&NO_CONDITIONS);
                }
                Ok(WrittenPack { trailer, size, parts: Some(parts), digests, names_file, caveats })
            }
        }
    }
}
