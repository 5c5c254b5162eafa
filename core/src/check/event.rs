//! Cases in text: the operations on a stream, and the faults of its sink.
//!
//! ```text
//!    trim=1 writes=b4,z2+3,f puts=4+1|1+3
//!
//!    b4       a buffered write of 4 bytes
//!    z2+3     one zero-copy write of two extents; z0 and z2+0+3 are allowed
//!    f        flush
//!    c        close; a case without it is closed at its end
//!    b7!1     … its first put fails, and the sink takes none of it
//!    b7!2+3   … its second put fails after 3 bytes
//!    f!f      … the sink's flush fails
//!    c!c      … the sink's close fails
//! ```
//!
//! The puts of a case are printed in two forms: extents joined by `+` inside a put
//! (form B), or only each put's total (form A). A failed put also shows how much of
//! it the sink took: `5|2+3!4`.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, str::FromStr};

/// The maximum number of bytes that one case may write, 16 MiB: a case is text, and no
/// text may cause a large allocation.
pub const MAX_CASE_BYTES: usize = 1 << 24;

/// An operation on the stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A buffered write of this many bytes.
    Buffered(usize),
    /// A zero-copy write of extents of these lengths.
    ZeroCopy(Vec<usize>),
    /// A flush.
    Flush,
    /// A close.
    Close,
}

impl Operation {
    /// The bytes that the operation writes.
    pub fn bytes(&self) -> usize {
        match self {
            Operation::Buffered(n) => *n,
            Operation::ZeroCopy(extents) => {
                extents.iter().fold(0, |sum: usize, n| sum.saturating_add(*n))
            }
            Operation::Flush | Operation::Close => 0,
        }
    }
}

/// A fault of the sink while the stream carries out an operation.
///
/// The fault occurs only if the operation gets that far: a fault of the second put has
/// no effect on an operation that puts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SinkFault {
    /// A put fails.
    Put {
        /// Which put of the operation, counted from 0 (from 1 in text).
        nth: usize,
        /// How many bytes of the put the sink takes despite the failure, at most
        /// all of them.
        taken: usize,
    },
    /// The sink's flush fails.
    Flush,
    /// The sink's close fails.
    Close,
}

/// An operation, and the fault that occurs in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// The operation.
    pub operation: Operation,
    /// The fault during the operation, if any.
    pub fault: Option<SinkFault>,
}

impl Event {
    /// A buffered write.
    pub const fn buffered(n: usize) -> Self {
        Event { operation: Operation::Buffered(n), fault: None }
    }

    /// A zero-copy write of one extent.
    pub fn zero_copy(n: usize) -> Self {
        Event { operation: Operation::ZeroCopy(alloc::vec![n]), fault: None }
    }

    /// A zero-copy write of extents of these lengths.
    pub const fn extents(lengths: Vec<usize>) -> Self {
        Event { operation: Operation::ZeroCopy(lengths), fault: None }
    }

    /// A flush.
    pub const fn flush() -> Self {
        Event { operation: Operation::Flush, fault: None }
    }

    /// A close.
    pub const fn close() -> Self {
        Event { operation: Operation::Close, fault: None }
    }

    /// The same event with a fault.
    #[must_use]
    pub fn failing(mut self, fault: SinkFault) -> Self {
        self.fault = Some(fault);
        self
    }
}

/// A sequence of events on a fresh stream.
///
/// ```
/// use sealpack_core::check::Case;
///
/// let case: Case = "trim=1 writes=b4,z2+3,f!1".parse()?;
/// assert_eq!(case.events.len(), 3);
/// assert_eq!(case.to_string(), "trim=1 writes=b4,z2+3,f!1");
/// # Ok::<(), sealpack_core::check::ParseCaseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    /// Whether the stream trims its puts to the buffer size.
    pub trim: bool,
    /// The operations on it, in order.
    pub events: Vec<Event>,
}

impl Case {
    /// The events of a bare list, `b4,z1,f`.
    ///
    /// # Errors
    /// [`ParseCaseError`], which names the event.
    pub fn parse_events(text: &str) -> Result<Vec<Event>, ParseCaseError> {
        let mut events = Vec::new();
        let mut total: usize = 0;
        if text.is_empty() {
            return Ok(events);
        }
        for (index, part) in text.split(',').enumerate() {
            let at = |fault| ParseCaseError::Event { index, fault };
            let event = parse_event(part).map_err(at)?;
            total = total.saturating_add(event.operation.bytes());
            if total > MAX_CASE_BYTES {
                return Err(at(EventFault::TooManyBytes));
            }
            events.push(event);
        }
        Ok(events)
    }

