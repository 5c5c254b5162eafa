//! A checker for output streams: it checks seven invariants in every case of a small
//! size, and proves them for sequences of any length.
//!
//! The [`stream`](crate::stream) decides with a dozen comparisons in which every
//! `<` could be a `<=`. Its tests are therefore not examples: they run *all*
//! sequences of a small size, and prove sequences of any length. The [`MUTANTS`], streams
//! that each have one seeded bug, show that these tests detect bugs.
//!
//! ```text
//!    event       a case in text: trim=1 writes=b4,z2+3,f
//!      │
//!    world       fresh streams, bytes whose values encode their positions, the sink
//!      │    subject    the stream under test: this crate's, one with a seeded bug, or yours
//!      │    recorder   the sink: keeps every buffer, and checks the invariants at each write
//!      │    driver     drives this crate's stream; can try every call that must be refused
//!      │    invariant  the seven invariants, and what each of them protects
//!      │    model      the specification computed on numbers, with an explanation of each step
//!      │    layout     the same, down to the waiting extents
//!      │    alphabet   which writes of several extents represent all others
//!      │
//!      ├── enumerate   every case of a space, with digests     (what happened)
//!      ├── explore     every state and transition              (what can happen)
//!      ├── mutant      the seeded bugs;  matrix  which invariant catches which bug
//!      ├── shrink      reduces a failing case to a smallest one
//!      ├── walk        random cases, for streams that do not show their state
//!      ├── replay      a case as frames, plain data;  specified  the same without a stream
//!      ├── trace       stored frames;  flight  a recorder for a stream in production
//!      └── report      a page about a failure
//! ```
//!
//! # Getting started
//!
//! [`enumerate`] a [`Space`], or [`replay`] a [`Case`]:
//!
//! ```
//! use sealpack_core::check::{self, Exploration, Mutant, Variant};
//! use sealpack_core::stream::{BufferSize, Shape};
//!
//! let size = BufferSize::new(5).unwrap();
//! let case = "trim=1 writes=z4,b4,f".parse()?;
//! assert_eq!(check::replay(&case, size, &Variant::Strict).puts, "4+1|3");
//!
//! // The proof: every state of the stream, every transition.
//! let proof = Exploration::new(Shape::exactly(size), &check::strict).run();
//! assert!(proof.holds());
//! assert_eq!((proof.states, proof.transitions), (105, 3465));
//!
//! // A seeded bug does not get through.
//! let bug = Mutant::find("split-trusts-remnant").unwrap();
//! let proof = Exploration::new(Shape::exactly(size), &|shape| bug.open(shape)).run();
//! let (invariant, case) = proof.smallest_of_all().unwrap();
//! assert_eq!((invariant.name(), case.to_string().as_str()), ("rest", "trim=1 writes=b4,z1,b7"));
//! # Ok::<(), sealpack_core::check::ParseCaseError>(())
//! ```
//!
//! # How it avoids missing bugs
//!
//! A checker easily misses bugs. This one takes these precautions:
//!
//! - Its sink keeps each buffer to the end and compares it again: a sink that copies
//!   immediately cannot notice a buffer that is refilled while it is still being sent.
//! - Each byte has a value of its own (see [`Recorder`]): chunks that all begin with
//!   `a` could be swapped unnoticed.
//! - Empty puts and empty extents count as violations.
//! - The sink identifies handed-over buffers by their addresses.
//! - Writes of several extents are part of every search: a seeded bug that only they
//!   reveal was once missed.
//! - A well-behaved driver exercises only half of the public interface; a driver that
//!   probes covers the rest.
//! - The [matrix](Matrix) of seeded bugs has no row without a broken invariant, and no
//!   column without a bug.
//!
//! # From "I have a stream" to stepping through its failure
//!
//! 1. **An adapter.** Implement [`Subject`]: four calls, each of which borrows the
//!    sink to write to. A stream that owns its sink gets a `Sink` (feature `std`),
//!    which is a `Write` and lets the faults of a case reach the stream. A stream
//!    without a flush says so in [`Subject::has_flush`].
//! 2. **A walk.** [`Walk`] runs random cases around the buffer size, including
//!    faults, checks the invariants that the stream [claims](Walk::checking), compares
//!    its puts with a [model](Walk::against) if there is one, and shrinks the first
//!    failure. A stream that shows its numbers ([`Subject::state`]) can be enumerated
//!    and proved as well.
//! 3. **A trace.** [`replay_subject`] runs the smallest case step by step; its
//!    [`Trace`] can be written as JSON Lines (feature `json`).
//! 4. **Step through it**, next to what the specification would have done:
//!    `sealpack step --trace FILE`. [`report_replay`] returns the same as a page.
//!
//! ```
//! # #[cfg(all(feature = "std", feature = "json"))] {
//! use bytes::Bytes;
//! use sealpack_core::check::{self, *};
//! use sealpack_core::stream::{BufferSize, Shape};
//! use std::io::{BufWriter, Write};
//!
//! /// 1. The stream, and the sink that it owns.
//! struct Mine(BufWriter<Sink>, Sink);
//!
//! impl Subject for Mine {
//!     fn write(&mut self, bytes: &[u8], recorder: &mut Recorder) -> Result<(), Failed> {
//!         let Mine(stream, sink) = self;
//!         sink.lend(recorder, || stream.write_all(bytes)).map_err(|_| Failed)
//!     }
//!     fn write_extents(&mut self, extents: &[Bytes], recorder: &mut Recorder) -> Result<(), Failed> {
//!         extents.iter().try_for_each(|extent| self.write(extent, recorder))
//!     }
//!     fn flush(&mut self, recorder: &mut Recorder) -> Result<(), Failed> {
//!         let Mine(stream, sink) = self;
//!         sink.lend(recorder, || stream.flush()).map_err(|_| Failed)?;
//!         recorder.flush()
//!     }
//!     fn close(&mut self, recorder: &mut Recorder) -> Result<(), Failed> {
//!         let flushed = self.flush(recorder);
//!         flushed.and(recorder.close())
//!     }
//! }
//!
//! fn open(shape: Shape) -> Box<dyn Subject> {
//!     let sink = Sink::new();
//!     Box::new(Mine(BufWriter::with_capacity(shape.buffer_size.get(), sink.clone()), sink))
//! }
//!
//! // 2. It keeps the order of the bytes, but its puts are not always full.
//! let shape = Shape::at_least(BufferSize::new(5).unwrap());
//! let walk = || Walk::new(shape, &open).without_faults();
//! assert!(walk().checking(&[Invariant::Order]).run().holds());
//! let (_, case) = walk().checking(&[Invariant::Shape]).run().violation.unwrap();
//! assert_eq!(case.to_string(), "trim=0 writes=b1,b5");
//!
//! // 3. The failure, step by step: the input of step 4.
//! let replay = check::replay_subject(&case, shape, &open, FlushRule::Strict);
//! let trace = Trace::new("my stream", FlushRule::Strict, replay).to_json_lines();
//! assert!(trace.starts_with("{\"trace\":1,\"stream\":\"my stream\""));
//! # }
//! ```
//!
//! `tests/foreign_streams` in the repository does this for three streams of other people:
//! std's and tokio's `BufWriter`, and `object_store::WriteMultipart`.
//!
//! *In production* a [`FlightRecorder`] around a stream remembers the lengths of the
//! last operations, and returns the same kind of trace after an incident.

