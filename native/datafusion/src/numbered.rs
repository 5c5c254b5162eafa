//! Partitions that know their numbers, for clusters.
//!
//! A task of a cluster runs some partitions of a plan. Ballista makes its plan from the
//! whole one by leaving the other partitions out of the leaves, and numbers those that
//! remain from 0. It can do so only with leaves that it knows. So in a session of a cluster
//! a scan of packs has such a leaf as its child: one row for each partition, with its
//! number. A write has one too, since its packs are named for their partitions.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray as _, RecordBatch, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties as _, Partitioning,
    PlanProperties, ReplaceChildrenOptions,
};
use datafusion::prelude::SessionConfig;
use futures::{StreamExt as _, TryStreamExt as _};

/// Marks the configuration of a session of a cluster.
struct NumberedPartitions;

/// Changes the configuration of sessions so that a cluster can divide their plans into
/// tasks. Every process of a Ballista cluster needs it; without it, each task of a query
/// would read all packs.
///
/// ```
/// use datafusion::prelude::SessionConfig;
///
/// let config = sealpack_datafusion::for_cluster(SessionConfig::new());
/// # let _ = config;
/// ```
#[must_use]
pub fn for_cluster(config: SessionConfig) -> SessionConfig {
    config.with_extension(Arc::new(NumberedPartitions))
}

/// Whether the plans of a session may be divided.
pub(crate) fn is_for_cluster(session: &dyn Session) -> bool {
    session.config().get_extension::<NumberedPartitions>().is_some()
}

/// Returns a scan, a leaf, as a plan that a cluster can divide if the session is one of a
/// cluster.
pub(crate) fn divisible(
    session: &dyn Session,
    scan: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    if !is_for_cluster(session) {
        return Ok(scan);
    }
    let numbers = partition_numbers(scan.output_partitioning().partition_count())?;
    Ok(Arc::new(NumberedScan::new(scan, numbers)))
}

/// Makes a leaf with a partition for each of these numbers from 0, which has the number
/// as its only row.
pub(crate) fn partition_numbers(count: usize) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = Arc::new(Schema::new(vec![Field::new("partition", DataType::UInt64, false)]));
    let numbered = |number: usize| {
        let number = UInt64Array::from(vec![number as u64]);
        Ok(vec![RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(number)])?])
    };
    let partitions = (0..count).map(numbered).collect::<Result<Vec<_>>>()?;
    let source = MemorySourceConfig::try_new(&partitions, Arc::clone(&schema), None)?;
    Ok(DataSourceExec::from_data_source(source.with_show_sizes(false)))
}

/// Reads the number of a partition from the leaf that has it.
pub(crate) async fn number_of(
    numbers: &Arc<dyn ExecutionPlan>,
    partition: usize,
    context: Arc<TaskContext>,
) -> Result<usize> {
    let mut rows = numbers.execute(partition, context)?;
    while let Some(batch) = rows.try_next().await? {
        let column = batch.columns().first().and_then(|column| column.as_primitive_opt());
        let number = column.and_then(|numbers: &UInt64Array| numbers.values().first().copied());
        if let Some(number) = number.and_then(|number| usize::try_from(number).ok()) {
            return Ok(number);
        }
    }
    internal_err!("partition {partition} has no number")
}

/// A scan of packs whose partitions are those that its child numbers.
#[derive(Clone, Debug)]
pub struct NumberedScan {
    scan: Arc<dyn ExecutionPlan>,
    numbers: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl NumberedScan {
    pub(crate) fn new(scan: Arc<dyn ExecutionPlan>, numbers: Arc<dyn ExecutionPlan>) -> Self {
        let count = numbers.output_partitioning().partition_count();
        let properties = PlanProperties::clone(scan.properties());
        let properties = properties.with_partitioning(Partitioning::UnknownPartitioning(count));
        Self { scan, numbers, properties: Arc::new(properties) }
    }

    pub(crate) fn scan(&self) -> &Arc<dyn ExecutionPlan> {
        &self.scan
    }
}

impl DisplayAs for NumberedScan {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.scan.fmt_as(format, f)
    }
}

impl ExecutionPlan for NumberedScan {
    fn name(&self) -> &str {
        "NumberedScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.numbers]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(numbers) = children.into_iter().next() else {
            return internal_err!("a numbered scan has a child");
        };
        Ok(Arc::new(Self::new(Arc::clone(&self.scan), numbers)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        use datafusion::physical_plan::ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(Recompute))
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
        let (scan, numbers) = (Arc::clone(&self.scan), Arc::clone(&self.numbers));
        let rows = async move {
            let number = number_of(&numbers, partition, Arc::clone(&context)).await?;
            scan.execute(number, context)
        };
        let rows = futures::stream::once(rows).try_flatten().boxed();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.scan.metrics()
    }

    fn statistics_from_inputs(
        &self,
        _inputs: &[Arc<Statistics>],
        args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        self.scan.statistics_from_inputs(&[], args)
    }

    fn fetch(&self) -> Option<usize> {
        self.scan.fetch()
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let scan = self.scan.with_fetch(limit)?;
        Some(Arc::new(Self::new(scan, Arc::clone(&self.numbers))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slice_of_the_numbers_keeps_them() {
        let numbers = partition_numbers(5).unwrap();
        let context = Arc::new(TaskContext::default());
        for partition in 0..5 {
            let number = number_of(&numbers, partition, Arc::clone(&context)).await.unwrap();
            assert_eq!(number, partition);
        }
        let source = numbers.downcast_ref::<DataSourceExec>().unwrap().data_source();
        let source: &dyn std::any::Any = source.as_ref();
        let source = source.downcast_ref::<MemorySourceConfig>().unwrap();
        let kept = [source.partitions()[3].clone(), source.partitions()[1].clone()];
        let slice = MemorySourceConfig::try_new_exec(&kept, numbers.schema(), None).unwrap();
        let slice: Arc<dyn ExecutionPlan> = slice;
        assert_eq!(number_of(&slice, 0, Arc::clone(&context)).await.unwrap(), 3);
        assert_eq!(number_of(&slice, 1, context).await.unwrap(), 1);
    }
}
