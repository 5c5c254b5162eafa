//! Identifies the place of a pack, independently of the current folder.

use std::path::Path;

#[cfg(feature = "remote")]
use sealpack::core::format::digest::record_digest;

use super::location::PackLocation;
use crate::outcome::{Failure, Input};
use crate::printable;
#[cfg(feature = "remote")]
use crate::stores::StoreUrl;

/// The settings that select the store if the URL does not contain a host.
#[cfg(feature = "remote")]
const STORE_SETTINGS: [&str; 10] = [
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AZURE_ENDPOINT",
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_STORAGE_USE_EMULATOR",
    "AZURITE_BLOB_STORAGE_URL",
    "GOOGLE_BASE_URL",
    "GOOGLE_SERVICE_ENDPOINT",
];

/// Returns text that identifies a place: two places never have the same text.
///
/// For a file it is the absolute path, or for a path that is not UTF-8 `bytes:` and the
/// bytes in hexadecimal, with which no absolute path begins. For an object it is the URL,
/// with the settings that select the store. It contains no password and no signature:
/// the query is replaced with its SHA-256.
///
/// # Errors
/// [`Failure::Usage`] for a URL that names nothing; [`Failure::File`] if the
/// current folder is not known.
pub fn place(argument: &Path) -> Result<String, Failure> {
    match PackLocation::of(argument)? {
        PackLocation::File(path) => of_file(&path),
        #[cfg(feature = "remote")]
        location => Ok(of_url(&location)),
    }
}

fn of_file(path: &Path) -> Result<String, Failure> {
    let absolute = std::path::absolute(path).map_err(|error| Failure::File {
        path: Input::Path(path.to_path_buf()),
        operation: "cannot find the current folder",
        error,
    })?;
    Ok(match absolute.to_str() {
        Some(text) => text.into(),
        None => format!("bytes:{}", printable::hex(absolute.as_os_str().as_encoded_bytes())),
    })
}

#[cfg(feature = "remote")]
fn of_url(location: &PackLocation) -> String {
    let PackLocation::Store(url, _) = location else { return String::new() };
    of_object(&url.to_string(), url)
}

/// Returns the place of an object below the prefix that `url` names.
#[cfg(feature = "remote")]
pub fn of_object(name: &str, url: &StoreUrl) -> String {
    let mut place = printable::redacted(name).into_owned();
    // An item is one of at most 2^32-1 bytes, which no argument exceeds.
    if let Some(Ok(digest)) = url.query().map(|query| record_digest([query.as_bytes()])) {
        place.push_str(&format!(" query:{}", printable::hex(&digest)));
    }
    if url.service() != crate::stores::Service::Http {
        for setting in STORE_SETTINGS {
            if let Some(value) = std::env::var_os(setting) {
                place.push_str(&format!(" {setting}={}", printable::path(Path::new(&value))));
            }
        }
    }
    place
}
