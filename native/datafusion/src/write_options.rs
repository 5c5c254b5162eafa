//! `PackWriteOptions`: the options of `COPY … STORED AS PACK`.

use std::collections::HashMap;
use std::str::FromStr;

use datafusion::common::plan_err;
use datafusion::error::Result;
use sealpack::{Plain, Writer, WriterOptions, Zstd};
use serde::{Deserialize, Serialize};

use crate::options::wrong_value;

/// How packs are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackWriteOptions {
    /// `zstd`, or else none.
    is_compressed: bool,
    level: i32,
    items_per_record: u32,
    hash: bool,
    record_checksum: bool,
    digest_list: bool,
    pub(crate) overwrite: bool,
    /// The column of the items.
    pub(crate) column: Option<String>,
    /// The column of the names.
    pub(crate) name_column: Option<String>,
    /// Whether there is one pack; decided by the location if it is not set.
    pub(crate) single: Option<bool>,
}

impl Default for PackWriteOptions {
    fn default() -> Self {
        Self {
            is_compressed: true,
            level: sealpack::DEFAULT_LEVEL,
            items_per_record: 128,
            hash: true,
            record_checksum: false,
            digest_list: false,
            overwrite: false,
            column: None,
            name_column: None,
            single: None,
        }
    }
}

impl PackWriteOptions {
    /// Parses the options of a statement.
    ///
    /// # Errors
    /// For a name or a value that does not exist.
    pub(crate) fn parse(options: &HashMap<String, String>) -> Result<Self> {
        let mut parsed = Self::default();
        for (name, value) in options {
            // DataFusion adds a prefix to names without one.
            let name = name.strip_prefix("format.").unwrap_or(name);
            match name {
                "codec" => match value.to_ascii_lowercase().as_str() {
                    "zstd" => parsed.is_compressed = true,
                    "none" => parsed.is_compressed = false,
                    _ => return wrong_value(name, value, "'zstd' or 'none'"),
                },
                "level" => parsed.level = number(name, value)?,
                "items_per_record" => parsed.items_per_record = number(name, value)?,
                "hash" => parsed.hash = flag(name, value)?,
                "record_checksum" => parsed.record_checksum = flag(name, value)?,
                "digest_list" => parsed.digest_list = flag(name, value)?,
                "overwrite" => parsed.overwrite = flag(name, value)?,
                "column" => parsed.column = Some(value.clone()),
                "name_column" => parsed.name_column = Some(value.clone()),
                "single_file_output" => parsed.single = Some(flag(name, value)?),
                _ => {
                    return plan_err!(
                        "packs are written without an option '{name}'; there are codec, level, \
                         items_per_record, hash, record_checksum, digest_list, overwrite, \
                         column, name_column and single_file_output"
                    );
                }
            }
        }
        Ok(parsed)
    }

    /// Returns the options of a writer with this number of threads.
    pub(crate) fn writer(&self, threads: usize) -> WriterOptions {
        let options = Writer::options()
            .items_per_record(self.items_per_record)
            .content_hash(self.hash)
            .record_checksum(self.record_checksum)
            .digest_list(self.digest_list)
            .threads(threads)
            // Whether it may exist was decided when the query was planned. From then on
            // its name is the query's own, which may have to write it again.
            .overwrite(true);
        match self.is_compressed {
            true => options.codec(Zstd::level(self.level)),
            false => options.codec(Plain),
        }
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T> {
    value.trim().parse().or_else(|_| wrong_value(name, value, "a number"))
}

fn flag(name: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => wrong_value(name, value, "'true' or 'false'"),
    }
}
