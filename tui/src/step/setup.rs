//! The case that is stepped through, the stream that it runs on, and the edits of the
//! case.

use std::sync::Arc;

use sealpack_core::check::{
    Case, Event, MAX_CASE_BYTES, Operation, SinkFault, Trace, Variant, replay_command,
};
use sealpack_core::stream::BufferSize;

/// A case and the stream that it runs on.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The stream's buffer size.
    pub buffer_size: BufferSize,
    /// The operations on the stream, and whether it trims.
    pub case: Case,
    /// The stream that ships, or one with a seeded bug.
    pub variant: Variant,
    /// The recording of another stream, which replaces a run. Once the case is edited,
    /// the stream that ships runs it.
    pub trace: Option<Arc<Trace>>,
}

impl Setup {
    /// Creates a setup that steps through a trace.
    #[must_use]
    pub fn of_trace(trace: Trace) -> Self {
        Self {
            buffer_size: trace.replay.shape.buffer_size,
            case: trace.replay.case.clone(),
            variant: Variant::Strict,
            trace: Some(Arc::new(trace)),
        }
    }
}

/// An edit of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Inserts an event after the cursor.
    Insert(NewEvent),
    /// Deletes the event.
    Delete,
    /// Makes the write a byte longer.
    Grow,
    /// Makes the write a byte shorter.
    Shrink,
    /// Changes the kind: buffered to zero-copy, zero-copy to flush, flush to buffered.
    ChangeKind,
    /// Makes the first put of the event fail, or succeed again.
    Fail,
    /// Turns trim on or off.
    Trim,
    /// Makes the buffer a byte larger.
    LargerBuffer,
    /// Makes the buffer a byte smaller.
    SmallerBuffer,
}

/// The events that can be inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewEvent {
    /// A buffered write of a byte.
    Buffered,
    /// A zero-copy write of a byte.
    ZeroCopy,
    /// A flush.
    Flush,
}

/// The largest buffer size that keys can set: a larger buffer cannot be drawn byte for
/// byte. The command line accepts any size.
const MAX_BY_KEYS: usize = 64;

impl Setup {
    /// Returns the seeded bug of the stream, if it has one.
    #[must_use]
    pub fn mutant(&self) -> Option<&'static sealpack_core::check::Mutant> {
        match self.variant {
            Variant::Mutant(mutant) => Some(mutant),
            _ => None,
        }
    }

    /// Edits the event at `at`. The close that ends every case follows the last event and
    /// is not part of the case. Returns the position of the cursor after the edit.
    ///
    /// # Errors
    /// A sentence that says why there is nothing to edit.
    pub fn edit(&mut self, at: usize, edit: Edit) -> Result<usize, &'static str> {
        if self.case.bytes() > MAX_CASE_BYTES {
            return Err("a case of more than 16 MiB cannot be edited");
        }
        const CLOSE: &str = "the close at the end is not part of the case: insert before it";
        let events = &mut self.case.events;
        match edit {
            Edit::Insert(new) => {
                let event = match new {
                    NewEvent::Buffered => Event::buffered(1),
                    NewEvent::ZeroCopy => Event::zero_copy(1),
                    NewEvent::Flush => Event::flush(),
                };
                let place = at.saturating_add(1).min(events.len());
                events.insert(place, event);
                self.trace = None;
                return Ok(place);
            }
            Edit::Delete => {
                if at >= events.len() {
                    return Err(CLOSE);
                }
                events.remove(at);
            }
            Edit::Grow | Edit::Shrink => {
                let bytes = self.case.bytes();
                let event = self.case.events.get_mut(at).ok_or(CLOSE)?;
                if edit == Edit::Grow && bytes >= MAX_CASE_BYTES {
                    return Err("a case writes at most 16 MiB");
                }
                resize(&mut event.operation, edit == Edit::Grow)?;
            }
            Edit::ChangeKind => {
                let event = events.get_mut(at).ok_or(CLOSE)?;
                event.operation = match &event.operation {
                    Operation::Buffered(n) => Operation::ZeroCopy(vec![*n]),
                    Operation::ZeroCopy(_) => Operation::Flush,
                    Operation::Flush | Operation::Close => Operation::Buffered(1),
                };
            }
            Edit::Fail => {
                let event = events.get_mut(at).ok_or(CLOSE)?;
                event.fault = match event.fault {
                    None => Some(SinkFault::Put { nth: 0, taken: 0 }),
                    Some(_) => None,
                };
            }
            Edit::Trim => self.case.trim = !self.case.trim,
            Edit::LargerBuffer => {
                let larger = self.buffer_size.get().saturating_add(1);
                let larger = (larger <= MAX_BY_KEYS).then(|| BufferSize::new(larger)).flatten();
                self.buffer_size = larger
                    .ok_or("the largest buffer that can be drawn byte for byte has 64 bytes")?;
            }
            Edit::SmallerBuffer => {
                let smaller = BufferSize::new(self.buffer_size.get().saturating_sub(1));
                self.buffer_size = smaller.ok_or("a buffer has at least 1 byte")?;
            }
        }
        self.trace = None;
        Ok(at)
    }

    /// Returns the command that replays the case on the same stream.
    #[must_use]
    pub fn command(&self) -> String {
        replay_command(&self.case, self.buffer_size.get(), &self.variant)
    }
}

