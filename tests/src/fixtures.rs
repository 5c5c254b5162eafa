//! The reference files and their manifests.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use sealpack::core::format::{Dialect, Trailer, trailer};
use sealpack::core::wire::crc::crc32c;
use sealpack::{Plain, ReadCodec, Reader, Writer, WriterOptions, Zstd};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// The folder of the reference files.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"))
}

/// Opens the pack of a fixture.
///
/// # Panics
/// If it cannot be opened.
#[must_use]
pub fn open(fixture: &Fixture) -> Reader {
    let codec = if fixture.codec == "none" { ReadCodec::Plain } else { ReadCodec::Zstd };
    Reader::options().codec(codec).open(fixture.path()).unwrap()
}

/// The options with which sealpack writes the same file as the reference.
pub fn options_of(fixture: &Fixture) -> WriterOptions {
    let app_data = fixture.app_data();
    let older = fixture.app_data_crc32c.is_none() && !app_data.is_empty();
    let options = Writer::options()
        .items_per_record(fixture.items_per_record)
        .content_hash(fixture.content_hash.is_some())
        .record_checksum(fixture.record_checksum)
        .dialect(if older { Dialect::NoAppDataCrc } else { Dialect::AppDataCrc })
        .app_data(app_data);
    let options = match fixture.codec.as_str() {
        "none" => options.codec(Plain),
        _ => options.codec(Zstd::level(3)),
    };
    options.format_id(fixture.format)
}

/// A pack that the reference wrote.
#[derive(Clone, Debug, Deserialize)]
pub struct Fixture {
    /// Its name, without the extension.
    pub name: String,
    /// Items in every record except the last.
    pub items_per_record: u32,
    /// `none`, `zstd` or `zstd-nochecksum`.
    pub codec: String,
    /// The format id.
    pub format: u32,
    /// The content hash in hexadecimal, if one is stored.
    pub content_hash: Option<String>,
    /// Whether the record checksum covers payloads.
    pub record_checksum: bool,
    /// The app data's checksum; `None` in the older dialect.
    pub app_data_crc32c: Option<u32>,
    /// The file that holds the app data.
    pub app_data_file: Option<String>,
    /// The number of items.
    pub item_count: u32,
    /// The number of records.
    pub record_count: u32,
    /// The size of the index in bytes.
    pub index_size: u32,
    /// The size of the file in bytes.
    pub file_size: u64,
}

impl Fixture {
    /// The pack.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        folder().join(format!("{}.pack", self.name))
    }

    /// Its items.
    #[must_use]
    pub fn items(&self) -> Vec<Vec<u8>> {
        split_items(&fs::read(folder().join(format!("{}.items", self.name))).unwrap())
    }

    /// Its app data.
    #[must_use]
    pub fn app_data(&self) -> Vec<u8> {
        let file = self.app_data_file.as_ref();
        file.map_or_else(Vec::new, |file| fs::read(folder().join(file)).unwrap())
    }
}

/// Every pack that the reference wrote.
#[must_use]
pub fn all() -> Vec<Fixture> {
    #[derive(Deserialize)]
    struct Manifest {
        packs: Vec<Fixture>,
    }
    let manifest = fs::read(folder().join("manifest.json")).unwrap();
    serde_json::from_slice::<Manifest>(&manifest).unwrap().packs
}

/// A pack that was broken on purpose.
#[derive(Clone, Debug, Deserialize)]
pub struct Broken {
    /// The file's name.
    pub file: String,
    /// The codec to read it with: `none` or `zstd`.
    pub codec: String,
    /// A description of the damage.
    pub edit: String,
    /// The result of each branch of the reference.
    pub peer: BTreeMap<String, ReferenceResult>,
}

/// The result of a branch of the reference for a broken pack.
#[derive(Clone, Debug, Deserialize)]
pub struct ReferenceResult {
    /// `ok`, or the error; `None` if the process died.
    pub open: Option<String>,
    /// The same for a scan over all items.
    pub scan: Option<String>,
    /// SHA-256 of the items scanned, each after its length.
    pub scan_sha256: Option<String>,
    /// The same for a verification of the content hash.
    pub verify: Option<String>,
}

impl ReferenceResult {
    /// Whether this branch read every item without an error.
    #[must_use]
    pub fn reads_everything(&self) -> bool {
        let ok = |result: &Option<String>| result.as_deref() == Some("ok");
        ok(&self.open) && ok(&self.scan) && ok(&self.verify)
    }
}

impl Broken {
    /// The pack.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        folder().join("corrupt").join(&self.file)
    }
}

/// Every pack that was broken on purpose.
#[must_use]
pub fn broken() -> Vec<Broken> {
    #[derive(Deserialize)]
    struct Manifest {
        cases: Vec<Broken>,
    }
    let manifest = fs::read(folder().join("corrupt/manifest-corrupt.json")).unwrap();
    serde_json::from_slice::<Manifest>(&manifest).unwrap().cases
}

/// Splits a stream of `[u32 LE length][bytes]`.
#[must_use]
pub fn split_items(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut items = Vec::new();
    while let Some((length, rest)) = stream.split_first_chunk::<4>() {
        let (item, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        items.push(item.to_vec());
        stream = rest;
    }
    assert!(stream.is_empty());
    items
}

/// SHA-256 of `items`, each after its length, in hexadecimal.
#[must_use]
pub fn items_sha256<T: AsRef<[u8]>>(items: &[T]) -> String {
    let mut hasher = Sha256::new();
    for item in items.iter().map(AsRef::as_ref) {
        hasher.update(u32::try_from(item.len()).unwrap().to_le_bytes());
        hasher.update(item);
    }
    hex(&hasher.finalize())
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The pack with this app data in place of its own, and a trailer that fits.
///
/// # Panics
/// If the pack has no sound trailer.
#[must_use]
pub fn with_app_data(pack: &[u8], app_data: &[u8]) -> Vec<u8> {
    let (rest, end) = pack.split_at(pack.len() - trailer::SIZE);
    let old = Trailer::decode(end).unwrap();
    let rest = &rest[..rest.len() - old.app_data_size as usize];
    let app_data_size = u32::try_from(app_data.len()).unwrap();
    let new = Trailer { app_data_size, app_data_crc: crc32c(app_data), ..old };
    [rest, app_data, &new.encode()[..]].concat()
}

/// Compares with a stored file below the folder of the fixtures. With `UPDATE_FIXTURES`,
/// stores it first.
///
/// # Panics
/// If they differ, or there is no such file.
pub fn assert_stored(name: &str, bytes: &[u8]) {
    let path = folder().join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    assert!(fs::read(&path).unwrap() == bytes, "{name} is written in another form now");
}
