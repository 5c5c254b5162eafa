//! `PackScan`: the physical plan that reads packs.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    ReplaceChildrenOptions,
};
use serde::{Deserialize, Serialize};

use crate::location::PackFile;
use crate::options::{OnDamage, PackTableOptions};
use crate::pieces::Piece;
use crate::positions::PositionSet;
use crate::readers::Readers;
use crate::schema::{PackColumn, PackColumns};
use crate::stream::{ScanMetrics, ScanTask};

/// The batches that a partition prepares before the query takes them.
const BATCHES_AHEAD: usize = 2;

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

    fn properties(&self) -> PlanProperties {
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

    fn statistics(&self) -> Statistics {
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

/// Reads packs: a leaf of a physical plan. `EXPLAIN` shows the columns, the positions, the
/// names and the limit that were pushed down to it.
#[derive(Clone, Debug)]
pub struct PackScan {
    description: Arc<ScanDescription>,
    readers: Arc<Readers>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl PackScan {
    pub(crate) fn new(description: ScanDescription, readers: Arc<Readers>) -> Self {
        let properties = Arc::new(description.properties());
        let metrics = ExecutionPlanMetricsSet::new();
        Self { description: Arc::new(description), readers, properties, metrics }
    }

    pub(crate) fn description(&self) -> &ScanDescription {
        &self.description
    }
}

impl DisplayAs for PackScan {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scan = &self.description;
        let schema = scan.projected_schema();
        let columns: Vec<&str> =
            schema.fields().iter().map(|field| field.name().as_str()).collect();
        let (mut separator, start) = match format {
            DisplayFormatType::TreeRender => ("", ""),
            _ => ("PackScan: ", ", "),
        };
        let mut write = |name: &str, value: &dyn fmt::Display| {
            let written = write!(f, "{separator}{name}={value}");
            separator = if start.is_empty() { "\n" } else { start };
            written
        };
        match scan.files.len() {
            found if found == scan.totals.packs => write("packs", &found)?,
            found => write("packs", &format_args!("{found} of {}", scan.totals.packs))?,
        }
        write("partitions", &scan.partitions.len())?;
        write("projection", &format_args!("[{}]", columns.join(", ")))?;
        if !scan.positions.is_all() {
            write("positions", &format_args!("[{}]", scan.positions))?;
        }
        if let Some(names) = &scan.names {
            write("names", &format_args!("{names:?}"))?;
        }
        if let Some(limit) = scan.limit {
            write("limit", &limit)?;
        }
        if scan.options.on_damage == OnDamage::Skip {
            write("on_damage", &"skip")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for PackScan {
    fn name(&self) -> &str {
        "PackScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(pieces) = self.description.partitions.get(partition) else {
            return internal_err!("a scan of packs has no partition {partition}");
        };
        let schema = Arc::clone(self.properties.eq_properties.schema());
        let mut stream = RecordBatchReceiverStreamBuilder::new(schema, BATCHES_AHEAD);
        let consumer = MemoryConsumer::new(format!("PackScan[{partition}]"));
        let task = ScanTask {
            scan: Arc::clone(&self.description),
            pieces: pieces.clone(),
            readers: Arc::clone(&self.readers),
            runtime: context.runtime_env(),
            reservation: consumer.register(context.memory_pool()),
            metrics: ScanMetrics::new(&self.metrics, partition),
            batch_rows: context.session_config().batch_size().max(1),
            output: stream.tx(),
        };
        stream.spawn(task.run());
        Ok(stream.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(
        &self,
        _inputs: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(Arc::new(match args.partition() {
            None => self.description.statistics(),
            Some(_) => Statistics::new_unknown(self.properties.eq_properties.schema()),
        }))
    }

    fn supports_limit_pushdown(&self) -> bool {
        false
    }

    fn fetch(&self) -> Option<usize> {
        self.description.limit
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let description = ScanDescription { limit, ..(*self.description).clone() };
        Some(Arc::new(Self::new(description, Arc::clone(&self.readers))))
    }
}
