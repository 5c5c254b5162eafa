//! A connection that fails each request once and counts requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use object_store::{ClientOptions, Result};

/// Counts the requests by method, path and range; two with all three equal are repeats.
#[derive(Clone, Debug, Default)]
pub struct FlakyConnector {
    /// Whether the first of each group of repeats fails.
    pub fails_first: bool,
    sent: Arc<Mutex<HashMap<String, usize>>>,
}

impl FlakyConnector {
    pub fn new(fails_first: bool) -> Self {
        Self { fails_first, ..Self::default() }
    }

    /// The number of requests sent.
    pub fn count(&self) -> usize {
        self.sent.lock().unwrap().values().sum()
    }

    /// How often the least frequent request was sent.
    pub fn fewest(&self) -> usize {
        self.sent.lock().unwrap().values().copied().min().unwrap_or(0)
    }
}

impl HttpConnector for FlakyConnector {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Service { client, connection: self.clone() }))
    }
}

#[derive(Debug)]
struct Service {
    client: HttpClient,
    connection: FlakyConnector,
}

#[derive(Debug)]
struct ConnectionFailed;

impl std::fmt::Display for ConnectionFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection failed")
    }
}

impl std::error::Error for ConnectionFailed {}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let range = request.headers().get("range").map(|range| range.to_str().unwrap().to_string());
        let request_line = format!("{} {} {range:?}", request.method(), request.uri());
        let count = {
            let mut sent = self.connection.sent.lock().unwrap();
            let count = sent.entry(request_line).or_default();
            *count += 1;
            *count
        };
        if self.connection.fails_first && count == 1 {
            return Err(HttpError::new(HttpErrorKind::Connect, ConnectionFailed));
        }
        self.client.execute(request).await
    }
}
