//! Converts the responses of servers to what the crate `object_store` understands.
//!
//! HTTP allows more than the crate accepts: a size may be unknown (`bytes 0-9/*`, chunked
//! bodies), dates and ETags may be invalid, and the body of an error may have any length
//! and encoding. The crate reduces an error to a text, so this module also classifies
//! the errors that a user can act on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use object_store::client::{HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody};
use object_store::{HeaderMap, HeaderValue};
use sealpack::remote::{ServerRefusal, StoreFault};
use tokio::time::timeout;

/// The maximum number of bytes that are read of the body of an error.
const MAX_BODY: usize = 16 << 10;
/// The maximum time for reading the body of an error.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// The parts of a request that are needed to interpret its response.
#[derive(Clone, Debug)]
pub struct RequestSummary {
    /// The method.
    pub method: String,
    /// The query.
    pub query: String,
    range: Option<Range>,
    if_none_match: bool,
}

/// The range of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    /// The last bytes.
    Suffix,
    /// Any other range.
    Bounded,
}

impl RequestSummary {
    /// Extracts these parts.
    pub fn of(request: &HttpRequest) -> Self {
        let header = |name| text(request.headers(), name);
        let range = header("range").map(|range| match range.starts_with("bytes=-") {
            true => Range::Suffix,
            false => Range::Bounded,
        });
        Self {
            method: request.method().as_str().into(),
            query: request.uri().query().unwrap_or_default().into(),
            range,
            if_none_match: header("if-none-match").is_some(),
        }
    }

    fn is_part(&self) -> bool {
        self.query.contains("partNumber=")
    }
}

/// Converts a response to one that the client understands.
///
/// # Errors
/// An error that contains a [`ServerRefusal`], for a response that is neither usable nor an
/// error that the client understands.
pub async fn normalize(
    request: &RequestSummary,
    response: HttpResponse,
    size: &KnownSize,
) -> Result<HttpResponse, HttpError> {
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        return normalize_error(request, response).await;
    }
    let mut response = response;
    let headers = response.headers_mut();
    remove_invalid_headers(headers);
    match (status.as_u16(), request.range) {
        (200, Some(_)) if is_web_page(headers) => return Err(refusal(StoreFault::WebPage, "")),
        (206, Some(range)) => complete_range(headers, range, size),
        (200, None) if request.method == "HEAD" => size.record(headers),
        (200..=299, _) if request.method == "PUT" && !request.is_part() => {
            headers.entry("etag").or_insert(HeaderValue::from_static("\"\""));
        }
        _ => {}
    }
    Ok(response)
}

/// Returns whether an error says that the store does not support `If-None-Match`.
pub fn is_unsupported_condition(error: &HttpError) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(refusal) = error.downcast_ref::<ServerRefusal>() {
            return refusal.fault() == StoreFault::NoConditions;
        }
        source = error.source();
    }
    false
}

/// Returns whether a response rejects the header `If-None-Match` itself, and the response
/// with the part of its body that was read.
pub async fn refuses_condition(response: HttpResponse) -> (HttpResponse, bool) {
    if !matches!(response.status().as_u16(), 400 | 501) {
        return (response, false);
    }
    let (parts, body) = response.into_parts();
    let body = start_of(body).await;
    let is_refused = mentions_condition(parts.status.as_u16(), &body);
    (HttpResponse::from_parts(parts, body.into()), is_refused)
}

fn mentions_condition(status: u16, body: &str) -> bool {
    status == 501 || (status == 400 && body.to_ascii_lowercase().contains("if-none-match"))
}

async fn normalize_error(
    request: &RequestSummary,
    response: HttpResponse,
) -> Result<HttpResponse, HttpError> {
    let (mut parts, body) = response.into_parts();
    let body = start_of(body).await;
    let code = element(&body, "Code").unwrap_or_default();
    let status = parts.status.as_u16();
    let message = error_message(&parts.headers, &body);
    match (status, code) {
        (400 | 501, _) if request.if_none_match && mentions_condition(status, &body) => {
            return Err(refusal(StoreFault::NoConditions, &message));
        }
        // Use statuses for which the client retries the request.
        (400, "RequestTimeout") => parts.status = status_of(408, parts.status),
        (409, "ConditionalRequestConflict" | "OperationAborted") => {
            parts.status = status_of(503, parts.status);
        }
        (403, "RequestTimeTooSkewed") => return Err(refusal(StoreFault::ClockSkew, &message)),
        (401 | 403 | 404 | 408 | 409 | 412 | 429, _) => {}
        (400..=499, _) => {
            let words = format!("the server answered {}{message}", parts.status);
            return Err(refusal(StoreFault::Other, &words));
        }
        _ => {}
    }
    // The client shows the body. For 4xx it searches the body for the error code.
    let body = if parts.status.is_server_error() { message } else { body };
    Ok(HttpResponse::from_parts(parts, body.into()))
}

