//! Adds packs to sessions of DataFusion.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::context::SessionContext;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use crate::factory::PackTableFactory;
use crate::format::{KeepCopyOptions, PackFormatFactory};
use crate::function_kind::PackFunctionKind;
use crate::functions::PackFunction;
use crate::readers::Readers;

/// The name of the format in SQL: `STORED AS PACK`.
const FORMAT: &str = "PACK";

/// Adds packs to a session: `CREATE EXTERNAL TABLE … STORED AS PACK`, `COPY … STORED AS
/// PACK`, and the table functions.
///
/// # Errors
/// If the session has a format of this name.
pub fn register(ctx: &SessionContext) -> Result<()> {
    register_in(&mut ctx.state_ref().write())
}

/// Makes the state of a session that has packs, from a configuration and a runtime. The
/// processes of a cluster make their sessions with it.
///
/// # Errors
/// As [`register`].
pub fn session_state(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> Result<SessionState> {
    let builder = SessionStateBuilder::new();
    let builder = builder.with_config(config).with_runtime_env(runtime).with_default_features();
    let mut state = builder.build();
    register_in(&mut state)?;
    Ok(state)
}

fn register_in(state: &mut SessionState) -> Result<()> {
    let readers = Arc::new(Readers::default());
    for kind in PackFunctionKind::ALL {
        let readers = Arc::clone(&readers);
        state.register_udtf(kind.name(), Arc::new(PackFunction { kind, readers }));
    }
    let factory = Arc::new(PackTableFactory { readers });
    state.table_factories_mut().insert(FORMAT.to_owned(), factory);
    state.add_analyzer_rule(Arc::new(KeepCopyOptions));
    state.register_file_format(Arc::new(PackFormatFactory::default()), false)
}
