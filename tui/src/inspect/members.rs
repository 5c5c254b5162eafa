//! `sealpack inspect` of a set: the list of its members, and the inspector of the one that
//! the user opens.
//!
//! ```text
//! list of members ── Enter ──> Open ──> Inspector or RefusedPage ── q ──> list of members
//! ```

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect, Size};
use ratatui::text::Line;
use ratatui::widgets::Widget as _;
use sealpack::{PackIdentity, Reader};

use super::ViewCommand;
use super::effect::{InspectorAnswer, InspectorEffect, InspectorPerformer};
use super::keys::{InspectorAction, MEMBERS, MOVING};
use super::model::Inspector;
use super::open::OpenedFile;
use super::refused::RefusedPage;
use crate::printable;
use crate::terminal::keys::{Table, action, help, hints};
use crate::terminal::list::Cursor;
use crate::terminal::palette::Palette;
use crate::terminal::panel::{News, Overlay, fitted, is_large_enough, too_small};
use crate::terminal::text::{cut, grouped, width};
use crate::terminal::work::{Outbox, Slot};
use crate::terminal::{Message, Perform, Program};

/// A member of the set.
pub struct ListedPack {
    /// Its path or URL.
    pub path: std::path::PathBuf,
    /// What the set states about it.
    pub identity: PackIdentity,
}

/// Opens a member, or returns a message for the user.
pub type MemberOpener = dyn Fn(usize) -> Result<OpenedFile, String> + Send + Sync;

/// The state of the program.
pub struct SetPage {
    title: String,
    members: Vec<ListedPack>,
    view_command: Option<ViewCommand>,
    palette: Palette,
    size: Size,
    rows: Cursor,
    help: bool,
    news: Option<News>,
    /// The member that is being opened.
    opening: Option<usize>,
    open: Option<MemberScreen>,
    /// The number of members opened so far. An answer for an earlier one is ignored.
    opened: u64,
    has_ended: bool,
}

enum MemberScreen {
    Pack(Box<Inspector>),
    Refused(Box<RefusedPage>),
}

/// The result of an effect.
pub enum SetPageAnswer {
    Opened(usize, Result<OpenedFile, String>),
    /// An answer for the inspector of the member that was opened as this one.
    Inspector(u64, InspectorAnswer),
}

/// Something to do outside the program.
pub enum SetPageEffect {
    Open(usize),
    /// Makes this reader's inspector the current one, and carries out its first effect.
    Enter(Reader, u64, Option<InspectorEffect>),
    Inspector(InspectorEffect),
}

/// Carries out the effects.
pub struct SetPagePerformer {
    open: Arc<MemberOpener>,
    opening: Slot,
    current: Option<(u64, InspectorPerformer)>,
}

const TABLES: &[&Table<InspectorAction>] = &[&MOVING, &MEMBERS];
/// Rows above the list: the title and the heading.
const HEAD: u16 = 2;

impl SetPage {
    /// Creates the page of a set.
    #[must_use]
    pub fn new(
        title: String,
        members: Vec<ListedPack>,
        view_command: Option<ViewCommand>,
        palette: Palette,
    ) -> Self {
        let rows = Cursor::new(members.len() as u64);
        Self {
            title,
            members,
            view_command,
            palette,
            size: Size::ZERO,
            rows,
            help: false,
            news: None,
            opening: None,
            open: None,
            opened: 0,
            has_ended: false,
        }
    }

    fn act(&mut self, action: InspectorAction) -> Option<SetPageEffect> {
        match action {
            InspectorAction::Quit if !self.help => self.has_ended = true,
            InspectorAction::Help => self.help = !self.help,
            InspectorAction::Quit | InspectorAction::Back => self.help = false,
            InspectorAction::Move(step) => self.rows.step(step),
            InspectorAction::Open => return self.open_selected(),
            _ => {}
        }
        None
    }

    fn open_selected(&mut self) -> Option<SetPageEffect> {
        let member = usize::try_from(self.rows.at).ok()?;
        let pack = self.members.get(member)?;
        self.news = Some(News::Info(format!("opening {}", printable::path(&pack.path))));
        self.opening = Some(member);
        Some(SetPageEffect::Open(member))
    }

