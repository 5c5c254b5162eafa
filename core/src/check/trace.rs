//! Traces: the steps of a stream, stored so that they can be stepped through later.
//!
//! A trace is written as JSON Lines (feature `json`). The first line describes the
//! stream:
//!
//! ```json
//! {"trace":1,"stream":"uploads","buffer_size":5,"trim":true,"flush_rule":"strict","start":{"capacity":0,"filled":0,"pending":0}}
//! ```
//!
//! Each further line is a [`Frame`]. `trace` is the version of the format,
//! [`VERSION`].

use super::event::{Case, Event};
#[cfg(feature = "json")]
use super::frame::Frame;
use super::frame::Replay;
use super::layout::layout_at;
use super::model::{AbstractState, FlushRule, Model};
use super::specified::Steps;
use crate::stream::Shape;
use alloc::string::String;

/// Traces with more puts than this are not compared with the specification: a file of a
/// few bytes can name writes of exabytes.
pub const MAX_SPECIFIED_PUTS: usize = 1 << 18;

/// The version of the format that is written.
pub const VERSION: u32 = 1;

/// The steps of a stream, and what is needed to step through them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// A name for the stream, for people to read.
    pub stream: String,
    /// The flush rule of the specification to compare the stream with.
    pub rule: FlushRule,
    /// The state of the stream when the trace begins.
    pub start: AbstractState,
    /// The steps.
    pub replay: Replay,
}

impl Trace {
    /// The trace of a stream that was fresh at its start: of any [`Replay`].
    #[must_use]
    pub fn new(stream: impl Into<String>, rule: FlushRule, replay: Replay) -> Self {
        Trace { stream: stream.into(), rule, start: AbstractState::default(), replay }
    }

    /// What the specification does with the same events; `None` if that may be more
    /// than [`MAX_SPECIFIED_PUTS`] puts.
    #[must_use]
    pub fn specified(&self) -> Option<Replay> {
        let events = self.replay.frames.iter().map(|frame| (&frame.event, frame.implied));
        specified_from(self.start, events, self.replay.shape, self.rule)
    }
}

/// What the specification does with events from a state. Each event comes with whether it
/// is implied; the case of the result has only those that are not. Returns `None` if there
/// may be more than [`MAX_SPECIFIED_PUTS`] puts.
#[must_use]
pub fn specified_from<'e, I>(
    start: AbstractState,
    events: I,
    shape: Shape,
    rule: FlushRule,
) -> Option<Replay>
where
    I: IntoIterator<Item = (&'e Event, bool)>,
    I::IntoIter: Clone,
{
    let events = events.into_iter();
    // With trim every put is full, except at most two at the end of an event. Without
    // trim an event has at most two puts.
    let lengths = events.clone().map(|(event, _)| event.operation.bytes());
    let bytes = lengths.fold(start.waiting(), usize::saturating_add);
    let full = if shape.trim { bytes / shape.buffer_size.get() } else { 0 };
    let last = events.clone().count().saturating_mul(2);
    if full.saturating_add(last) > MAX_SPECIFIED_PUTS {
        return None;
    }
    let mut steps = Steps::new(Model::new(shape, rule), layout_at(start));
    events.clone().for_each(|(event, implied)| steps.add_specified(event, implied));
    let listed = events.filter(|(_, implied)| !implied).map(|(event, _)| event.clone());
    let case = Case { trim: shape.trim, events: listed.collect() };
    Some(steps.into_replay(case, shape))
}

/// Why a text is not a trace.
#[cfg(feature = "json")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceError {
    /// The text has no line.
    Empty,
    /// The first line has a version that this program cannot read.
    Version(u32),
    /// The buffer size is not valid.
    BufferSize(usize),
    /// A line is malformed.
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        error: String,
    },
}

#[cfg(feature = "json")]
impl core::fmt::Display for TraceError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            TraceError::Empty => f.write_str("the trace is empty"),
            TraceError::Version(version) => {
                write!(f, "the trace has version {version}; this program reads version {VERSION}")
            }
            TraceError::BufferSize(size) => write!(f, "{size} is not a buffer size"),
            TraceError::Line { line, error } => write!(f, "line {line} of the trace: {error}"),
        }
    }
}

#[cfg(feature = "json")]
impl core::error::Error for TraceError {}

/// The first line.
#[cfg(feature = "json")]
#[derive(serde::Serialize, serde::Deserialize)]
struct Head {
    trace: u32,
    #[serde(default)]
    stream: String,
    buffer_size: usize,
    trim: bool,
    #[serde(default)]
    flush_rule: FlushRule,
    #[serde(default)]
    start: AbstractState,
}

#[cfg(feature = "json")]
impl Trace {
    /// The trace as JSON Lines, each ended by a line feed.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let head = Head {
            trace: VERSION,
            stream: self.stream.clone(),
            buffer_size: self.replay.shape.buffer_size.get(),
            trim: self.replay.shape.trim,
            flush_rule: self.rule,
            start: self.start,
        };
        // The data consists of strings and numbers, so serializing it cannot fail.
        let mut text = serde_json::to_string(&head).unwrap_or_default();
        for frame in &self.replay.frames {
            text.push('\n');
            text.push_str(&serde_json::to_string(frame).unwrap_or_default());
        }
        text.push('\n');
        text
    }

    /// Reads a trace.
    ///
    /// # Errors
    /// [`TraceError`], which names the line.
    pub fn from_json_lines(text: &str) -> Result<Self, TraceError> {
        use super::invariant::InvariantSet;
        use super::specified::puts_text;
        use crate::stream::BufferSize;
        use alloc::{string::ToString, vec::Vec};

        let mut lines = (1_usize..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty());
        let (line, head) = lines.next().ok_or(TraceError::Empty)?;
        let at = |line| {
            move |error: serde_json::Error| TraceError::Line { line, error: error.to_string() }
        };
        let version: TraceVersion = serde_json::from_str(head).map_err(at(line))?;
        if version.trace != VERSION {
            return Err(TraceError::Version(version.trace));
        }
        let head: Head = serde_json::from_str(head).map_err(at(line))?;
        let buffer_size =
            BufferSize::new(head.buffer_size).ok_or(TraceError::BufferSize(head.buffer_size))?;
        let mut frames: Vec<Frame> = Vec::new();
        for (line, text) in lines {
            let mut frame: Frame = serde_json::from_str(text).map_err(at(line))?;
            frame.index = frames.len();
            frames.push(frame);
        }
        let explicit = frames.iter().filter(|frame| !frame.implied);
        let events: Vec<Event> = explicit.map(|frame| frame.event.clone()).collect();
        let mut broken = InvariantSet::EMPTY;
        for finding in frames.iter().flat_map(|frame| &frame.findings) {
            broken.insert(finding.invariant);
        }
        let puts = puts_text(&frames);
        let shape = Shape { buffer_size, trim: head.trim };
        let case = Case { trim: head.trim, events };
        let replay = Replay { case, shape, frames, broken, puts };
        Ok(Trace { stream: head.stream, rule: head.flush_rule, start: head.start, replay })
    }
}

/// The fields that every version has.
#[cfg(feature = "json")]
#[derive(serde::Deserialize)]
struct TraceVersion {
    trace: u32,
}