    /// Parses a case and the puts that its line claims, if any; the claim is not
    /// checked here.
    ///
    /// # Errors
    /// [`ParseCaseError`].
    pub fn parse_line(line: &str) -> Result<(Case, Option<&str>), ParseCaseError> {
        let mut fields = line.split_ascii_whitespace();
        let trim = match fields.next().and_then(|f| f.strip_prefix("trim=")) {
            Some("0") => false,
            Some("1") => true,
            _ => return Err(ParseCaseError::Trim),
        };
        let writes = fields.next().and_then(|field| field.strip_prefix("writes="));
        let events = Self::parse_events(writes.ok_or(ParseCaseError::Writes)?)?;
        let puts = match fields.next().map(|field| field.strip_prefix("puts=")) {
            None => None,
            Some(Some(puts)) => Some(puts),
            Some(None) => return Err(ParseCaseError::Trailing),
        };
        if fields.next().is_some() {
            return Err(ParseCaseError::Trailing);
        }
        Ok((Case { trim, events }, puts))
    }

    /// The total number of bytes that the case writes.
    pub fn bytes(&self) -> usize {
        self.events.iter().fold(0, |sum: usize, e| sum.saturating_add(e.operation.bytes()))
    }

    /// The total number of extents that the case hands over, counting those of one
    /// write one by one.
    fn extents(&self) -> usize {
        self.events.iter().fold(0, |sum: usize, event| match &event.operation {
            Operation::ZeroCopy(extents) => sum.saturating_add(extents.len()),
            _ => sum,
        })
    }

    /// The key by which cases are compared to find the smaller one: the number of
    /// events, then of bytes, then of extents, then the text.
    pub fn weight(&self) -> (usize, usize, usize, String) {
        (self.events.len(), self.bytes(), self.extents(), self.to_string())
    }
}

impl FromStr for Case {
    type Err = ParseCaseError;

    fn from_str(line: &str) -> Result<Self, ParseCaseError> {
        Self::parse_line(line).map(|(case, _)| case)
    }
}

/// Why a text is not a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseCaseError {
    /// The first field is not `trim=0` or `trim=1`.
    Trim,
    /// There is no second field `writes=…`.
    Writes,
    /// Something other than `puts=…` follows.
    Trailing,
    /// An event is wrong.
    Event {
        /// The index of the event, from 0.
        index: usize,
        /// What is wrong with it.
        fault: EventFault,
    },
}

/// What is wrong with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventFault {
    /// It does not begin with `b`, `z`, `f` or `c`.
    Letter,
    /// A length is missing or not a number.
    Length,
    /// The text after `!` is not a fault: `!1`, `!1+3`, `!f` or `!c`.
    Fault,
    /// The case writes more than [`MAX_CASE_BYTES`].
    TooManyBytes,
}

impl EventFault {
    const fn words(self) -> &'static str {
        match self {
            EventFault::Letter => "begins with none of b, z, f and c",
            EventFault::Length => "has a length that is not a number",
            EventFault::Fault => "has a fault other than !1, !1+3, !f and !c",
            EventFault::TooManyBytes => "takes the case above 16 MiB",
        }
    }
}

impl fmt::Display for EventFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the event {}", self.words())
    }
}

impl core::error::Error for EventFault {}

impl fmt::Display for ParseCaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseCaseError::Trim => f.write_str("a case begins with trim=0 or trim=1"),
            ParseCaseError::Writes => f.write_str("writes=… is missing after trim"),
            ParseCaseError::Trailing => f.write_str("only puts=… may follow writes=…"),
            ParseCaseError::Event { index, fault } => {
                write!(f, "event {} {}", index.saturating_add(1), fault.words())
            }
        }
    }
}

impl core::error::Error for ParseCaseError {}

fn number(text: &str) -> Result<usize, EventFault> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    number.ok_or(EventFault::Length)
}

fn parse_event(text: &str) -> Result<Event, EventFault> {
    let (operation, fault) = match text.split_once('!') {
        Some((operation, fault)) => (operation, Some(parse_fault(fault)?)),
        None => (text, None),
    };
    let operation = match (operation.get(..1), operation.get(1..)) {
        (Some("b"), Some(n)) => Operation::Buffered(number(n)?),
        (Some("z"), Some(extents)) => {
            Operation::ZeroCopy(extents.split('+').map(number).collect::<Result<_, _>>()?)
        }
        (Some("f"), Some("")) => Operation::Flush,
        (Some("c"), Some("")) => Operation::Close,
        _ => return Err(EventFault::Letter),
    };
    Ok(Event { operation, fault })
}

