//! Removes keys from listings that the crate `object_store` cannot express.
//!
//! The crate fails a whole listing at a key such as `a//b` or `../x`, and reads `x/` as
//! `x`. So such entries are removed from the store's response and reported one by one.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use object_store::client::{HttpError, HttpResponse};
use serde::Deserialize;

use super::responses::RequestSummary;
use super::url::exact;

/// Keys that were removed from listings.
#[derive(Clone, Debug, Default)]
pub struct OmittedKeys(Arc<Mutex<Vec<String>>>);

/// An entry of a listing. S3 and Google name the element `Key`, Azure names it `Name`.
#[derive(Deserialize)]
struct ListingEntry {
    #[serde(rename = "Key", alias = "Name")]
    key: String,
}

impl OmittedKeys {
    /// Returns and removes the keys collected so far.
    pub fn take(&self) -> Vec<String> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Removes such entries from a response, if it is a listing.
    ///
    /// # Errors
    /// The error of a body that ends early.
    pub async fn omit_inexpressible(
        &self,
        request: &RequestSummary,
        response: HttpResponse,
    ) -> Result<HttpResponse, HttpError> {
        let Some(element) = entries_of(request).filter(|_| response.status().is_success()) else {
            return Ok(response);
        };
        let (parts, body) = response.into_parts();
        let body = body.bytes().await?;
        let Ok(xml) = str::from_utf8(&body) else {
            return Ok(HttpResponse::from_parts(parts, body.into()));
        };
        let (xml, mut keys) = without_inexpressible(xml, element);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(&mut keys);
        Ok(HttpResponse::from_parts(parts, xml.into()))
    }
}

/// Returns the name of the element of an entry, if the request is for a listing.
fn entries_of(request: &RequestSummary) -> Option<&'static str> {
    let has = |pair| request.query.split('&').any(|found| found == pair);
    match request.method.as_str() {
        "GET" if has("list-type=2") => Some("Contents"),
        "GET" if has("comp=list") => Some("Blob"),
        _ => None,
    }
}

/// Returns a listing without the entries whose keys cannot be expressed, and those keys.
/// Text in the listing is escaped, so every `<` begins a tag.
fn without_inexpressible(xml: &str, element: &str) -> (String, Vec<String>) {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut kept = String::with_capacity(xml.len());
    let mut left_out = Vec::new();
    let mut rest = xml;
    while let Some((before, after)) = rest.split_once(&open)
        && let Some((entry, after)) = after.split_once(&close)
    {
        kept.push_str(before);
        match key_of(entry).filter(|key| exact(key).is_none()) {
            Some(key) => left_out.push(key),
            None => kept.extend([&open, entry, &close]),
        }
        rest = after;
    }
    kept.push_str(rest);
    (kept, left_out)
}

fn key_of(entry: &str) -> Option<String> {
    let entry = quick_xml::de::from_str::<ListingEntry>(&format!("<Entry>{entry}</Entry>"));
    entry.ok().map(|entry| entry.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_inexpressible_keys_are_removed() {
        let keys = ["p/x.pack", "p//y.pack", "p/a&amp;b", "p/", "../z", "p/ü.pack", "a&#10;b"];
        for (element, name) in [("Contents", "Key"), ("Blob", "Name")] {
            let entry =
                |key: &str| format!("<{element}><{name}>{key}</{name}><Size>1</Size></{element}>");
            let listing = |keys: &[&str]| {
                format!("<L>{}</L>", keys.iter().map(|key| entry(key)).collect::<String>())
            };
            let (kept, left_out) = without_inexpressible(&listing(&keys), element);
            assert_eq!(kept, listing(&["p/x.pack", "p/a&amp;b", "p/ü.pack"]));
            assert_eq!(left_out, ["p//y.pack", "p/", "../z", "a\nb"]);
        }
    }
}