/// Makes a write a byte longer or shorter, at its last extent.
fn resize(operation: &mut Operation, grow: bool) -> Result<(), &'static str> {
    let length = match operation {
        Operation::Buffered(n) => n,
        Operation::ZeroCopy(extents) => match extents.last_mut() {
            Some(last) => last,
            None => return Err("this write has no bytes"),
        },
        Operation::Flush | Operation::Close => return Err("only writes have a length"),
    };
    *length = if grow { length.checked_add(1) } else { length.checked_sub(1) }
        .ok_or("a write has at least 0 bytes")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(events: &str) -> Setup {
        Setup {
            buffer_size: BufferSize::new(5).unwrap(),
            case: Case { trim: false, events: Case::parse_events(events).unwrap() },
            variant: Variant::Strict,
            trace: None,
        }
    }

    fn edited(events: &str, at: usize, edit: Edit) -> String {
        let mut setup = setup(events);
        setup.edit(at, edit).unwrap();
        setup.case.to_string().split_once("writes=").unwrap().1.to_string()
    }

    #[test]
    fn each_edit_changes_what_it_says() {
        assert_eq!(edited("b4,z1", 0, Edit::Insert(NewEvent::Flush)), "b4,f,z1");
        assert_eq!(edited("b4,z1", 2, Edit::Insert(NewEvent::Buffered)), "b4,z1,b1");
        assert_eq!(edited("", 0, Edit::Insert(NewEvent::ZeroCopy)), "z1");
        assert_eq!(edited("b4,z1", 0, Edit::Delete), "z1");
        assert_eq!(edited("b4,z2+3", 1, Edit::Grow), "b4,z2+4");
        assert_eq!(edited("b4,z1", 0, Edit::Shrink), "b3,z1");
        assert_eq!(edited("b4,z1", 0, Edit::ChangeKind), "z4,z1");
        assert_eq!(edited("b4,z1", 1, Edit::ChangeKind), "b4,f");
        assert_eq!(edited("b4,f", 1, Edit::ChangeKind), "b4,b1");
        assert_eq!(edited("b4,b7", 1, Edit::Fail), "b4,b7!1");
        assert_eq!(edited("b4,b7!2+3", 1, Edit::Fail), "b4,b7");
    }

    #[test]
    fn invalid_edits_change_nothing() {
        for edit in [Edit::Delete, Edit::Grow, Edit::Shrink, Edit::ChangeKind, Edit::Fail] {
            assert!(setup("b1").edit(1, edit).is_err(), "{edit:?}");
        }
        assert!(setup("b0").edit(0, Edit::Shrink).is_err());
        assert!(setup("f").edit(0, Edit::Grow).is_err());
        assert!(setup("b16777216").edit(0, Edit::Grow).is_err());
        let mut smallest = setup("b1");
        smallest.buffer_size = BufferSize::new(1).unwrap();
        assert!(smallest.edit(0, Edit::SmallerBuffer).is_err());
    }
}
