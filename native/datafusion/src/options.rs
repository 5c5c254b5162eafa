//! `PackTableOptions`: how packs are read as a table.

use std::collections::HashMap;

use datafusion::common::plan_err;
use datafusion::error::{DataFusionError, Result};
use serde::{Deserialize, Serialize};

/// Options for reading packs as a table. In SQL they are those of
/// `CREATE EXTERNAL TABLE … OPTIONS (…)`, with the names given here.
///
/// ```
/// use sealpack_datafusion::{OnDamage, PackTableOptions, TextColumn};
///
/// let options = PackTableOptions::default().text(TextColumn::Null).on_damage(OnDamage::Skip);
/// # let _ = options;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "options do nothing until a table is opened with them"]
pub struct PackTableOptions {
    pub(crate) text: TextColumn,
    pub(crate) on_damage: OnDamage,
    pub(crate) statistics: bool,
    pub(crate) trust: Option<[u8; 32]>,
}

/// Whether a table has the column `text`, and what it holds where an item is not UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextColumn {
    /// There is no such column. In SQL: `text 'false'`.
    #[default]
    Absent,
    /// An item that is not UTF-8 is an error with its pack and position. In SQL:
    /// `text 'true'`.
    Strict,
    /// An item that is not UTF-8 is null. In SQL: `text 'null'`.
    Null,
}

/// What happens where a pack is damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnDamage {
    /// The query fails, with the pack and the record. In SQL: `on_damage 'error'`.
    #[default]
    Error,
    /// The rows of damaged records are left out, and so are those of packs that cannot be
    /// opened; `pack_damage` lists them. In SQL: `on_damage 'skip'`.
    Skip,
}

impl Default for PackTableOptions {
    fn default() -> Self {
        Self { text: TextColumn::Absent, on_damage: OnDamage::Error, statistics: true, trust: None }
    }
}

impl PackTableOptions {
    /// Returns whether the rows of a range of positions are known before they are read: not
    /// if damaged ones are left out, so that no limit applies to positions.
    pub(crate) fn counts_rows_ahead(&self) -> bool {
        self.on_damage == OnDamage::Error
    }

    /// Sets whether the table has the column `text`. Default: it has not.
    pub fn text(mut self, text: TextColumn) -> Self {
        self.text = text;
        self
    }

    /// Sets what happens where a pack is damaged. Default: the query fails.
    pub fn on_damage(mut self, on_damage: OnDamage) -> Self {
        self.on_damage = on_damage;
        self
    }

    /// Sets whether planning a query opens every pack that it reads, one request each, for
    /// exact statistics: with them `count(*)` reads nothing else. Default: true. The
    /// table keeps what it learnt. In SQL: `statistics 'false'`.
    pub fn statistics(mut self, statistics: bool) -> Self {
        self.statistics = statistics;
        self
    }

    /// Authenticates every record that is read against this hash: for one pack, the root
    /// of its digest list or its content hash; for a set, the root of its manifest. In
    /// SQL: `trust '64 hexadecimal digits'`.
    pub fn trust(mut self, hash: [u8; 32]) -> Self {
        self.trust = Some(hash);
        self
    }

    /// Parses the options of a statement.
    ///
    /// # Errors
    /// For a name or a value that does not exist.
    pub(crate) fn parse(options: &HashMap<String, String>) -> Result<Self> {
        let mut parsed = Self::default();
        for (name, value) in options {
            // DataFusion adds a prefix to names without one.
            let name = name.strip_prefix("format.").unwrap_or(name);
            match (name, value.to_ascii_lowercase().as_str()) {
                ("text", "false") => parsed.text = TextColumn::Absent,
                ("text", "true") => parsed.text = TextColumn::Strict,
                ("text", "null") => parsed.text = TextColumn::Null,
                ("on_damage", "error") => parsed.on_damage = OnDamage::Error,
                ("on_damage", "skip") => parsed.on_damage = OnDamage::Skip,
                ("statistics", "true") => parsed.statistics = true,
                ("statistics", "false") => parsed.statistics = false,
                ("trust", hash) => parsed.trust = Some(parse_hash(hash)?),
                ("text", _) => return wrong_value(name, value, "'true', 'false' or 'null'"),
                ("on_damage", _) => return wrong_value(name, value, "'error' or 'skip'"),
                ("statistics", _) => return wrong_value(name, value, "'true' or 'false'"),
                _ => {
                    return plan_err!(
                        "a table of packs has no option '{name}'; there are text, on_damage, \
                         statistics and trust"
                    );
                }
            }
        }
        Ok(parsed)
    }
}

/// Makes the error of an option with a value that it does not take.
pub(crate) fn wrong_value<T>(name: &str, value: &str, wanted: &str) -> Result<T> {
    plan_err!("option '{name}' is '{value}', but must be {wanted}")
}

fn parse_hash(text: &str) -> Result<[u8; 32]> {
    let refused = || {
        let wanted = "trust must be 64 hexadecimal digits";
        DataFusionError::Plan(format!("{wanted}, but is '{text}'"))
    };
    let mut hash = [0_u8; 32];
    let digits = text.as_bytes();
    if digits.len() != 2 * hash.len() {
        return Err(refused());
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| refused())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| refused())?;
    }
    Ok(hash)
}
