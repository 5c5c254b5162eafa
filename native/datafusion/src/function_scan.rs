//! `PackFunctionScan`: the physical plan of a table function.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{internal_err, project_schema};
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
    ReplaceChildrenOptions,
};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::Sender;

use crate::function_kind::PackFunctionKind;
use crate::function_rows::{rows_of_pack, schema_of};
use crate::location::PackFile;
use crate::readers::{REQUESTS, Readers};

/// The memory of a verification that is reserved, in bytes: its requests, and as much for
/// decoding.
const VERIFY_MEMORY: usize = 2 * REQUESTS * (4 << 20);

/// All that a table function does, without anything that belongs to a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FunctionDescription {
    pub(crate) kind: PackFunctionKind,
    pub(crate) files: Vec<PackFile>,
    /// The numbers of the packs of each partition.
    pub(crate) partitions: Vec<Vec<usize>>,
    pub(crate) projection: Option<Vec<usize>>,
    /// The most rows of each partition.
    pub(crate) limit: Option<usize>,
}

/// Returns what a table function such as `pack_verify` says about packs: a leaf of a
/// physical plan. Each pack belongs to one partition.
#[derive(Clone, Debug)]
pub struct PackFunctionScan {
    description: Arc<FunctionDescription>,
    readers: Arc<Readers>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl PackFunctionScan {
    pub(crate) fn new(description: FunctionDescription, readers: Arc<Readers>) -> Self {
        let schema = description.schema();
        let partitions = Partitioning::UnknownPartitioning(description.partitions.len().max(1));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            partitions,
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            description: Arc::new(description),
            readers,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    pub(crate) fn description(&self) -> &FunctionDescription {
        &self.description
    }
}

impl FunctionDescription {
    fn schema(&self) -> SchemaRef {
        let schema = schema_of(self.kind);
        project_schema(&schema, self.projection.as_ref()).unwrap_or(schema)
    }
}

impl DisplayAs for PackFunctionScan {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FunctionDescription { kind, files, partitions, limit, .. } = &*self.description;
        let (packs, partitions) = (files.len(), partitions.len());
        write!(f, "PackFunctionScan: {}, packs={packs}, partitions={partitions}", kind.name())?;
        limit.map_or(Ok(()), |limit| write!(f, ", limit={limit}"))
    }
}

impl ExecutionPlan for PackFunctionScan {
    fn name(&self) -> &str {
        "PackFunctionScan"
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
        let Some(packs) = self.description.partitions.get(partition) else {
            let name = self.description.kind.name();
            return internal_err!("{name} has no partition {partition}");
        };
        let schema = Arc::clone(self.properties.eq_properties.schema());
        let mut stream = RecordBatchReceiverStreamBuilder::new(schema, 1);
        let consumer = MemoryConsumer::new(format!("PackFunctionScan[{partition}]"));
        let reservation = consumer.register(context.memory_pool());
        let task = FunctionTask {
            description: Arc::clone(&self.description),
            packs: packs.clone(),
            readers: Arc::clone(&self.readers),
            runtime: context.runtime_env(),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            output: stream.tx(),
        };
        stream.spawn(async move {
            if [PackFunctionKind::Verify, PackFunctionKind::Damage].contains(&task.description.kind)
            {
                reservation.try_grow(VERIFY_MEMORY)?;
            }
            task.run().await
        });
        Ok(stream.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// What one partition needs to run.
struct FunctionTask {
    description: Arc<FunctionDescription>,
    packs: Vec<usize>,
    readers: Arc<Readers>,
    runtime: Arc<RuntimeEnv>,
    metrics: BaselineMetrics,
    output: Sender<Result<RecordBatch>>,
}

impl FunctionTask {
    async fn run(self) -> Result<()> {
        let description = &self.description;
        let mut left = description.limit.unwrap_or(usize::MAX);
        for file in self.packs.iter().filter_map(|&number| description.files.get(number)) {
            let reader = self.readers.open(file, &self.runtime).await;
            let mut batches = rows_of_pack(description.kind, file, reader).await?;
            while left > 0
                && let Some(batch) = batches.next_batch()?
            {
                let batch = batch.slice(0, batch.num_rows().min(left));
                left -= batch.num_rows();
                let batch = match &description.projection {
                    Some(columns) => batch.project(columns)?,
                    None => batch,
                };
                self.metrics.record_output(batch.num_rows());
                if self.output.send(Ok(batch)).await.is_err() {
                    return Ok(());
                }
            }
            if left == 0 {
                break;
            }
        }
        self.metrics.done();
        Ok(())
    }
}
