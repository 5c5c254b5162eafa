//! The state of the inspector: plain data, and what is derived from it.

use std::collections::BTreeMap;
use std::ops::Range;

use ratatui::layout::Size;
use sealpack::core::read::{Record, RecordPlace, Report};
use sealpack::{Bytes, ChosenCodec, Reader};

use super::item::{self, Text};
use super::marks::Marks;
use super::names::ShownNames;
use super::open::Note;
use super::search::{Hit, ItemAddress, Needle};
use super::sizes::Sizes;
use super::view_command::ViewCommand;
use crate::terminal::list::Cursor;
use crate::terminal::palette::Palette;
use crate::terminal::panel::News;
use crate::terminal::progress::Progress;
use crate::terminal::prompt::Dialog;

/// The view that the body of the screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InspectorMode {
    /// The list of records.
    Records,
    /// The items of a record.
    Items,
    /// The trailer and the verdicts.
    Facts,
    /// The histogram of the record sizes.
    Sizes,
}

/// How an item is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemFormat {
    /// As lines of text.
    Text,
    /// As bytes.
    Hex,
    /// Through the user's own decoder.
    View,
}

/// A layout of an item as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextLayout {
    /// The item.
    pub item: ItemAddress,
    /// The available columns.
    pub columns: u16,
    /// Whether JSON is indented.
    pub pretty: bool,
    /// The byte at which the lines begin.
    pub from: usize,
}

/// The purpose of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InspectorQuestion {
    GoTo,
    Search,
    Save,
}

/// The work in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskInFlight {
    pub(super) verifying: bool,
    pub(super) progress: Progress,
}

/// The item in view.
#[derive(Debug, Default)]
pub(super) struct ItemView {
    /// The rows in view.
    pub(super) rows: Cursor,
    /// The item as text, once it is laid out.
    pub(super) text: Option<Text>,
    /// The layout that was requested.
    pub(super) requested_layout: Option<TextLayout>,
    /// The byte at which the lines should begin.
    pub(super) from: usize,
    /// The output of the user's decoder, once it has run.
    pub(super) viewed: Option<Result<Bytes, String>>,
    /// Whether the decoder was requested.
    pub(super) view_requested: bool,
    /// The byte to scroll to as soon as possible.
    pub(super) reveal: Option<usize>,
}

/// The state of the inspector.
pub struct Inspector {
    pub(super) palette: Palette,
    pub(super) reader: Reader,
    pub(super) notes: Vec<Note>,
    pub(super) size: Size,
    pub(super) mode: InspectorMode,
    pub(super) records: Cursor,
    pub(super) items: Cursor,
    /// The record that contains these items.
    pub(super) items_of: Option<u32>,
    pub(super) in_item: bool,
    pub(super) loaded: Option<LoadedRecord>,
    /// The item that was requested and has not arrived.
    pub(super) requested_item: Option<ItemAddress>,
    /// The records in view when decoded sizes were last requested.
    pub(super) peeked_view: Range<u64>,
    /// The decoded sizes of records near the cursor, in bytes.
    pub(super) decoded: BTreeMap<u32, u64>,
    pub(super) marks: Marks,
    pub(super) names: ShownNames,
    /// The codec, once it is known; `Some(None)` if every record is empty.
    pub(super) codec: Option<Option<ChosenCodec>>,
    pub(super) sizes: Option<Sizes>,
    /// The number of records, from the first on, that the verification has checked.
    pub(super) verified: u32,
    pub(super) report: Option<Box<Report>>,
    pub(super) task: Option<TaskInFlight>,
    pub(super) dialog: Dialog<InspectorQuestion>,
    pub(super) news: Option<News>,
    /// How far the help is scrolled, if it is open.
    pub(super) help: Option<u16>,
    /// How items are shown, if the user has chosen it.
    pub(super) chosen_format: Option<ItemFormat>,
    /// The user's own decoder.
    pub(super) view_command: Option<ViewCommand>,
    /// Whether JSON is shown indented.
    pub(super) pretty: bool,
    pub(super) content: ItemView,
    pub(super) facts: Cursor,
    pub(super) needle: Option<Needle>,
    pub(super) hit: Option<Hit>,
    /// Whether the sizes of all records were requested.
    pub(super) sizes_requested: bool,
    /// Whether the user has quit.
    pub(super) has_ended: bool,
}

/// A record that was read.
#[derive(Debug)]
pub struct LoadedRecord {
    /// The number of the record.
    pub record: u32,
    /// The items, or the error of the record.
    pub items: Result<ItemWindow, String>,
    /// Whether the record itself is damaged, rather than the error coming from the system
    /// or a limit.
    pub is_damaged: bool,
    /// The record as it is stored, if its items cannot be read.
    pub stored: Bytes,
}

/// The items of a record: where each one lies, within a window of the items.
///
/// A record can hold more items than it has bytes, so the window bounds the memory.
#[derive(Debug)]
pub struct ItemWindow {
    payload: Bytes,
    count: u32,
    /// The first item of the window, and where it starts.
    first: (u32, u64),
    /// Where each item of the window ends.
    ends: Vec<u64>,
}

/// The number of items in a window.
const WINDOW: u32 = 1 << 20;

