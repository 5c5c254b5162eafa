//! Applies the results of effects to the inspector's state, and starts verifications,
//! searches and counts.

use super::effect::{InspectorAnswer, InspectorEffect};
use super::item::Text;
use super::keys::InspectorAction;
use super::marks::Damage;
use super::model::{Inspector, InspectorMode, ItemFormat, LoadedRecord, TaskInFlight};
use super::search::{HitCount, ItemAddress, Needle, SearchResult, SearchStart};
use crate::terminal::progress::Progress;
use crate::terminal::text::{count, grouped};

const STARTED: Progress = Progress { done: 0, total: 1, left: None };

/// Returns the note about records that could not be searched.
fn unread(records: u32) -> String {
    match records {
        0 => String::new(),
        n => format!(" ({} could not be read)", count(n.into(), "record")),
    }
}

impl Inspector {
    /// Handles an answer.
    pub(super) fn take(&mut self, answer: InspectorAnswer) -> Option<InspectorEffect> {
        match answer {
            InspectorAnswer::Codec(codec) => self.codec = Some(codec),
            InspectorAnswer::Sizes(sizes) => self.sizes = Some(sizes),
            InspectorAnswer::Peeked(record, Ok(decoded)) => self.mark_sound(record, decoded),
            InspectorAnswer::Peeked(record, Err(what)) => self.mark_damaged(record, what),
            InspectorAnswer::Loaded(loaded) => self.take_loaded(loaded),
            InspectorAnswer::NamesRead(first, Ok(names)) => self.names.take(first, names),
            InspectorAnswer::NamesRead(_, Err(what)) => self.fail(format!("names: {what}")),
            InspectorAnswer::NameFound(Ok(position)) => self.show_position(position),
            InspectorAnswer::NameFound(Err(what)) => self.fail(what),
            // Another layout may have been requested since.
            InspectorAnswer::LaidOut(layout, _)
                if self.content.requested_layout != Some(layout) => {}
            InspectorAnswer::LaidOut(_, text) => self.take_text(text),
            InspectorAnswer::Viewed(item, viewed) => {
                if item == self.place() && self.item_format() == ItemFormat::View {
                    self.content.viewed = Some(viewed);
                }
            }
            InspectorAnswer::Verifying { progress, records, damaged } => {
                if let Some(task) = self.task.as_mut().filter(|task| task.verifying) {
                    task.progress = progress;
                    self.take_verified(records, damaged);
                }
            }
            InspectorAnswer::Verified(report) => self.take_report(report),
            InspectorAnswer::Failed(what) => {
                self.task = None;
                self.fail(what);
            }
            InspectorAnswer::Searching(progress) => {
                if let Some(task) = self.task.as_mut().filter(|task| !task.verifying) {
                    task.progress = progress;
                }
            }
            InspectorAnswer::Found(outcome) => self.take_found(&outcome),
            InspectorAnswer::Counted(counted) => self.take_count(counted),
            InspectorAnswer::Saved(_, Ok(news)) => self.inform(news),
            InspectorAnswer::Saved(to, Err(why)) => self.ask_again_where_to_save(to, why),
            InspectorAnswer::Copied => self.inform("copied to the terminal's clipboard"),
        }
        None
    }

    fn mark_damaged(&mut self, record: u32, what: String) {
        // The core's error names the record, and so does every place that shows the
        // error.
        let what = what.strip_prefix(&format!("record {record}: ")).unwrap_or(&what).to_string();
        let place = self.reader.directory().record(record);
        let offset = place.map_or(0, |place| place.range.start);
        self.marks.damaged(record, Damage { offset, what });
    }

    fn take_loaded(&mut self, loaded: LoadedRecord) {
        match &loaded.items {
            Ok(items) => self.mark_sound(loaded.record, items.bytes()),
            Err(what) if loaded.is_damaged => self.mark_damaged(loaded.record, what.clone()),
            Err(_) => {}
        }
        // Another item of the record may have been requested since, outside of the window
        // that was read.
        self.requested_item = None;
        self.loaded = Some(loaded);
    }

    fn take_text(&mut self, text: Text) {
        let rows = &mut self.content.rows;
        rows.set_len(text.rows.len() as u64);
        if let Some(row) = self.content.reveal.take().and_then(|at| text.row_of(at)) {
            rows.go(row as u64);
        }
        self.content.text = Some(text);
    }

    /// Starts a verification, unless one is in progress.
    pub(super) fn verify(&mut self) -> Option<InspectorEffect> {
        if self.task.is_some_and(|task| task.verifying) {
            return None;
        }
        let searching =
            self.task.replace(TaskInFlight { verifying: true, progress: STARTED }).is_some();
        self.report = None;
        self.verified = 0;
        Some(match searching {
            true => {
                InspectorEffect::All(vec![InspectorEffect::StopSearching, InspectorEffect::Verify])
            }
            false => InspectorEffect::Verify,
        })
    }

    fn take_verified(&mut self, records: u32, damaged: Vec<(u32, String)>) {
        for (record, what) in damaged {
            self.mark_damaged(record, what);
        }
        self.marks.sound_range(self.verified.min(records)..records);
        self.verified = records;
    }

