//! The stepper of the output stream: cases, seeded bugs, frames and reports of
//! `sealpack_core::check`, as JSON.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use sealpack_core::check::{
    self, AbstractState, Case, Event, Exploration, FlushRule, Frame, Invariant, MUTANTS, Mutant,
    Replay, Trace, Variant,
};
use sealpack_core::stream::{BufferSize, Shape};
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::coded;

/// The largest buffer that `prove` accepts: the number of states grows with its
/// cube.
const MAX_PROVED_BUFFER: usize = 16;

#[derive(Serialize)]
struct MutantJson {
    name: &'static str,
    wrong: &'static str,
    rule: &'static str,
}

#[derive(Serialize)]
struct InvariantJson {
    number: u8,
    name: &'static str,
    promise: &'static str,
    story: &'static str,
}

#[derive(Serialize)]
struct ReplayJson<'a> {
    case: String,
    line: String,
    puts: &'a str,
    #[serde(rename = "bufferSize")]
    buffer_size: usize,
    trim: bool,
    /// The names of the broken invariants.
    broken: Vec<&'static str>,
    /// The first step at which the stream departed from its specification.
    departure: Option<usize>,
    frames: &'a [Frame],
}

#[derive(Serialize)]
struct ProofJson {
    holds: bool,
    states: u64,
    transitions: u64,
    /// The smallest case that breaks an invariant, and the invariant's name.
    smallest: Option<(String, &'static str)>,
}

fn json(value: &impl Serialize) -> Result<String, JsValue> {
    serde_json::to_string(value).map_err(|error| coded("internal", &error.to_string()))
}

fn size(bytes: u32) -> Result<BufferSize, JsValue> {
    BufferSize::new(bytes as usize)
        .ok_or_else(|| coded("invalid-argument", "a buffer has 1 to 2^30 bytes"))
}

/// The stream of this name: a mutant, `reference`, or the shipped one.
fn variant(name: Option<&str>) -> Result<Variant, JsValue> {
    match name {
        None => Ok(Variant::Strict),
        Some("reference") => Ok(Variant::Reference),
        Some(name) => Mutant::find(name)
            .map(Variant::Mutant)
            .ok_or_else(|| coded("invalid-argument", &format!("no seeded bug is called {name}"))),
    }
}

fn parse(case: &str) -> Result<Case, JsValue> {
    case.parse()
        .map_err(|error: check::ParseCaseError| coded("invalid-argument", &error.to_string()))
}

/// The seeded bugs, as JSON: `[{ name, wrong, rule }]`.
///
/// # Errors
/// `internal` if the JSON cannot be written; no such case is known.
#[wasm_bindgen]
pub fn mutants() -> Result<String, JsValue> {
    let fields =
        |mutant: &Mutant| MutantJson { name: mutant.name, wrong: mutant.wrong, rule: mutant.rule };
    json(&MUTANTS.iter().map(fields).collect::<Vec<_>>())
}

/// The seven invariants, as JSON: `[{ number, name, promise, story }]`.
///
/// # Errors
/// `internal` if the JSON cannot be written; no such case is known.
#[wasm_bindgen]
pub fn promises() -> Result<String, JsValue> {
    let fields = |invariant: Invariant| InvariantJson {
        number: invariant.number(),
        name: invariant.name(),
        promise: invariant.statement(),
        story: invariant.story(),
    };
    json(&Invariant::ALL.map(fields))
}

/// Runs a case such as `trim=1 writes=b4,z1,f` and returns every step of it.
///
/// # Errors
/// `invalid-argument`; the message names the mistake in the case.
#[wasm_bindgen]
pub fn replay(case: &str, buffer_size: u32, mutant: Option<String>) -> Result<String, JsValue> {
    let Replay { case, shape, frames, broken, puts } =
        &check::replay(&parse(case)?, size(buffer_size)?, &variant(mutant.as_deref())?);
    let replay = Replay {
        case: case.clone(),
        shape: *shape,
        frames: Vec::new(),
        broken: *broken,
        puts: puts.clone(),
    };
    json(&ReplayJson {
        case: case.to_string(),
        line: replay.line(),
        puts,
        buffer_size: shape.buffer_size.get(),
        trim: shape.trim,
        broken: Invariant::ALL
            .into_iter()
            .filter(|&i| broken.contains(i))
            .map(Invariant::name)
            .collect(),
        departure: frames.iter().position(|frame| frame.departure.is_some()),
        frames,
    })
}

/// A page in Markdown about a case that breaks the invariant of this name.
///
/// # Errors
/// `invalid-argument`.
#[wasm_bindgen]
pub fn report(
    case: &str,
    buffer_size: u32,
    mutant: Option<String>,
    invariant: &str,
) -> Result<String, JsValue> {
    let invariant = Invariant::ALL
        .into_iter()
        .find(|known| known.name() == invariant)
        .ok_or_else(|| coded("invalid-argument", &format!("no invariant is called {invariant}")))?;
    Ok(check::report(&parse(case)?, invariant, size(buffer_size)?, &variant(mutant.as_deref())?))
}

/// What the specification does with the events of a trace from the state `C`, `E`, `Z`:
/// every step of it, or `null` if it may put too often to be drawn.
///
/// # Errors
/// `invalid-argument`; the message names the mistake in an event.
#[wasm_bindgen]
pub fn specified(
    events: Vec<String>,
    buffer_size: u32,
    trim: bool,
    reference: bool,
    start: &[u32],
) -> Result<String, JsValue> {
    let parsed = events.iter().map(|event| event.parse::<Event>()).collect::<Result<Vec<_>, _>>();
    let events = parsed.map_err(|fault| coded("invalid-argument", &fault.to_string()))?;
    let number = |at: usize| start.get(at).map_or(0, |number| *number as usize);
    let start = AbstractState { capacity: number(0), filled: number(1), pending: number(2) };
    let shape = Shape { buffer_size: size(buffer_size)?, trim };
    let rule = if reference { FlushRule::Reference } else { FlushRule::Strict };
    let events = events.iter().map(|event| (event, false));
    json(&check::specified_from(start, events, shape, rule).map(|replay| replay.frames))
}

/// A page in Markdown about a trace, which is given as JSON Lines.
///
/// # Errors
/// `invalid-argument`; the message names the line.
#[wasm_bindgen(js_name = reportTrace)]
pub fn report_trace(lines: &str) -> Result<String, JsValue> {
    let trace = Trace::from_json_lines(lines)
        .map_err(|error| coded("invalid-argument", &error.to_string()))?;
    Ok(check::report_replay(&trace.replay, &trace.stream))
}

/// Visits every state and transition of the stream: `{ holds, states,
/// transitions, smallest }`.
///
/// # Errors
/// `invalid-argument` for a buffer of more than 16 bytes.
#[wasm_bindgen]
pub fn prove(buffer_size: u32, trim: bool, mutant: Option<String>) -> Result<String, JsValue> {
    let size = size(buffer_size)?;
    if size.get() > MAX_PROVED_BUFFER {
        return Err(coded("invalid-argument", "a proof is limited to buffers of 16 bytes"));
    }
    let shape = Shape { buffer_size: size, trim };
    let variant = variant(mutant.as_deref())?;
    let open = |shape: Shape| variant.open(shape);
    let proof = Exploration::new(shape, &open).run();
    let smallest = proof.smallest_of_all();
    json(&ProofJson {
        holds: proof.holds(),
        states: proof.states,
        transitions: proof.transitions,
        smallest: smallest.map(|(invariant, case)| (case.to_string(), invariant.name())),
    })
}
