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

use crate::numbered::{number_of, partition_numbers};
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
    /// The numbers of the partitions, if a cluster may divide them.
    numbers: Option<Arc<dyn ExecutionPlan>>,
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
        Self { input, numbers: None, description: Arc::new(description), order, properties }
    }

    /// Returns the same write, of which a cluster may run each partition elsewhere.
    pub(crate) fn with_numbers(self) -> Result<Self> {
        let count = self.input.output_partitioning().partition_count();
        Ok(Self { numbers: Some(partition_numbers(count)?), ..self })
    }

    /// Returns a write that another process described, with its inputs. Their order is part
    /// of them by now.
    pub(crate) fn decoded(
        inputs: &[Arc<dyn ExecutionPlan>],
        description: WriteDescription,
    ) -> Result<Self> {
        let WriteInputs { rows, numbers } = WriteInputs::new(inputs)?;
        Ok(Self { numbers, ..Self::new(rows, description, None) })
    }

    /// Returns a property of the input, followed by that of the numbers, if there are any.
    fn of_children<T>(&self, of_input: T, of_numbers: T) -> Vec<T> {
        let of_numbers = self.numbers.as_ref().map(|_| of_numbers);
        std::iter::once(of_input).chain(of_numbers).collect()
    }

    pub(crate) fn description(&self) -> &WriteDescription {
        &self.description
    }
}

/// The children of a write.
struct WriteInputs {
    rows: Arc<dyn ExecutionPlan>,
    numbers: Option<Arc<dyn ExecutionPlan>>,
}

impl WriteInputs {
    fn new(children: &[Arc<dyn ExecutionPlan>]) -> Result<Self> {
        match children {
            [rows] => Ok(Self { rows: Arc::clone(rows), numbers: None }),
            [rows, numbers] => {
                Ok(Self { rows: Arc::clone(rows), numbers: Some(Arc::clone(numbers)) })
            }
            _ => internal_err!("a write of packs has one or two inputs, not {}", children.len()),
        }
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
        std::iter::once(&self.input).chain(&self.numbers).collect()
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let distribution = match self.description.is_single {
            true => Distribution::SinglePartition,
            false => Distribution::UnspecifiedDistribution,
        };
        let distributions = self.of_children(distribution.clone(), distribution);
        InputDistributionRequirements::new(distributions)
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.of_children(self.order.clone().map(Into::into), None)
    }

    /// Keeps the order of `COPY (SELECT … ORDER BY …)`.
    fn maintains_input_order(&self) -> Vec<bool> {
        self.of_children(true, false)
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        self.of_children(false, false)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let WriteInputs { rows, numbers } = WriteInputs::new(&children)?;
        let description = (*self.description).clone();
        let count = rows.output_partitioning().partition_count();
        let write = Self::new(rows, description, self.order.clone());
        Ok(Arc::new(match numbers {
            // Another rule of the optimiser has changed the partitions of the whole plan. A
            // cluster leaves the same partitions out of both children.
            Some(numbers) if numbers.output_partitioning().partition_count() != count => {
                write.with_numbers()?
            }
            numbers => Self { numbers, ..write },
        }))
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
        let mut target = PackTarget {
            description: Arc::clone(&self.description),
            partition,
            partitions: self.properties.partitioning.partition_count(),
        };
        let numbers = self.numbers.clone();
        let written = async move {
            if let Some(numbers) = numbers {
                target.partition = number_of(&numbers, partition, Arc::clone(&context)).await?;
            }
            count_of(write_pack(target, rows, context).await?)
        };
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