    fn take_report(&mut self, report: Box<sealpack::core::read::Report>) {
        if self.task.take_if(|task| task.verifying).is_none() {
            return;
        }
        let damaged = report.damaged.iter();
        let damaged = damaged.map(|damage| (damage.record.number, format!("{:#}", damage.error)));
        self.take_verified(report.record_count, damaged.collect());
        if report.is_ok() && self.notes().is_empty() {
            let records = count(report.record_count.into(), "record");
            self.inform(match report.items_are_protected() {
                true => format!("verified: {records}, everything is sound"),
                false => format!(
                    "verified: {records}, nothing failed, but no checksum covers the items' bytes"
                ),
            });
        } else if report.damaged_count > 0 {
            let damaged = count(report.damaged_count.into(), "damaged record");
            self.fail(format!("{damaged}: d goes to the next, 3 shows details"));
        } else {
            self.fail("a check failed: 3 shows which");
        }
        self.report = Some(report);
    }

    /// Goes to the next known damaged record, or to the previous one.
    pub(super) fn go_to_damaged(&mut self, forward: bool) {
        match self.marks.next_damaged(self.record(), forward) {
            None if self.report.is_some() => self.inform("no record is damaged"),
            None => self.inform("no record is known to be damaged; v verifies all records"),
            Some(record) => {
                self.go(ItemAddress { record, slot: 0 });
                let what = self.marks.damage(record).map_or(String::new(), |d| d.what.clone());
                self.fail(format!("record {}: {what}", grouped(record.into())));
            }
        }
    }

    /// Starts a search.
    pub(super) fn search(
        &mut self,
        needle: Needle,
        from: SearchStart,
        forward: bool,
    ) -> InspectorEffect {
        let verifying = self.task.is_some_and(|task| task.verifying);
        self.task = Some(TaskInFlight { verifying: false, progress: STARTED });
        let search = InspectorEffect::Search { needle, from, forward };
        match verifying {
            true => InspectorEffect::All(vec![InspectorEffect::StopVerifying, search]),
            false => search,
        }
    }

    /// Continues the search from the last hit, or from the cursor if it has moved.
    pub(super) fn search_again(&mut self, forward: bool) -> Option<InspectorEffect> {
        let Some(needle) = self.needle.clone() else {
            self.inform("no search yet: / starts one");
            return None;
        };
        let position = self.position();
        let here = self.hit.filter(|hit| hit.position == position);
        let from = here.map_or(SearchStart { position, passed: 0 }, SearchStart::of);
        Some(self.search(needle, from, forward))
    }

    /// Shows the item at a position.
    fn show_position(&mut self, position: u32) {
        if let Ok(place) = self.reader.directory().place(position) {
            self.go(ItemAddress { record: place.record.number, slot: place.slot });
            self.show(InspectorMode::Items);
        }
    }

    /// Shows the items, and scrolls to the byte at `at` of the current one.
    fn show_at(&mut self, at: usize) {
        self.act(InspectorAction::Show(InspectorMode::Items));
        self.in_item = true;
        // The offset of the hit is not an offset in the decoder's output.
        if self.view_command.is_some()
            && matches!(self.chosen_format, None | Some(ItemFormat::View))
        {
            self.chosen_format = Some(ItemFormat::Text);
        }
        self.reveal(at);
    }

    /// Counts the hits of the last search in the whole pack.
    pub(super) fn count_hits(&mut self) -> Option<InspectorEffect> {
        let Some(needle) = self.needle.clone() else {
            self.inform("no search yet: / starts one");
            return None;
        };
        let verifying = self.task.is_some_and(|task| task.verifying);
        self.task = Some(TaskInFlight { verifying: false, progress: STARTED });
        Some(match verifying {
            true => InspectorEffect::All(vec![
                InspectorEffect::StopVerifying,
                InspectorEffect::Count(needle),
            ]),
            false => InspectorEffect::Count(needle),
        })
    }

    fn take_count(&mut self, counted: HitCount) {
        if self.task.take_if(|task| !task.verifying).is_none() {
            return;
        }
        let written = self.needle.as_ref().map_or("", |needle| &needle.written).to_string();
        let (hits, items) = (count(counted.hits, "hit"), count(counted.items, "item"));
        let unread = unread(counted.unread);
        self.inform(format!("“{written}”: {hits} in {items}{unread}"));
    }

    fn take_found(&mut self, outcome: &SearchResult) {
        // The search may have been stopped just before it ended.
        if self.task.take_if(|task| !task.verifying).is_none() {
            return;
        }
        let written = self.needle.as_ref().map_or("", |needle| &needle.written).to_string();
        let is_of_names = self.needle.as_ref().is_some_and(|needle| needle.is_of_names);
        let unread = unread(outcome.unread);
        let Some(hit) = outcome.hit else {
            let things = if is_of_names { "name" } else { "item" };
            return self.inform(format!("“{written}” is not in any {things}{unread}"));
        };
        let wrapped = if outcome.wrapped { ", search wrapped around" } else { "" };
        let position = grouped(hit.position.into());
        if is_of_names {
            self.hit = Some(hit);
            self.show_position(hit.position);
            return self.inform(format!("“{written}” in the name of item {position}{wrapped}"));
        }
        let Ok(place) = self.reader.directory().place(hit.position) else { return };
        self.hit = Some(hit);
        self.go(ItemAddress { record: place.record.number, slot: place.slot });
        self.show_at(hit.at);
        let at = grouped(hit.at as u64);
        self.inform(format!("“{written}” at byte {at} of item {position}{wrapped}{unread}"));
    }
}
