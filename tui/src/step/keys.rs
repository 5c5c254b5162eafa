//! The keys of the stepper. One table handles the keys, lists the hints and explains the
//! keys in the help.

use crossterm::event::KeyCode;

use super::model::StepperMode;
use super::setup::{Edit, NewEvent};
use crate::terminal::keys::{Key, Table, bind};
use crate::terminal::list::Move;

/// The action of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepperAction {
    /// Ends the program.
    Quit,
    /// Explains the keys.
    Help,
    /// Stops the work in flight, or goes back.
    Back,
    /// Goes to the previous step.
    Backward,
    /// Goes to the next step.
    Forward,
    /// Goes to a step, as in a list.
    Move(Move),
    /// Goes to the next step that puts, or to the previous one.
    Put {
        /// Whether to go to the next one.
        forward: bool,
    },
    /// Goes to the next step that breaks an invariant, or to the previous one.
    Violation {
        /// Whether to go to the next one.
        forward: bool,
    },
    /// Starts or stops stepping automatically.
    Play,
    /// Edits the case.
    Edit(Edit),
    /// Undoes an edit.
    Undo,
    /// Repeats an undone edit.
    Redo,
    /// Edits the case as text.
    EditText,
    /// Lists the scenarios.
    Scenarios,
    /// Lists the seeded bugs.
    Mutants,
    /// Lists the failures that were found.
    Failures,
    /// Replaces the stream that has the bug with the one that ships.
    UseShippedStream,
    /// Shrinks the failure to the smallest case.
    ShrinkFailure,
    /// Writes a report about the failure.
    Export,
    /// Copies the command that replays the case.
    Copy,
    /// Asks what to search for.
    Search,
    /// Goes to the next hit, or to the previous one.
    Again {
        /// Whether to go to the next one.
        forward: bool,
    },
    /// Opens the entry under the cursor.
    Open,
}

use Key::{Char, Code, Ctrl};
use StepperAction as A;

/// Keys that step.
pub const STEPPING: Table<StepperAction> = Table {
    title: "Stepping",
    bindings: &[
        bind!([Code(KeyCode::Right), Char('l')], A::Forward, Some("step"), "the next step"),
        bind!([Code(KeyCode::Left), Char('h')], A::Backward, None, "the previous step"),
        bind!([Char('p')], A::Put { forward: true }, Some("put"), "the next step that puts"),
        bind!([Char('P')], A::Put { forward: false }, None, "the previous step that puts"),
        bind!(
            [Char('v')],
            A::Violation { forward: true },
            Some("broken"),
            "the next step that breaks an invariant or the specification"
        ),
        bind!([Char('V')], A::Violation { forward: false }, None, "the previous such step"),
        bind!([Code(KeyCode::Home), Char('g')], A::Move(Move::First), None, "the first step"),
        bind!([Code(KeyCode::End), Char('G')], A::Move(Move::Last), None, "the last step"),
        bind!([Code(KeyCode::PageUp)], A::Move(Move::PageUp), None, "five steps back"),
        bind!([Code(KeyCode::PageDown)], A::Move(Move::PageDown), None, "five steps forward"),
    ],
};

/// Keys that start or stop stepping automatically.
pub const PLAYING: Table<StepperAction> = Table {
    title: "Playing",
    bindings: &[bind!([Char(' ')], A::Play, Some("play"), "step automatically; again: pause")],
};

/// Keys that open a list or act on the case.
pub const OPENING: Table<StepperAction> = Table {
    title: "Scenarios and failures",
    bindings: &[
        bind!([Char('o')], A::Scenarios, Some("scenarios"), "instructive cases"),
        bind!(
            [Char('m')],
            A::Mutants,
            Some("bugs"),
            "pick a seeded bug and search for its failures"
        ),
        bind!([Char('F')], A::Failures, None, "the failures that were found"),
        bind!(
            [Char('s')],
            A::ShrinkFailure,
            Some("shrink"),
            "the smallest case that breaks the same invariant"
        ),
        bind!([Char('w')], A::Export, Some("report"), "write a report about the failure to a file"),
        bind!([Char('y')], A::Copy, None, "copy the command that replays the case"),
        bind!([Char('M')], A::UseShippedStream, None, "run the case on the stream that ships"),
    ],
};

