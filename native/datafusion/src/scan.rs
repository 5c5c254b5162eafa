//! `PackScan`: the physical plan that reads packs.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::{
    RecordBatchReceiverStreamBuilder, RecordBatchStreamAdapter,
};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
};
use futures::{StreamExt as _, future, stream};
use memchr::memmem::Finder;
use tokio::sync::mpsc::{self, Sender};

use crate::options::OnDamage;
use crate::pieces::Piece;
use crate::readers::Readers;
use crate::scan_description::ScanDescription;
use crate::scan_usage::{BATCHES_AHEAD, ScanMemory, ScanMetrics};
use crate::stream::ScanTask;

/// A partition with at most this many positions, in all its packs, is over so soon that no
/// task is started for it.
const MAX_LOOKUP: u64 = 64;

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

impl PackScan {
    /// Makes the task that reads a partition, and sends its batches to `output`.
    fn task(
        &self,
        partition: usize,
        pieces: &[Piece],
        context: &TaskContext,
        output: Sender<Result<RecordBatch>>,
    ) -> ScanTask {
        let contained = self.description.contained.as_ref();
        let consumer = MemoryConsumer::new(format!("PackScan[{partition}]"));
        ScanTask {
            scan: Arc::clone(&self.description),
            pieces: pieces.to_vec(),
            readers: Arc::clone(&self.readers),
            runtime: context.runtime_env(),
            reservation: consumer.register(context.memory_pool()),
            metrics: ScanMetrics::new(&self.metrics, partition),
            batch_rows: context.session_config().batch_size().max(1),
            output,
            memory: ScanMemory::default(),
            finder: contained.map(|text| Finder::new(text).into_owned()),
        }
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
        if let Some(contained) = &scan.contained {
            write("contains", &format_args!("{contained:?}"))?;
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
        let task = |output| self.task(partition, pieces, &context, output);
        let positions = self.description.positions.len();
        if positions.saturating_mul(pieces.len() as u64) > MAX_LOOKUP {
            let mut stream = RecordBatchReceiverStreamBuilder::new(schema, BATCHES_AHEAD);
            stream.spawn(task(stream.tx()).run());
            return Ok(stream.build());
        }
        // Reads in the task of the caller, who takes the batches meanwhile.
        let (output, mut batches) = mpsc::channel(BATCHES_AHEAD);
        let ended = stream::once(task(output).run());
        let failed = ended.filter_map(|ended| future::ready(ended.err().map(Err)));
        let batches = stream::poll_fn(move |context| batches.poll_recv(context));
        let rows = stream::select(batches, failed);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
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
        if !self.description.options.counts_rows_ahead() {
            return None;
        }
        let description = ScanDescription { limit, ..(*self.description).clone() };
        Some(Arc::new(Self::new(description, Arc::clone(&self.readers))))
    }
}
