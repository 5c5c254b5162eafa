//! Adds to requests what the crate `object_store` does not send, and converts responses
//! to what it understands.

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use object_store::path::Path as ObjectPath;
use object_store::{ClientOptions, HeaderValue};
use url::Url;

use super::listing::OmittedKeys;
use super::responses::{self, KnownSize, RequestSummary};
use super::uploads::{UploadRequest, Uploads};
use super::url::{Service, StoreUrl};

/// Makes the clients of a store.
#[derive(Clone, Debug, Default)]
pub struct Connector {
    /// Where requests are sent to, for an object of an HTTP server.
    pub target: Option<WebTarget>,
    /// The query that is added to every request of a WebDAV listing.
    pub query: Option<String>,
    /// The value of `Authorization`.
    pub login: Option<HeaderValue>,
    /// Whether a multipart upload is completed only if no object has the name (S3's
    /// `If-None-Match`, a header that needs no signature).
    pub create_only: bool,
    /// Records the uploads.
    pub uploads: Uploads,
    /// Collects the keys of listings that the client cannot express.
    pub omitted_keys: OmittedKeys,
}

/// An object of an HTTP server, and the files next to it. Its URL is sent byte for byte,
/// while the client would escape the path.
#[derive(Clone, Debug)]
pub struct WebTarget {
    url: StoreUrl,
    /// The path that the client requests for the object.
    requested: String,
}

impl WebTarget {
    /// The target of a URL of an HTTP server, which names this object; `None` for other URLs.
    pub fn of(url: &StoreUrl, object: &ObjectPath) -> Option<Self> {
        let is_http = url.service() == Service::Http;
        let requested = url.requested_path(object).filter(|_| is_http)?;
        Some(Self { url: url.clone(), requested })
    }

    /// The end of a requested path after that of the object: `.names` for its names file.
    fn ending<'a>(&self, requested: &'a str) -> &'a str {
        requested.strip_prefix(self.requested.as_str()).unwrap_or_default()
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Connection {
            client,
            settings: self.clone(),
            size: KnownSize::default(),
        }))
    }
}

#[derive(Debug)]
struct Connection {
    client: HttpClient,
    settings: Connector,
    size: KnownSize,
}

#[async_trait]
impl HttpService for Connection {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let size = self.size_of_one(&request);
        self.amend(&mut request)?;
        let step = UploadRequest::of(&request);
        if let Some(step) = &step {
            self.settings.uploads.sending(step, request.uri().path());
        }
        let summary = RequestSummary::of(&request);
        let response = match self.settings.create_only && completes_upload(&request) {
            true => self.complete(request).await?,
            false => self.client.execute(request).await?,
        };
        let is_done = response.status().is_success() || response.status().as_u16() == 404;
        if let (Some(step), true) = (&step, is_done) {
            self.settings.uploads.done(step);
        }
        let response = self.settings.omitted_keys.omit_inexpressible(&summary, response).await?;
        let response = responses::normalize(&summary, response, &size).await;
        if response.as_ref().is_err_and(responses::is_unsupported_condition) {
            self.settings.uploads.note_no_conditions();
        }
        response
    }
}

impl Connection {
    /// Returns the recorded size of the object, if this connection is for a single object
    /// and the request is for it.
    fn size_of_one(&self, request: &HttpRequest) -> KnownSize {
        let target = self.settings.target.as_ref();
        let target = target.filter(|target| target.ending(request.uri().path()).is_empty());
        target.map(|_| self.size.clone()).unwrap_or_default()
    }

    fn amend(&self, request: &mut HttpRequest) -> Result<(), HttpError> {
        let uri = match (&self.settings.target, &self.settings.query) {
            (Some(target), _) => Some(target.url.target(target.ending(request.uri().path()))),
            (None, Some(query)) => Some(format!("{}?{query}", request.uri())),
            (None, None) => None,
        };
        if let Some(uri) = uri {
            let refused = |error| HttpError::new(HttpErrorKind::Unknown, error);
            *request.uri_mut() = uri.parse().map_err(refused)?;
        }
        // The HTTP client does not validate the URL.
        Url::parse(&request.uri().to_string())
            .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        if let Some(login) = &self.settings.login {
            request.headers_mut().insert("authorization", login.clone());
        }
        if self.settings.target.is_some() {
            let identity = HeaderValue::from_static("identity");
            request.headers_mut().insert("accept-encoding", identity);
        }
        Ok(())
    }

    /// Completes an upload if the name is free. If the store does not support the
    /// condition, completes it without: the writer has checked the name just before.
    async fn complete(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut conditional = request.clone();
        conditional.headers_mut().insert("if-none-match", HeaderValue::from_static("*"));
        let response = self.client.execute(conditional).await?;
        let (response, is_refused) = responses::refuses_condition(response).await;
        if !is_refused {
            return Ok(response);
        }
        self.settings.uploads.note_no_conditions();
        self.client.execute(request).await
    }
}

/// Returns whether a request completes an upload: `POST /key?uploadId=…` does, while
/// `POST /key?uploads` begins one.
fn completes_upload(request: &HttpRequest) -> bool {
    request.method() == "POST" && matches!(UploadRequest::of(request), Some(UploadRequest::End(_)))
}
