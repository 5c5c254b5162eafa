//! Which packs a location names, and how a plan describes them.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::plan_err;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::object_store::path::Path as ObjectPath;
use datafusion::object_store::{Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt as _};
use futures::TryStreamExt as _;
use sealpack::remote::{Location, RemotePackSet, Version};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::{external, pack_error};
use crate::store::{AdaptedStore, next_path};

/// Objects below a folder count as packs if their names end like this.
const PACK_ENDING: &str = ".pack";

/// The ending of the manifest of a set.
const MANIFEST_ENDING: &str = ".json";

/// A pack of a table: everything that another process needs to read the same version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackFile {
    /// The URL, which is also the value of the column `pack`.
    pub(crate) url: String,
    /// The URL of the store.
    store: String,
    /// The path in the store.
    path: String,
    pub(crate) size: u64,
    e_tag: Option<String>,
    version: Option<String>,
    /// Microseconds since 1970.
    modified: Option<i64>,
    /// The values of the folders `key=value`.
    pub(crate) folders: Vec<String>,
    /// What the manifest of a set states.
    pub(crate) listed: Option<ListedPack>,
    /// The hash that every record is checked against: a root or a content hash.
    pub(crate) trust: Option<[u8; 32]>,
}

/// What the manifest of a set states about a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedPack {
    pub(crate) items: u32,
    pub(crate) content_hash: Option<[u8; 32]>,
}

/// The packs of a table, and the keys of their folders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FoundPacks {
    pub(crate) files: Vec<PackFile>,
    pub(crate) folder_keys: Vec<String>,
}

impl PackFile {
    /// Returns the location, as the library takes it.
    pub(crate) fn location(&self, runtime: &RuntimeEnv) -> Result<Location> {
        let store = store_at(runtime, &self.store)?;
        let path = ObjectPath::parse(&self.path)?;
        location(store, &path, &self.url)
    }

    /// Returns the version that the table was opened with.
    pub(crate) fn version(&self) -> Result<Version> {
        let modified = self.modified.and_then(chrono::DateTime::from_timestamp_micros);
        Ok(Version::from(object_store_next::ObjectMeta {
            location: next_path(&ObjectPath::parse(&self.path)?).map_err(external)?,
            last_modified: modified.unwrap_or_default(),
            size: self.size,
            e_tag: self.e_tag.clone(),
            version: self.version.clone(),
        }))
    }
}

/// Returns the store that the session has for a URL.
pub(crate) fn store_at(runtime: &RuntimeEnv, url: &str) -> Result<Arc<dyn ObjectStore>> {
    let url = Url::parse(url).map_err(external)?;
    runtime.object_store_registry.get_store(&url)
}

/// Returns the location of an object in one of DataFusion's stores.
pub(crate) fn location(
    store: Arc<dyn ObjectStore>,
    path: &ObjectPath,
    url: &str,
) -> Result<Location> {
    let path = next_path(path).map_err(external)?;
    Ok(Location::new(AdaptedStore::new(store), path).named(url))
}

/// Returns the packs at these locations, in the order of the locations, and of the paths
/// within each.
pub(crate) async fn find_packs(
    session: &dyn Session,
    locations: &[String],
    trust: Option<[u8; 32]>,
) -> Result<FoundPacks> {
    let mut found: Option<FoundPacks> = None;
    for location in locations {
        let url = parse_location(location)?;
        let packs = find_at(session, location, &url, trust).await?;
        match &mut found {
            None => found = Some(packs),
            Some(so_far) if so_far.folder_keys == packs.folder_keys => {
                so_far.files.extend(packs.files);
            }
            Some(so_far) => {
                return plan_err!(
                    "the packs at '{location}' are in folders for {:?}, but those before for {:?}",
                    packs.folder_keys,
                    so_far.folder_keys
                );
            }
        }
    }
    let Some(found) = found else { return plan_err!("a table of packs needs a location") };
    if trust.is_some() && found.files.iter().any(|file| file.trust.is_none()) {
        return plan_err!(
            "one hash cannot authenticate several packs; use the manifest of a set, and the \
             root that it states"
        );
    }
    Ok(found)
}

/// Parses a path, a URL, or either with a pattern in it: `s3://bucket/2026/*.pack`.
pub(crate) fn parse_location(location: &str) -> Result<ListingTableUrl> {
    const PATTERN: [char; 3] = ['*', '?', '['];
    if let Some((scheme, rest)) = location.split_once("://")
        && let Some(at) = rest.find(PATTERN)
        && let Some((folder, _)) = rest.get(..at).and_then(|before| before.rsplit_once('/'))
    {
        let pattern = rest.get(folder.len() + 1..).unwrap_or_default();
        return ListingTableUrl::parse(format!("{scheme}://{folder}/"))?.with_glob(pattern);
    }
    ListingTableUrl::parse(location)
}