/// Keys that edit the case.
pub const EDITING: Table<StepperAction> = Table {
    title: "Editing the case, which then runs again",
    bindings: &[
        bind!(
            [Code(KeyCode::Up), Char('k'), Char('+')],
            A::Edit(Edit::Grow),
            Some("grow"),
            "the write is a byte longer"
        ),
        bind!(
            [Code(KeyCode::Down), Char('j'), Char('-')],
            A::Edit(Edit::Shrink),
            None,
            "the write is a byte shorter"
        ),
        bind!(
            [Char('b')],
            A::Edit(Edit::Insert(NewEvent::Buffered)),
            Some("insert"),
            "insert a buffered write after this step"
        ),
        bind!(
            [Char('z')],
            A::Edit(Edit::Insert(NewEvent::ZeroCopy)),
            None,
            "insert a zero-copy write"
        ),
        bind!([Char('f')], A::Edit(Edit::Insert(NewEvent::Flush)), None, "insert a flush"),
        bind!([Char('x'), Code(KeyCode::Delete)], A::Edit(Edit::Delete), None, "delete the event"),
        bind!(
            [Char('c')],
            A::Edit(Edit::ChangeKind),
            None,
            "buffered, zero-copy, flush: change the kind"
        ),
        bind!(
            [Char('!')],
            A::Edit(Edit::Fail),
            None,
            "make the event's first put fail, or succeed again"
        ),
        bind!([Char(']')], A::Edit(Edit::LargerBuffer), None, "a larger buffer"),
        bind!([Char('[')], A::Edit(Edit::SmallerBuffer), None, "a smaller buffer"),
        bind!([Char('t')], A::Edit(Edit::Trim), Some("trim"), "limit puts to S, or not"),
        bind!([Char('e')], A::EditText, Some("edit"), "edit the case as text: b4,z2+3,f"),
        bind!([Char('u')], A::Undo, Some("undo"), "undo the last edit"),
        bind!([Char('U'), Ctrl('r')], A::Redo, None, "redo it"),
    ],
};

/// Keys of a list.
pub const LIST: Table<StepperAction> = Table {
    title: "Lists",
    bindings: &[
        bind!(
            [Code(KeyCode::Enter), Code(KeyCode::Right), Char('l')],
            A::Open,
            Some("open"),
            "open"
        ),
        bind!([Code(KeyCode::Up), Char('k')], A::Move(Move::Up), None, "up"),
        bind!([Code(KeyCode::Down), Char('j')], A::Move(Move::Down), None, "down"),
        bind!([Code(KeyCode::PageUp)], A::Move(Move::PageUp), None, "a screen up"),
        bind!([Code(KeyCode::PageDown)], A::Move(Move::PageDown), None, "a screen down"),
        bind!([Code(KeyCode::Home), Char('g')], A::Move(Move::First), None, "to the first"),
        bind!([Code(KeyCode::End), Char('G')], A::Move(Move::Last), None, "to the last"),
    ],
};

/// Keys that work everywhere.
pub const EVERYWHERE: Table<StepperAction> = Table {
    title: "Everywhere",
    bindings: &[
        bind!([Char('?')], A::Help, Some("help"), "these keys"),
        bind!([Code(KeyCode::Esc)], A::Back, None, "stop the work in flight; otherwise back"),
        bind!(
            [Char('/')],
            A::Search,
            None,
            "search for text in decisions and findings, or in a list"
        ),
        bind!([Char('n')], A::Again { forward: true }, None, "the next hit"),
        bind!([Char('N')], A::Again { forward: false }, None, "the previous hit"),
        bind!([Char('q'), Ctrl('c')], A::Quit, Some("quit"), "quit"),
    ],
};

/// Returns the tables that apply in a mode, in order of precedence.
#[must_use]
pub fn tables(mode: StepperMode) -> &'static [&'static Table<StepperAction>] {
    match mode {
        StepperMode::Step => &[&STEPPING, &OPENING, &PLAYING, &EDITING, &EVERYWHERE],
        StepperMode::Scenarios | StepperMode::Mutants | StepperMode::Failures => {
            &[&LIST, &EVERYWHERE]
        }
    }
}

/// Every table, for the help.
pub const ALL: &[&Table<StepperAction>] =
    &[&STEPPING, &PLAYING, &OPENING, &EDITING, &LIST, &EVERYWHERE];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::keys::bound_twice;

    #[test]
    fn key_bindings_are_unique() {
        for mode in
            [StepperMode::Step, StepperMode::Scenarios, StepperMode::Mutants, StepperMode::Failures]
        {
            assert_eq!(bound_twice(tables(mode)), None, "{mode:?}");
        }
    }
}
