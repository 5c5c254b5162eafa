//! An object in a store, pinned to one version. All requests for bytes of a pack are
//! made here.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use object_store::{Attribute, Error as ClientError, GetOptions, GetResult};
use sealpack_core::read::{Opening, Pack, PackOpened, ReadLimits};

use super::error::{StoreError, StoreFault};
use super::location::Location;
use super::version::Version;
use crate::error::{ErrorKind, IoOperation, SetFault};
use crate::trace::event;

/// An object in a store, pinned to the version that was opened.
#[derive(Clone, Debug)]
pub(super) struct PinnedObject {
    pub(super) location: Location,
    pub(super) version: Version,
    /// Set once the store refused a condition that was true. The version of every response
    /// is checked in any case.
    conditions_are_broken: Arc<AtomicBool>,
}

impl PinnedObject {
    pub(super) fn new(location: &Location, version: Version) -> Self {
        let conditions_are_broken = Arc::new(AtomicBool::new(false));
        Self { location: location.clone(), version, conditions_are_broken }
    }

    /// Fetches a range with one request.
    pub(super) async fn fetch(&self, range: &Range<u64>) -> Result<Bytes, ErrorKind> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let length = range.end - range.start;
        event!(TRACE, offset = range.start, bytes = length, "read");
        let got = self.request(range, length).await;
        got.map_err(|error| error.during(IoOperation::Reading { offset: range.start, length }))
    }

    async fn request(&self, range: &Range<u64>, length: u64) -> Result<Bytes, StoreError> {
        let got = self.get(range).await?;
        self.version.check(&self.location.version_of(&got.meta))?;
        let is_encoded = is_encoded(&got);
        let bytes = got.bytes().await.map_err(StoreError::reading)?;
        match bytes.len() as u64 {
            sent if sent == length => Ok(bytes),
            _ if is_encoded => Err(StoreError::new(StoreFault::Encoded)),
            sent => Err(StoreError::new(StoreFault::WrongLength { asked: length, sent })),
        }
    }

    /// Sends a request on the condition that the version is still current. If the store
    /// refuses, looks up the object to confirm that it has changed.
    async fn get(&self, range: &Range<u64>) -> Result<GetResult, StoreError> {
        let (store, path) = (self.location.store(), self.location.path());
        let unconditional = GetOptions::new().with_range(Some(range.clone()));
        if !self.conditions_are_broken.load(Ordering::Relaxed) {
            let options = self.version.conditions().with_range(Some(range.clone()));
            match store.get_opts(path, options).await {
                Err(ClientError::Precondition { .. }) => {}
                got => return got.map_err(StoreError::reading),
            }
            self.version.check(&self.location.head().await?)?;
            self.conditions_are_broken.store(true, Ordering::Relaxed);
        }
        store.get_opts(path, unconditional).await.map_err(StoreError::reading)
    }

    /// Opens a pack. Takes one request if the version is known, or if the store supports
    /// ranges that count from the end; otherwise two. An index above 256 KiB takes one
    /// more. If a set lists the size, an object of another size is refused.
    pub(super) async fn open(
        location: &Location,
        known: Option<Version>,
        listed_size: Option<u64>,
        limits: ReadLimits,
    ) -> Result<(Self, Pack), ErrorKind> {
        let (version, mut tail) = match known {
            Some(version) => (version, None),
            None => location.end().await?,
        };
        if let (Some(listed), found) = (listed_size, version.size())
            && listed != found
        {
            return Err(ErrorKind::Set(SetFault::MemberSize { listed, found }));
        }
        let object = Self::new(location, version);
        let mut opening = Opening::new(object.version.size())?.with_limits(limits);
        loop {
            let bytes = match tail.take() {
                Some(bytes) => bytes,
                None => object.fetch(&opening.range()).await?,
            };
            match opening.supply(bytes)? {
                PackOpened::More(next) => opening = next,
                PackOpened::Ready(pack) => return Ok((object, pack)),
            }
        }
    }
}

/// Returns whether the server compressed the response, so that a range of it is not a
/// range of the object.
fn is_encoded(got: &GetResult) -> bool {
    let encoding = got.attributes.get(&Attribute::ContentEncoding);
    encoding.is_some_and(|encoding| !encoding.as_ref().eq_ignore_ascii_case("identity"))
}
