//! Records the multipart uploads in flight, so that those that cannot be aborted are
//! reported.

use std::collections::BTreeMap;
use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use object_store::client::HttpRequest;
use percent_encoding::percent_decode_str;

use super::url::{Service, StoreUrl};

/// The uploads that a destination's requests have begun.
#[derive(Clone, Debug, Default)]
pub struct Uploads(Arc<UploadRegistry>);

#[derive(Debug, Default)]
struct UploadRegistry {
    /// The path of each request's URL, by upload id.
    open: Mutex<BTreeMap<String, String>>,
    no_conditions: AtomicBool,
}

/// The effect of a request on an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadRequest {
    /// Sends a part.
    Part(String),
    /// Completes or aborts it.
    End(String),
}

impl UploadRequest {
    /// Returns the effect of a request, if it belongs to an upload.
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let query = request.uri().query()?;
        let id = query.split('&').find_map(|pair| pair.strip_prefix("uploadId="))?;
        let id = percent_decode_str(id).decode_utf8().ok()?.into_owned();
        match request.method().as_str() {
            "PUT" => Some(Self::Part(id)),
            "POST" | "DELETE" => Some(Self::End(id)),
            _ => None,
        }
    }
}

impl Uploads {
    fn open(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request that is about to be sent to `path`.
    pub fn sending(&self, step: &UploadRequest, path: &str) {
        if let UploadRequest::Part(id) = step {
            self.open().entry(id.clone()).or_insert_with(|| path.into());
        }
    }

    /// Records a request that the store has completed.
    pub fn done(&self, step: &UploadRequest) {
        if let UploadRequest::End(id) = step {
            self.open().remove(id);
        }
    }

    /// Records that the store does not support `If-None-Match`.
    pub fn note_no_conditions(&self) {
        self.0.no_conditions.store(true, Ordering::Relaxed);
    }

    /// Returns whether the store did not support `If-None-Match`, so that the name was only
    /// checked before the write.
    pub fn had_no_conditions(&self) -> bool {
        self.0.no_conditions.load(Ordering::Relaxed)
    }

    /// Describes the uploads that were neither completed nor aborted, and how to remove
    /// them.
    pub fn leftovers(&self, url: &StoreUrl) -> Vec<String> {
        let open = self.open();
        open.iter().map(|(id, path)| leftovers(url, id, path)).collect()
    }
}

fn leftovers(url: &StoreUrl, id: &str, path: &str) -> String {
    let path = percent_decode_str(path).decode_utf8_lossy();
    // The digest list of a pack is uploaded next to it.
    let list = format!("{}.digests", url.key());
    let key = if path.ends_with(&list) { &list } else { url.key() };
    let (name, bucket) = (url.origin(), url.authority());
    let left = format!("{name}/{key}: the parts of upload {id} are left in the store");
    if url.service() != Service::S3 {
        return format!("{left} until a lifecycle rule removes them");
    }
    let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
    let endpoint = endpoint.iter().find_map(|name| env::var(name).ok());
    let endpoint = endpoint.map(|url| format!(" --endpoint-url {}", quoted(&url)));
    format!(
        "{left}; to remove them: aws s3api abort-multipart-upload --bucket {} --key {} --upload-id {}{}",
        quoted(bucket),
        quoted(key),
        quoted(id),
        endpoint.unwrap_or_default()
    )
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=+@".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_recorded_from_its_first_part_to_its_end() {
        let url = StoreUrl::parse("s3://b/a key.pack").unwrap();
        let uploads = Uploads::default();
        uploads.sending(&UploadRequest::Part("id 1".into()), "/b/a%20key.pack");
        uploads.sending(&UploadRequest::Part("id2".into()), "/b/a%20key.pack.digests");
        uploads.done(&UploadRequest::Part("id2".into()));
        let left = uploads.leftovers(&url);
        assert!(left[0].contains("--bucket b --key 'a key.pack' --upload-id 'id 1'"), "{left:?}");
        assert!(left[1].contains("--key 'a key.pack.digests' --upload-id id2"), "{left:?}");
        uploads.done(&UploadRequest::End("id 1".into()));
        uploads.done(&UploadRequest::End("id2".into()));
        assert!(uploads.leftovers(&url).is_empty());
    }
}
