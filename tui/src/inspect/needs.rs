//! Finds out what the screen needs and was not requested yet. This runs after every
//! message, so that every way to reach a screen requests its data.

use super::effect::InspectorEffect;
use super::layout::InspectorLayout;
use super::model::{Inspector, InspectorMode, ItemFormat, TextLayout};
use super::view;
use ratatui::layout::Size;

impl Inspector {
    /// Requests the data that the screen shows and that is neither known nor requested
    /// yet.
    pub(super) fn needs(&mut self) -> Option<InspectorEffect> {
        let mut effects = Vec::new();
        if !self.sizes_requested && self.size() != Size::ZERO {
            self.sizes_requested = true;
            effects.push(InspectorEffect::Measure);
        }
        effects.extend(match self.mode() {
            InspectorMode::Records => self.needs_decoded_sizes(),
            InspectorMode::Items => self.needs_item(),
            InspectorMode::Facts | InspectorMode::Sizes => None,
        });
        effects.extend(match self.mode() {
            InspectorMode::Items => self.needs_names(),
            _ => None,
        });
        match effects.len() {
            0 | 1 => effects.pop(),
            _ => Some(InspectorEffect::All(effects)),
        }
    }

    fn needs_decoded_sizes(&mut self) -> Option<InspectorEffect> {
        let view = self.records.view();
        if view == self.peeked_view {
            return None;
        }
        self.peeked_view = view.clone();
        let records = view.filter_map(|row| u32::try_from(row).ok());
        let unknown = |record: &u32| {
            !self.decoded.contains_key(record) && self.marks.damage(*record).is_none()
        };
        let records: Vec<u32> = records.filter(unknown).collect();
        (!records.is_empty()).then_some(InspectorEffect::Peek(records))
    }

    /// Requests the names of the items in view.
    fn needs_names(&mut self) -> Option<InspectorEffect> {
        let record = self.record_place()?;
        let view = self.items.view();
        let position = |row: u64| {
            let slot = u32::try_from(row).unwrap_or(u32::MAX).min(record.item_count);
            record.first_item.saturating_add(slot)
        };
        let wanted = position(view.start)..position(view.end);
        self.names.request(&wanted).then_some(InspectorEffect::ReadNames(wanted))
    }

    fn needs_item(&mut self) -> Option<InspectorEffect> {
        let place = self.place();
        let known = self.loaded().is_some_and(|loaded| match &loaded.items {
            Ok(items) => items.range(place.slot).is_some() || place.slot >= items.count(),
            Err(_) => true,
        });
        if !known {
            let requested = self.requested_item.replace(place);
            let is_new = requested.is_none_or(|requested| requested.record != place.record);
            return (is_new && self.records.len() > 0).then_some(InspectorEffect::Load(place));
        }
        self.requested_item = None;
        let columns = InspectorLayout::of(self).content().width;
        let bytes = self.bytes()?;
        match self.item_format() {
            ItemFormat::View if self.content.viewed.is_none() => {
                if std::mem::replace(&mut self.content.view_requested, true) {
                    return None;
                }
                let command = self.view_command.clone()?;
                Some(InspectorEffect::View { command, item: place, bytes })
            }
            ItemFormat::Hex => {
                let per_row = view::bytes_per_row(bytes.len(), columns);
                self.content.rows.set_len((bytes.len() as u64).div_ceil(per_row));
                if let Some(at) = self.content.reveal.take() {
                    self.content.rows.go(at as u64 / per_row);
                }
                None
            }
            ItemFormat::Text | ItemFormat::View => {
                let from = self.content.from;
                let layout = TextLayout { item: place, columns, pretty: self.pretty, from };
                if self.content.requested_layout == Some(layout) {
                    return None;
                }
                let bytes = self.text_bytes()?;
                self.content.requested_layout = Some(layout);
                Some(InspectorEffect::LayOut { bytes, layout })
            }
        }
    }
}
