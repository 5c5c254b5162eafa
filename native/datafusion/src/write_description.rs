//! `WriteDescription`: what a query writes, and where.

use serde::{Deserialize, Serialize};

use crate::write_options::PackWriteOptions;

/// All that a write does, without anything that belongs to a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WriteDescription {
    /// The URL of the store.
    pub(crate) store: String,
    /// The path of the pack, or of the folder for packs, in the store.
    pub(crate) target: String,
    /// Whether there is one pack for all partitions.
    pub(crate) is_single: bool,
    /// Part of the names of the packs in a folder.
    pub(crate) query: String,
    pub(crate) item_column: usize,
    pub(crate) name_column: Option<usize>,
    pub(crate) options: PackWriteOptions,
}

impl WriteDescription {
    /// Returns where a partition is written. The name is the same in every attempt, so
    /// that a second attempt replaces the pack of a first one.
    pub(crate) fn path(&self, partition: usize) -> String {
        match (self.is_single, self.target.as_str()) {
            (true, target) => target.to_owned(),
            (false, "") => format!("{}_{partition:05}.pack", self.query),
            (false, folder) => format!("{folder}/{}_{partition:05}.pack", self.query),
        }
    }
}
