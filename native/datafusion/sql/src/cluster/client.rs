//! A session whose queries run on a cluster.

use std::sync::Arc;
use std::time::Duration;

use ballista::prelude::SessionContextExt as _;
use ballista_core::JobId;
use ballista_core::config::BALLISTA_CLIENT_PULL;
use ballista_core::execution_plans::DistributedQueryExec;
use ballista_core::serde::protobuf::CancelJobParams;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::protobuf::LogicalPlanNode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::failure::Failure;
use crate::session;

/// How long the scheduler may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects to a scheduler.
pub async fn connect(scheduler: &str, config: SessionConfig) -> Result<SessionContext, Failure> {
    let unreachable = |why: String| {
        Failure::Cluster(format!(
            "no scheduler at {scheduler}: {why}; start one with `sealpack-sql scheduler`"
        ))
    };
    let connected = SchedulerGrpcClient::connect(url(scheduler));
    match tokio::time::timeout(PATIENCE, connected).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            return Err(unreachable(cause.unwrap_or_else(|| error.to_string())));
        }
        Err(_) => return Err(unreachable(format!("no answer in {} s", PATIENCE.as_secs()))),
    }
    if !has_executors(scheduler).await {
        eprintln!(
            "sealpack-sql: the cluster at {scheduler} has no executor yet; queries wait for one"
        );
    }
    // It asks for the state of its jobs, rather than wait to be notified of it: only so is the
    // number of a job known while it runs, by which it can be cancelled.
    let config = config.set_bool(BALLISTA_CLIENT_PULL, true);
    let state = session::state(config, session::runtime(None, None)?)?;
    Ok(SessionContext::remote_with_state(&format!("df://{scheduler}"), state).await?)
}

/// Whether the scheduler reports that it is ready. One that does not answer the question may be.
async fn has_executors(scheduler: &str) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(scheduler).await.ok()?;
        let request =
            format!("GET /readyz HTTP/1.1\r\nhost: {scheduler}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.ok()?;
        Some(status)
    };
    let status = tokio::time::timeout(PATIENCE, asked).await.ok().flatten();
    status.is_none_or(|status| !status.ends_with(b"503"))
}

fn url(scheduler: &str) -> String {
    format!("http://{scheduler}")
}

/// Asks the scheduler to end the query of a plan, if it runs on a cluster.
pub async fn cancel(plan: &Arc<dyn ExecutionPlan>, scheduler: &str) {
    let Some(job_id) = job(plan) else { return };
    let cancelled = async {
        let mut scheduler = SchedulerGrpcClient::connect(url(scheduler)).await.ok()?;
        scheduler.cancel_job(CancelJobParams { job_id: job_id.to_string() }).await.ok()
    };
    // Without an answer the job ends by itself; there is nothing else to do.
    drop(tokio::time::timeout(PATIENCE, cancelled).await);
}

/// Finds the job of a plan.
fn job(plan: &Arc<dyn ExecutionPlan>) -> Option<JobId> {
    if let Some(query) = plan.downcast_ref::<DistributedQueryExec<LogicalPlanNode>>() {
        return query.job_id();
    }
    plan.children().into_iter().find_map(job)
}
