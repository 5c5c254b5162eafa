//! `PackError`: an error of the library in a query.

use std::fmt;

use datafusion::error::DataFusionError;

/// An error of a pack in a query: the source of a [`DataFusionError::External`]. Its text
/// has the pack, the record and every cause.
#[derive(Clone)]
pub struct PackError {
    error: sealpack::Error,
}

impl PackError {
    /// Returns the error of the library.
    #[must_use]
    pub fn error(&self) -> &sealpack::Error {
        &self.error
    }

    /// Returns the library's error in a query's, if there is one.
    ///
    /// ```
    /// use datafusion::prelude::SessionContext;
    /// use sealpack_datafusion::PackError;
    ///
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::write(folder.path().join("bad.pack"), b"these are not the bytes of a pack")?;
    /// let ctx = SessionContext::new();
    /// sealpack_datafusion::register(&ctx)?;
    /// let query = format!("SELECT * FROM packs('{}/')", folder.path().display());
    /// let error = ctx.sql(&query).await?.collect().await.unwrap_err();
    /// assert!(PackError::find_in(&error).unwrap().error().to_string().contains("bad.pack"));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn find_in(error: &DataFusionError) -> Option<&Self> {
        std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| {
            error.source()
        })
        .find_map(|error| error.downcast_ref())
    }
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

/// The same text: Ballista sends errors in this form.
impl fmt::Debug for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for PackError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// Makes an error of DataFusion from one of the library.
pub(crate) fn pack_error(error: sealpack::Error) -> DataFusionError {
    DataFusionError::External(Box::new(PackError { error }))
}

/// Makes an error of DataFusion from any other.
pub(crate) fn external(
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> DataFusionError {
    DataFusionError::External(error.into())
}
