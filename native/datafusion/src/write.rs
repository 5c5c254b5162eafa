//! The plans that write packs: one for each partition, and a total of the rows.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray as _, RecordBatch, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexRequirement, OrderingRequirements, PhysicalExpr,
};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, EvaluationType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties as _,
    InputDistributionRequirements, Partitioning, PlanProperties, ReplaceChildrenOptions,
};
use futures::TryStreamExt as _;

use crate::write_description::WriteDescription;
use crate::writer::{PackTarget, write_pack};

fn count_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("count", DataType::UInt64, false)]))
}

fn count_of(rows: u64) -> Result<RecordBatch> {
    Ok(RecordBatch::try_new(count_schema(), vec![Arc::new(UInt64Array::from(vec![rows]))])?)
}

fn properties(partitions: usize) -> Arc<PlanProperties> {
    let equivalences = EquivalenceProperties::new(count_schema());
    let partitions = Partitioning::UnknownPartitioning(partitions);
    let (emission, bounds) = (EmissionType::Final, Boundedness::Bounded);
    let properties = PlanProperties::new(equivalences, partitions, emission, bounds);
    Arc::new(properties.with_evaluation_type(EvaluationType::Eager))
}

/// Writes a pack for each partition of its input, whole or not at all, and returns the
/// number of its items.
#[derive(Clone, Debug)]
pub struct PackWrite {
    input: Arc<dyn ExecutionPlan>,
    description: Arc<WriteDescription>,
    order: Option<LexRequirement>,
    properties: Arc<PlanProperties>,
}

impl PackWrite {
    pub(crate) fn new(
        input: Arc<dyn ExecutionPlan>,
        description: WriteDescription,
        order: Option<LexRequirement>,
    ) -> Self {
        let partitions = match description.is_single {
            true => 1,
            false => input.output_partitioning().partition_count(),
        };
        let properties = properties(partitions);
        Self { input, description: Arc::new(description), order, properties }
    }

    pub(crate) fn description(&self) -> &WriteDescription {
        &self.description
    }
}

impl DisplayAs for PackWrite {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WriteDescription { store, target, is_single, .. } = &*self.description;
        let packs = if *is_single { "one pack" } else { "a pack for each partition" };
        write!(f, "PackWrite: to={store}{target}, {packs}")
    }
}

impl ExecutionPlan for PackWrite {
    fn name(&self) -> &str {
        "PackWrite"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![match self.description.is_single {
            true => Distribution::SinglePartition,
            false => Distribution::UnspecifiedDistribution,
        }])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.order.clone().map(Into::into)]
    }

    /// Keeps the order of `COPY (SELECT … ORDER BY …)`.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.into_iter().next() else {
            return internal_err!("a write of packs has an input");
        };
        let description = (*self.description).clone();
        Ok(Arc::new(Self::new(input, description, self.order.clone())))
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
        let partitions = self.input.output_partitioning().partition_count();
        if self.description.is_single && partitions != 1 {
            return internal_err!("one pack is written from {partitions} partitions");
        }
        let rows = self.input.execute(partition, Arc::clone(&context))?;
        let target = PackTarget {
            description: Arc::clone(&self.description),
            partition,
            partitions: self.properties.partitioning.partition_count(),
        };
        let written = async move { count_of(write_pack(target, rows, context).await?) };
        let written = futures::stream::once(written);
        Ok(Box::pin(RecordBatchStreamAdapter::new(count_schema(), written)))
    }
}

/// Adds up the numbers of items that the partitions of a write have returned.
#[derive(Clone, Debug)]
pub struct PackWriteTotal {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl PackWriteTotal {
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let input = match input.output_partitioning().partition_count() {
            1 => input,
            _ => Arc::new(CoalescePartitionsExec::new(input)) as Arc<dyn ExecutionPlan>,
        };
        Self { input, properties: properties(1) }
    }
}

impl DisplayAs for PackWriteTotal {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PackWriteTotal")
    }
}

impl ExecutionPlan for PackWriteTotal {
    fn name(&self) -> &str {
        "PackWriteTotal"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition])
    }

    /// Keeps the order of `COPY (SELECT … ORDER BY …)`.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.into_iter().next() else {
            return internal_err!("a total of written packs has an input");
        };
        Ok(Arc::new(Self { input, properties: Arc::clone(&self.properties) }))
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
        let counts = self.input.execute(partition, context)?;
        let total = async move {
            let add = |total: u64, batch: RecordBatch| async move {
                let counts = batch.column(0).as_primitive_opt::<UInt64Type>();
                let counts = counts.into_iter().flat_map(|counts| counts.values().iter());
                Ok(counts.fold(total, |total, count| total.saturating_add(*count)))
            };
            count_of(counts.try_fold(0, add).await?)
        };
        let total = futures::stream::once(total);
        Ok(Box::pin(RecordBatchStreamAdapter::new(count_schema(), total)))
    }
}
