//! Applies the actions of keys to the inspector's state.

use crossterm::event::KeyEvent;
use ratatui::layout::Size;

use super::effect::InspectorEffect;
use super::item;
use super::keys::{self, InspectorAction};
use super::layout::InspectorLayout;
use super::model::{
    Inspector, InspectorMode, InspectorQuestion, ItemFormat, ItemView, TaskInFlight,
};
use super::search::ItemAddress;
use super::view;
use crate::terminal::keys::action;
use crate::terminal::list::{Cursor, Move};
use crate::terminal::text;

/// The maximum number of decoded sizes that are kept.
const MAX_DECODED: u32 = 4096;

impl Inspector {
    pub(super) fn resize(&mut self, size: Size) {
        self.size = size;
        self.fit();
    }

    /// Sets how many rows of each list are visible.
    fn fit(&mut self) {
        let parts = InspectorLayout::of(self);
        match self.mode {
            InspectorMode::Records => self.records.set_height(parts.list.height),
            InspectorMode::Items => {
                self.items.set_height(parts.list.height);
                self.content.rows.set_height(parts.content().height);
            }
            InspectorMode::Facts => {
                self.facts.set_len(view::facts_lines(self, parts.list.width).len() as u64);
                self.facts.set_height(parts.list.height);
            }
            InspectorMode::Sizes => {}
        }
    }

    pub(super) fn show(&mut self, mode: InspectorMode) {
        self.mode = mode;
        self.in_item = false;
        self.fit();
    }

    /// Puts the cursor on an item of a record. The item is read when it is shown.
    pub(super) fn go(&mut self, place: ItemAddress) {
        self.records.go(place.record.into());
        let items = self.record_place().map_or(0, |record| record.item_count);
        self.items = Cursor::new(items.into());
        self.items_of = Some(self.record());
        self.items.go(place.slot.into());
        self.new_item();
        self.fit();
    }

    /// Resets the content, because another item is in view.
    pub(super) fn new_item(&mut self) {
        self.content = ItemView::default();
        let height = InspectorLayout::of(self).content().height;
        self.content.rows.set_height(height);
    }

    /// Scrolls to a byte of the item in view, as soon as the item is read.
    pub(super) fn reveal(&mut self, at: usize) {
        /// Bytes that are shown before `at` if it lies far from the start.
        const BEFORE: usize = 64 << 10;
        let window = self.content.from..self.content.from.saturating_add(item::MAX_WINDOW / 2);
        if !window.contains(&at) {
            self.content.from = at.saturating_sub(BEFORE);
        }
        self.content.requested_layout = None;
        self.content.reveal = Some(at);
    }

    /// Goes to the previous or the next item, which may be in the neighbouring record.
    fn step_item(&mut self, forward: bool) {
        let Some(record) = self.record_place() else { return };
        let position = record.first_item.saturating_add(self.place().slot);
        let next = if forward { position.checked_add(1) } else { position.checked_sub(1) };
        let place = next.and_then(|next| self.reader.directory().place(next).ok());
        match place {
            Some(place) => self.go(ItemAddress { record: place.record.number, slot: place.slot }),
            None => self.inform(if forward { "this is the last item" } else { "this is item 0" }),
        }
    }

    fn step(&mut self, step: Move) {
        match self.mode {
            InspectorMode::Records => self.records.step(step),
            InspectorMode::Items if self.in_item => self.scroll_item(step),
            InspectorMode::Items => {
                let before = self.items.at;
                self.items.step(step);
                if self.items.at != before {
                    self.new_item();
                }
            }
            InspectorMode::Facts => match step {
                Move::Up => self.facts.scroll(-1),
                Move::Down => self.facts.scroll(1),
                other => self.facts.step(other),
            },
            InspectorMode::Sizes => {}
        }
    }

    pub(super) fn key(&mut self, key: &KeyEvent) -> Option<InspectorEffect> {
        if self.dialog.is_open() {
            return self.key_for_dialog(key);
        }
        let action = action(keys::tables(self.mode), key)?;
        if let Some(scroll) = self.help {
            self.help = match action {
                InspectorAction::Move(Move::Up) => Some(scroll.saturating_sub(1)),
                InspectorAction::Move(Move::Down) => {
                    Some(scroll.saturating_add(1).min(self.max_help_scroll()))
                }
                InspectorAction::Move(Move::PageUp | Move::First) => Some(0),
                InspectorAction::Move(Move::PageDown | Move::Last) => Some(self.max_help_scroll()),
                InspectorAction::Quit | InspectorAction::Help | InspectorAction::Back => None,
                _ => self.help,
            };
            return None;
        }
        self.news = None;
        self.act(action)
    }

    fn max_help_scroll(&self) -> u16 {
        let lines = crate::terminal::keys::help(keys::ALL, self.palette, self.size.width).len();
        crate::terminal::panel::Overlay::max_scroll(lines, self.size)
    }

