//! The keys of the inspector: one table handles, hints at and explains them.

use crossterm::event::KeyCode;

use super::app::Mode;
use crate::terminal::keys::{Binding, Key, Table};
use crate::terminal::list::Move;

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ends the program.
    Quit,
    /// Explains the keys.
    Help,
    /// Shows another view.
    Show(Mode),
    /// Asks where to go.
    GoTo,
    /// Asks what to look for.
    Search,
    /// Goes to the next hit, or to the one before.
    Again {
        /// To the next.
        forward: bool,
    },
    /// Verifies the pack.
    Verify,
    /// Goes to the next damaged record, or to the one before.
    Damaged {
        /// To the next.
        forward: bool,
    },
    /// Stops what is under way, or goes back.
    Back,
    /// Moves the cursor.
    Move(Move),
    /// Opens what the cursor is on.
    Open,
    /// To the item before or the next, around the ends of a record.
    Item {
        /// To the next.
        forward: bool,
    },
    /// Moves between the list and the item.
    Focus,
    /// Hex or text.
    Look,
    /// JSON set out or as it is.
    Pretty,
    /// Saves the item.
    Save,
    /// Copies the item.
    Copy,
}

use Action as A;
use Key::{Char, Code, Ctrl};

const MOVES: [Binding<Action>; 6] = [
    Binding {
        keys: &[Code(KeyCode::Up), Char('k')],
        action: A::Move(Move::Up),
        hint: None,
        help: "up",
    },
    Binding {
        keys: &[Code(KeyCode::Down), Char('j')],
        action: A::Move(Move::Down),
        hint: None,
        help: "down",
    },
    Binding {
        keys: &[Code(KeyCode::PageUp), Ctrl('b')],
        action: A::Move(Move::PageUp),
        hint: None,
        help: "a screen up",
    },
    Binding {
        keys: &[Code(KeyCode::PageDown), Ctrl('f')],
        action: A::Move(Move::PageDown),
        hint: None,
        help: "a screen down",
    },
    Binding {
        keys: &[Code(KeyCode::Home), Char('g')],
        action: A::Move(Move::First),
        hint: None,
        help: "to the first",
    },
    Binding {
        keys: &[Code(KeyCode::End), Char('G')],
        action: A::Move(Move::Last),
        hint: None,
        help: "to the last",
    },
];

/// Keys that move the cursor, in every view.
pub const MOVING: Table<Action> = Table { title: "Moving", bindings: &MOVES };

/// Keys of the list of records.
pub const RECORDS: Table<Action> = Table {
    title: "Records",
    bindings: &[Binding {
        keys: &[Code(KeyCode::Enter), Code(KeyCode::Right), Char('l')],
        action: A::Open,
        hint: Some("open"),
        help: "open the record: its items, each as text or hex",
    }],
};

/// Keys of the items of a record.
pub const ITEMS: Table<Action> = Table {
    title: "Items",
    bindings: &[
        Binding {
            keys: &[Code(KeyCode::Tab), Code(KeyCode::Enter)],
            action: A::Focus,
            hint: Some("list/item"),
            help: "move between the list of items and the item",
        },
        Binding {
            keys: &[Char('x')],
            action: A::Look,
            hint: Some("hex/text"),
            help: "show the item as hex, or as text",
        },
        Binding {
            keys: &[Char('p')],
            action: A::Pretty,
            hint: None,
            help: "set JSON out, or show it as it is stored",
        },
        Binding {
            keys: &[Char('s')],
            action: A::Save,
            hint: Some("save"),
            help: "save the item to a file",
        },
        Binding {
            keys: &[Char('y')],
            action: A::Copy,
            hint: Some("copy"),
            help: "copy the item: text as it is, other bytes as hex",
        },
        Binding {
            keys: &[Code(KeyCode::Right), Char('l')],
            action: A::Item { forward: true },
            hint: None,
            help: "the next item, in the next record too",
        },
        Binding {
            keys: &[Code(KeyCode::Left), Char('h')],
            action: A::Item { forward: false },
            hint: None,
            help: "the item before, in the record before too",
        },
    ],
};

