//! Items as a tar archive.

use std::io::{self, BufWriter, IsTerminal as _, Write, stdout};
use std::ops::ControlFlow;
use std::path::Path;

use sealpack::{Reader, UnpackReport, UnpackedPath, Unpacker};
use tar::{Builder, Header};

use super::UnpackArgs;
use crate::command::target::{report_caveats, stage};
use crate::interrupt::Interrupt;
use crate::items::walk::is_standard_input;
use crate::items::write::standard_output;
use crate::outcome::{Failure, Input};
use crate::progress::ProgressMeter;

/// Size of the output buffer in bytes.
const BUFFER: usize = 256 << 10;
/// Items that are read in one call.
const BATCH: usize = 4096;

/// Writes the archive: to a file that appears when it is complete, or to standard
/// output.
///
/// # Errors
/// [`Failure`]: a pack that cannot be read, an archive that cannot be written.
pub(super) fn write(
    args: &UnpackArgs,
    path: &Path,
    unpacker: Unpacker,
    reader: &Reader,
) -> Result<UnpackReport, Failure> {
    let (paths, report) = unpacker.paths();
    let progress = ProgressMeter::items("unpacking", paths.len() as u64, args.json);
    if is_standard_input(path) {
        if stdout().is_terminal() {
            return Err(Failure::usage("an archive is not written to a terminal: name a file"));
        }
        if args.json {
            return Err(Failure::usage("--json prints to standard output, where the archive is"));
        }
        let to = standard_output().map_err(Failure::Output)?;
        let (_, report) =
            TarWriter::new(to, report, progress).write(reader, &paths, Failure::Output)?;
        return Ok(report);
    }
    let interrupt = Interrupt::new().map_err(Failure::Signals)?;
    let staged = stage(path, args.force, &interrupt)?;
    let failed = |error| Failure::File {
        path: Input::Path(path.to_path_buf()),
        operation: "cannot write",
        error,
    };
    let (staged, report) =
        TarWriter::new(staged, report, progress).write(reader, &paths, failed)?;
    let published = staged.publish()?;
    report_caveats(path, published.caveats());
    Ok(report)
}

struct TarWriter<W: Write> {
    archive: Builder<BufWriter<W>>,
    report: UnpackReport,
    progress: ProgressMeter,
}

impl<W: Write> TarWriter<W> {
    fn new(to: W, report: UnpackReport, progress: ProgressMeter) -> Self {
        let archive = Builder::new(BufWriter::with_capacity(BUFFER, to));
        Self { archive, report, progress }
    }

    fn write(
        mut self,
        reader: &Reader,
        paths: &[UnpackedPath],
        failed: impl Fn(io::Error) -> Failure,
    ) -> Result<(W, UnpackReport), Failure> {
        for batch in paths.chunks(BATCH) {
            let positions: Vec<u32> = batch.iter().map(|path| path.position).collect();
            // The positions ascend, and the items come in the order of the file.
            let stopped = reader.get_many_with(&positions, |request, item| {
                let Some(path) = batch.get(request) else { return ControlFlow::Continue(()) };
                match self.append(&path.path, &item) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => ControlFlow::Break(error),
                }
            })?;
            if let ControlFlow::Break(error) = stopped {
                return Err(failed(error));
            }
        }
        let to = self.archive.into_inner().and_then(|to| to.into_inner().map_err(Into::into));
        Ok((to.map_err(failed)?, self.report))
    }

    fn append(&mut self, path: &[u8], item: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_size(item.len() as u64);
        // A pack stores neither modes nor times.
        header.set_mode(0o644);
        header.set_mtime(0);
        self.archive.append_data(&mut header, system_path(path)?, item)?;
        self.report.files += 1;
        self.report.bytes += item.len() as u64;
        self.progress.add(1);
        Ok(())
    }
}

#[cfg(unix)]
fn system_path(path: &[u8]) -> io::Result<&Path> {
    use std::os::unix::ffi::OsStrExt as _;
    Ok(Path::new(std::ffi::OsStr::from_bytes(path)))
}

#[cfg(not(unix))]
fn system_path(path: &[u8]) -> io::Result<&Path> {
    std::str::from_utf8(path).map(Path::new).map_err(io::Error::other)
}