impl ItemWindow {
    /// Finds the items of a record in the window that contains `slot`.
    #[must_use]
    pub fn of(record: &Record, slot: u32) -> Self {
        let first = slot / WINDOW * WINDOW;
        let mut lengths = record.slices().map(|item| item.len() as u64);
        let start = lengths.by_ref().take(first as usize).sum();
        let mut end = start;
        let ends = lengths.take(WINDOW as usize).map(|length| {
            end += length;
            end
        });
        let ends = ends.collect();
        let (payload, count) = (record.payload().clone(), record.item_count());
        Self { payload, count, first: (first, start), ends }
    }

    /// Returns the number of items in the record.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Returns where an item lies in the payload; `None` outside the window.
    #[must_use]
    pub fn range(&self, slot: u32) -> Option<Range<u64>> {
        let within = slot.checked_sub(self.first.0)? as usize;
        let start = match within.checked_sub(1) {
            None => self.first.1,
            Some(before) => *self.ends.get(before)?,
        };
        Some(start..*self.ends.get(within)?)
    }

    /// Returns an item as a view of the payload; `None` outside the window.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<Bytes> {
        let range = self.range(slot)?;
        let start = usize::try_from(range.start).ok()?;
        let end = usize::try_from(range.end).ok()?;
        (start <= end && end <= self.payload.len()).then(|| self.payload.slice(start..end))
    }

    /// Returns the total size of the items in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.payload.len() as u64
    }
}

impl Inspector {
    /// Creates the inspector of an open pack.
    #[must_use]
    pub fn new(
        reader: Reader,
        notes: Vec<Note>,
        view_command: Option<ViewCommand>,
        palette: Palette,
    ) -> Self {
        let records = Cursor::new(reader.directory().record_count().into());
        let names = ShownNames::of(&reader);
        Self {
            palette,
            reader,
            notes,
            size: Size::ZERO,
            mode: InspectorMode::Records,
            records,
            items: Cursor::default(),
            items_of: None,
            in_item: false,
            loaded: None,
            requested_item: None,
            peeked_view: 0..0,
            decoded: BTreeMap::new(),
            marks: Marks::default(),
            names,
            codec: None,
            sizes: None,
            verified: 0,
            report: None,
            task: None,
            dialog: Dialog::default(),
            news: None,
            help: None,
            chosen_format: None,
            view_command,
            pretty: true,
            content: ItemView::default(),
            facts: Cursor::default(),
            needle: None,
            hit: None,
            sizes_requested: false,
            has_ended: false,
        }
    }

    /// Returns the size of the screen.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the view that the body shows.
    #[must_use]
    pub fn mode(&self) -> InspectorMode {
        self.mode
    }

    /// Returns the notes on what cannot be trusted.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Returns the record that the cursor is on.
    pub(super) fn record(&self) -> u32 {
        u32::try_from(self.records.at).unwrap_or(u32::MAX)
    }

    /// Returns where that record lies; `None` in a pack without records.
    pub(super) fn record_place(&self) -> Option<RecordPlace> {
        self.reader.directory().record(self.record()).ok()
    }

    /// Returns the item that the cursor is on.
    pub(super) fn place(&self) -> ItemAddress {
        ItemAddress {
            record: self.record(),
            slot: u32::try_from(self.items.at).unwrap_or(u32::MAX),
        }
    }

    /// Returns what was read of the record that the cursor is on.
    pub(super) fn loaded(&self) -> Option<&LoadedRecord> {
        self.loaded.as_ref().filter(|loaded| loaded.record == self.record())
    }

    /// Returns the bytes in view: an item, or the stored record if its items cannot be
    /// read.
    pub(super) fn bytes(&self) -> Option<Bytes> {
        let loaded = self.loaded()?;
        match &loaded.items {
            Ok(items) => items.get(self.place().slot),
            Err(_) => Some(loaded.stored.clone()),
        }
    }

    /// Returns the text in view: the bytes, or the output of the user's decoder.
    pub(super) fn text_bytes(&self) -> Option<Bytes> {
        match (self.item_format(), &self.content.viewed) {
            (ItemFormat::View, Some(Ok(viewed))) => Some(viewed.clone()),
            (ItemFormat::View, _) => None,
            _ => self.bytes(),
        }
    }

    /// Returns how the bytes in view are shown.
    pub(super) fn item_format(&self) -> ItemFormat {
        self.chosen_format.unwrap_or_else(|| match self.loaded().map(|loaded| &loaded.items) {
            Some(Ok(_)) if self.view_command.is_some() => ItemFormat::View,
            Some(Ok(_)) if self.bytes().is_some_and(|b| item::looks_like_text(&b)) => {
                ItemFormat::Text
            }
            _ => ItemFormat::Hex,
        })
    }

    /// Returns the position of the item that the cursor is on.
    pub(super) fn position(&self) -> u32 {
        let first = self.record_place().map_or(0, |place| place.first_item);
        let slot = if self.mode == InspectorMode::Items { self.place().slot } else { 0 };
        first.saturating_add(slot)
    }

    pub(super) fn inform(&mut self, news: impl Into<String>) {
        self.news = Some(News::Info(news.into()));
    }

    pub(super) fn fail(&mut self, news: impl Into<String>) {
        self.news = Some(News::Failed(news.into()));
    }
}
