//! `PackTable`: packs as one table.

use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use datafusion::arrow::compute::and;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt as _, TryStreamExt as _};
use sealpack::core::format::ExtensionKind;
use tokio::sync::OnceCell;

use crate::filter::{PackFilter, classify, pushdown};
use crate::location::{PackFile, find_packs, packs_as_rows};
use crate::numbered::divisible;
use crate::options::{OnDamage, PackTableOptions, TextColumn};
use crate::pieces::{PackExtent, divide};
use crate::positions::PositionSet;
use crate::readers::Readers;
use crate::scan::PackScan;
use crate::scan_description::{ScanDescription, ScanTotals};
use crate::schema::PackColumns;

/// The packs that are opened at the same time for statistics.
const OPENED_TOGETHER: usize = 32;

/// A pack of which at most this many positions are wanted is not split.
const MAX_UNSPLIT: u64 = 1024;

/// Packs as one table: a row for each item.
///
/// | column | type | |
/// | --- | --- | --- |
/// | `pack` | Utf8View | the URL of the pack |
/// | `position` | UInt64 | the item's position in its pack, from 0 |
/// | `item` | BinaryView | the item; a view of the decoded record |
/// | `size` | UInt32 | its size in bytes, from the lengths: nothing is decoded |
/// | `name` | Utf8View | its name, or null; only if any of the packs has names |
/// | `text` | Utf8View | the item as text; only with the option `text` |
/// | *key* | Utf8View | the value of each folder `key=value` above the pack |
///
/// ```
/// use std::sync::Arc;
/// use datafusion::prelude::SessionContext;
/// use sealpack_datafusion::{PackTable, PackTableOptions, TextColumn};
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("a.pack");
/// # let mut writer = sealpack::Writer::options().create(&path)?;
/// # for item in ["one", "two", "three"] { writer.append(item.as_bytes())?; }
/// # writer.finish()?;
/// let ctx = SessionContext::new();
/// let options = PackTableOptions::default().text(TextColumn::Strict);
/// let table = PackTable::open(&ctx.state(), &[path.display().to_string()], options).await?;
/// ctx.register_table("t", Arc::new(table))?;
/// let rows = ctx.sql("SELECT text FROM t WHERE position = 1").await?.collect().await?;
/// assert_eq!(rows[0].num_rows(), 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PackTable {
    files: Arc<Vec<PackFile>>,
    columns: PackColumns,
    schema: SchemaRef,
    options: PackTableOptions,
    readers: Arc<Readers>,
    /// What opening each pack has shown; `None` if it cannot be opened.
    summaries: Arc<Vec<OnceCell<Option<PackSummary>>>>,
    /// A row for each pack, once a query has a filter on packs.
    rows: Arc<OnceLock<RecordBatch>>,
}

/// What the end of a pack states.
#[derive(Clone, Copy, Debug)]
struct PackSummary {
    items: u32,
}

