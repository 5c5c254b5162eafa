//! Packs the files of a folder as items, sorted by name, and reports progress. After
//! Ctrl-C and after errors, no pack appears.
//!
//! `cargo run --example pack_folder -- FOLDER OUT.pack`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{env, fs, thread};

use sealpack::{SealedPack, WriteMonitor, Writer};

/// Packs `folder` to `out`, and returns the pack and the names of its items.
pub fn pack_folder(
    folder: &Path,
    out: &Path,
) -> Result<(SealedPack, Vec<PathBuf>), Box<dyn Error>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.is_file());
    files.sort();

    let mut writer = Writer::options().digest_list(true).create(out)?;
    let (done, is_done) = mpsc::channel::<()>();
    let monitor = writer.monitor();
    let printing = thread::spawn(move || print_progress(&monitor, &is_done));
    for file in &files {
        writer.append_owned(fs::read(file)?)?;
    }
    let sealed = writer.finish()?;
    drop(done);
    printing.join().map_err(|_| "the thread that prints panicked")?;
    Ok((sealed, files))
}

/// Prints the writer's progress, ten times a second, until `is_done`.
fn print_progress(monitor: &WriteMonitor, is_done: &mpsc::Receiver<()>) {
    while is_done.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
        let progress = monitor.progress();
        eprintln!("{} bytes read, {} bytes packed", progress.bytes_in, progress.bytes_out);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let [folder, out] =
        env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "FOLDER OUT.pack")?;
    let (sealed, files) = pack_folder(Path::new(&folder), Path::new(&out))?;
    println!("{}: {} items, {} bytes", sealed.path.display(), files.len(), sealed.file_size);
    if let Some(digests) = sealed.digests {
        println!("root to trust it by: {:02x?}", digests.root);
    }
    Ok(())
}
