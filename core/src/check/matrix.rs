//! Which invariant catches which seeded bug.

use super::enumerate::Enumeration;
use super::event::{Case, events_text};
use super::explore::Exploration;
use super::invariant::Invariant;
use super::mutant::{MUTANTS, Mutant};
use super::shrink::shrink;
use super::space::Space;
use crate::stream::Shape;
use alloc::{string::String, vec::Vec};
use core::fmt;

/// A mutant and the invariants that it breaks.
#[derive(Clone, Debug)]
pub struct MutantRow {
    /// The mutant.
    pub mutant: &'static Mutant,
    /// For each invariant, in order, the smallest case that breaks it.
    pub cells: Vec<Option<Case>>,
    /// Whether an enumeration without faults and empty writes catches it.
    pub by_enumeration: bool,
    /// Whether the proof catches it, faults included.
    pub by_proof: bool,
}

impl MutantRow {
    /// The smallest case of all, and the invariant that it breaks.
    pub fn smallest(&self) -> Option<(Invariant, &Case)> {
        let cells = Invariant::ALL.into_iter().zip(&self.cells);
        cells
            .filter_map(|(i, case)| Some((i, case.as_ref()?)))
            .min_by_key(|(_, case)| case.weight())
    }
}

/// The space of the matrix: set 1 with writes of up to 7 bytes, enough for every kind
/// of decision.
pub const MATRIX_SPACE: Space = Space { max_write: 7, ..Space::set_1() };

/// The invariants that a mutant breaks at the buffer size of set 1, by enumeration and
/// by proof.
pub fn row(mutant: &'static Mutant) -> MutantRow {
    let open = |shape: Shape| mutant.open(shape);
    let buffer_size = MATRIX_SPACE.buffer_size;
    let tally = Enumeration::new(&MATRIX_SPACE, &open).without_digests().run();
    let proofs = [false, true]
        .map(|trim| Exploration::new(Shape { buffer_size, trim }, &open).with_faults().run());
    let cell = |invariant: Invariant| {
        let found = proofs.iter().map(|proof| proof.smallest(invariant));
        let found = found.chain([tally.smallest(invariant)]).flatten();
        let found = found.min_by_key(|case| case.weight())?;
        Some(shrink(found, invariant, buffer_size, &open))
    };
    MutantRow {
        mutant,
        cells: Invariant::ALL.into_iter().map(cell).collect(),
        by_enumeration: !tally.broken().is_empty(),
        by_proof: proofs.iter().any(|proof| !proof.broken().is_empty()),
    }
}

/// The rows of all mutants, as a Markdown table.
///
/// A cell has the smallest case that breaks the invariant, with `+t` if it needs
/// trim.
#[derive(Clone, Debug)]
pub struct Matrix(pub Vec<MutantRow>);

impl Matrix {
    /// Every mutant.
    pub fn of_all() -> Self {
        Matrix(MUTANTS.iter().map(row).collect())
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| seeded bug |")?;
        for invariant in Invariant::ALL {
            write!(f, " {} {invariant} |", invariant.number())?;
        }
        writeln!(f, " found by |\n|{}", " --- |".repeat(Invariant::ALL.len() + 2))?;
        for row in &self.0 {
            write!(f, "| {} |", row.mutant.name)?;
            for case in &row.cells {
                match case {
                    Some(case) => write!(f, " {} |", cell(case))?,
                    None => write!(f, " |")?,
                }
            }
            writeln!(
                f,
                " {} |",
                match (row.by_enumeration, row.by_proof) {
                    (true, true) => "set, proof",
                    (true, false) => "set",
                    (false, true) => "proof",
                    (false, false) => "nothing",
                }
            )?;
        }
        Ok(())
    }
}

fn cell(case: &Case) -> String {
    let mut text = events_text(&case.events);
    if text.is_empty() {
        // A case without events is only the implied close.
        text.push('c');
    }
    if case.trim {
        text.push_str(" +t");
    }
    text
}