    fn mouse(&mut self, mouse: MouseEvent) -> Option<SetPageEffect> {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.rows.scroll(-3),
            MouseEventKind::ScrollDown => self.rows.scroll(3),
            MouseEventKind::Down(MouseButton::Left) => {
                let row = mouse.row.checked_sub(HEAD).and_then(|line| self.rows.row_at(line))?;
                if row == self.rows.at {
                    return self.open_selected();
                }
                self.rows.go(row);
            }
            _ => {}
        }
        None
    }

    /// Shows a member that was opened, if the user is still waiting for it.
    fn enter(
        &mut self,
        member: usize,
        opened: Result<OpenedFile, String>,
    ) -> Option<SetPageEffect> {
        if self.opening != Some(member) {
            return None;
        }
        self.opening = None;
        self.news = None;
        match opened {
            Ok(OpenedFile::Pack(reader, notes)) => {
                let view = self.view_command.clone();
                let mut inspector = Inspector::new(reader.clone(), notes, view, self.palette);
                let effect = inspector.update(Message::Resize(self.size));
                self.open = Some(MemberScreen::Pack(Box::new(inspector)));
                self.opened += 1;
                Some(SetPageEffect::Enter(reader, self.opened, effect))
            }
            Ok(OpenedFile::Refused(refusal)) => {
                let path = &self.members.get(member)?.path;
                let mut page = RefusedPage::new(refusal, path, self.palette);
                page.update(Message::Resize(self.size));
                self.open = Some(MemberScreen::Refused(Box::new(page)));
                None
            }
            Err(message) => {
                self.news = Some(News::Failed(message));
                None
            }
        }
    }

    fn update_list(&mut self, message: Message<SetPageAnswer>) -> Option<SetPageEffect> {
        match message {
            Message::Key(key) => action(TABLES, &key).and_then(|action| self.act(action)),
            Message::Mouse(mouse) if !self.help => self.mouse(mouse),
            Message::Answer(SetPageAnswer::Opened(member, opened)) => self.enter(member, opened),
            _ => None,
        }
    }

    fn draw_list(&self, area: Rect, frame: &mut Frame<'_>) {
        let buffer = frame.buffer_mut();
        if !is_large_enough(area.as_size()) {
            return too_small(area, buffer);
        }
        let [title, heading, list, foot] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Min(0),
            Constraint::Length(1),
        ])
        .areas(area);
        let columns = usize::from(area.width);
        let items: u64 = self.members.iter().map(|pack| u64::from(pack.identity.items)).sum();
        let count = |number: u64, noun: &str| crate::terminal::text::count(number, noun);
        let what =
            format!("{}, {} ", count(self.members.len() as u64, "pack"), count(items, "item"));
        let name = cut(&format!(" {}", self.title), columns.saturating_sub(width(&what)));
        let gap = columns.saturating_sub(width(&name) + width(&what));
        let text = format!("{name}{}{what}", " ".repeat(gap));
        Line::styled(text, self.palette.title()).render(title, buffer);
        let text = row("first item", "items", "bytes", "pack");
        Line::styled(cut(&text, columns), self.palette.faint()).render(heading, buffer);
        for (line, member) in (list.top()..list.bottom()).zip(self.rows.view()) {
            let style = match member == self.rows.at {
                true => self.palette.selected(),
                false => self.palette.plain(),
            };
            let place = Rect { y: line, height: 1, ..list };
            buffer.set_style(place, style);
            fitted(Line::styled(self.member_row(member), style), list.width).render(place, buffer);
        }
        match &self.news {
            Some(news) => news.line(self.palette, columns).render(foot, buffer),
            None => hints(TABLES, self.palette, foot.width).render(foot, buffer),
        }
        if self.help {
            let lines = help(TABLES, self.palette, area.width);
            let overlay = Overlay { title: "Keys", foot: "Esc closes", lines, scroll: 0 };
            overlay.render(area, self.palette, buffer);
        }
    }

    fn member_row(&self, member: u64) -> String {
        let member = usize::try_from(member).unwrap_or(usize::MAX);
        let before = self.members.iter().take(member);
        let first: u64 = before.map(|pack| u64::from(pack.identity.items)).sum();
        let Some(ListedPack { path, identity }) = self.members.get(member) else {
            return String::new();
        };
        let (items, size) = (grouped(identity.items.into()), grouped(identity.size));
        row(&grouped(first), &items, &size, &printable::path(path).to_string())
    }
}

