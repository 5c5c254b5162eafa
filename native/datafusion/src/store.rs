//! Joins two versions of the crate `object_store`: DataFusion's stores are of 0.13, and the
//! library takes those of 0.14. The traits are the same but for their crate.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt as _};
use object_store as given;
use object_store_next as wanted;

/// A store of DataFusion, as the library takes it.
#[derive(Debug)]
pub(crate) struct AdaptedStore {
    store: Arc<dyn given::ObjectStore>,
}

impl AdaptedStore {
    pub(crate) fn new(store: Arc<dyn given::ObjectStore>) -> Self {
        Self { store }
    }
}

impl fmt::Display for AdaptedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl wanted::ObjectStore for AdaptedStore {
    async fn put_opts(
        &self,
        location: &wanted::path::Path,
        payload: wanted::PutPayload,
        options: wanted::PutOptions,
    ) -> wanted::Result<wanted::PutResult> {
        let options = given::PutOptions {
            mode: put_mode(options.mode),
            attributes: attributes_to_given(&options.attributes),
            ..given::PutOptions::default()
        };
        let put = self.store.put_opts(&path(location)?, to_given(payload), options).await;
        put.map(put_result).map_err(error)
    }

    async fn put_multipart_opts(
        &self,
        location: &wanted::path::Path,
        options: wanted::PutMultipartOptions,
    ) -> wanted::Result<Box<dyn wanted::MultipartUpload>> {
        let options = given::PutMultipartOptions {
            attributes: attributes_to_given(&options.attributes),
            ..given::PutMultipartOptions::default()
        };
        let upload = self.store.put_multipart_opts(&path(location)?, options).await;
        Ok(Box::new(AdaptedUpload { upload: upload.map_err(error)? }))
    }

    async fn get_opts(
        &self,
        location: &wanted::path::Path,
        options: wanted::GetOptions,
    ) -> wanted::Result<wanted::GetResult> {
        let got = self.store.get_opts(&path(location)?, get_options(options)).await;
        get_result(got.map_err(error)?).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, wanted::Result<wanted::path::Path>>,
    ) -> BoxStream<'static, wanted::Result<wanted::path::Path>> {
        let locations = locations.map(|location| {
            let location = location.map_err(|error| given::Error::Generic {
                store: "locations to delete",
                source: Box::new(error),
            })?;
            Ok(given::path::Path::parse(location.as_ref())?)
        });
        let deleted = self.store.delete_stream(locations.boxed());
        deleted.map(|location| next_path(&location.map_err(error)?)).boxed()
    }

    fn list(
        &self,
        prefix: Option<&wanted::path::Path>,
    ) -> BoxStream<'static, wanted::Result<wanted::ObjectMeta>> {
        let prefix = match prefix.map(path).transpose() {
            Ok(prefix) => prefix,
            Err(error) => return futures::stream::once(async { Err(error) }).boxed(),
        };
        let found = self.store.list(prefix.as_ref());
        found.map(|found| meta(&found.map_err(error)?)).boxed()
    }

    async fn list_with_delimiter(
        &self,
        prefix: Option<&wanted::path::Path>,
    ) -> wanted::Result<wanted::ListResult> {
        let prefix = prefix.map(path).transpose()?;
        let listed = self.store.list_with_delimiter(prefix.as_ref()).await.map_err(error)?;
        Ok(wanted::ListResult {
            common_prefixes: listed
                .common_prefixes
                .iter()
                .map(next_path)
                .collect::<Result<_, _>>()?,
            objects: listed.objects.iter().map(meta).collect::<Result<_, _>>()?,
            extensions: wanted::Extensions::default(),
        })
    }

    async fn copy_opts(
        &self,
        from: &wanted::path::Path,
        to: &wanted::path::Path,
        options: wanted::CopyOptions,
    ) -> wanted::Result<()> {
        let mode = match options.mode {
            wanted::CopyMode::Overwrite => given::CopyMode::Overwrite,
            wanted::CopyMode::Create => given::CopyMode::Create,
        };
        let options = given::CopyOptions::default().with_mode(mode);
        self.store.copy_opts(&path(from)?, &path(to)?, options).await.map_err(error)
    }
}

#[derive(Debug)]
struct AdaptedUpload {
    upload: Box<dyn given::MultipartUpload>,
}

#[async_trait]
impl wanted::MultipartUpload for AdaptedUpload {
    fn put_part(&mut self, data: wanted::PutPayload) -> wanted::UploadPart {
        let part = self.upload.put_part(to_given(data));
        Box::pin(async move { part.await.map_err(error) })
    }

    async fn complete(&mut self) -> wanted::Result<wanted::PutResult> {
        self.upload.complete().await.map(put_result).map_err(error)
    }

    async fn abort(&mut self) -> wanted::Result<()> {
        self.upload.abort().await.map_err(error)
    }
}

fn path(path: &wanted::path::Path) -> wanted::Result<given::path::Path> {
    given::path::Path::parse(path.as_ref())
        .map_err(|error| wanted::Error::Generic { store: "path", source: Box::new(error) })
}

/// Returns the path as the library takes it.
pub(crate) fn next_path(path: &given::path::Path) -> wanted::Result<wanted::path::Path> {
    Ok(wanted::path::Path::parse(path.as_ref())?)
}

