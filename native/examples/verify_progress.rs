//! Verifies a pack, reports progress, and stops at the first damaged record.
//!
//! `cargo run --example verify_progress -- IN.pack`

use std::env;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use sealpack::core::read::{Report, Verdict};
use sealpack::{Reader, VerifyProgress};

/// Verifies a pack; `None` if it stopped early because a record is damaged.
pub fn verify(
    path: &Path,
    mut show: impl FnMut(VerifyProgress),
) -> Result<Option<Report>, sealpack::Error> {
    let reader = Reader::open(path)?;
    let verified = reader.verify_with(|progress| {
        show(progress);
        if progress.damaged > 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(match verified {
        ControlFlow::Continue(report) => Some(report),
        ControlFlow::Break(()) => None,
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("IN.pack")?;
    let show = |progress: VerifyProgress| eprintln!("{} records checked", progress.records);
    let Some(report) = verify(Path::new(&path), show)? else {
        return Err("a record is damaged".into());
    };
    for layer in &report.layers {
        match &layer.verdict {
            Verdict::Failed(error) => println!("{}: {error:#}", layer.name.name()),
            verdict => println!("{}: {}", layer.name.name(), verdict.name()),
        }
    }
    Ok(())
}