impl fmt::Debug for PackTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackTable")
            .field("packs", &self.files.len())
            .field("columns", &self.columns)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl PackTable {
    /// Opens the packs at these locations as one table: each a path, a URL of a store that
    /// the session knows, a folder, a pattern (`s3://bucket/*.pack`) or the manifest of a set
    /// (`.json`).
    ///
    /// Lists the locations, and opens packs until one has names, with one request each. The
    /// versions that it finds are those that queries read: a pack that is replaced
    /// afterwards is an error.
    ///
    /// # Errors
    /// If there is no pack, if packs lie in folders with different keys, or if a store
    /// fails.
    pub async fn open(
        session: &dyn Session,
        locations: &[String],
        options: PackTableOptions,
    ) -> Result<Self> {
        Self::open_with(session, locations, options, Arc::default()).await
    }

    /// As [`open`](Self::open), with opened packs that other tables share.
    ///
    /// # Errors
    /// As there.
    pub async fn open_with(
        session: &dyn Session,
        locations: &[String],
        options: PackTableOptions,
        readers: Arc<Readers>,
    ) -> Result<Self> {
        let found = find_packs(session, locations, options.trust).await?;
        let columns = PackColumns {
            has_names: false,
            has_text: options.text != TextColumn::Absent,
            folders: found.folder_keys,
        };
        let mut table = Self::from_parts(found.files, columns, options, readers);
        table.columns.has_names = table.find_names(session).await?;
        table.schema = table.columns.schema();
        Ok(table)
    }

    pub(crate) fn from_parts(
        files: Vec<PackFile>,
        columns: PackColumns,
        options: PackTableOptions,
        readers: Arc<Readers>,
    ) -> Self {
        let summaries = files.iter().map(|_| OnceCell::new()).collect();
        let schema = columns.schema();
        let (files, summaries) = (Arc::new(files), Arc::new(summaries));
        Self { files, columns, schema, options, readers, summaries, rows: Arc::default() }
    }

    /// Adds the numbers of items of packs that another process has opened.
    pub(crate) fn knowing(self, items: &[Option<u32>]) -> Self {
        for (cell, items) in self.summaries.iter().zip(items) {
            if let Some(items) = *items {
                // A new table knows nothing yet.
                let _ = cell.set(Some(PackSummary { items }));
            }
        }
        self
    }

    /// Returns the number of items of each pack that was opened.
    pub(crate) fn known_items(&self) -> Vec<Option<u32>> {
        self.summaries.iter().map(known_items).collect()
    }

    pub(crate) fn files(&self) -> &[PackFile] {
        &self.files
    }

    pub(crate) fn columns(&self) -> &PackColumns {
        &self.columns
    }

    pub(crate) fn options(&self) -> &PackTableOptions {
        &self.options
    }

    /// Returns whether any pack has names; without statistics, whether the first one has.
    async fn find_names(&self, session: &dyn Session) -> Result<bool> {
        let looked_at = if self.options.statistics { self.files.len() } else { 1 };
        let opened = futures::stream::iter(0..looked_at);
        let opened = opened.map(|number| self.has_names(number, session));
        let mut opened = std::pin::pin!(opened.buffered(OPENED_TOGETHER));
        while let Some(has_names) = opened.next().await {
            if has_names {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether a pack has names, if it can be opened: if not, the query reports it,
    /// or skips the pack.
    async fn has_names(&self, number: usize, session: &dyn Session) -> bool {
        let (Some(file), Some(summary)) = (self.files.get(number), self.summaries.get(number))
        else {
            return false;
        };
        let Ok(reader) = self.readers.open(file, session.runtime_env()).await else { return false };
        let items = reader.item_count();
        // Another caller may have set the same.
        let _ = summary.set(Some(PackSummary { items }));
        reader.extensions().section(ExtensionKind::NAMES).is_some()
    }

    /// Opens a pack for its number of items, once.
    async fn summary(&self, number: usize, session: &dyn Session) -> Result<Option<PackSummary>> {
        let (Some(file), Some(cell)) = (self.files.get(number), self.summaries.get(number)) else {
            return Ok(None);
        };
        let open = || async {
            match self.readers.open(file, session.runtime_env()).await {
                Ok(reader) => Ok(Some(PackSummary { items: reader.item_count() })),
                Err(_) if self.options.on_damage == OnDamage::Skip => Ok(None),
                Err(error) => Err(error),
            }
        };
        cell.get_or_try_init(open).await.copied()
    }

    /// Returns the numbers of the packs that filters on their columns select.
    fn select_packs(&self, session: &dyn Session, filters: &[&Expr]) -> Result<Vec<usize>> {
        let all = 0..self.files.len();
        if filters.is_empty() {
            return Ok(all.collect());
        }
        let rows = match self.rows.get() {
            Some(rows) => rows,
            None => {
                let rows = packs_as_rows(&self.files, &self.columns)?;
                self.rows.get_or_init(|| rows)
            }
        };
        let schema = DFSchema::try_from(rows.schema())?;
        let mut selected: Option<BooleanArray> = None;
        for filter in filters {
            let filter = session.create_physical_expr(without_qualifiers(filter)?, &schema)?;
            let matches = filter.evaluate(rows)?.into_array(rows.num_rows())?;
            let matches = matches.as_boolean();
            selected = Some(match selected {
                Some(selected) => and(&selected, matches)?,
                None => matches.clone(),
            });
        }
        let is_selected = |&number: &usize| {
            selected.as_ref().is_none_or(|rows| {
                use datafusion::arrow::array::Array as _;
                rows.is_valid(number) && rows.value(number)
            })
        };
        Ok(all.filter(is_selected).collect())
    }

    /// Returns the number of items of each of these packs, if the options ask for
    /// statistics.
    async fn item_counts(
        &self,
        session: &dyn Session,
        packs: &[usize],
    ) -> Result<Vec<Option<u32>>> {
        if !self.options.statistics {
            let known = |&number: &usize| known_items(self.summaries.get(number)?);
            return Ok(packs.iter().map(known).collect());
        }
        let opened =
            futures::stream::iter(packs.to_vec()).map(|number| self.summary(number, session));
        let opened: Vec<Option<PackSummary>> =
            opened.buffered(OPENED_TOGETHER).try_collect().await?;
        Ok(opened.into_iter().map(|summary| Some(summary?.items)).collect())
    }
}

fn known_items(summary: &OnceCell<Option<PackSummary>>) -> Option<u32> {
    Some(summary.get()?.as_ref()?.items)
}

/// Removes the names of tables from the columns of a filter.
fn without_qualifiers(filter: &Expr) -> Result<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode as _};
    let without = filter.clone().transform(|expr| {
        Ok(match expr {
            Expr::Column(column) if column.relation.is_some() => {
                Transformed::yes(Expr::Column(column.name.into()))
            }
            other => Transformed::no(other),
        })
    });
    Ok(without?.data)
}

#[async_trait]
impl TableProvider for PackTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(pushdown(filters, &self.columns))
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut positions = PositionSet::all();
        let mut names: Option<Vec<String>> = None;
        let mut contained: Option<String> = None;
        let mut of_packs = Vec::new();
        for filter in filters {
            match classify(filter, &self.columns) {
                Some(PackFilter::OfPack) => of_packs.push(filter),
                Some(PackFilter::Positions(set)) => positions = positions.intersection(&set),
                Some(PackFilter::Names(listed)) => {
                    names = Some(match names {
                        Some(known) => {
                            known.into_iter().filter(|name| listed.contains(name)).collect()
                        }
                        None => listed,
                    });
                }
                Some(PackFilter::Contains(text)) => {
                    let is_longer = contained.as_ref().is_none_or(|known| known.len() < text.len());
                    contained = if is_longer { Some(text) } else { contained };
                }
                None => {}
            }
        }
        let packs = self.select_packs(session, &of_packs)?;
        let counts = self.item_counts(session, &packs).await?;
        let limit = limit.filter(|_| self.options.counts_rows_ahead());
        let found = Selection { packs, counts, positions, names, contained, limit };
        let all = || (0..self.schema.fields().len()).collect();
        let projection = projection.cloned().unwrap_or_else(all);
        let description = self.describe(session, found, projection);
        let scan = PackScan::new(description, Arc::clone(&self.readers));
        divisible(session, Arc::new(scan))
    }
}