fn row(first: &str, items: &str, size: &str, path: &str) -> String {
    format!(" {first:>14} {items:>13} {size:>16}  {path}")
}

impl Program for SetPage {
    type Answer = SetPageAnswer;
    type Effect = SetPageEffect;

    fn update(&mut self, message: Message<SetPageAnswer>) -> Option<SetPageEffect> {
        if let Message::Resize(size) = message {
            self.size = size;
            // The title, the heading and the hints take three rows.
            self.rows.set_height(size.height.saturating_sub(HEAD + 1));
        }
        let effect = match (&mut self.open, message) {
            (None, message) => return self.update_list(message),
            (Some(MemberScreen::Pack(inspector)), message) => {
                let message = inspector_message(message, self.opened)?;
                inspector.update(message).map(SetPageEffect::Inspector)
            }
            (Some(MemberScreen::Refused(page)), message) => {
                page.update(without_answers(message)?);
                None
            }
        };
        let has_ended = match &self.open {
            Some(MemberScreen::Pack(inspector)) => inspector.is_over(),
            Some(MemberScreen::Refused(page)) => page.is_over(),
            None => false,
        };
        if has_ended {
            self.open = None;
            return None;
        }
        effect
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        match &self.open {
            Some(MemberScreen::Pack(inspector)) => inspector.draw(frame),
            Some(MemberScreen::Refused(page)) => page.draw(frame),
            None => self.draw_list(frame.area(), frame),
        }
    }

    fn tick(&self) -> Option<Duration> {
        match &self.open {
            Some(MemberScreen::Pack(inspector)) => inspector.tick(),
            Some(MemberScreen::Refused(page)) => page.tick(),
            None => None,
        }
    }

    fn is_over(&self) -> bool {
        self.has_ended
    }
}

/// Converts a message for the inspector of the member that was opened as number `opened`.
fn inspector_message(
    message: Message<SetPageAnswer>,
    opened: u64,
) -> Option<Message<InspectorAnswer>> {
    match message {
        Message::Answer(SetPageAnswer::Inspector(number, answer)) if number == opened => {
            Some(Message::Answer(answer))
        }
        other => without_answers(other),
    }
}

/// Returns the message, unless it is an answer.
fn without_answers<A>(message: Message<SetPageAnswer>) -> Option<Message<A>> {
    Some(match message {
        Message::Resize(size) => Message::Resize(size),
        Message::Key(key) => Message::Key(key),
        Message::Mouse(mouse) => Message::Mouse(mouse),
        Message::Paste(text) => Message::Paste(text),
        Message::Tick => Message::Tick,
        Message::Answer(_) => return None,
    })
}

impl SetPagePerformer {
    /// Creates the effects of a page whose members `open` opens.
    #[must_use]
    pub fn new(open: Arc<MemberOpener>) -> Self {
        Self { open, opening: Slot::default(), current: None }
    }

    fn inspect(&mut self, effect: InspectorEffect, outbox: &Outbox<SetPageAnswer>) {
        if let Some((number, performer)) = &mut self.current {
            let number = *number;
            let outbox = outbox.map(move |answer| SetPageAnswer::Inspector(number, answer));
            performer.perform(effect, &outbox);
        }
    }
}

impl Perform<SetPage> for SetPagePerformer {
    fn perform(&mut self, effect: SetPageEffect, outbox: &Outbox<SetPageAnswer>) {
        match effect {
            SetPageEffect::Open(member) => {
                let open = Arc::clone(&self.open);
                let refused = move |error: std::io::Error| {
                    let message = format!("no thread could be started: {error}");
                    SetPageAnswer::Opened(member, Err(message))
                };
                self.opening.start(outbox, refused, move |_, out| {
                    out.send(SetPageAnswer::Opened(member, open(member)));
                });
            }
            SetPageEffect::Enter(reader, number, effect) => {
                self.current = Some((number, InspectorPerformer::new(reader)));
                if let Some(effect) = effect {
                    self.inspect(effect, outbox);
                }
            }
            SetPageEffect::Inspector(effect) => self.inspect(effect, outbox),
        }
    }
}
