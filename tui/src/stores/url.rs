//! A URL of an object.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use object_store::path::Path as ObjectPath;
use percent_encoding::percent_decode_str;
use url::{Position, Url};

/// A URL that names an object in a store.
///
/// In `s3://`, `gs://` and `az://` the text after the bucket is the object's key, not
/// encoded, as in the stores' own commands. An `https://` URL is sent unchanged, with its
/// query, which contains the signature of a presigned URL.
#[derive(Clone)]
pub struct StoreUrl {
    service: Service,
    /// The bucket, or the host.
    authority: String,
    /// The key, not encoded; for HTTP the percent-encoded path.
    key: String,
    /// Scheme and bucket; for HTTP scheme, host and port.
    origin: String,
    query: Option<String>,
    /// For HTTP: user and password, as in `Authorization: Basic`.
    login: Option<String>,
}

/// The kind of store.
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

/// The reason why a text is not the URL of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAStore {
    /// The scheme is unknown.
    Scheme,
    /// There is no bucket, or no host.
    Authority,
    /// The path of a `file://` URL is not absolute.
    NotAbsolute,
    /// A `#` in a web address, which no client sends.
    Fragment,
    /// A key that the client cannot send unchanged.
    Key,
}

impl fmt::Display for NotAStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "a URL begins with s3://, gs://, az://, https://, http:// or file://",
            Self::Authority => "the URL names no bucket, or no host",
            Self::NotAbsolute => "the path of a file must be absolute: file:///path/from/the/root",
            Self::Fragment => {
                "the part after # is not sent to a server: write %23 for a # in the path"
            }
            Self::Key => {
                "this key cannot be requested: a part of it is empty, `.` or `..`, or it has \
                 control characters; copy the object to another key"
            }
        })
    }
}

impl StoreUrl {
    /// Parses a URL.
    ///
    /// # Errors
    /// [`NotAStore`].
    pub fn parse(text: &str) -> Result<Self, NotAStore> {
        let (scheme, rest) = text.split_once("://").ok_or(NotAStore::Scheme)?;
        let service = Service::of(&scheme.to_ascii_lowercase()).ok_or(NotAStore::Scheme)?;
        if service == Service::Http {
            return Self::parse_web(text);
        }
        let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.is_empty() {
            return Err(NotAStore::Authority);
        }
        Ok(Self {
            service,
            authority: authority.into(),
            key: key.into(),
            origin: format!("{scheme}://{authority}"),
            query: None,
            login: None,
        })
    }

    fn parse_web(text: &str) -> Result<Self, NotAStore> {
        let url = Url::parse(text).map_err(|_| NotAStore::Authority)?;
        if url.fragment().is_some() {
            return Err(NotAStore::Fragment);
        }
        let host = &url[Position::BeforeHost..Position::BeforePath];
        Ok(Self {
            service: Service::Http,
            authority: url.host_str().ok_or(NotAStore::Authority)?.into(),
            key: url.path().into(),
            origin: format!("{}://{host}", url.scheme()),
            query: url.query().map(Into::into),
            login: basic_login(&url),
        })
    }

    /// Returns the kind of store.
    pub fn service(&self) -> Service {
        self.service
    }

    /// Returns the bucket, or the host.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the key, not encoded; for HTTP the percent-encoded path.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns scheme and bucket; for HTTP scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the query of an HTTP URL.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Returns the value of `Authorization` for an HTTP URL with a user.
    pub fn login(&self) -> Option<&str> {
        self.login.as_deref()
    }

    /// Returns whether the URL stands for all objects below a prefix, not for one object.
    pub fn is_prefix(&self) -> bool {
        self.key.is_empty() || self.key.ends_with('/')
    }

    /// Returns the path of the object in the store. For HTTP it is only shown; requests use
    /// [`target`](Self::target).
    ///
    /// # Errors
    /// [`NotAStore::Key`] if the client would request another key.
    pub fn object(&self) -> Result<ObjectPath, NotAStore> {
        match self.service {
            Service::Http => {
                let path = ObjectPath::from_url_path(&self.key);
                Ok(path.unwrap_or_else(|_| ObjectPath::from(self.key.as_str())))
            }
            _ => exact(&self.key).ok_or(NotAStore::Key),
        }
    }

    /// Returns the path of the prefix in the store.
    ///
    /// # Errors
    /// [`NotAStore::Key`].
    pub fn prefix(&self) -> Result<ObjectPath, NotAStore> {
        let key = self.key.strip_suffix('/').unwrap_or(&self.key);
        match self.service {
            Service::Http => ObjectPath::from_url_path(key).map_err(|_| NotAStore::Key),
            _ => exact(key).ok_or(NotAStore::Key),
        }
    }

