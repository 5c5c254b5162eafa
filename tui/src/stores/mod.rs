//! Packs that are named by a URL: in an object store, or on a web server.
//!
//! The scheme before `://` selects the store. The settings of the store, above all the
//! credentials, come from the environment, as the crate `object_store` reads them
//! (`AWS_…`, `GOOGLE_…`, `AZURE_STORAGE_…`).

mod connector;
mod listing;
mod responses;
mod settings;
mod uploads;
mod url;

use std::any::Any;
use std::future::Future;
use std::path::Path;
use std::sync::{OnceLock, mpsc};
use std::time::Duration;
use std::{env, io, panic, thread};

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{ClientConfigKey, ClientOptions, HeaderValue, ObjectStore, RetryConfig};
use sealpack::remote::{Location, StoreFault, Version};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::outcome::Failure;
use connector::{Connector, WebTarget};
pub use uploads::Uploads;
pub use url::{NotAStore, Service, StoreUrl, file};

/// A request that takes longer than this is sent again. The limit is high enough for a
/// part of an upload over a slow connection.
const TIMEOUT: &str = "300 seconds";

/// Threads of the runtime that requests run on.
const WORKERS: usize = 2;

/// Whether ETags identify the version of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ETags {
    /// They do, if the store returns them.
    #[default]
    Compared,
    /// They do not: only size and date do.
    Ignored,
}

/// The purpose of opening a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reading, or writing an object that may replace another.
    Any,
    /// Writing an object that must not exist yet: on S3 a condition of completing the upload.
    Create,
}

/// Returns the object that a URL names, and the record of the uploads to it.
///
/// # Errors
/// [`Failure::Usage`] if the URL names no object, or if a setting of the environment is
/// invalid or missing.
pub fn destination(url: &StoreUrl, purpose: Purpose) -> Result<(Location, Uploads), Failure> {
    let path = url.object().map_err(|error| Failure::usage(format!("{url}: {error}")))?;
    let connector = Connector {
        target: WebTarget::of(url, &path),
        create_only: purpose == Purpose::Create,
        ..Connector::default()
    };
    let uploads = connector.uploads.clone();
    let location = Location::shared(create_store(url, connector)?.into(), path);
    Ok((location.named(url.to_string()), uploads))
}

/// Returns the object that a URL names, for reading.
///
/// # Errors
/// As [`destination`].
pub fn location(url: &StoreUrl, e_tags: ETags) -> Result<Location, Failure> {
    destination(url, Purpose::Any).map(|(location, _)| with_e_tags(location, e_tags))
}

fn with_e_tags(location: Location, e_tags: ETags) -> Location {
    match e_tags {
        ETags::Compared => location,
        ETags::Ignored => location.without_e_tags(),
    }
}

/// The objects below a prefix.
pub struct StoreListing {
    /// The objects, sorted by their paths.
    pub objects: Vec<(Location, Version)>,
    /// The names of the objects whose keys the client cannot express.
    pub inexpressible: Vec<String>,
}

/// Lists the objects below the prefix that a URL names.
///
/// # Errors
/// [`Failure::Pack`], [`Failure::Usage`] as [`destination`].
pub fn list(url: &StoreUrl, e_tags: ETags) -> Result<StoreListing, Failure> {
    let path = url.prefix().map_err(|error| Failure::usage(format!("{url}: {error}")))?;
    let connector = Connector { query: url.query().map(Into::into), ..Connector::default() };
    let omitted_keys = connector.omitted_keys.clone();
    let prefix =
        Location::shared(create_store(url, connector)?.into(), path).named(url.to_string());
    let prefix = with_e_tags(prefix, e_tags);
    let objects = wait(async move { prefix.list().await })??;
    let name = |key| format!("{}/{key}", url.origin());
    let inexpressible = omitted_keys.take().into_iter().map(name);
    Ok(StoreListing { objects, inexpressible: inexpressible.collect() })
}

fn create_store(url: &StoreUrl, connector: Connector) -> Result<Box<dyn ObjectStore>, Failure> {
    let refused = |error: String| Failure::usage(format!("{url}: {error}"));
    settings::check(url).map_err(refused)?;
    let login = match url.login().map(HeaderValue::from_str) {
        None => None,
        Some(Ok(mut login)) => {
            login.set_sensitive(true);
            Some(login)
        }
        Some(Err(error)) => return Err(refused(error.to_string())),
    };
    let connector = Connector { login, ..connector };
    build(url, connector).map_err(|error| refused(settings::explain(url, &error)))
}

