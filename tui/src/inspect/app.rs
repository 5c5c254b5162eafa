//! The state of the inspector, and what changes it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::Frame;
use ratatui::layout::Size;
use sealpack::core::read::{RecordPlace, Report};
use sealpack::{Bytes, ChosenCodec, Reader};

use super::effect::{Answer, Effect, Loaded};
use super::item::{self, Text};
use super::keys::{self, Action};
use super::layout::Parts;
use super::marks::Marks;
use super::open::Note;
use super::search::{Hit, Needle, Place};
use super::sizes::Sizes;
use super::view;
use crate::terminal::keys::action;
use crate::terminal::list::{Cursor, Move};
use crate::terminal::palette::Palette;
use crate::terminal::panel::is_large_enough;
use crate::terminal::progress::Progress;
use crate::terminal::prompt::Prompt;
use crate::terminal::{Message, Program};

/// What the body of the screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The list of records.
    Records,
    /// The items of a record.
    Items,
    /// The trailer and the verdicts.
    Facts,
    /// The histogram.
    Sizes,
}

/// How an item is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// As lines of text.
    Text,
    /// As bytes.
    Hex,
}

/// What a question is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    GoTo,
    Search,
    Save,
}

/// The last thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// For information.
    Told(String),
    /// Something failed.
    Failed(String),
}

/// What is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) verifying: bool,
    pub(super) progress: Progress,
}

/// The item in view.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// The rows of it that are in view.
    pub(super) rows: Cursor,
    /// It as text, once that was laid out.
    pub(super) text: Option<Text>,
    /// The layout that was asked for: of which item, how wide, set out or not.
    pub(super) asked: Option<(Place, u16, bool)>,
    /// The byte to be brought into view once that can be done.
    pub(super) reveal: Option<usize>,
}

/// The inspector's state.
pub struct App {
    pub(super) palette: Palette,
    pub(super) reader: Reader,
    notes: Vec<Note>,
    size: Size,
    mode: Mode,
    pub(super) records: Cursor,
    pub(super) items: Cursor,
    /// The record that they are of.
    items_of: Option<u32>,
    pub(super) in_item: bool,
    pub(super) loaded: Option<Loaded>,
    pub(super) asked_for: Option<Place>,
    pub(super) peeked_at: Range<u64>,
    /// What records near the cursor decode to, in bytes.
    pub(super) decoded: BTreeMap<u32, u64>,
    pub(super) marks: Marks,
    /// The codec, once it is known; of records of nothing there is none.
    pub(super) codec: Option<Option<ChosenCodec>>,
    pub(super) sizes: Option<Sizes>,
    /// Records of which a verification knows, from the first on.
    pub(super) verified: u32,
    pub(super) report: Option<Box<Report>>,
    pub(super) task: Option<Task>,
    pub(super) prompt: Option<(Question, Prompt)>,
    pub(super) news: Option<News>,
    /// How far the help is scrolled, where it is open.
    pub(super) help: Option<u16>,
    look: Option<Look>,
    pub(super) pretty: bool,
    pub(super) content: Content,
    pub(super) facts: Cursor,
    pub(super) needle: Option<Needle>,
    pub(super) hit: Option<Hit>,
    pub(super) measured: bool,
    over: bool,
}

/// Decoded sizes that are kept.
const MOST_DECODED: u32 = 4096;

impl App {
    /// The inspector of an open pack.
    #[must_use]
    pub fn new(reader: Reader, notes: Vec<Note>, palette: Palette) -> Self {
        let records = Cursor::new(reader.directory().record_count().into());
        Self {
            palette,
            reader,
            notes,
            size: Size::ZERO,
            mode: Mode::Records,
            records,
            items: Cursor::default(),
            items_of: None,
            in_item: false,
            loaded: None,
            asked_for: None,
            peeked_at: 0..0,
            decoded: BTreeMap::new(),
            marks: Marks::default(),
            codec: None,
            sizes: None,
            verified: 0,
            report: None,
            task: None,
            prompt: None,
            news: None,
            help: None,
            look: None,
            pretty: true,
            content: Content::default(),
            facts: Cursor::default(),
            needle: None,
            hit: None,
            measured: false,
            over: false,
        }
    }

    /// The size of the screen.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// What the body shows.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What is not to be trusted.
    #[must_use]
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The record that the cursor is on.
    pub(super) fn record(&self) -> u32 {
        u32::try_from(self.records.at).unwrap_or(u32::MAX)
    }

