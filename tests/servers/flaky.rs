//! A line that fails each request once, and counts them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use object_store::{ClientOptions, Result};

/// What requests went over the line: method and path, and how often.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Whether the first of each is lost.
    pub loses: bool,
    sent: Arc<Mutex<HashMap<String, usize>>>,
}

impl Line {
    pub fn new(loses: bool) -> Self {
        Self { loses, ..Self::default() }
    }

    /// How many requests were sent in all.
    pub fn count(&self) -> usize {
        self.sent.lock().unwrap().values().sum()
    }

    /// The fewest times that any request was sent.
    pub fn fewest(&self) -> usize {
        self.sent.lock().unwrap().values().copied().min().unwrap_or(0)
    }
}

impl HttpConnector for Line {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Service { client, line: self.clone() }))
    }
}

#[derive(Debug)]
struct Service {
    client: HttpClient,
    line: Line,
}

#[derive(Debug)]
struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the line lost it")
    }
}

impl std::error::Error for Lost {}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let range = request.headers().get("range").map(|range| range.to_str().unwrap().to_string());
        let what = format!("{} {} {range:?}", request.method(), request.uri());
        let times = {
            let mut sent = self.line.sent.lock().unwrap();
            let times = sent.entry(what).or_default();
            *times += 1;
            *times
        };
        if self.line.loses && times == 1 {
            return Err(HttpError::new(HttpErrorKind::Connect, Lost));
        }
        self.client.execute(request).await
    }
}
