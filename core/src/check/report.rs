//! One page about a failure, readable without the source code.

use super::event::Case;
use super::frame::{ExtentKind, Frame, FrameExtent, Picture, Replay, SinkCall};
use super::invariant::Invariant;
use super::replay::{Variant, replay};
use super::shrink::{shrink, shrink_by_changes};
use crate::stream::{BufferSize, Shape};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::{self, Write};

/// Buffers up to this size are drawn byte for byte.
const DRAWN: usize = 64;

/// A Markdown page about a case that breaks `invariant`: the invariant, the
/// smallest case, the state after each step, the step at which the specification
/// does something else, and the command that replays the case.
pub fn report(
    case: &Case,
    invariant: Invariant,
    buffer_size: BufferSize,
    variant: &Variant,
) -> String {
    let open = |shape: Shape| variant.open(shape);
    let smallest = shrink(case, invariant, buffer_size, &open);
    page(case, Some(invariant), &smallest, buffer_size, variant)
}

/// The same page about a case that breaks no invariant but departs from the
/// specification.
#[must_use]
pub fn report_departure(case: &Case, buffer_size: BufferSize, variant: &Variant) -> String {
    let mut departs = |case: &Case| replay(case, buffer_size, variant).first_departure().is_some();
    let smallest = shrink_by_changes(case, &mut departs);
    page(case, None, &smallest, buffer_size, variant)
}

fn page(
    found: &Case,
    invariant: Option<Invariant>,
    smallest: &Case,
    buffer_size: BufferSize,
    variant: &Variant,
) -> String {
    let replay = replay(smallest, buffer_size, variant);
    let size = buffer_size.get();
    let trim = if smallest.trim { "with trim" } else { "without trim" };
    let stream = match variant {
        Variant::Strict => format!("The one that ships, S = {size}, {trim}."),
        Variant::Reference => format!("With the reference's flush rule, S = {size}, {trim}."),
        Variant::Mutant(mutant) => format!(
            "Seeded bug `{}`, S = {size}, {trim}: {}. It overrides `Rules::{}`.",
            mutant.name, mutant.wrong, mutant.rule
        ),
    };
    ReplayPage {
        found: Some(found),
        invariant,
        replay: &replay,
        stream: &stream,
        command: Some(replay_command(&replay.case, size, variant)),
    }
    .to_string()
}

/// The same page about any [`Replay`]: of a caller's own stream, or read from a
/// trace. `stream` describes the stream in a sentence.
///
/// The page is about the first invariant that is broken; if none is, about the
/// first step that departs from the specification, if there is one.
#[must_use]
pub fn report_replay(replay: &Replay, stream: &str) -> String {
    let invariant = replay.broken.iter().next();
    ReplayPage { found: None, invariant, replay, stream, command: None }.to_string()
}

struct ReplayPage<'a> {
    /// The case before it was shrunk.
    found: Option<&'a Case>,
    invariant: Option<Invariant>,
    replay: &'a Replay,
    stream: &'a str,
    command: Option<String>,
}

impl fmt::Display for ReplayPage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ReplayPage { found, invariant, replay, stream, command } = self;
        let size = replay.shape.buffer_size.get();
        match invariant {
            Some(broken) => {
                let number = broken.number();
                writeln!(f, "# Output stream: invariant {number} ({broken}) is broken\n")?;
                writeln!(f, "**Invariant.** {}\n", broken.statement())?;
                writeln!(f, "**What it protects.** {}\n", broken.story())?;
            }
            None if replay.first_departure().is_some() => {
                writeln!(f, "# Output stream: not what the specification does\n")?;
            }
            None => writeln!(f, "# Output stream: every invariant holds\n")?,
        }
        writeln!(f, "**Stream.** {stream}\n")?;
        let smallest = if found.is_some() { "Smallest case" } else { "Case" };
        writeln!(f, "**{smallest}.** `{}`, which puts `{}`.", replay.case, replay.puts)?;
        if let Some(case) = found.filter(|case| *case != &replay.case) {
            writeln!(f, "Found as `{case}`.")?;
        }
        writeln!(f, "\n{NOTATION}\n## Step by step\n\n```text")?;
        for frame in &replay.frames {
            write_frame(f, frame, size)?;
        }
        writeln!(f, "```\n\n## Where it departs from the specification\n")?;
        match replay.first_departure() {
            Some(frame) => departure(f, frame)?,
            None => writeln!(
                f,
                "Its numbers and the sizes of its puts are those of the specification at every \
                 step{}",
                if invariant.is_some() {
                    ": the bytes are wrong, or what came after a failure."
                } else {
                    "."
                }
            )?,
        }
        if let Some((frame, words)) = invariant.and_then(|broken| first_finding(replay, broken)) {
            writeln!(
                f,
                "\nThe invariant is broken in step {} (`{}`): {words}.",
                frame.index + 1,
                frame.event
            )?;
        }
        match command {
            Some(command) => writeln!(f, "\n## To replay it\n\n```sh\n{command}\n```"),
            None => Ok(()),
        }
    }
}

/// The meaning of the letters and the drawing.
const NOTATION: &str = "\
`bN` copies N bytes, `zN` hands N over (`z2+3`: two extents), `f` flushes, `c` closes; `!1+3` makes
the first put fail after 3 bytes, `!f` the sink's flush, `!c` its close. S is the buffer size, C the
capacity left in the buffer, E how much of it is filled, L the extents that wait before it, Z their
bytes. In the drawing `-` was given away, `#` is filled, `.` is free; `b4@0` is 4 copied bytes at
position 0 of the stream, `z1@4` 1 byte handed over at position 4.
";

