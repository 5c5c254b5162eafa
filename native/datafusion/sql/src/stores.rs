//! The object stores of a session, made when a URL first needs one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreRegistry;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use url::{Position, Url};

/// Makes stores from URLs, with the credentials and settings of the environment
/// (`AWS_*`; every variable that the crate `object_store` reads). So each process of a
/// cluster reaches the stores by itself, and no credential is part of a plan.
#[derive(Debug)]
pub struct EnvironmentStores {
    local: Arc<LocalFileSystem>,
    made: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl EnvironmentStores {
    /// Creates a registry without stores, but for the one of files.
    pub fn new() -> Self {
        Self { local: Arc::new(LocalFileSystem::new()), made: Mutex::default() }
    }

    fn with_made<T>(
        &self,
        change: impl FnOnce(&mut HashMap<String, Arc<dyn ObjectStore>>) -> T,
    ) -> T {
        change(&mut self.made.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The scheme, the host and the port of a URL, such as `s3://bucket`.
fn key(url: &Url) -> String {
    format!("{}://{}", url.scheme(), &url[Position::BeforeHost..Position::AfterPort])
}

impl ObjectStoreRegistry for EnvironmentStores {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        self.with_made(|made| made.insert(key(url), store))
    }

    fn deregister_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        self.with_made(|made| made.remove(&key(url))).ok_or_else(|| {
            DataFusionError::Plan(format!("no store is registered for {}", key(url)))
        })
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        let key = key(url);
        if let Some(store) = self.with_made(|made| made.get(&key).cloned()) {
            return Ok(store);
        }
        if url.scheme() == "file" {
            return Ok(self.local.clone());
        }
        let root = Url::parse(&key).map_err(|error| DataFusionError::External(Box::new(error)))?;
        // Only names that a store could know: other variables may be secrets of other programs.
        let settings = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let known = ["AWS_", "GOOGLE_", "AZURE_"].iter().any(|part| name.starts_with(part));
            known.then_some((name, value.into_string().ok()?))
        });
        // A URL that begins with `http://` asks for a connection without TLS.
        let plain =
            (url.scheme() == "http").then(|| ("allow_http".to_string(), "true".to_string()));
        let (store, _) =
            object_store::parse_url_opts(&root, settings.chain(plain)).map_err(|error| {
                DataFusionError::Configuration(format!("cannot use the store {key}: {error}"))
            })?;
        let store: Arc<dyn ObjectStore> = Arc::from(store);
        Ok(self.with_made(|made| made.entry(key).or_insert(store).clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_made_once_for_each_authority() {
        let stores = EnvironmentStores::new();
        let get = |url: &str| stores.get_store(&Url::parse(url).unwrap());
        let first = get("https://host:8080/a").unwrap();
        assert!(Arc::ptr_eq(&first, &get("https://host:8080/b/c").unwrap()));
        assert!(!Arc::ptr_eq(&first, &get("https://other/a").unwrap()));
        assert!(get("file:///tmp/a").is_ok());
        let unknown = get("gopher://host/a").unwrap_err().to_string();
        assert!(unknown.contains("gopher://host"), "{unknown}");
    }
}