mod alphabet;
mod driven;
mod driver;
mod enumerate;
mod event;
mod explore;
mod flight;
mod form;
mod frame;
mod invariant;
mod layout;
mod matrix;
mod model;
mod mutant;
mod recorder;
mod replay;
mod report;
mod shrink;
#[cfg(feature = "std")]
mod sink;
mod space;
mod specified;
mod state;
mod subject;
mod trace;
mod walk;
mod world;

pub use driver::{reference, strict};
pub use enumerate::{Enumeration, Tally, enumerate, hex, line};
pub use event::{Case, Event, EventFault, MAX_CASE_BYTES, Operation, ParseCaseError, SinkFault};
pub use explore::{Exploration, Proof};
pub use flight::FlightRecorder;
pub use form::Form;
pub use frame::{
    Departure, ExtentKind, Finding, Frame, FrameExtent, Judgement, Picture, Replay, SinkCall,
};
pub use invariant::{Invariant, InvariantSet, Observation};
pub use matrix::{MATRIX_SPACE, Matrix, MutantRow, row};
pub use model::{AbstractState, Choice, Decision, Emit, FlushRule, Model, Tail, WaitReason};
pub use mutant::{MUTANTS, Mutant};
pub use recorder::Recorder;
pub use replay::{Variant, replay, replay_subject};
pub use report::{replay_command, report, report_departure, report_replay};
pub use shrink::shrink;
#[cfg(feature = "std")]
pub use sink::Sink;
pub use space::{Order, Sample, Space};
pub use specified::specified;
pub use state::{Failed, State};
pub use subject::{OpenSubject, Subject};
#[cfg(feature = "json")]
pub use trace::TraceError;
pub use trace::{MAX_SPECIFIED_PUTS, Trace, VERSION as TRACE_VERSION, specified_from};
pub use walk::{Expectation, SpecifiedPuts, Walk, WalkTally};
pub use world::World;
