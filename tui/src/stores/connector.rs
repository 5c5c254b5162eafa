//! What is put into requests that the crate `object_store` does not put there.

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use object_store::{ClientOptions, HeaderValue};

/// Makes the clients of a store.
#[derive(Clone, Debug)]
pub struct Connector {
    query: Option<String>,
    create_only: bool,
}

impl Connector {
    /// With `query` every URL gets this query: a presigned one has its
    /// signature there. With `create_only` a multipart upload is completed on
    /// the condition that there is no object of the name (S3's
    /// `If-None-Match`, a header that needs no signature).
    pub fn new(query: Option<&str>, create_only: bool) -> Self {
        Self { query: query.map(Into::into), create_only }
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        if self.query.is_none() && !self.create_only {
            return Ok(client);
        }
        Ok(HttpClient::new(Amended { client, what: self.clone() }))
    }
}

#[derive(Debug)]
struct Amended {
    client: HttpClient,
    what: Connector,
}

#[async_trait]
impl HttpService for Amended {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if let Some(query) = &self.what.query {
            let with_query = format!("{}?{query}", request.uri());
            let refused = |error| HttpError::new(HttpErrorKind::Unknown, error);
            *request.uri_mut() = with_query.parse().map_err(refused)?;
        }
        if self.what.create_only && completes_upload(&request) {
            let absent = HeaderValue::from_static("*");
            request.headers_mut().insert("if-none-match", absent);
        }
        self.client.execute(request).await
    }
}

/// `POST /key?uploadId=…`, of all requests of S3 (`POST /key?uploads` begins
/// an upload).
fn completes_upload(request: &HttpRequest) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.method() == "POST" && query.split('&').any(|part| part.starts_with("uploadId="))
}