async fn find_at(
    session: &dyn Session,
    location: &str,
    url: &ListingTableUrl,
    trust: Option<[u8; 32]>,
) -> Result<FoundPacks> {
    let store = session.runtime_env().object_store(url)?;
    if url.get_glob().is_none() && url.as_str().ends_with(MANIFEST_ENDING) {
        return find_members(store, url, trust).await;
    }
    let (objects, is_listing) = list(&store, url).await?;
    let Some(first) = objects.first() else {
        return plan_err!("there is no pack at '{location}'");
    };
    let folder_keys: Vec<String> =
        folders(url, first).into_iter().map(|(key, _)| key.to_owned()).collect();
    let is_only = objects.len() == 1;
    let mut files = Vec::with_capacity(objects.len());
    for object in &objects {
        let folders = folders(url, object);
        if !folders.iter().map(|(key, _)| *key).eq(folder_keys.iter().map(String::as_str)) {
            return plan_err!(
                "the pack '{}' is not in folders for {folder_keys:?}, as '{}' is",
                object.location,
                first.location
            );
        }
        let folders = folders.into_iter().map(|(_, value)| value).collect();
        let trust = trust.filter(|_| is_only && !is_listing);
        files.push(PackFile { folders, trust, ..pack_file(url, object) });
    }
    Ok(FoundPacks { files, folder_keys })
}

fn pack_file(url: &ListingTableUrl, object: &ObjectMeta) -> PackFile {
    let store = url.object_store().as_str().to_owned();
    let is_local = ["file", "memory"].contains(&url.scheme());
    // Listings of some servers lack the quotes that a condition needs.
    let quote = |e_tag: String| match e_tag.ends_with('"') || is_local {
        true => e_tag,
        false => format!("\"{e_tag}\""),
    };
    PackFile {
        url: format!("{store}{}", object.location),
        path: object.location.to_string(),
        store,
        size: object.size,
        e_tag: object.e_tag.clone().map(quote),
        version: object.version.clone(),
        modified: Some(object.last_modified.timestamp_micros()),
        folders: Vec::new(),
        listed: None,
        trust: None,
    }
}

/// Returns the object, or the packs below the folder in the order of their paths, and
/// whether it is a folder.
async fn list(
    store: &Arc<dyn ObjectStore>,
    url: &ListingTableUrl,
) -> Result<(Vec<ObjectMeta>, bool)> {
    if !url.is_collection() && url.get_glob().is_none() {
        match store.head(url.prefix()).await {
            Ok(object) => return Ok((vec![object], false)),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut objects: Vec<ObjectMeta> = store.list(Some(url.prefix())).try_collect().await?;
    let has_pattern = url.get_glob().is_some();
    objects.retain(|object| {
        let is_pack = has_pattern || object.location.as_ref().ends_with(PACK_ENDING);
        is_pack && url.contains(&object.location, false)
    });
    objects.sort_by(|one, other| one.location.cmp(&other.location));
    Ok((objects, true))
}

/// Returns the keys and values of the folders `key=value` between a location and a pack.
fn folders<'a>(url: &'a ListingTableUrl, object: &'a ObjectMeta) -> Vec<(&'a str, String)> {
    let Some(segments) = url.strip_prefix(&object.location) else { return Vec::new() };
    let mut segments: Vec<&str> = segments.collect();
    // The last one is the pack's own name.
    segments.pop();
    let pairs = segments.into_iter().filter_map(|segment| segment.split_once('='));
    let decoded =
        |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into();
    pairs.map(|(key, value)| (key, decoded(value))).collect()
}

/// Returns the members of the set whose manifest is at this location.
async fn find_members(
    store: Arc<dyn ObjectStore>,
    url: &ListingTableUrl,
    trust: Option<[u8; 32]>,
) -> Result<FoundPacks> {
    let store_url = url.object_store().as_str().to_owned();
    let name = format!("{store_url}{}", url.prefix());
    let manifest = location(store, url.prefix(), &name)?;
    let options = RemotePackSet::options();
    let options = match trust {
        Some(root) => options.trust_root(root),
        None => options,
    };
    let set = options.open(&manifest).await.map_err(pack_error)?;
    let members = set.members().iter().map(|member| {
        let identity = member.identity;
        let listed = ListedPack { items: identity.items, content_hash: identity.content_hash };
        PackFile {
            url: format!("{store_url}{}", member.location.path()),
            store: store_url.clone(),
            path: member.location.path().to_string(),
            size: identity.size,
            e_tag: None,
            version: None,
            modified: None,
            folders: Vec::new(),
            listed: Some(listed),
            // With a trusted root, what it states about each member is trusted too.
            trust: identity.digest_root.or(identity.content_hash.filter(|_| trust.is_some())),
        }
    });
    Ok(FoundPacks { files: members.collect(), folder_keys: Vec::new() })
}

/// Returns a batch with a row for each pack: its URL and the values of its folders.
pub(crate) fn packs_as_rows(
    files: &[PackFile],
    columns: &crate::schema::PackColumns,
) -> Result<RecordBatch> {
    use datafusion::arrow::array::{ArrayRef, RecordBatchOptions, StringViewArray};
    let schema = columns.schema();
    let mut fields = vec![schema.field_with_name(crate::schema::PACK)?.clone()];
    let urls = StringViewArray::from_iter_values(files.iter().map(|file| &file.url));
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(urls)];
    for (number, key) in columns.folders.iter().enumerate() {
        fields.push(schema.field_with_name(key)?.clone());
        let value = |file: &PackFile| file.folders.get(number).cloned().unwrap_or_default();
        arrays.push(Arc::new(StringViewArray::from_iter_values(files.iter().map(value))));
    }
    let schema = Arc::new(datafusion::arrow::datatypes::Schema::new(fields));
    let options = RecordBatchOptions::new().with_row_count(Some(files.len()));
    Ok(RecordBatch::try_new_with_options(schema, arrays, &options)?)
}
