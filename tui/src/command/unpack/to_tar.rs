//! Writes items to a tar archive.

use std::io::{self, BufWriter, IsTerminal as _, Write, stdout};
use std::ops::ControlFlow;
use std::path::Path;

use sealpack::{UnpackReport, UnpackedPath, Unpacker};
use tar::{Builder, EntryType, Header};

use super::UnpackArgs;
use crate::command::pack_sequence::PackSequence;
use crate::command::target::{report_caveats, stage};
use crate::interrupt::Interrupt;
use crate::items::walk::is_standard_input;
use crate::items::write::standard_output;
use crate::outcome::{Failure, Input};
use crate::progress::ProgressMeter;

/// Size of the output buffer in bytes.
const BUFFER: usize = 256 << 10;
/// The number of items that are read in one call.
const BATCH: usize = 4096;

/// Writes the archive: to a file that appears when it is complete, or to standard
/// output.
///
/// # Errors
/// [`Failure`]: the pack cannot be read, or the archive cannot be written.
pub(super) fn write(
    args: &UnpackArgs,
    path: &Path,
    unpacker: Unpacker,
    packs: &PackSequence,
) -> Result<UnpackReport, Failure> {
    let (paths, report) = unpacker.paths();
    let progress = ProgressMeter::items("unpacking", paths.len() as u64, args.json);
    if is_standard_input(path) {
        if stdout().is_terminal() {
            return Err(Failure::usage(
                "standard output is a terminal: name a file for the archive",
            ));
        }
        if args.json {
            return Err(Failure::usage(
                "--json needs standard output, to which the archive is written: name a file",
            ));
        }
        let to = standard_output().map_err(Failure::Output)?;
        let (_, report) =
            TarWriter::new(to, report, progress).write(packs, &paths, Failure::Output)?;
        return Ok(report);
    }
    let interrupt = Interrupt::new().map_err(Failure::Signals)?;
    let staged = stage(path, args.force, &interrupt)?;
    let failed = |error| Failure::File {
        path: Input::Path(path.to_path_buf()),
        operation: "cannot write",
        error,
    };
    let (staged, report) = TarWriter::new(staged, report, progress).write(packs, &paths, failed)?;
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
        packs: &PackSequence,
        paths: &[UnpackedPath],
        failed: impl Fn(io::Error) -> Failure,
    ) -> Result<(W, UnpackReport), Failure> {
        for batch in paths.chunks(BATCH) {
            let positions: Vec<u64> = batch.iter().map(|path| path.position).collect();
            // The positions are in ascending order, and items arrive in file order.
            let stopped = packs.get_many_with(&positions, |request, item| {
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
        // The crate accepts long paths only if they are UTF-8, so long names are written here.
        if path.len() > NAME_BYTES {
            let name = [path, b"\0"].concat();
            let mut header = header(b"././@LongLink", name.len() as u64)?;
            header.set_entry_type(EntryType::GNULongName);
            header.set_cksum();
            self.archive.append(&header, name.as_slice())?;
        }
        let mut header = header(path, item.len() as u64)?;
        header.set_cksum();
        self.archive.append(&header, item)?;
        self.report.files += 1;
        self.report.bytes += item.len() as u64;
        self.progress.add(1);
        Ok(())
    }
}

/// The maximum size of a name in a header; a longer one gets an entry of its own before the
/// file's.
const NAME_BYTES: usize = 100;

/// Creates the header of a file. A pack stores neither modes nor times.
fn header(path: &[u8], size: u64) -> io::Result<Header> {
    let mut header = Header::new_gnu();
    let gnu = header.as_gnu_mut().ok_or_else(|| io::Error::other("no GNU header"))?;
    for (to, from) in gnu.name.iter_mut().zip(path) {
        *to = *from;
    }
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    Ok(header)
}