/// What a query reads of a table.
struct Selection {
    packs: Vec<usize>,
    /// The number of items of each of the packs, if known.
    counts: Vec<Option<u32>>,
    positions: PositionSet,
    names: Option<Vec<String>>,
    contained: Option<String>,
    limit: Option<usize>,
}

impl PackTable {
    fn describe(
        &self,
        session: &dyn Session,
        found: Selection,
        projection: Vec<usize>,
    ) -> ScanDescription {
        let Selection { packs, counts, positions, names, contained, limit } = found;
        let mut files = Vec::with_capacity(packs.len());
        let mut extents = Vec::with_capacity(packs.len());
        let mut rows = Some(0_u64);
        for (number, items) in packs.iter().zip(&counts) {
            let Some(file) = self.files.get(*number) else { continue };
            let is_enough = limit.zip(rows).is_some_and(|(limit, rows)| limit as u64 <= rows);
            if is_enough && names.is_none() {
                break;
            }
            let wanted = items.map(|items| positions.below(items.into()));
            extents.push(extent(file.size, *items, wanted.as_ref(), &positions, names.is_some()));
            rows = rows.zip(wanted).map(|(rows, wanted)| rows.saturating_add(wanted.len()));
            files.push(file.clone());
        }
        let max_position = counts.iter().flatten().max().and_then(|items| items.checked_sub(1));
        let config = session.config_options();
        let min_piece = config.optimizer.repartition_file_min_size as u64;
        let partitions = divide(&extents, session.config().target_partitions(), min_piece);
        let is_searched = names.is_some() || contained.is_some();
        let is_exact = !is_searched && self.options.counts_rows_ahead();
        let totals = ScanTotals {
            packs: self.files.len(),
            rows: rows.filter(|_| is_exact),
            max_position: max_position.map(u64::from),
            bytes: files.iter().fold(0, |sum, file: &PackFile| sum.saturating_add(file.size)),
        };
        ScanDescription {
            files,
            columns: self.columns.clone(),
            projection,
            partitions,
            positions,
            names,
            contained,
            limit,
            options: self.options.clone(),
            totals,
        }
    }
}

/// Returns which part of the bytes of a pack is wanted, as if all items had the same size.
fn extent(
    size: u64,
    items: Option<u32>,
    wanted: Option<&PositionSet>,
    positions: &PositionSet,
    is_by_name: bool,
) -> PackExtent {
    let count = wanted.map_or_else(|| positions.len(), PositionSet::len);
    let part = |position: u64| {
        let items = u128::from(items.unwrap_or(0).max(1));
        let bytes = u128::from(size) * u128::from(position) / items;
        u64::try_from(bytes).unwrap_or(size).min(size)
    };
    let hull = wanted.map(PositionSet::hull);
    let wanted = hull.map_or(0..size, |hull| part(hull.start)..part(hull.end));
    let is_whole = is_by_name || (!positions.is_all() && count <= MAX_UNSPLIT);
    PackExtent { size, wanted, is_whole }
}
