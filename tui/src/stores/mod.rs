//! Packs that are named by a URL: in an object store, or on a web server.
//!
//! What comes before `://` says which store; what the store needs to know, its
//! credentials above all, comes from the environment, as the crate
//! `object_store` reads it (`AWS_…`, `GOOGLE_…`, `AZURE_STORAGE_…`).

mod answers;
mod connector;
mod listing;
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
use connector::Connector;
pub use uploads::Uploads;
pub use url::{NotAStore, Service, StoreUrl, file};

/// A request that takes longer than this is sent anew: a part of an upload
/// over a slow line takes its time.
const TIMEOUT: &str = "300 seconds";

/// Threads of the runtime that requests run on.
const WORKERS: usize = 2;

/// Whether ETags identify the version of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ETags {
    /// Where the store gives them.
    #[default]
    Compared,
    /// Size and date do alone.
    Ignored,
}

/// What is written at a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Nothing, or an object that may replace another.
    Any,
    /// An object that must not exist: on S3 a condition of completing the upload.
    Create,
}

/// The object that a URL names, and what is noted of uploads to it.
///
/// # Errors
/// [`Failure::Usage`] for a URL that names none, a setting of the environment
/// that cannot be right, or too few of them.
pub fn destination(url: &StoreUrl, purpose: Purpose) -> Result<(Location, Uploads), Failure> {
    let path = url.object().map_err(|error| Failure::usage(format!("{url}: {error}")))?;
    let connector = Connector {
        target: (url.service() == Service::Http).then(|| url.target()),
        create_only: purpose == Purpose::Create,
        ..Connector::default()
    };
    let uploads = connector.uploads.clone();
    let location = Location::shared(store(url, connector)?.into(), path);
    Ok((location.named(url.to_string()), uploads))
}

/// The object that a URL names, for reading.
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

/// What is below a prefix.
pub struct StoreListing {
    /// The objects, sorted by their paths.
    pub objects: Vec<(Location, Version)>,
    /// The names of those that the client cannot ask for.
    pub inexpressible: Vec<String>,
}

/// The objects below the prefix that a URL names.
///
/// # Errors
/// [`Failure::Pack`], [`Failure::Usage`] as [`destination`].
pub fn list(url: &StoreUrl, e_tags: ETags) -> Result<StoreListing, Failure> {
    let path = url.prefix().map_err(|error| Failure::usage(format!("{url}: {error}")))?;
    let connector = Connector { query: url.query().map(Into::into), ..Connector::default() };
    let unlisted = connector.unlisted.clone();
    let prefix = Location::shared(store(url, connector)?.into(), path).named(url.to_string());
    let prefix = with_e_tags(prefix, e_tags);
    let objects = wait(async move { prefix.list().await })??;
    let name = |key| format!("{}/{key}", url.origin());
    let inexpressible = unlisted.take().into_iter().map(name);
    Ok(StoreListing { objects, inexpressible: inexpressible.collect() })
}

fn store(url: &StoreUrl, connector: Connector) -> Result<Box<dyn ObjectStore>, Failure> {
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
    build(url, connector).map_err(|error| refused(settings::explained(url, &error)))
}

fn build(url: &StoreUrl, connector: Connector) -> object_store::Result<Box<dyn ObjectStore>> {
    secure_connections();
    // Waits 0.1, 0.2 … 3.2 s: an outage of some seconds is survived, and a
    // server that is not there is given up within seconds.
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

/// TLS by ring, unless something in this process has chosen before.
fn secure_connections() {
    static CHOSEN: OnceLock<()> = OnceLock::new();
    CHOSEN.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

/// The runtime that requests run on: one for the process, begun with the first
/// of them.
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

/// Starts a runtime. Tokio panics where the system refuses it a thread, so the
/// system is asked first.
fn start_runtime() -> io::Result<Runtime> {
    let threads = |_| {
        let (end, ended) = mpsc::channel::<()>();
        let wait_for_end = move || {
            let _ = ended.recv();
        };
        thread::Builder::new().spawn(wait_for_end).map(|thread| (end, thread))
    };
    let threads: Vec<_> = (0..WORKERS).map(threads).collect::<io::Result<_>>()?;
    for (end, thread) in threads {
        drop(end);
        // It has nothing to panic of.
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

/// A panic of a task is an error of what waits for it, and is reported as one.
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
/// [`Failure::Runtime`], a panic among it.
pub fn wait<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, Failure> {
    let runtime = runtime()?;
    let task = runtime.spawn(future);
    runtime.block_on(task).map_err(|error| Failure::Runtime(io::Error::other(error)))
}

/// What a user can do about an error of a store.
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
        Service::Http => "the server wants a login, or the signature in the URL has expired",
    };
    Some(match fault {
        StoreFault::Unauthenticated | StoreFault::Denied => credentials,
        StoreFault::Other if service == Service::S3 && !aws_credentials_are_set() => credentials,
        StoreFault::NotFound => "is the name right, letter by letter, and the bucket there?",
        StoreFault::NoRanges => "download the file, and read that",
        StoreFault::WebPage => {
            "does it want a login? A user is named as https://USER:PASSWORD@HOST/…"
        }
        StoreFault::Encoded => {
            "turn compression off for this file on the server, or download it and read that"
        }
        StoreFault::Changed => "it was replaced meanwhile: run this again",
        StoreFault::ETagChanged => {
            "it was replaced within a second, or several servers behind this name have different \
             ETags for one file: --no-etag compares size and date alone"
        }
        StoreFault::ClockSkew => "set the clock of this machine",
        StoreFault::Conflict => "run this again, when the other one is done",
        StoreFault::Unknown => "look whether it is there before you run this again",
        StoreFault::Unsupported => "write to s3://, gs:// or az://, or to a file",
        StoreFault::TooManyParts { .. } => "say how large it gets, --size-hint, or --part-size",
        _ => return None,
    })
}

/// Whether the environment names any credentials for S3. Without, the
/// metadata service of the machine is asked, which only Amazon's have.
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
