//! What is put into requests that the crate `object_store` does not put there,
//! and answers as it understands them.

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use object_store::{ClientOptions, HeaderValue};
use url::Url;

use super::answers::{self, KnownSize, RequestSummary};
use super::listing::OmittedKeys;
use super::uploads::{UploadRequest, Uploads};

/// Makes the clients of a store.
#[derive(Clone, Debug, Default)]
pub struct Connector {
    /// The URL that every request is sent to: HTTP URLs go out byte for byte.
    pub target: Option<String>,
    /// The query that every request of a WebDAV listing gets.
    pub query: Option<String>,
    /// The value of `Authorization`.
    pub login: Option<HeaderValue>,
    /// Whether a multipart upload is completed on the condition that there is
    /// no object of the name (S3's `If-None-Match`, a header that needs no
    /// signature).
    pub create_only: bool,
    /// Where uploads are noted.
    pub uploads: Uploads,
    /// Where keys are noted that a listing had and the client cannot express.
    pub unlisted: OmittedKeys,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Connection { client, what: self.clone(), size: KnownSize::default() }))
    }
}

#[derive(Debug)]
struct Connection {
    client: HttpClient,
    what: Connector,
    size: KnownSize,
}

#[async_trait]
impl HttpService for Connection {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.amend(&mut request)?;
        let step = UploadRequest::of(&request);
        if let Some(step) = &step {
            self.what.uploads.sending(step, request.uri().path());
        }
        let asked = RequestSummary::by(&request);
        let response = match self.what.create_only && completes_upload(&request) {
            true => self.complete(request).await?,
            false => self.client.execute(request).await?,
        };
        let is_done = response.status().is_success() || response.status().as_u16() == 404;
        if let (Some(step), true) = (&step, is_done) {
            self.what.uploads.done(step);
        }
        let response = self.what.unlisted.leave_out(&asked, response).await?;
        let understood = answers::understood(&asked, response, &self.size_of_one()).await;
        if understood.as_ref().is_err_and(answers::says_no_conditions) {
            self.what.uploads.note_no_conditions();
        }
        understood
    }
}

impl Connection {
    /// Where the size of the one object is kept that this connection is for.
    fn size_of_one(&self) -> KnownSize {
        self.what.target.as_ref().map(|_| self.size.clone()).unwrap_or_default()
    }

    fn amend(&self, request: &mut HttpRequest) -> Result<(), HttpError> {
        let uri = match (&self.what.target, &self.what.query) {
            (Some(target), _) => Some(target.clone()),
            (None, Some(query)) => Some(format!("{}?{query}", request.uri())),
            (None, None) => None,
        };
        if let Some(uri) = uri {
            let refused = |error| HttpError::new(HttpErrorKind::Unknown, error);
            *request.uri_mut() = uri.parse().map_err(refused)?;
        }
        // The client below takes every URL for a valid one.
        Url::parse(&request.uri().to_string())
            .map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        if let Some(login) = &self.what.login {
            request.headers_mut().insert("authorization", login.clone());
        }
        if self.what.target.is_some() {
            let as_it_is = HeaderValue::from_static("identity");
            request.headers_mut().insert("accept-encoding", as_it_is);
        }
        Ok(())
    }

    /// Completes an upload on the condition that the name is free; without the
    /// condition where the store does not know it. (The writer has looked just
    /// before.)
    async fn complete(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut conditional = request.clone();
        conditional.headers_mut().insert("if-none-match", HeaderValue::from_static("*"));
        let response = self.client.execute(conditional).await?;
        let (response, is_refused) = answers::refuses_condition(response).await;
        if !is_refused {
            return Ok(response);
        }
        self.what.uploads.note_no_conditions();
        self.client.execute(request).await
    }
}

/// `POST /key?uploadId=…`, of all requests of S3 (`POST /key?uploads` begins
/// an upload).
fn completes_upload(request: &HttpRequest) -> bool {
    request.method() == "POST" && matches!(UploadRequest::of(request), Some(UploadRequest::End(_)))
}