fn departure(f: &mut fmt::Formatter<'_>, frame: &Frame) -> fmt::Result {
    let Some(departure) = &frame.departure else { return Ok(()) };
    let (observed, specified_state) = (&frame.after.state, &departure.after);
    let step = frame.index + 1;
    let puts = frame.put_sizes();
    let specified = list(departure.puts.iter().copied());
    if !frame.after.known {
        writeln!(f, "In step {step} (`{}`).\n", frame.event)?;
        writeln!(f, "| | puts |\n| --- | --- |\n| specified | {specified} |")?;
        return writeln!(f, "| observed | {} |", list(puts));
    }
    if !departure.words.is_empty() {
        let words = &departure.words;
        return writeln!(
            f,
            "In step {step} (`{}`) its numbers and the sizes of its puts are those of the \
             specification, but {words}.",
            frame.event
        );
    }
    writeln!(f, "In step {step} (`{}`). The specification decides:\n", frame.event)?;
    writeln!(f, "> {}\n", frame.words)?;
    writeln!(f, "| | C | E | Z | puts |\n| --- | --- | --- | --- | --- |")?;
    writeln!(
        f,
        "| specified | {} | {} | {} | {specified} |",
        specified_state.capacity, specified_state.filled, specified_state.pending,
    )?;
    writeln!(
        f,
        "| observed | {} | {} | {} | {} |",
        observed.capacity,
        observed.filled,
        observed.pending,
        list(puts)
    )
}

fn list(sizes: impl Iterator<Item = usize>) -> String {
    let sizes: Vec<String> = sizes.map(|size| size.to_string()).collect();
    if sizes.is_empty() { "–".to_string() } else { sizes.join(", ") }
}

fn first_finding(replay: &Replay, invariant: Invariant) -> Option<(&Frame, &str)> {
    replay.frames.iter().find_map(|frame| {
        let mut findings = frame.findings.iter();
        let finding = findings.find(|finding| finding.invariant == invariant)?;
        Some((frame, finding.words.as_str()))
    })
}

fn write_frame(f: &mut dyn Write, frame: &Frame, size: usize) -> fmt::Result {
    if frame.index == 0 {
        writeln!(f, "   start  {}", Drawing(&frame.before, size))?;
    }
    let implied = if frame.implied { " (the case ends)" } else { "" };
    writeln!(f, "{:>3}  {}{implied}", frame.index + 1, frame.event)?;
    writeln!(f, "          {}", frame.words)?;
    for output in &frame.outputs {
        match output {
            SinkCall::Put { extents, len, failed } => {
                write!(f, "     put  {} = {len}", ExtentList(extents))?;
                match failed {
                    Some(taken) => writeln!(f, ", fails after {taken}")?,
                    None => writeln!(f)?,
                }
            }
            SinkCall::Flush => writeln!(f, "          the sink is flushed")?,
            SinkCall::Close => writeln!(f, "          the sink is closed")?,
        }
    }
    writeln!(f, "   after  {}", Drawing(&frame.after, size))?;
    if frame.departure.is_some() {
        writeln!(f, "       !  not what the specification does")?;
    }
    for finding in &frame.findings {
        writeln!(f, "  BROKEN  {}: {}", finding.invariant, finding.words)?;
    }
    writeln!(f)
}

impl Frame {
    /// The step as a few lines of text, for streams with a buffer of `size` bytes.
    pub fn text(&self, size: BufferSize) -> String {
        let mut text = String::new();
        let _ = write_frame(&mut text, self, size.get());
        text
    }
}

/// The state on one line.
struct Drawing<'a>(&'a Picture, usize);

impl fmt::Display for Drawing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Drawing(picture, size) = *self;
        let state = &picture.state;
        if !picture.known {
            return write!(f, "{} bytes wait inside", state.pending);
        }
        let buffer = if !state.has_buffer {
            "none".to_string()
        } else if size <= DRAWN {
            let given = "-".repeat(size.saturating_sub(state.capacity));
            let filled = "#".repeat(state.filled.min(DRAWN));
            let free = ".".repeat(state.capacity.saturating_sub(state.filled).min(DRAWN));
            let over = if state.filled > state.capacity { "!" } else { "" };
            format!("[{given}{filled}{free}{over}]")
        } else {
            format!("[{} of {} free]", state.capacity.saturating_sub(state.filled), state.capacity)
        };
        write!(
            f,
            "C={} E={} Z={}  L: {}  buffer: {buffer}",
            state.capacity,
            state.filled,
            state.pending,
            ExtentList(&picture.extents)
        )
    }
}

struct ExtentList<'a>(&'a [FrameExtent]);

impl fmt::Display for ExtentList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("–");
        }
        for (index, extent) in self.0.iter().enumerate() {
            let letter = match extent.kind {
                ExtentKind::Copied => 'b',
                ExtentKind::ZeroCopy => 'z',
            };
            write!(
                f,
                "{}{letter}{}@{}",
                if index > 0 { " + " } else { "" },
                extent.len,
                extent.at
            )?;
        }
        Ok(())
    }
}

/// The command that replays a case on a stream of buffer size `size`.
#[must_use]
pub fn replay_command(case: &Case, size: usize, variant: &Variant) -> String {
    let mut command = format!("echo '{case}' | sealpack check --replay - --buffer-size {size}");
    match variant {
        Variant::Strict => {}
        Variant::Reference => command.push_str(" --flush-rule reference"),
        Variant::Mutant(mutant) => {
            command.push_str(" --mutant ");
            command.push_str(mutant.name);
        }
    }
    command
}
