//! The session: the same on this machine, on a scheduler and on an executor, so that
//! plans mean the same on each of them.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use ballista_core::extension::SessionConfigExt as _;
use ballista_core::optimizer::with_ballista_optimizer_rules;
use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use datafusion::error::Result;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::PhysicalExtensionCodec;

use sealpack_datafusion::{PackLogicalCodec, PackPhysicalCodec};

use crate::stores::EnvironmentStores;

/// The settings of a session on this machine.
pub fn local_config() -> SessionConfig {
    SessionConfig::new().with_information_schema(true)
}

/// The settings of a session of a cluster, on each of its processes and on its clients.
pub fn cluster_config() -> SessionConfig {
    sealpack_datafusion::for_cluster(SessionConfig::new_with_ballista())
        // Ballista 55 plans adaptively by default. Such a query never ends if an executor is
        // lost that has results which later tasks need; with a fixed plan they are made again.
        .with_ballista_adaptive_query_planner(false)
        .with_ballista_logical_extension_codec(logical_codec())
        .with_ballista_physical_extension_codec(physical_codec())
}

/// Creates a session that runs its queries on this machine, with at most `memory` bytes
/// for what they hold.
pub fn local(config: SessionConfig, memory: Option<u64>) -> Result<SessionContext> {
    Ok(SessionContext::new_with_state(state(config, runtime(memory, None)?)?))
}

/// Creates the state of a session.
pub fn state(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> Result<SessionState> {
    sealpack_datafusion::session_state(config, runtime)
}

/// Creates the state of a session of a scheduler, which optimises as Ballista's own does.
pub fn scheduler_state(config: SessionConfig) -> Result<SessionState> {
    let state = state(config, runtime(None, None)?)?;
    let rules = with_ballista_optimizer_rules(state.optimizers());
    let session_id = state.session_id().to_string();
    let builder = SessionStateBuilder::new_from_existing(state);
    Ok(builder.with_session_id(session_id).with_optimizer_rules(rules).build())
}

/// Creates the part of a session that reaches stores, disks and memory. All of a process
/// share their stores, and so the connections of these. What exceeds `memory`, in bytes,
/// is spilled to a folder below `spill`, or below that of the system.
pub fn runtime(memory: Option<u64>, spill: Option<&Path>) -> Result<Arc<RuntimeEnv>> {
    static STORES: OnceLock<Arc<EnvironmentStores>> = OnceLock::new();
    let stores: Arc<dyn ObjectStoreRegistry> =
        STORES.get_or_init(|| Arc::new(EnvironmentStores::new())).clone();
    let mut builder = RuntimeEnvBuilder::new().with_object_store_registry(stores);
    if let Some(memory) = memory {
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        builder = builder.with_memory_pool(Arc::new(FairSpillPool::new(memory)));
    }
    if let Some(folder) = spill {
        builder = builder.with_temp_file_path(folder);
    }
    builder.build_arc()
}

/// The codec of logical plans: the library's around Ballista's.
pub fn logical_codec() -> Arc<dyn LogicalExtensionCodec> {
    Arc::new(PackLogicalCodec::new(Arc::new(BallistaLogicalExtensionCodec::default())))
}

/// The codec of physical plans: the library's around Ballista's.
pub fn physical_codec() -> Arc<dyn PhysicalExtensionCodec> {
    Arc::new(PackPhysicalCodec::new(Arc::new(BallistaPhysicalExtensionCodec::default())))
}
