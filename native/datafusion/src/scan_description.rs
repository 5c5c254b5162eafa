//! `ScanDescription`: what a scan reads, and what is known of its rows.

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::{Partitioning, PlanProperties};
use serde::{Deserialize, Serialize};

use crate::location::PackFile;
use crate::options::PackTableOptions;
use crate::pieces::Piece;
use crate::positions::PositionSet;
use crate::schema::{PackColumn, PackColumns};

/// All that a scan does, without anything that belongs to a process: another process reads
/// the same rows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScanDescription {
    pub(crate) files: Vec<PackFile>,
    pub(crate) columns: PackColumns,
    /// The numbers of the columns that the query needs.
    pub(crate) projection: Vec<usize>,
    pub(crate) partitions: Vec<Vec<Piece>>,
    pub(crate) positions: PositionSet,
    /// The names that are searched for.
    pub(crate) names: Option<Vec<String>>,
    /// Every wanted item contains this text.
    pub(crate) contained: Option<String>,
    /// The most rows of each partition.
    pub(crate) limit: Option<usize>,
    pub(crate) options: PackTableOptions,
    pub(crate) totals: ScanTotals,
}

/// What is known of the rows of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScanTotals {
    /// The number of packs before filters.
    pub(crate) packs: usize,
    /// The exact number of rows.
    pub(crate) rows: Option<u64>,
    /// The highest position, if that is known.
    pub(crate) max_position: Option<u64>,
    /// The size of the packs, in bytes.
    pub(crate) bytes: u64,
}

impl ScanDescription {
    pub(crate) fn projected_columns(&self) -> Vec<PackColumn> {
        let columns = self.columns.columns();
        self.projection.iter().filter_map(|&number| columns.get(number).copied()).collect()
    }

    pub(crate) fn projected_schema(&self) -> SchemaRef {
        let schema = self.columns.schema();
        let known = self.projection.iter().copied().filter(|&n| n < schema.fields().len());
        schema.project(&known.collect::<Vec<_>>()).map_or(schema, Arc::new)
    }

    /// Returns whether the packs are in the order of their URLs.
    fn is_sorted(&self) -> bool {
        self.files.is_sorted_by(|one, other| one.url < other.url)
    }

    /// Returns the orders that the rows of every partition have.
    fn orderings(&self) -> Vec<Vec<PhysicalSortExpr>> {
        let columns = self.projected_columns();
        let sorted_by = |column: PackColumn| {
            let at = columns.iter().position(|&projected| projected == column)?;
            let schema = self.projected_schema();
            let column = Column::new(schema.fields().get(at)?.name(), at);
            let options = SortOptions { descending: false, nulls_first: false };
            Some(PhysicalSortExpr { expr: Arc::new(column), options })
        };
        let (pack, position) = (sorted_by(PackColumn::Pack), sorted_by(PackColumn::Position));
        let mut orderings: Vec<Vec<PhysicalSortExpr>> = Vec::new();
        if self.is_sorted()
            && let Some(pack) = pack
        {
            orderings.push(std::iter::once(pack).chain(position.clone()).collect());
        }
        if self.files.len() <= 1 {
            orderings.extend(position.map(|position| vec![position]));
        }
        orderings
    }

    pub(crate) fn properties(&self) -> PlanProperties {
        let schema = self.projected_schema();
        let equivalences = EquivalenceProperties::new_with_orderings(schema, self.orderings());
        let partitions = Partitioning::UnknownPartitioning(self.partitions.len().max(1));
        PlanProperties::new(
            equivalences,
            partitions,
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
    }

    pub(crate) fn statistics(&self) -> Statistics {
        let rows = self.totals.rows.and_then(|rows| usize::try_from(rows).ok());
        let rows = match (rows, self.limit) {
            (Some(rows), None) => Precision::Exact(rows),
            (Some(rows), Some(limit)) => Precision::Inexact(rows.min(limit)),
            (None, _) => Precision::Absent,
        };
        let columns = self.projected_columns();
        let bytes = usize::try_from(self.totals.bytes).unwrap_or(usize::MAX);
        Statistics {
            num_rows: rows,
            total_byte_size: Precision::Inexact(bytes),
            column_statistics: columns.into_iter().map(|column| self.column(column)).collect(),
        }
    }

    fn column(&self, column: PackColumn) -> ColumnStatistics {
        let unknown = ColumnStatistics::new_unknown();
        let without_nulls = ColumnStatistics { null_count: Precision::Exact(0), ..unknown.clone() };
        let has_all_rows = self.totals.rows.is_some() && self.limit.is_none();
        let text = |text: &String| Precision::Exact(ScalarValue::Utf8View(Some(text.clone())));
        match (column, self.totals.max_position) {
            (PackColumn::Name | PackColumn::Text, _) => unknown,
            (PackColumn::Position, Some(max)) if has_all_rows && self.positions.is_all() => {
                ColumnStatistics {
                    min_value: Precision::Exact(ScalarValue::UInt64(Some(0))),
                    max_value: Precision::Exact(ScalarValue::UInt64(Some(max))),
                    ..without_nulls
                }
            }
            (PackColumn::Pack, _) if has_all_rows && self.files.len() == 1 => {
                let url = self.files.first().map_or(Precision::Absent, |file| text(&file.url));
                ColumnStatistics { min_value: url.clone(), max_value: url, ..without_nulls }
            }
            _ => without_nulls,
        }
    }
}
