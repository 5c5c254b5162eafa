//! Visits every state and every transition of the stream; without --buffer-size it also
//! runs all sets.

use std::ops::ControlFlow;
use std::time::Instant;

use sealpack_core::check::{Exploration, Proof, Variant};
use sealpack_core::stream::{BufferSize, Shape};
use serde::Serialize;

use super::sets::{self, SetReport};
use super::{CheckArgs, describe, grouped, print_failure, smallest_failure, violated};
use crate::outcome::{CommandOutcome, Failure, Status};
use crate::progress::ProgressMeter;
use crate::report::{self, BAD, BOLD, GOOD};

/// The default buffer sizes of the proof.
const SIZES: [usize; 7] = [1, 2, 3, 4, 5, 8, 16];
/// The default buffer size of the proof for buffered writes alone: the stream copies more
/// than 32 bytes with other code than fewer.
const BUFFERED_ONLY_SIZE: usize = 40;
/// Above this size a proof takes minutes.
const MAX_PROOF_SIZE: usize = 64;
/// Up to this size, every transition is repeated with each output failing.
const MAX_SIZE_WITH_FAULTS: usize = 8;

/// The proof, as JSON. A transition is a state and an operation; each is taken in
/// both modes.
#[derive(Serialize)]
struct ProofReport {
    states: u64,
    transitions: u64,
    violations: u64,
    seconds: f64,
    proofs: Vec<OneProof>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sets: Vec<SetReport>,
}

#[derive(Serialize)]
struct OneProof {
    buffer_size: usize,
    trim: bool,
    states: u64,
    transitions: u64,
    layouts: u64,
    further_transitions: u64,
    fault_transitions: u64,
    /// Whether buffered writes alone were taken.
    buffered_only: bool,
    diameter: u64,
    violations: u64,
    broken: Vec<&'static str>,
    smallest: Option<String>,
    /// The first case that departs from the specification.
    departure: Option<String>,
    seconds: f64,
}

pub fn run(args: &CheckArgs, variant: &Variant) -> Result<CommandOutcome, Failure> {
    let started = Instant::now();
    let sizes: Vec<BufferSize> = match args.buffer_size {
        Some(size) if size.get() > MAX_PROOF_SIZE => {
            let advice = format!("a proof takes a buffer size of at most {MAX_PROOF_SIZE}");
            return Err(Failure::usage(advice));
        }
        Some(size) => vec![size],
        None => SIZES.into_iter().filter_map(BufferSize::new).collect(),
    };
    let mut done = ProofReport {
        states: 0,
        transitions: 0,
        violations: 0,
        seconds: 0.0,
        proofs: Vec::new(),
        sets: Vec::new(),
    };
    for size in &sizes {
        let both = prove(args, *size, variant, false)?;
        // The modes have the same states and operations: they are counted once.
        done.states += both.iter().map(|proof| proof.states).max().unwrap_or(0);
        done.transitions += both.iter().map(|proof| proof.transitions).max().unwrap_or(0);
        done.violations += both.iter().map(|proof| proof.violations).sum::<u64>();
        done.proofs.extend(both);
    }
    if args.buffer_size.is_none() {
        if let Some(size) = BufferSize::new(BUFFERED_ONLY_SIZE) {
            let both = prove(args, size, variant, true)?;
            done.violations += both.iter().map(|proof| proof.violations).sum::<u64>();
            done.proofs.extend(both);
        }
        for set in [1, 2, 3] {
            done.sets.push(sets::enumerate(args, set, variant)?);
        }
    }
    done.seconds = started.elapsed().as_secs_f64();
    if args.json {
        report::print_json(&done)?;
    }
    let sets_are_fine = done.sets.iter().all(SetReport::is_fine);
    Ok(if done.violations == 0 && sets_are_fine {
        CommandOutcome::Fine
    } else {
        CommandOutcome::Reported(Status::Broken)
    })
}

/// Proves one size, in both modes.
fn prove(
    args: &CheckArgs,
    size: BufferSize,
    variant: &Variant,
    buffered_only: bool,
) -> Result<Vec<OneProof>, Failure> {
    let mut both = Vec::new();
    for trim in [false, true] {
        let started = Instant::now();
        let shape = Shape { buffer_size: size, trim };
        let proof = search(args, shape, variant, buffered_only);
        let rule = variant.flush_rule();
        let broken: Vec<_> = violated(proof.broken(), rule).collect();
        let failure = smallest_failure(proof.broken(), rule, |i| proof.smallest(i));
        let fine = broken.is_empty() && proof.departures == 0;
        let one = OneProof {
            buffer_size: size.get(),
            trim,
            states: proof.states,
            transitions: proof.transitions,
            layouts: proof.layouts,
            further_transitions: proof.further_transitions,
            buffered_only,
            fault_transitions: proof.fault_transitions,
            diameter: proof.diameter,
            violations: if fine { 0 } else { proof.violations },
            broken: broken.iter().map(|invariant| invariant.name()).collect(),
            smallest: failure.map(|(_, case)| case.to_string()),
            departure: proof.first_departure().map(ToString::to_string),
            seconds: started.elapsed().as_secs_f64(),
        };
        if !args.json {
            print(&one)?;
            print_failure(failure, proof.first_departure(), size, variant)?;
        }
        both.push(one);
    }
    Ok(both)
}

fn search(args: &CheckArgs, shape: Shape, variant: &Variant, buffered_only: bool) -> Proof {
    let size = u64::try_from(shape.buffer_size.get()).unwrap_or(u64::MAX);
    // Known in advance: S (S + 1) (S + 2) / 2 states, 6 S + 3 events.
    let states = size.saturating_mul(size + 1).saturating_mul(size + 2) / 2;
    let (states, events) =
        if buffered_only { (size + 2, 3 * size + 2) } else { (states, 6 * size + 3) };
    let total = states.saturating_mul(events);
    let what = format!("proof at S = {size}");
    let mut progress = ProgressMeter::items(what, total, args.json);
    let mut show = |transitions| {
        progress.set(transitions);
        ControlFlow::Continue(())
    };
    let open = |shape: Shape| variant.open(shape);
    let mut exploration =
        Exploration::new(shape, &open).against(variant.flush_rule()).with_progress(&mut show);
    if buffered_only {
        exploration = exploration.of_buffered_writes();
    }
    if buffered_only || shape.buffer_size.get() <= MAX_SIZE_WITH_FAULTS {
        exploration = exploration.with_faults();
    }
    exploration.run()
}

fn print(proof: &OneProof) -> Result<(), Failure> {
    report::print(|to| {
        write!(
            to,
            "{BOLD}proof{BOLD:#}  S = {:<3} {}  {:>7} states, {:>9} transitions, diameter {}",
            proof.buffer_size,
            if proof.trim { "with trim   " } else { "without trim" },
            grouped(proof.states),
            grouped(proof.transitions),
            proof.diameter,
        )?;
        if proof.layouts > proof.states {
            write!(to, ", {} layouts", grouped(proof.layouts))?;
        }
        write!(to, ", {} further", grouped(proof.further_transitions))?;
        if proof.fault_transitions > 0 {
            write!(to, ", {} with a fault", grouped(proof.fault_transitions))?;
        }
        if proof.violations == 0 {
            writeln!(to, "  {GOOD}holds{GOOD:#}  {:.2} s", proof.seconds)
        } else {
            writeln!(to, "  {BAD}{}{BAD:#}", describe(proof.violations, &proof.broken))
        }
    })
}
