//! The questions that the inspector asks at the bottom of the screen, and how it handles
//! the answers.

use crossterm::event::KeyEvent;

use super::effect::{InspectorEffect, SaveTarget};
use super::model::{Inspector, InspectorMode, InspectorQuestion};
use super::search::{Needle, SearchStart};
use crate::printable;
use crate::terminal::prompt::{Prompt, typed_path};

/// The maximum number of bytes that are copied to the clipboard of the terminal.
const MAX_COPIED: usize = 64 << 10;

fn save_prompt(name: String) -> Prompt {
    Prompt::new("save to", "Enter saves, Esc cancels", name)
}

impl Inspector {
    pub(super) fn ask(
        &mut self,
        question: InspectorQuestion,
        label: &'static str,
        hint: &'static str,
        answer: impl Into<String>,
    ) {
        self.dialog.ask(question, Prompt::new(label, hint, answer));
    }

    pub(super) fn ask_where_to_save(&mut self) {
        let Some(place) = self.record_place() else { return };
        let whole = self.loaded().is_some_and(|loaded| loaded.items.is_err());
        let name = match whole {
            true => format!("record-{}.bin", place.number),
            false => self.file_name(place.first_item.saturating_add(self.place().slot)),
        };
        if self.bytes().is_some() {
            self.dialog.ask(InspectorQuestion::Save, save_prompt(name));
        }
    }

    /// Returns the name of a file to save an item in: the last part of its own name, if it
    /// has one that can be typed.
    fn file_name(&self, position: u32) -> String {
        let name = self.names.get(position).and_then(|name| std::str::from_utf8(name).ok());
        let last = name.and_then(|name| name.rsplit('/').next());
        let usable = |name: &&str| {
            !matches!(*name, "" | "." | "..") && name.chars().all(printable::is_printable_char)
        };
        last.filter(usable).map_or_else(|| format!("item-{position}.bin"), str::to_string)
    }

    /// The item was not saved: opens the question again with the text that was typed,
    /// unless something else is in view by now.
    pub(super) fn ask_again_where_to_save(&mut self, to: SaveTarget, why: String) {
        if self.dialog.is_open() || self.place() != to.item {
            return self.fail(why);
        }
        self.dialog.ask(InspectorQuestion::Save, save_prompt(to.typed).refused(why));
    }

    pub(super) fn copy(&mut self) -> Option<InspectorEffect> {
        let bytes = self.bytes()?;
        if bytes.len() > MAX_COPIED {
            self.fail("more than 64 KiB is too much for a clipboard: s saves it");
            return None;
        }
        let text = String::from_utf8(bytes.to_vec());
        let text = text.unwrap_or_else(|error| printable::hex(error.as_bytes()));
        Some(InspectorEffect::Copy(text))
    }

    pub(super) fn key_for_dialog(&mut self, key: &KeyEvent) -> Option<InspectorEffect> {
        let (question, answer) = self.dialog.key(key)?;
        let answered = self.answered(question, &answer);
        self.dialog.settle(answered)?
    }

    fn answered(
        &mut self,
        question: InspectorQuestion,
        answer: &str,
    ) -> Result<Option<InspectorEffect>, String> {
        match question {
            InspectorQuestion::GoTo => {
                if let (true, Some(name)) = (self.names.are_stored(), super::goto::name(answer)) {
                    return Ok(Some(InspectorEffect::FindName(name.to_string())));
                }
                let place = super::goto::place(answer, self.reader.directory());
                let place = place.map_err(|nowhere| nowhere.to_string())?;
                self.go(place);
                let names_an_item = !answer.trim().starts_with(['r', 'R', '@']);
                if names_an_item {
                    self.show(InspectorMode::Items);
                } else if self.mode() != InspectorMode::Items {
                    self.show(InspectorMode::Records);
                }
                Ok(None)
            }
            InspectorQuestion::Search => {
                let needle = Needle::parse(answer)?;
                if needle.is_of_names && !self.names.are_stored() {
                    return Err("the pack stores no names: t:n: searches for text".into());
                }
                self.needle = Some(needle.clone());
                let position = self.position();
                let from = SearchStart { position, passed: 0 };
                Ok(Some(self.search(needle, from, true)))
            }
            InspectorQuestion::Save => {
                let bytes = self.bytes().ok_or("there is nothing to save")?;
                let path = typed_path(answer)?;
                let to = SaveTarget { typed: answer.into(), path, item: self.place() };
                Ok(Some(InspectorEffect::Save { to, bytes }))
            }
        }
    }
}
