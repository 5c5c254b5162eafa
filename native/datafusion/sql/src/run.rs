//! Carries out the statements of the command line.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use datafusion::prelude::SessionContext;
use tokio::runtime::{Builder, Runtime};

use crate::args::QueryArgs;
use crate::cluster::client;
use crate::failure::Failure;
use crate::output::Output;
use crate::query::Session;
use crate::{interactive, location, script, session};

/// The partitions of each table on a cluster, unless the user says otherwise.
const CLUSTER_PARTITIONS: usize = 16;

/// Carries out the statements of the command line, or those that the user types.
pub fn run(args: &QueryArgs, workers: &Runtime) -> Result<(), Failure> {
    let mut texts = args.commands.clone();
    for path in &args.files {
        texts.push(read(path)?);
    }
    let prompts = texts.is_empty() && std::io::stdin().is_terminal();
    if texts.is_empty() && !prompts {
        texts.push(read(Path::new("-"))?);
    }
    let mut output = Output::new(args)?;
    let control = Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    let context = workers.block_on(connect(args))?;
    let session = Session { context, scheduler: args.ballista.clone(), workers, control };
    if prompts {
        return interactive::run(&session, &mut output);
    }
    for text in &texts {
        for statement in script::statements(text)? {
            session.carry_out(statement, &mut output)?;
        }
    }
    output.finish()
}

/// Reads a file of statements, or standard input.
fn read(path: &Path) -> Result<String, Failure> {
    let failed = |error| Failure::File { path: path.to_path_buf(), error };
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    std::fs::read_to_string(path).map_err(failed)
}

async fn connect(args: &QueryArgs) -> Result<SessionContext, Failure> {
    let partitions = args.partitions.and_then(|partitions| usize::try_from(partitions).ok());
    let context = match &args.ballista {
        Some(_) if args.memory.is_some() => {
            let message = "--memory has no effect with --ballista: give it to the executors";
            return Err(Failure::Usage(message.to_string()));
        }
        Some(scheduler) => {
            let partitions = partitions.unwrap_or(CLUSTER_PARTITIONS);
            let config = session::cluster_config().with_target_partitions(partitions);
            client::connect(scheduler, config).await?
        }
        None => {
            let mut config = session::local_config();
            if let Some(partitions) = partitions {
                config = config.with_target_partitions(partitions);
            }
            session::local(config, args.memory)?
        }
    };
    location::register(&context, &args.locations).await?;
    Ok(context)
}
