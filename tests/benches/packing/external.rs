//! Somebody else's packer in the same table.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Command;

use super::inputs::Items;

/// Writes the items as the external packer reads them.
pub fn write_items(items: &Items, path: &Path) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    for item in items.slices() {
        file.write_all(&u32::try_from(item.len()).unwrap().to_le_bytes()).unwrap();
        file.write_all(item).unwrap();
    }
    file.flush().unwrap();
}

/// Runs the packer; the seconds that it says it took.
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
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    said["seconds"].as_f64().expect("a line with seconds")
}