fn build(url: &StoreUrl, connector: Connector) -> object_store::Result<Box<dyn ObjectStore>> {
    secure_connections();
    // The waits are 0.1, 0.2 … 3.2 s: requests survive an outage of some seconds, and fail
    // within seconds if the server does not exist.
    let retry = RetryConfig {
        max_retries: 6,
        retry_timeout: Duration::from_secs(60),
        ..RetryConfig::default()
    };
    let timeout = |variable| env::var(variable).unwrap_or_else(|_| TIMEOUT.into());
    let client = ClientConfigKey::Timeout;
    Ok(match url.service() {
        Service::S3 => Box::new(
            AmazonS3Builder::from_env()
                .with_config(AmazonS3ConfigKey::Client(client), timeout("AWS_TIMEOUT"))
                .with_bucket_name(url.authority())
                .with_retry(retry)
                .with_http_connector(connector)
                .build()?,
        ),
        Service::Google => Box::new(
            GoogleCloudStorageBuilder::from_env()
                .with_config(GoogleConfigKey::Client(client), timeout("GOOGLE_TIMEOUT"))
                .with_bucket_name(url.authority())
                .with_retry(retry)
                .with_http_connector(connector)
                .build()?,
        ),
        Service::Azure => Box::new(
            MicrosoftAzureBuilder::from_env()
                .with_config(AzureConfigKey::Client(client), timeout("AZURE_TIMEOUT"))
                .with_container_name(url.authority())
                .with_retry(retry)
                .with_http_connector(connector)
                .build()?,
        ),
        Service::Http => {
            let options = ClientOptions::new().with_allow_http(true).with_config(client, TIMEOUT);
            Box::new(
                HttpBuilder::new()
                    .with_url(url.origin())
                    .with_client_options(options)
                    .with_retry(retry)
                    .with_http_connector(connector)
                    .build()?,
            )
        }
    })
}

/// Selects ring for TLS, unless this process has selected a provider before.
fn secure_connections() {
    static CHOSEN: OnceLock<()> = OnceLock::new();
    CHOSEN.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// Returns the runtime that requests run on. The process has one, which starts with the
/// first request.
///
/// # Errors
/// [`Failure::Runtime`].
pub fn runtime() -> Result<&'static Handle, Failure> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    match RUNTIME.get_or_init(start_runtime) {
        Ok(runtime) => Ok(runtime.handle()),
        Err(error) => Err(Failure::Runtime(error.kind().into())),
    }
}

/// Starts a runtime. Tokio panics if the system allows no more threads, so this function
/// first checks that the threads can be started.
fn start_runtime() -> io::Result<Runtime> {
    let threads = |_| {
        let (stop, stopped) = mpsc::channel::<()>();
        let wait_for_end = move || {
            let _ = stopped.recv();
        };
        thread::Builder::new().spawn(wait_for_end).map(|thread| (stop, thread))
    };
    let threads: Vec<_> = (0..WORKERS).map(threads).collect::<io::Result<_>>()?;
    for (stop, thread) in threads {
        drop(stop);
        // The thread only waits: it does not panic.
        let _ = thread.join();
    }
    silence_panics();
    let start = || {
        Builder::new_multi_thread().worker_threads(WORKERS).thread_name(THREAD).enable_all().build()
    };
    let refused =
        |panic: Box<dyn Any + Send>| io::Error::new(io::ErrorKind::WouldBlock, text(&panic));
    panic::catch_unwind(start).map_err(refused)?
}

/// The name of the runtime's threads.
const THREAD: &str = "sealpack-store";

/// Prints no message for a panic of a task: the caller that waits for the task reports it
/// as an error.
fn silence_panics() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if thread::current().name() != Some(THREAD) {
            report(panic);
        }
    }));
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

/// Runs a future on the runtime, and blocks until it has finished.
///
/// # Errors
/// [`Failure::Runtime`], also if the future panics.
pub fn wait<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, Failure> {
    let runtime = runtime()?;
    let task = runtime.spawn(future);
    runtime.block_on(task).map_err(|error| Failure::Runtime(io::Error::other(error)))
}

/// Returns advice on an error of a store.
pub fn advice(path: &Path, fault: StoreFault) -> Option<&'static str> {
    let service = StoreUrl::parse(path.to_str()?).ok().map(|url| url.service())?;
    let credentials = match service {
        Service::S3 => {
            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION (profiles of ~/.aws are not \
             read), or AWS_SKIP_SIGNATURE=true for a public bucket"
        }
        Service::Google => {
            "set GOOGLE_SERVICE_ACCOUNT to the path of a service account's key, or \
             GOOGLE_SKIP_SIGNATURE=true for a public bucket"
        }
        Service::Azure => {
            "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (or \
             AZURE_STORAGE_SAS_KEY)"
        }
        Service::Http => "the server requires a login, or the signature in the URL has expired",
    };
    Some(match fault {
        StoreFault::Unauthenticated | StoreFault::Denied => credentials,
        StoreFault::Other if service == Service::S3 && !aws_credentials_are_set() => credentials,
        StoreFault::NotFound => "check that the bucket exists, and the spelling of the name",
        StoreFault::NoRanges => "download the file, and read the copy",
        StoreFault::WebPage => "if it requires a login, use https://USER:PASSWORD@HOST/…",
        StoreFault::Encoded => {
            "turn compression off for this file on the server, or download it and read the copy"
        }
        StoreFault::Changed => "it was replaced during the run: run this again",
        StoreFault::ETagChanged => {
            "it was replaced within a second, or several servers behind this name have different \
             ETags for one file: --no-etag compares size and date alone"
        }
        StoreFault::ClockSkew => "set the clock of this machine",
        StoreFault::Conflict => "run this again when the other writer has finished",
        StoreFault::Unknown => "check whether the object exists before you run this again",
        StoreFault::Unsupported => "write to s3://, gs:// or az://, or to a file",
        StoreFault::TooManyParts { .. } => {
            "state the size of the pack with --size-hint, or use a larger --part-size"
        }
        _ => return None,
    })
}

/// Returns whether the environment contains credentials for S3. Without them, the client
/// queries the metadata service, which exists only on Amazon's machines.
fn aws_credentials_are_set() -> bool {
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_SKIP_SIGNATURE",
    ]
    .into_iter()
    .any(|variable| env::var_os(variable).is_some())
}