    pub(super) fn act(&mut self, action: InspectorAction) -> Option<InspectorEffect> {
        match action {
            InspectorAction::Quit => self.has_ended = true,
            InspectorAction::Help => self.help = Some(0),
            InspectorAction::Show(InspectorMode::Items) | InspectorAction::Open => self.open(),
            InspectorAction::Show(mode) => self.show(mode),
            InspectorAction::Back => return self.back(),
            InspectorAction::Move(step) => self.step(step),
            InspectorAction::Item { forward } => self.step_item(forward),
            InspectorAction::Focus => self.in_item = !self.in_item,
            InspectorAction::NextFormat => self.next_item_format(),
            InspectorAction::Pretty => self.toggle_pretty(),
            InspectorAction::GoTo => {
                let hint = match self.names.are_stored() {
                    true => super::goto::ACCEPTED_WITH_NAMES,
                    false => super::goto::ACCEPTED_ANSWERS,
                };
                self.ask(InspectorQuestion::GoTo, "go to", hint, "");
            }
            InspectorAction::Search => {
                let hint = match self.names.are_stored() {
                    true => super::search::ACCEPTED_WITH_NAMES,
                    false => super::search::ACCEPTED_ANSWERS,
                };
                self.ask(InspectorQuestion::Search, "search", hint, "");
            }
            InspectorAction::Again { forward } => return self.search_again(forward),
            InspectorAction::Count => return self.count_hits(),
            InspectorAction::Verify => return self.verify(),
            InspectorAction::Damaged { forward } => self.go_to_damaged(forward),
            InspectorAction::Save => self.ask_where_to_save(),
            InspectorAction::Copy => return self.copy(),
        }
        None
    }

    pub(super) fn open(&mut self) {
        if self.records.len() == 0 {
            return self.inform("the pack has no records");
        }
        // Return to the last item shown, if it is in this record.
        if self.items_of != Some(self.record()) {
            self.go(ItemAddress { record: self.record(), slot: 0 });
        }
        self.show(InspectorMode::Items);
    }

    /// Scrolls within the item, and into the neighbouring part of it that is not laid out
    /// yet.
    pub(super) fn scroll_item(&mut self, step: Move) {
        let rows = &self.content.rows;
        let (at_start, at_end) = (rows.view().start == 0, rows.view().end >= rows.len());
        let text = self.content.text.as_ref().filter(|_| self.item_format() != ItemFormat::Hex);
        let next = text.and_then(|text| {
            let (window, total) = (&text.window, text.total);
            let next = match step {
                Move::Down | Move::PageDown if at_end => {
                    (window.end.saturating_sub(item::OVERLAP), window.end)
                }
                Move::Up | Move::PageUp if at_start => {
                    let from = window.start.saturating_sub(item::MAX_WINDOW - item::OVERLAP);
                    (from, window.start)
                }
                Move::First => (0, 0),
                Move::Last => (total.saturating_sub(item::MAX_WINDOW), total),
                _ => return None,
            };
            let is_elsewhere = match step {
                Move::Down | Move::PageDown | Move::Last => window.end < total,
                Move::Up | Move::PageUp | Move::First => window.start > 0,
            };
            is_elsewhere.then_some(next)
        });
        match (next, step) {
            (Some((from, at)), _) => {
                self.content.from = from;
                self.content.requested_layout = None;
                self.content.reveal = Some(at);
            }
            // The item has no cursor: up and down scroll the view itself.
            (None, Move::Up) => self.content.rows.scroll(-1),
            (None, Move::Down) => self.content.rows.scroll(1),
            (None, step) => self.content.rows.step(step),
        }
    }

    /// Switches to the next way to show an item: text, hex, then the user's decoder if
    /// there is one.
    fn next_item_format(&mut self) {
        self.chosen_format = Some(match self.item_format() {
            ItemFormat::View => ItemFormat::Text,
            ItemFormat::Text => ItemFormat::Hex,
            ItemFormat::Hex if self.view_command.is_some() => ItemFormat::View,
            ItemFormat::Hex => ItemFormat::Text,
        });
        self.new_item();
        self.reveal_hit();
    }

    /// Scrolls to the hit in the item in view, after its layout has changed.
    fn reveal_hit(&mut self) {
        let hit = self.hit.filter(|hit| hit.position == self.position());
        if let Some(hit) = hit.filter(|_| self.item_format() != ItemFormat::View) {
            self.reveal(hit.at);
        }
    }

    fn toggle_pretty(&mut self) {
        if self.item_format() == ItemFormat::Hex {
            return self.inform("p indents JSON text: x shows text");
        }
        let size = self.text_bytes().map_or(0, |bytes| bytes.len());
        if size > item::MAX_JSON {
            let (size, limit) = (text::size(size as u64), text::size(item::MAX_JSON as u64));
            return self.inform(format!("this item has {size}: JSON is indented up to {limit}"));
        }
        if self.pretty && self.content.text.as_ref().is_some_and(|text| !text.json) {
            return self.inform("not a JSON object or array: there is nothing to indent");
        }
        self.pretty = !self.pretty;
        let viewed = self.content.viewed.take();
        self.new_item();
        self.content.view_requested = viewed.is_some();
        self.content.viewed = viewed;
        self.reveal_hit();
    }

    fn back(&mut self) -> Option<InspectorEffect> {
        match self.task.take() {
            Some(TaskInFlight { verifying: true, .. }) => {
                self.inform("verification stopped");
                return Some(InspectorEffect::StopVerifying);
            }
            Some(_) => {
                self.inform("search stopped");
                return Some(InspectorEffect::StopSearching);
            }
            None if self.in_item => self.in_item = false,
            None => self.show(InspectorMode::Records),
        }
        None
    }

    /// Marks a record as sound and stores its decoded size in bytes.
    pub(super) fn mark_sound(&mut self, record: u32, decoded: u64) {
        self.marks.sound(record);
        self.decoded.insert(record, decoded);
        if self.decoded.len() > MAX_DECODED as usize {
            // Sizes of records far from the cursor are the least likely to be needed
            // again.
            let here = self.record();
            let near = |record: &u32, _: &mut u64| record.abs_diff(here) < MAX_DECODED / 4;
            self.decoded.retain(near);
        }
    }
}