/// Returns the entry of a listing as the library takes it.
pub(crate) fn meta(meta: &given::ObjectMeta) -> wanted::Result<wanted::ObjectMeta> {
    Ok(wanted::ObjectMeta {
        location: next_path(&meta.location)?,
        last_modified: meta.last_modified,
        size: meta.size,
        e_tag: meta.e_tag.clone(),
        version: meta.version.clone(),
    })
}

fn to_given(payload: wanted::PutPayload) -> given::PutPayload {
    payload.into_iter().collect()
}

fn put_mode(mode: wanted::PutMode) -> given::PutMode {
    match mode {
        wanted::PutMode::Overwrite => given::PutMode::Overwrite,
        wanted::PutMode::Create => given::PutMode::Create,
        wanted::PutMode::Update(wanted::UpdateVersion { e_tag, version }) => {
            given::PutMode::Update(given::UpdateVersion { e_tag, version })
        }
    }
}

fn put_result(put: given::PutResult) -> wanted::PutResult {
    let given::PutResult { e_tag, version, .. } = put;
    wanted::PutResult { e_tag, version, extensions: wanted::Extensions::default() }
}

fn get_options(options: wanted::GetOptions) -> given::GetOptions {
    given::GetOptions {
        if_match: options.if_match,
        if_none_match: options.if_none_match,
        if_modified_since: options.if_modified_since,
        if_unmodified_since: options.if_unmodified_since,
        range: options.range.map(|range| match range {
            wanted::GetRange::Bounded(range) => given::GetRange::Bounded(range),
            wanted::GetRange::Offset(offset) => given::GetRange::Offset(offset),
            wanted::GetRange::Suffix(size) => given::GetRange::Suffix(size),
        }),
        version: options.version,
        head: options.head,
        ..given::GetOptions::default()
    }
}

async fn get_result(got: given::GetResult) -> wanted::Result<wanted::GetResult> {
    let given::GetResult { payload, meta: found, range, attributes, .. } = got;
    let payload = match payload {
        given::GetResultPayload::Stream(bytes) => bytes.map(|bytes| bytes.map_err(error)).boxed(),
        // In one read: the store's own stream of a file has pieces of 8 KiB.
        given::GetResultPayload::File(file, path) => {
            let range = range.clone();
            let read = tokio::task::spawn_blocking(move || read_file(&file, range));
            let bytes = read.await.map_err(std::io::Error::other).flatten();
            let bytes = bytes.map_err(|source| wanted::Error::Generic {
                store: "LocalFileSystem",
                source: format!("{}: {source}", path.display()).into(),
            });
            futures::stream::once(async { bytes }).boxed()
        }
    };
    Ok(wanted::GetResult {
        payload: wanted::GetResultPayload::Stream(payload),
        meta: meta(&found)?,
        range,
        attributes: attributes_to_wanted(&attributes),
        extensions: wanted::Extensions::default(),
    })
}

/// Reads a range of a file. The range was checked against the size of the file, so the
/// memory for it is that of bytes which exist.
fn read_file(mut file: &File, range: Range<u64>) -> std::io::Result<Bytes> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let length = range.end.saturating_sub(range.start);
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(std::io::Error::other)?);
    file.seek(SeekFrom::Start(range.start))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(Bytes::from(bytes))
}

macro_rules! convert_attributes {
    ($name:ident, $from:ident, $to:ident) => {
        fn $name(attributes: &$from::Attributes) -> $to::Attributes {
            let known = attributes.iter().filter_map(|(name, value)| {
                let name = match name {
                    $from::Attribute::ContentDisposition => $to::Attribute::ContentDisposition,
                    $from::Attribute::ContentEncoding => $to::Attribute::ContentEncoding,
                    $from::Attribute::ContentLanguage => $to::Attribute::ContentLanguage,
                    $from::Attribute::ContentType => $to::Attribute::ContentType,
                    $from::Attribute::CacheControl => $to::Attribute::CacheControl,
                    $from::Attribute::StorageClass => $to::Attribute::StorageClass,
                    $from::Attribute::Metadata(key) => $to::Attribute::Metadata(key.clone()),
                    _ => return None,
                };
                Some((name, $to::AttributeValue::from(value.to_string())))
            });
            known.collect()
        }
    };
}

convert_attributes!(attributes_to_given, wanted, given);
convert_attributes!(attributes_to_wanted, given, wanted);

/// Keeps the kind, which the library acts on, and the chain of sources.
fn error(error: given::Error) -> wanted::Error {
    use given::Error as G;
    use wanted::Error as W;
    match error {
        G::Generic { store, source } => W::Generic { store, source },
        G::NotFound { path, source } => W::NotFound { path, source },
        G::NotSupported { source } => W::NotSupported { source },
        G::AlreadyExists { path, source } => W::AlreadyExists { path, source },
        G::Precondition { path, source } => W::Precondition { path, source },
        G::NotModified { path, source } => W::NotModified { path, source },
        G::NotImplemented { operation, implementer } => {
            W::NotImplemented { operation, implementer }
        }
        G::PermissionDenied { path, source } => W::PermissionDenied { path, source },
        G::Unauthenticated { path, source } => W::Unauthenticated { path, source },
        G::UnknownConfigurationKey { store, key } => W::UnknownConfigurationKey { store, key },
        other => W::Generic { store: "store", source: Box::new(other) },
    }
}
