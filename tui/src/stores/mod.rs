//! Packs that are named by a URL: in an object store, or behind HTTP.
//!
//! What comes before `://` says which store; what the store needs to know, its
//! credentials above all, comes from the environment, as the crate
//! `object_store` reads it (`AWS_…`, `GOOGLE_…`, `AZURE_STORAGE_…`).

mod connector;
mod url;

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use std::{env, io};

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::{ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};
use sealpack::remote::{Location, StoreFault, Version};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::outcome::Failure;
use connector::Connector;
pub use url::{Service, StoreUrl, file};

/// A request that takes longer than this is sent anew: a part of an upload
/// over a slow line takes its time.
const TIMEOUT: &str = "300 seconds";

/// How a location is going to be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reading, or replacing what may be there.
    Any,
    /// Writing what must not be there: S3 is told so when an upload is
    /// completed.
    Create,
}

/// The object that a URL names.
///
/// # Errors
/// [`Failure::Usage`] for a URL that names none, or an environment that does
/// not say enough.
pub fn location(url: &StoreUrl, purpose: Purpose) -> Result<Location, Failure> {
    let path = url.path().map_err(|error| Failure::usage(format!("{url}: {error}")))?;
    let store = store(url, purpose).map_err(|error| Failure::usage(format!("{url}: {error}")))?;
    let location = Location::shared(store.into(), path);
    Ok(location.named(url.to_string()))
}

/// The objects below the prefix that a URL names.
///
/// # Errors
/// [`Failure::Pack`].
pub fn list(url: &StoreUrl) -> Result<Vec<(Location, Version)>, Failure> {
    let prefix = location(url, Purpose::Any)?;
    Ok(runtime()?.block_on(prefix.list())?)
}

fn store(url: &StoreUrl, purpose: Purpose) -> object_store::Result<Box<dyn ObjectStore>> {
    secure_connections();
    let connector = Connector::new(url.query(), purpose == Purpose::Create);
    // Waits 0.1, 0.2 … 3.2 s: an outage of some seconds is survived, and a
    // server that is not there does not keep anybody for three minutes.
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
    let begun = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("sealpack-store")
            .enable_all()
            .build()
    });
    match begun {
        Ok(runtime) => Ok(runtime.handle()),
        Err(error) => Err(Failure::Runtime(error.kind().into())),
    }
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
        StoreFault::Changed => "somebody replaced it meanwhile: run this again",
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