    /// Where that record lies; `None` in a pack without records.
    pub(super) fn record_place(&self) -> Option<RecordPlace> {
        self.reader.directory().record(self.record()).ok()
    }

    /// The item that the cursor is on.
    pub(super) fn place(&self) -> Place {
        Place { record: self.record(), slot: u32::try_from(self.items.at).unwrap_or(u32::MAX) }
    }

    /// What was read of the record that the cursor is on.
    pub(super) fn loaded(&self) -> Option<&Loaded> {
        self.loaded.as_ref().filter(|loaded| loaded.record == self.record())
    }

    /// The bytes in view: an item, or a record as it is stored where it is
    /// damaged.
    pub(super) fn bytes(&self) -> Option<Bytes> {
        let loaded = self.loaded()?;
        match &loaded.items {
            Ok(items) => items.get(self.place().slot),
            Err(_) => Some(loaded.stored.clone()),
        }
    }

    /// How the bytes in view are shown.
    pub(super) fn look(&self) -> Look {
        self.look.unwrap_or_else(|| match self.loaded().map(|loaded| &loaded.items) {
            Some(Ok(_)) if self.bytes().is_some_and(|b| item::looks_like_text(&b)) => Look::Text,
            _ => Look::Hex,
        })
    }

    fn resize(&mut self, size: Size) {
        self.size = size;
        self.fit();
    }

    /// Tells the lists how much of them can be seen.
    fn fit(&mut self) {
        let parts = Parts::of(self);
        match self.mode {
            Mode::Records => self.records.set_height(parts.list.height),
            Mode::Items => {
                self.items.set_height(parts.list.height);
                self.content.rows.set_height(parts.content().height);
            }
            Mode::Facts => {
                self.facts.set_len(view::facts_lines(self, parts.list.width).len() as u64);
                self.facts.set_height(parts.list.height);
            }
            Mode::Sizes => {}
        }
    }

    pub(super) fn show(&mut self, mode: Mode) {
        self.mode = mode;
        self.in_item = false;
        self.fit();
    }

    /// Puts the cursor on an item of a record; it is read when it is seen.
    pub(super) fn go(&mut self, place: Place) {
        self.records.go(place.record.into());
        let items = self.record_place().map_or(0, |record| record.item_count);
        self.items = Cursor::new(items.into());
        self.items_of = Some(self.record());
        self.items.go(place.slot.into());
        self.new_item();
        self.fit();
    }

    /// Another item is in view.
    pub(super) fn new_item(&mut self) {
        self.content = Content::default();
        let height = Parts::of(self).content().height;
        self.content.rows.set_height(height);
    }

    /// Brings a byte of the item in view into sight, as soon as it is read.
    pub(super) fn reveal(&mut self, at: usize) {
        self.content.asked = None;
        self.content.reveal = Some(at);
    }

    /// Goes to the item before or behind, into the neighbouring record too.
    fn step_item(&mut self, forward: bool) {
        let Some(record) = self.record_place() else { return };
        let position = record.first_item.saturating_add(self.place().slot);
        let next = if forward { position.checked_add(1) } else { position.checked_sub(1) };
        let place = next.and_then(|next| self.reader.directory().place(next).ok());
        match place {
            Some(place) => self.go(Place { record: place.record.number, slot: place.slot }),
            None => self.tell(if forward { "this is the last item" } else { "this is item 0" }),
        }
    }

    fn step(&mut self, step: Move) {
        match self.mode {
            Mode::Records => self.records.step(step),
            Mode::Items if self.in_item => self.content.rows.step(match step {
                // A page without a cursor: up and down move the view itself.
                Move::Up => return self.content.rows.scroll(-1),
                Move::Down => return self.content.rows.scroll(1),
                other => other,
            }),
            Mode::Items => {
                let before = self.items.at;
                self.items.step(step);
                if self.items.at != before {
                    self.new_item();
                }
            }
            Mode::Facts => match step {
                Move::Up => self.facts.scroll(-1),
                Move::Down => self.facts.scroll(1),
                other => self.facts.step(other),
            },
            Mode::Sizes => {}
        }
    }

    pub(super) fn tell(&mut self, news: impl Into<String>) {
        self.news = Some(News::Told(news.into()));
    }

    pub(super) fn fail(&mut self, news: impl Into<String>) {
        self.news = Some(News::Failed(news.into()));
    }

