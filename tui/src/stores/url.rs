//! A URL of an object.

use std::fmt;
use std::path::{Path, PathBuf};

use object_store::path::Path as ObjectPath;
use url::{Position, Url};

/// A URL that names an object in a store.
///
/// What follows the bucket in `s3://`, `gs://` and `az://` is the object's key
/// as it is, as in the stores' own commands; an `https://` URL is one, with
/// its query: presigned URLs have their signature there.
#[derive(Clone, Debug)]
pub struct StoreUrl {
    service: Service,
    /// The bucket, or the host.
    authority: String,
    /// The key as it is; of HTTP the path, percent-encoded.
    key: String,
    /// Of HTTP: scheme, host and port.
    origin: String,
    query: Option<String>,
}

/// Who keeps the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Amazon S3, or another store with its interface.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
    /// A web server.
    Http,
}

impl Service {
    fn of(scheme: &str) -> Option<Self> {
        Some(match scheme {
            "s3" | "s3a" => Self::S3,
            "gs" => Self::Google,
            "az" | "azure" | "abfs" => Self::Azure,
            "http" | "https" => Self::Http,
            _ => return None,
        })
    }
}

/// Why a text is no URL of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAStore {
    /// What comes before `://` is not known.
    Scheme,
    /// There is no bucket, or no host.
    Authority,
    /// The path of a `file://` URL is not absolute.
    NotAbsolute,
}

impl fmt::Display for NotAStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "a URL begins with s3://, gs://, az://, https://, http:// or file://",
            Self::Authority => "the URL names no bucket, or no host",
            Self::NotAbsolute => "a file is file:///path/from/the/root",
        })
    }
}

impl StoreUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`NotAStore`].
    pub fn parse(text: &str) -> Result<Self, NotAStore> {
        let (scheme, rest) = text.split_once("://").ok_or(NotAStore::Scheme)?;
        let service = Service::of(&scheme.to_ascii_lowercase()).ok_or(NotAStore::Scheme)?;
        if service == Service::Http {
            let url = Url::parse(text).map_err(|_| NotAStore::Authority)?;
            return Ok(Self {
                service,
                authority: url.host_str().ok_or(NotAStore::Authority)?.into(),
                key: url.path().into(),
                origin: url[..Position::BeforePath].into(),
                query: url.query().map(Into::into),
            });
        }
        let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.is_empty() {
            return Err(NotAStore::Authority);
        }
        let origin = format!("{scheme}://{authority}");
        Ok(Self { service, authority: authority.into(), key: key.into(), origin, query: None })
    }

    /// Who keeps the object.
    pub fn service(&self) -> Service {
        self.service
    }

    /// The bucket, or the host.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Scheme and bucket; of HTTP scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The query of an HTTP URL.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Whether it names everything below a prefix, and not one object.
    pub fn is_prefix(&self) -> bool {
        self.key.is_empty() || self.key.ends_with('/')
    }

    /// The path in the store.
    ///
    /// # Errors
    /// What is wrong with it: an empty part, say.
    pub fn path(&self) -> Result<ObjectPath, object_store::path::Error> {
        match self.service {
            Service::Http => ObjectPath::from_url_path(&self.key),
            _ => ObjectPath::parse(&self.key),
        }
    }
}

/// Without the query, which may hold a signature that is nobody's business.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.key.starts_with('/') { "" } else { "/" };
        write!(f, "{}{slash}{}", self.origin, self.key)
    }
}

/// The file of a `file://` URL.
pub fn file(url: &str) -> Result<PathBuf, NotAStore> {
    let file = Url::parse(url).ok().and_then(|url| url.to_file_path().ok());
    file.filter(|path| Path::is_absolute(path)).ok_or(NotAStore::NotAbsolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, String) {
        let url = StoreUrl::parse(text).unwrap();
        (url.origin().to_string(), url.path().unwrap().to_string())
    }

    #[test]
    fn a_key_is_taken_as_it_is_and_a_web_address_is_decoded() {
        assert_eq!(parsed("s3://b/a/100%.pack"), ("s3://b".into(), "a/100%.pack".into()));
        assert_eq!(parsed("s3://b/what?.pack"), ("s3://b".into(), "what?.pack".into()));
        let web = parsed("https://host:8443/a%20b/c.pack?X-Amz-Signature=00");
        assert_eq!(web, ("https://host:8443".into(), "a b/c.pack".into()));
    }

    #[test]
    fn a_signature_is_sent_and_not_shown() {
        let url = StoreUrl::parse("https://host/c.pack?X-Amz-Signature=00").unwrap();
        assert_eq!(url.query(), Some("X-Amz-Signature=00"));
        assert_eq!(url.to_string(), "https://host/c.pack");
    }

    #[test]
    fn what_names_no_object_is_refused() {
        for (text, why) in [
            ("ftp://host/a", NotAStore::Scheme),
            ("plain.pack", NotAStore::Scheme),
            ("s3:///a", NotAStore::Authority),
            ("https://", NotAStore::Authority),
        ] {
            assert_eq!(StoreUrl::parse(text).unwrap_err(), why, "{text}");
        }
        assert_eq!(file("file:///a%20b/c.pack"), Ok("/a b/c.pack".into()));
        assert!(file("file://c.pack").is_err());
    }

    #[test]
    fn a_prefix_ends_in_a_slash() {
        for (text, is_prefix) in [("s3://b", true), ("s3://b/a/", true), ("s3://b/a", false)] {
            assert_eq!(StoreUrl::parse(text).unwrap().is_prefix(), is_prefix, "{text}");
        }
    }
}
