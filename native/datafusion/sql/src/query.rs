//! Carries out a statement, and prints its result as it arrives.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use futures::StreamExt as _;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::cluster::client;
use crate::failure::Failure;
use crate::output::Output;

/// A session, and where its queries run.
pub struct Session<'a> {
    /// The tables and settings.
    pub context: SessionContext,
    /// The scheduler of the cluster, if any.
    pub scheduler: Option<String>,
    /// The threads that compute.
    pub workers: &'a Runtime,
    /// The main thread, which prints results and notices Ctrl-C: operators may keep every
    /// worker busy for long.
    pub control: Runtime,
}

/// What a statement did.
pub struct Summary {
    /// The rows that it printed; none if its result has no columns.
    pub rows: Option<u64>,
    /// How long it took.
    pub time: Duration,
}

/// What a running statement yields.
enum Step {
    /// Its plan, before it is carried out.
    Planned(Arc<dyn ExecutionPlan>),
    /// Rows of its result.
    Rows(RecordBatch),
}

impl Session<'_> {
    /// Carries out a statement, and prints its result. Ctrl-C cancels it.
    pub fn carry_out(&self, statement: Statement, output: &mut Output) -> Result<Summary, Failure> {
        self.control.block_on(self.print_steps(statement, output))
    }

    async fn print_steps(
        &self,
        statement: Statement,
        output: &mut Output,
    ) -> Result<Summary, Failure> {
        let started = Instant::now();
        let (sender, mut steps) = mpsc::channel(2);
        // Dropping it aborts its task.
        let mut running = JoinSet::new();
        let steps_of_statement = yield_steps(self.context.clone(), statement, sender);
        running.spawn_on(steps_of_statement, self.workers.handle());
        let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
        let mut plan = None;
        let mut rows = 0u64;
        loop {
            let step = tokio::select! {
                step = steps.recv() => step,
                _ = &mut interrupted => {
                    if let (Some(plan), Some(scheduler)) = (&plan, &self.scheduler) {
                        client::cancel(plan, scheduler).await;
                    }
                    return Err(Failure::Interrupted);
                }
            };
            match step {
                Some(Step::Planned(planned)) => {
                    output.begin(&planned.schema())?;
                    plan = Some(planned);
                }
                Some(Step::Rows(batch)) => {
                    rows = rows.saturating_add(batch.num_rows() as u64);
                    output.write(&batch)?;
                }
                None => break,
            }
        }
        // The channel is closed, so the task has ended.
        while let Some(ended) = running.join_next().await {
            ended.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??;
        }
        output.end()?;
        let printed = plan.is_some_and(|plan| !plan.schema().fields().is_empty());
        Ok(Summary { rows: printed.then_some(rows), time: started.elapsed() })
    }
}

/// Plans and carries out a statement, until it ends or the receiver is gone.
async fn yield_steps(
    context: SessionContext,
    statement: Statement,
    steps: mpsc::Sender<Step>,
) -> Result<(), DataFusionError> {
    let plan = context.state().statement_to_plan(statement).await?;
    let rows = context.execute_logical_plan(plan).await?;
    let task = Arc::new(rows.task_ctx());
    let plan = rows.create_physical_plan().await?;
    if steps.send(Step::Planned(plan.clone())).await.is_err() {
        return Ok(());
    }
    let mut batches = execute_stream(plan, task)?;
    while let Some(batch) = batches.next().await {
        if steps.send(Step::Rows(batch?)).await.is_err() {
            break;
        }
    }
    Ok(())
}