    fn key(&mut self, key: &KeyEvent) -> Option<Effect> {
        if self.prompt.is_some() {
            return self.key_for_prompt(key);
        }
        let action = action(keys::tables(self.mode), key)?;
        if let Some(scroll) = self.help {
            self.help = match action {
                Action::Move(Move::Up) => Some(scroll.saturating_sub(1)),
                Action::Move(Move::Down) => Some(scroll.saturating_add(1).min(self.most_help())),
                Action::Move(Move::PageUp | Move::First) => Some(0),
                Action::Move(Move::PageDown | Move::Last) => Some(self.most_help()),
                Action::Quit | Action::Help | Action::Back => None,
                _ => self.help,
            };
            return None;
        }
        self.news = None;
        self.act(action)
    }

    fn most_help(&self) -> u16 {
        let lines = crate::terminal::keys::help(keys::ALL, self.palette, self.size.width).len();
        crate::terminal::panel::Overlay::most_scroll(lines, self.size)
    }

    pub(super) fn act(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Quit => self.over = true,
            Action::Help => self.help = Some(0),
            Action::Show(Mode::Items) | Action::Open => self.open(),
            Action::Show(mode) => self.show(mode),
            Action::Back => return self.back(),
            Action::Move(step) => self.step(step),
            Action::Item { forward } => self.step_item(forward),
            Action::Focus => self.in_item = !self.in_item,
            Action::Look => {
                self.look = Some(if self.look() == Look::Hex { Look::Text } else { Look::Hex });
                self.new_item();
            }
            Action::Pretty => {
                self.pretty = !self.pretty;
                self.new_item();
            }
            Action::GoTo => self.ask(Question::GoTo, "go to", super::goto::UNDERSTOOD, ""),
            Action::Search => self.ask(Question::Search, "search", super::search::UNDERSTOOD, ""),
            Action::Again { forward } => return self.search_again(forward),
            Action::Verify => return self.verify(),
            Action::Damaged { forward } => self.go_to_damaged(forward),
            Action::Save => self.ask_where_to_save(),
            Action::Copy => return self.copy(),
        }
        None
    }

    pub(super) fn open(&mut self) {
        if self.records.len() == 0 {
            return self.tell("the pack has no records");
        }
        // Back to the item that was seen last, if this is its record.
        if self.items_of != Some(self.record()) {
            self.go(Place { record: self.record(), slot: 0 });
        }
        self.show(Mode::Items);
    }

    fn back(&mut self) -> Option<Effect> {
        match self.task.take() {
            Some(Task { verifying: true, .. }) => {
                self.tell("verification stopped");
                return Some(Effect::StopVerifying);
            }
            Some(_) => {
                self.tell("search stopped");
                return Some(Effect::StopSearching);
            }
            None if self.in_item => self.in_item = false,
            None => self.show(Mode::Records),
        }
        None
    }

    /// The position of the item that the cursor is on.
    pub(super) fn position(&self) -> u32 {
        let first = self.record_place().map_or(0, |place| place.first_item);
        let slot = if self.mode == Mode::Items { self.place().slot } else { 0 };
        first.saturating_add(slot)
    }

    /// A record turned out to be sound, of so many decoded bytes.
    pub(super) fn is_sound(&mut self, record: u32, decoded: u64) {
        self.marks.sound(record);
        self.decoded.insert(record, decoded);
        if self.decoded.len() > MOST_DECODED as usize {
            // What is far from the cursor is the least likely to be seen again.
            let here = self.record();
            let near = |record: &u32, _: &mut u64| record.abs_diff(here) < MOST_DECODED / 4;
            self.decoded.retain(near);
        }
    }
}

impl Program for App {
    type Answer = Answer;
    type Effect = Effect;

    fn update(&mut self, message: Message<Answer>) -> Option<Effect> {
        let effect = match message {
            Message::Resize(size) => {
                self.resize(size);
                None
            }
            Message::Key(key) => self.key(&key),
            Message::Mouse(mouse) => {
                if self.prompt.is_none() && self.help.is_none() {
                    self.mouse(&mouse);
                }
                None
            }
            Message::Paste(text) => {
                if let Some((_, prompt)) = &mut self.prompt {
                    prompt.paste(&text);
                }
                None
            }
            Message::Tick => None,
            Message::Answer(answer) => self.take(answer),
        };
        let needed = if is_large_enough(self.size) { self.needs() } else { None };
        match (effect, needed) {
            (Some(effect), Some(needed)) => Some(Effect::All(vec![effect, needed])),
            (effect, needed) => effect.or(needed),
        }
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        view::draw(self, frame);
    }

    fn tick(&self) -> Option<Duration> {
        None
    }

    fn is_over(&self) -> bool {
        self.over
    }
}
