//! `sealpack-sql executor`: runs the tasks of queries.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_executor::health::ExecutorHealth;

use super::{announce, stop_requested};
use crate::failure::Failure;
use crate::session;
use crate::size::bytes;

/// Start an executor of a Ballista cluster, one on each machine
///
/// It runs the tasks that the scheduler gives to it, and holds what they exchange in --work-dir until it
/// ends. It prints one line when the scheduler knows it, and logs to standard error (RUST_LOG=debug for
/// more). SIGTERM and Ctrl-C end it after its tasks, a second one at once.
///
/// It needs the credentials of the stores in its environment. The scheduler, the other executors and the
/// clients connect to both of its ports.
#[derive(clap::Args, Debug)]
pub struct ExecutorArgs {
    /// The scheduler
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:50050")]
    scheduler: String,
    /// Wait so long for the scheduler to start
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    wait: u16,
    /// Listen on this address; `0.0.0.0` for all networks of the machine
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The name by which the others reach this machine [default: the address that the scheduler sees]
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Serve data on this port; 0 for any
    #[arg(long, value_name = "PORT", default_value = "50051")]
    port: u16,
    /// Accept tasks on this port; 0 for any
    #[arg(long, value_name = "PORT", default_value = "50052")]
    task_port: u16,
    /// Run N partitions at the same time [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    cores: Option<u32>,
    /// The most memory that tasks hold, shared equally by the cores [default: 70 % of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    memory: Option<u64>,
    /// Keep what tasks exchange below this folder [default: the system's folder for temporary files]
    #[arg(long, value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// Report to the scheduler so often; well below its --executor-timeout
    #[arg(long, value_name = "SECONDS", default_value = "5",
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    heartbeat: u64,
}

/// Runs until Ctrl-C, SIGTERM, or until the scheduler ends it.
pub async fn run(args: ExecutorArgs) -> Result<(), Failure> {
    let work = match &args.work_dir {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    };
    let work = work.map_err(|error| {
        let path = args.work_dir.clone().unwrap_or_else(std::env::temp_dir);
        Failure::File { path, error }
    })?;
    let port = free_port(args.bind, args.port)?;
    let task_port = free_port(args.bind, args.task_port)?;
    let health = ExecutorHealth::new();
    let config = ExecutorProcessConfig {
        port,
        grpc_port: task_port,
        work_dir: Some(work.path().display().to_string()),
        health: health.clone(),
        override_runtime_producer: Some(Arc::new({
            let folder = work.path().to_path_buf();
            move |_| session::runtime(None, Some(&folder))
        })),
        ..config(&args)?
    };
    let scheduler = args.scheduler.clone();
    tokio::spawn(async move {
        while !health.is_ready() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Without a standard output the executor works all the same.
        drop(announce(&format!("executor: serving {scheduler} on port {port}")));
    });
    let failed = |error| Failure::Cluster(format!("the executor ended: {error}"));
    tokio::select! {
        ended = start_executor_process(Arc::new(config)) => ended.map_err(failed),
        () = stop_requested_twice() => {
            // Tasks that compute for long would delay a usual end.
            drop(work.close());
            std::process::exit(FORCED)
        }
    }
}

/// The exit status after a second signal, that of a process which the first one ends.
const FORCED: i32 = 143;

/// Waits for two signals: the first one lets the tasks end.
async fn stop_requested_twice() {
    stop_requested().await;
    stop_requested().await;
}

fn config(args: &ExecutorArgs) -> Result<ExecutorProcessConfig, Failure> {
    let wrong = || Failure::Usage(format!("--scheduler {}: expected HOST:PORT", args.scheduler));
    let (host, port) = args.scheduler.rsplit_once(':').ok_or_else(wrong)?;
    Ok(ExecutorProcessConfig {
        bind_host: args.bind.to_string(),
        external_host: args.host.clone(),
        scheduler_host: host.to_string(),
        scheduler_port: port.parse().map_err(|_| wrong())?,
        scheduler_connect_timeout_seconds: args.wait,
        vcores: args.cores.and_then(|cores| usize::try_from(cores).ok()).unwrap_or(0),
        executor_heartbeat_interval_seconds: args.heartbeat,
        memory_pool_size: args.memory,
        // What queries left behind is removed an hour later, if their clients did not do it.
        job_data_ttl_seconds: 3600,
        job_data_clean_up_interval_seconds: 600,
        override_config_producer: Some(Arc::new(session::cluster_config)),
        override_logical_codec: Some(session::logical_codec()),
        override_physical_codec: Some(session::physical_codec()),
        ..ExecutorProcessConfig::default()
    })
}

/// Returns a port that is free now: Ballista registers its ports before it listens on them,
/// and only logs if it cannot.
fn free_port(bind: IpAddr, port: u16) -> Result<u16, Failure> {
    let address = SocketAddr::new(bind, port);
    TcpListener::bind(address)
        .and_then(|listener| listener.local_addr())
        .map(|bound| bound.port())
        .map_err(|error| Failure::Cluster(format!("cannot listen on {address}: {error}")))
}