fn status_of<S: TryFrom<u16>>(status: u16, unless: S) -> S {
    S::try_from(status).unwrap_or(unless)
}

fn refusal(fault: StoreFault, words: &str) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, ServerRefusal::new(fault, words))
}

/// Returns the message in the body of an error, preceded by `: `.
fn error_message(headers: &HeaderMap, body: &str) -> String {
    let line = match (element(body, "Code"), element(body, "Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.into(),
        _ if is_web_page(headers) || body.trim_start().starts_with('<') => without_tags(body),
        _ => body.lines().next().unwrap_or_default().trim().into(),
    };
    if line.is_empty() { line } else { format!(": {line}") }
}

/// Returns the first words of a page.
fn without_tags(page: &str) -> String {
    let texts = page.split('<').filter_map(|part| part.split_once('>').map(|(_, text)| text));
    let words: Vec<&str> = texts.flat_map(str::split_whitespace).take(30).collect();
    words.join(" ")
}

/// Returns the text of the first element of this name.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_web_page(headers: &HeaderMap) -> bool {
    text(headers, "content-type").is_some_and(|kind| kind.trim_start().starts_with("text/html"))
}

/// Removes validators that cannot be parsed: a recipient ignores them (RFC 9110, 8.8).
fn remove_invalid_headers(headers: &mut HeaderMap) {
    if headers.get("etag").is_some_and(|value| value.to_str().is_err()) {
        headers.remove("etag");
    }
    if let Some(date) = headers.remove("last-modified") {
        let date = date.to_str().ok().and_then(|date| httpdate::parse_http_date(date).ok());
        let date = date.and_then(|date| HeaderValue::from_str(&httpdate::fmt_http_date(date)).ok());
        if let Some(date) = date {
            headers.insert("last-modified", date);
        }
    }
}

/// The size of the single object of a connection, as the server last reported it; 0 before
/// the first report.
#[derive(Clone, Debug, Default)]
pub struct KnownSize(Arc<AtomicU64>);

impl KnownSize {
    fn record(&self, headers: &HeaderMap) {
        if let Some(size) = text(headers, "content-length").and_then(|size| size.parse().ok()) {
            self.0.store(size, Ordering::Relaxed);
        }
    }
}

/// Completes the headers from which the client reads the size of a range and of the
/// object. If the server does not report the object's size, the end of a suffix range is
/// its size.
fn complete_range(headers: &mut HeaderMap, requested: Range, known: &KnownSize) {
    let range = text(headers, "content-range").and_then(|range| {
        let (first, rest) = range.trim().strip_prefix("bytes ")?.split_once('-')?;
        let (last, size) = rest.split_once('/')?;
        let (first, last) = (first.trim().parse::<u64>().ok()?, last.trim().parse::<u64>().ok()?);
        Some((first, last, size.trim().parse::<u64>().ok()))
    });
    let Some((first, last, size)) = range else { return };
    let end = last.saturating_add(1);
    let size = size.unwrap_or_else(|| match (requested, known.0.load(Ordering::Relaxed)) {
        (Range::Bounded, size) if size >= end => size,
        _ => end,
    });
    known.0.store(size, Ordering::Relaxed);
    if let Ok(range) = HeaderValue::from_str(&format!("bytes {first}-{last}/{size}")) {
        headers.insert("content-range", range);
    }
    headers.entry("content-length").or_insert(end.saturating_sub(first).into());
}

/// Returns the first bytes of a body as text, within a limit of bytes and of time.
async fn start_of(body: HttpResponseBody) -> String {
    let mut stream = body.bytes_stream();
    let mut start = Vec::new();
    let read = async {
        while let Some(Ok(bytes)) = stream.next().await {
            start.extend_from_slice(&bytes);
            if start.len() >= MAX_BODY {
                break;
            }
        }
    };
    // After the time limit, the bytes that have arrived are used.
    let _ = timeout(MAX_WAIT, read).await;
    start.truncate(MAX_BODY);
    String::from_utf8_lossy(&start).into_owned()
}