/// Keys that work everywhere.
pub const EVERYWHERE: Table<Action> = Table {
    title: "Everywhere",
    bindings: &[
        Binding { keys: &[Char('?')], action: A::Help, hint: Some("help"), help: "these keys" },
        Binding {
            keys: &[Code(KeyCode::Esc)],
            action: A::Back,
            hint: None,
            help: "stop what is under way; otherwise back to the records",
        },
        Binding {
            keys: &[Char(':')],
            action: A::GoTo,
            hint: Some("go to"),
            help: "go to item 42, record r7 or offset @4096; 0x2a in hex",
        },
        Binding {
            keys: &[Char('/')],
            action: A::Search,
            hint: Some("search"),
            help: "look for text, or for bytes in hex (x:DEAD), in the items",
        },
        Binding {
            keys: &[Char('n')],
            action: A::Again { forward: true },
            hint: None,
            help: "the next hit",
        },
        Binding {
            keys: &[Char('N')],
            action: A::Again { forward: false },
            hint: None,
            help: "the hit before",
        },
        Binding {
            keys: &[Char('v')],
            action: A::Verify,
            hint: Some("verify"),
            help: "verify every layer of the pack, in the background",
        },
        Binding {
            keys: &[Char('d')],
            action: A::Damaged { forward: true },
            hint: None,
            help: "the next damaged record",
        },
        Binding {
            keys: &[Char('D')],
            action: A::Damaged { forward: false },
            hint: None,
            help: "the damaged record before",
        },
        Binding {
            keys: &[Char('1')],
            action: A::Show(Mode::Records),
            hint: Some("records"),
            help: "the records",
        },
        Binding {
            keys: &[Char('2')],
            action: A::Show(Mode::Items),
            hint: None,
            help: "the items of the record",
        },
        Binding {
            keys: &[Char('3')],
            action: A::Show(Mode::Facts),
            hint: Some("facts"),
            help: "the trailer, every verdict, the app data",
        },
        Binding {
            keys: &[Char('4')],
            action: A::Show(Mode::Sizes),
            hint: Some("sizes"),
            help: "how large the records are",
        },
        Binding {
            keys: &[Char('q'), Ctrl('c')],
            action: A::Quit,
            hint: Some("quit"),
            help: "quit",
        },
    ],
};

/// Keys of the page about a file that cannot be opened.
pub const REFUSED: Table<Action> = Table {
    title: "Everywhere",
    bindings: &[
        Binding { keys: &[Char('?')], action: A::Help, hint: Some("help"), help: "these keys" },
        Binding {
            keys: &[Code(KeyCode::Esc)],
            action: A::Back,
            hint: None,
            help: "close the help",
        },
        Binding {
            keys: &[Char('q'), Ctrl('c')],
            action: A::Quit,
            hint: Some("quit"),
            help: "quit",
        },
    ],
};

/// The tables that apply in a mode, the nearest first.
#[must_use]
pub fn tables(mode: Mode) -> &'static [&'static Table<Action>] {
    match mode {
        Mode::Records => &[&RECORDS, &MOVING, &EVERYWHERE],
        Mode::Items => &[&ITEMS, &MOVING, &EVERYWHERE],
        Mode::Facts | Mode::Sizes => &[&MOVING, &EVERYWHERE],
    }
}

/// Every table, for the help.
pub const ALL: &[&Table<Action>] = &[&RECORDS, &ITEMS, &MOVING, &EVERYWHERE];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::keys::bound_twice;

    #[test]
    fn no_key_stands_for_two_things() {
        for mode in [Mode::Records, Mode::Items, Mode::Facts, Mode::Sizes] {
            assert_eq!(bound_twice(tables(mode)), None, "{mode:?}");
        }
    }
}