    /// Returns the URL of HTTP requests for the object, or for the file next to it whose name
    /// has this `ending` in addition; without user and password.
    pub fn target(&self, ending: &str) -> String {
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{}{ending}{query}", self.origin, self.key)
    }

    /// Returns the path that the client requests for an object of an HTTP server.
    pub fn requested_path(&self, object: &ObjectPath) -> Option<String> {
        let mut url = Url::parse(&self.origin).ok()?;
        url.path_segments_mut().ok()?.extend(object.parts());
        Some(url.path().to_string())
    }
}

/// Returns the path with exactly this key; `None` if the client would rewrite or refuse the
/// key.
pub fn exact(key: &str) -> Option<ObjectPath> {
    ObjectPath::parse(key).ok().filter(|path| path.as_ref() == key)
}

/// Returns user and password in the form of `Authorization` (RFC 7617).
fn basic_login(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut login = Vec::from_iter(percent_decode_str(url.username()));
    login.push(b':');
    login.extend(percent_decode_str(url.password().unwrap_or_default()));
    Some(format!("Basic {}", BASE64_STANDARD.encode(login)))
}

/// Omits user, password and query, which may be secret.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.login, self.origin.split_once("://")) {
            (Some(_), Some((scheme, host))) => write!(f, "{scheme}://***@{host}")?,
            _ => f.write_str(&self.origin)?,
        }
        let slash = if self.service == Service::Http { "" } else { "/" };
        let query = if self.query.is_some() { "?***" } else { "" };
        write!(f, "{slash}{}{query}", self.key)
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

/// Returns the path of a `file://` URL.
pub fn file(url: &str) -> Result<PathBuf, NotAStore> {
    let file = Url::parse(url).ok().and_then(|url| url.to_file_path().ok());
    file.filter(|path| Path::is_absolute(path)).ok_or(NotAStore::NotAbsolute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, String) {
        let url = StoreUrl::parse(text).unwrap();
        (url.origin().to_string(), url.object().unwrap().to_string())
    }

    #[test]
    fn a_key_is_not_decoded() {
        assert_eq!(parsed("s3://b/a/100%.pack"), ("s3://b".into(), "a/100%.pack".into()));
        assert_eq!(parsed("s3://b/what?.pack"), ("s3://b".into(), "what?.pack".into()));
        assert_eq!(parsed("gs://b/a%2Fb"), ("gs://b".into(), "a%2Fb".into()));
    }

    #[test]
    fn a_key_that_the_client_would_change_is_refused() {
        for key in ["p//y.pack", "/y.pack", "x/", "a/../b", "./a", "a\nb"] {
            let url = StoreUrl::parse(&format!("s3://bucket/{key}")).unwrap();
            assert_eq!(url.object().unwrap_err(), NotAStore::Key, "{key}");
        }
        assert!(StoreUrl::parse("s3://b/p/").unwrap().prefix().is_ok());
        assert!(StoreUrl::parse("s3://b/p//").unwrap().prefix().is_err());
    }

    #[test]
    fn a_web_address_is_sent_unchanged() {
        for address in [
            "http://host/a//b.pack",
            "http://host/a%2Fb.pack",
            "https://host:8443/a%20b/c.pack?X-Amz-Signature=00",
            "http://host/x/",
            "http://host/?f=a/b",
        ] {
            assert_eq!(StoreUrl::parse(address).unwrap().target(""), address);
        }
        assert_eq!(StoreUrl::parse("http://h/a#1.pack").unwrap_err(), NotAStore::Fragment);
    }

    #[test]
    fn secrets_are_sent_but_not_shown() {
        let url = StoreUrl::parse("https://host/c.pack?X-Amz-Signature=00").unwrap();
        assert_eq!(url.query(), Some("X-Amz-Signature=00"));
        assert_eq!(url.to_string(), "https://host/c.pack?***");
        let url = StoreUrl::parse("http://us%65r:p%40ss@host:81/c.pack").unwrap();
        assert_eq!(url.login(), Some("Basic dXNlcjpwQHNz"));
        assert_eq!(url.target(""), "http://host:81/c.pack");
        assert_eq!(url.target(".names"), "http://host:81/c.pack.names");
        assert_eq!(url.to_string(), "http://***@host:81/c.pack");
        assert_eq!(format!("{url:?}"), "StoreUrl(http://***@host:81/c.pack)");
    }

    #[test]
    fn a_url_without_an_object_is_refused() {
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