fn parse_fault(text: &str) -> Result<SinkFault, EventFault> {
    match text {
        "f" => Ok(SinkFault::Flush),
        "c" => Ok(SinkFault::Close),
        put => {
            let (nth, taken) = put.split_once('+').unwrap_or((put, "0"));
            let parse = |text| number(text).map_err(|_| EventFault::Fault);
            let nth = parse(nth)?.checked_sub(1).ok_or(EventFault::Fault)?;
            Ok(SinkFault::Put { nth, taken: parse(taken)? })
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Buffered(n) => write!(f, "b{n}"),
            Operation::ZeroCopy(extents) => {
                f.write_str("z")?;
                join(f, extents.iter(), "+")
            }
            Operation::Flush => f.write_str("f"),
            Operation::Close => f.write_str("c"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.operation.fmt(f)?;
        match self.fault {
            None => Ok(()),
            Some(SinkFault::Put { nth, taken: 0 }) => write!(f, "!{}", nth.saturating_add(1)),
            Some(SinkFault::Put { nth, taken }) => write!(f, "!{}+{taken}", nth.saturating_add(1)),
            Some(SinkFault::Flush) => f.write_str("!f"),
            Some(SinkFault::Close) => f.write_str("!c"),
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trim={} writes=", u8::from(self.trim))?;
        join(f, self.events.iter(), ",")
    }
}

fn join<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    parts: impl Iterator<Item = T>,
    separator: &str,
) -> fmt::Result {
    for (index, part) in parts.enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        part.fmt(f)?;
    }
    Ok(())
}

#[cfg(feature = "serde")]
impl serde::Serialize for Event {
    /// Serializes as its text, `z2+3`.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Event {
    /// Parses its text, `z2+3`.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <alloc::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(|fault: EventFault| serde::de::Error::custom(fault.words()))
    }
}

impl FromStr for Event {
    type Err = EventFault;

    fn from_str(text: &str) -> Result<Self, EventFault> {
        parse_event(text)
    }
}

/// The events of a case as a list, without the rest of the line.
pub(super) fn events_text<'e>(events: impl IntoIterator<Item = &'e Event>) -> String {
    let parts: Vec<String> = events.into_iter().map(ToString::to_string).collect();
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notation_is_printed_as_it_was_parsed() {
        for text in [
            "trim=0 writes=b4,z2+3,f",
            "trim=1 writes=z0,b0,z2+0+3,c",
            "trim=1 writes=b7!1,b7!2+3,f!f,c!c",
            "trim=0 writes=",
        ] {
            assert_eq!(text.parse::<Case>().map(|case| case.to_string()).as_deref(), Ok(text));
        }
        let (case, puts) = Case::parse_line("trim=0 writes=b5 puts=5").unwrap();
        assert_eq!((case.events.len(), puts), (1, Some("5")));
    }

    #[test]
    fn text_that_is_not_a_case_is_refused_and_the_event_named() {
        let event = |index, fault| Err(ParseCaseError::Event { index, fault });
        for (text, error) in [
            ("", Err(ParseCaseError::Trim)),
            ("trim=2 writes=b1", Err(ParseCaseError::Trim)),
            ("trim=1", Err(ParseCaseError::Writes)),
            ("trim=1 writes=b1 gets=1", Err(ParseCaseError::Trailing)),
            ("trim=1 writes=b1 puts=1 1", Err(ParseCaseError::Trailing)),
            ("trim=1 writes=b1,x1", event(1, EventFault::Letter)),
            ("trim=1 writes=b1,,b1", event(1, EventFault::Letter)),
            ("trim=1 writes=ü1", event(0, EventFault::Letter)),
            ("trim=1 writes=f1", event(0, EventFault::Letter)),
            ("trim=1 writes=b", event(0, EventFault::Length)),
            ("trim=1 writes=b+1", event(0, EventFault::Length)),
            ("trim=1 writes=z1+", event(0, EventFault::Length)),
            ("trim=1 writes=b99999999999999999999999", event(0, EventFault::Length)),
            ("trim=1 writes=b1!0", event(0, EventFault::Fault)),
            ("trim=1 writes=b1!x", event(0, EventFault::Fault)),
            ("trim=1 writes=b9,b16777216", event(1, EventFault::TooManyBytes)),
            ("trim=1 writes=z18446744073709551615+9", event(0, EventFault::TooManyBytes)),
        ] {
            assert_eq!(text.parse::<Case>(), error, "{text}");
        }
    }
}
