//! Runs an external packer for the same table.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;

use super::inputs::InputItems;

/// Writes the items in the form that the external packer reads.
pub fn write_items(items: &InputItems, path: &Path) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    for item in items.slices() {
        file.write_all(&u32::try_from(item.len()).unwrap().to_le_bytes()).unwrap();
        file.write_all(item).unwrap();
    }
    file.flush().unwrap();
}

/// Runs the packer, and returns the seconds that it reports.
pub fn run(command: &str, items: &Path, out: &Path, zstd: bool, hash: bool, workers: usize) -> f64 {
    let line = format!(
        "{command} {} {} {} {hash} {workers}",
        items.display(),
        out.display(),
        if zstd { "zstd" } else { "none" },
    );
    let output = Command::new("sh").args(["-c", &line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let _ = std::fs::remove_file(out);
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    result["seconds"].as_f64().expect("a JSON line with seconds")
}
