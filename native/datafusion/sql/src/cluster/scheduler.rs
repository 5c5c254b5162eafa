//! `sealpack-sql scheduler`: plans queries and shares out their tasks.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::{SchedulerConfig, TaskDistributionPolicy};
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::net::TcpListener;

use super::{advertised, announce, stop_requested};
use crate::failure::Failure;
use crate::session;

/// Start the scheduler of a Ballista cluster
///
/// It plans the queries of clients, gives their tasks to the executors, and gives the tasks of an executor
/// that is lost to others. It holds no data and needs the stores only to plan. It prints one line when it
/// listens, and logs to standard error (RUST_LOG=debug for more). GET /healthz and /readyz answer probes
/// on the same port.
///
/// A client that reaches the port can run queries with the credentials of the cluster: keep it on a network that
/// you trust.
#[derive(clap::Args, Debug)]
pub struct SchedulerArgs {
    /// Listen on this address; `0.0.0.0` for all networks of the machine
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// Listen on this port; 0 for any
    #[arg(long, value_name = "PORT", default_value = "50050")]
    port: u16,
    /// The name by which executors reach this machine [default: the address, or `localhost`]
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Regard an executor as lost if it has not reported for so long; its tasks start again elsewhere
    #[arg(long, value_name = "SECONDS", default_value = "30",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    executor_timeout: u64,
    /// Report ready only if so many executors are there
    #[arg(long, value_name = "N", default_value = "1")]
    min_executors: usize,
}

/// Runs until Ctrl-C or SIGTERM.
pub async fn run(args: SchedulerArgs) -> Result<(), Failure> {
    let address = SocketAddr::new(args.bind, args.port);
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| Failure::Cluster(format!("cannot listen on {address}: {error}")))?;
    let bound = listener.local_addr().map_err(Failure::Runtime)?;
    let config = config(&args, bound);
    let failed = |error| Failure::Cluster(format!("the scheduler cannot start: {error}"));
    config.validate().map_err(failed)?;
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(failed)?;
    let scheduler =
        create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config))
            .await
            .map_err(failed)?;
    announce(&format!("scheduler: listening on {bound}"))?;
    tokio::select! {
        ended = start_grpc_service_with_listener(listener, scheduler) => {
            ended.map_err(|error| Failure::Cluster(format!("the scheduler ended: {error}")))
        }
        () = stop_requested() => Ok(()),
    }
}

fn config(args: &SchedulerArgs, bound: SocketAddr) -> SchedulerConfig {
    SchedulerConfig {
        namespace: "ballista".to_string(),
        external_host: advertised(args.host.clone(), bound.ip()),
        bind_host: bound.ip().to_string(),
        bind_port: bound.port(),
        // One task for each executor in turn, so that all of them work on a few packs too.
        task_distribution: TaskDistributionPolicy::RoundRobin,
        executor_timeout_seconds: args.executor_timeout,
        // Often enough that the timeout is not exceeded by much.
        expire_dead_executor_interval_seconds: (args.executor_timeout / 4).max(1),
        no_executors_grace_period_seconds: args.executor_timeout,
        min_ready_executors: args.min_executors,
        override_config_producer: Some(Arc::new(session::cluster_config)),
        override_session_builder: Some(Arc::new(session::scheduler_state)),
        override_logical_codec: Some(session::logical_codec()),
        override_physical_codec: Some(session::physical_codec()),
        ..SchedulerConfig::default()
    }
}
