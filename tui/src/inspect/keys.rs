//! The keys of the inspector. One table handles the keys, lists the hints and explains
//! the keys in the help.

use crossterm::event::KeyCode;

use super::model::InspectorMode;
use crate::terminal::keys::{Key, Table, bind};
use crate::terminal::list::Move;

/// The action of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InspectorAction {
    /// Ends the program.
    Quit,
    /// Explains the keys.
    Help,
    /// Shows another view.
    Show(InspectorMode),
    /// Asks where to go.
    GoTo,
    /// Asks what to search for.
    Search,
    /// Goes to the next hit, or to the previous one.
    Again {
        /// Whether to go to the next one.
        forward: bool,
    },
    /// Counts all hits.
    Count,
    /// Verifies the pack.
    Verify,
    /// Goes to the next damaged record, or to the previous one.
    Damaged {
        /// Whether to go to the next one.
        forward: bool,
    },
    /// Stops the work in flight, or goes back.
    Back,
    /// Moves the cursor.
    Move(Move),
    /// Opens the entry under the cursor.
    Open,
    /// Goes to the previous or the next item, across the ends of a record.
    Item {
        /// Whether to go to the next one.
        forward: bool,
    },
    /// Moves between the list and the item.
    Focus,
    /// Switches between hex and text.
    NextFormat,
    /// Switches between indented JSON and JSON as stored.
    Pretty,
    /// Saves the item.
    Save,
    /// Copies the item.
    Copy,
}

use InspectorAction as A;
use Key::{Char, Code, Ctrl};

/// Keys that move the cursor, in every view.
pub const MOVING: Table<InspectorAction> = Table {
    title: "Moving",
    bindings: &[
        bind!([Code(KeyCode::Up), Char('k')], A::Move(Move::Up), None, "up"),
        bind!([Code(KeyCode::Down), Char('j')], A::Move(Move::Down), None, "down"),
        bind!([Code(KeyCode::PageUp), Ctrl('b')], A::Move(Move::PageUp), None, "a screen up"),
        bind!([Code(KeyCode::PageDown), Ctrl('f')], A::Move(Move::PageDown), None, "a screen down"),
        bind!([Code(KeyCode::Home), Char('g')], A::Move(Move::First), None, "to the first"),
        bind!([Code(KeyCode::End), Char('G')], A::Move(Move::Last), None, "to the last"),
    ],
};

/// Keys of the list of records.
pub const RECORDS: Table<InspectorAction> = Table {
    title: "Records",
    bindings: &[bind!(
        [Code(KeyCode::Enter), Code(KeyCode::Right), Char('l')],
        A::Open,
        Some("open"),
        "open the record: its items, each as text or hex"
    )],
};

/// Keys of the list of a set's packs.
pub const MEMBERS: Table<InspectorAction> = Table {
    title: "Packs",
    bindings: &[
        bind!(
            [Code(KeyCode::Enter), Code(KeyCode::Right), Char('l')],
            A::Open,
            Some("open"),
            "inspect the pack; q returns to this list"
        ),
        bind!([Char('?')], A::Help, Some("help"), "these keys"),
        bind!([Code(KeyCode::Esc)], A::Back, None, "close this help"),
        bind!([Char('q'), Ctrl('c')], A::Quit, Some("quit"), "quit"),
    ],
};

/// Keys of the items of a record.
pub const ITEMS: Table<InspectorAction> = Table {
    title: "Items",
    bindings: &[
        bind!(
            [Code(KeyCode::Tab), Code(KeyCode::Enter)],
            A::Focus,
            Some("list/item"),
            "move between the list of items and the item"
        ),
        bind!(
            [Char('x')],
            A::NextFormat,
            Some("hex/text"),
            "show the item as text, as hex, or through --view"
        ),
        bind!([Char('p')], A::Pretty, None, "indent JSON, or show it as stored"),
        bind!([Char('s')], A::Save, Some("save"), "save the item to a file"),
        bind!(
            [Char('y')],
            A::Copy,
            Some("copy"),
            "copy the item: text unchanged, other bytes as hex"
        ),
        bind!(
            [Code(KeyCode::Right), Char('l')],
            A::Item { forward: true },
            None,
            "the next item, also across records"
        ),
        bind!(
            [Code(KeyCode::Left), Char('h')],
            A::Item { forward: false },
            None,
            "the previous item, also across records"
        ),
    ],
};

/// Keys that work everywhere.
pub const EVERYWHERE: Table<InspectorAction> = Table {
    title: "Everywhere",
    bindings: &[
        bind!([Char('?')], A::Help, Some("help"), "these keys"),
        bind!(
            [Code(KeyCode::Esc)],
            A::Back,
            None,
            "stop the work in flight; otherwise back to the records"
        ),
        bind!(
            [Char(':')],
            A::GoTo,
            Some("go to"),
            "go to item 42, record r7 or offset @4096; 0x2a in hex"
        ),
        bind!(
            [Char('/')],
            A::Search,
            Some("search"),
            "search: text, i:any case, r:regular expression, x:DE AD bytes"
        ),
        bind!([Char('n')], A::Again { forward: true }, None, "the next hit"),
        bind!([Char('N')], A::Again { forward: false }, None, "the previous hit"),
        bind!([Char('c')], A::Count, None, "count all hits in the pack"),
        bind!(
            [Char('v')],
            A::Verify,
            Some("verify"),
            "verify every layer of the pack, in the background"
        ),
        bind!([Char('d')], A::Damaged { forward: true }, None, "the next damaged record"),
        bind!([Char('D')], A::Damaged { forward: false }, None, "the previous damaged record"),
        bind!([Char('1')], A::Show(InspectorMode::Records), Some("records"), "the records"),
        bind!([Char('2')], A::Show(InspectorMode::Items), None, "the items of the record"),
        bind!(
            [Char('3')],
            A::Show(InspectorMode::Facts),
            Some("facts"),
            "the trailer, every verdict, the app data"
        ),
        bind!(
            [Char('4')],
            A::Show(InspectorMode::Sizes),
            Some("sizes"),
            "a histogram of the record sizes"
        ),
        bind!([Char('q'), Ctrl('c')], A::Quit, Some("quit"), "quit"),
    ],
};

/// Keys of the page about a file that cannot be opened.
pub const REFUSED: Table<InspectorAction> = Table {
    title: "Everywhere",
    bindings: &[
        bind!([Char('?')], A::Help, Some("help"), "these keys"),
        bind!([Code(KeyCode::Esc)], A::Back, None, "close the help"),
        bind!([Char('q'), Ctrl('c')], A::Quit, Some("quit"), "quit"),
    ],
};

/// Returns the tables that apply in a mode, in order of precedence.
#[must_use]
pub fn tables(mode: InspectorMode) -> &'static [&'static Table<InspectorAction>] {
    match mode {
        InspectorMode::Records => &[&RECORDS, &MOVING, &EVERYWHERE],
        InspectorMode::Items => &[&ITEMS, &MOVING, &EVERYWHERE],
        InspectorMode::Facts | InspectorMode::Sizes => &[&MOVING, &EVERYWHERE],
    }
}

/// Every table, for the help.
pub const ALL: &[&Table<InspectorAction>] = &[&RECORDS, &ITEMS, &MOVING, &EVERYWHERE];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::keys::bound_twice;

    #[test]
    fn key_bindings_are_unique() {
        for mode in [
            InspectorMode::Records,
            InspectorMode::Items,
            InspectorMode::Facts,
            InspectorMode::Sizes,
        ] {
            assert_eq!(bound_twice(tables(mode)), None, "{mode:?}");
        }
    }
}
