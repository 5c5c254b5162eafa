//! Everything that the inspector does outside of its state: reading, decoding, verifying,
//! searching, saving. After a pack was opened (`open.rs`), nothing else here touches a
//! file or a thread.

use std::io;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;

use sealpack::core::read::Report;
use sealpack::{Bytes, ChosenCodec, Error, Names, Reader};

use super::item::{self, Text};
use super::model::{Inspector, ItemWindow, LoadedRecord, TextLayout};
use super::name_search;
use super::search::{self, HitCount, ItemAddress, Needle, SearchResult, SearchStart};
use super::sizes::Sizes;
use super::view_command::ViewCommand;
use crate::terminal::progress::{Progress, ReportLimiter};
use crate::terminal::work::{Slot, StopFlag};
use crate::terminal::{Outbox, Perform, export};

/// Something that the inspector wants done outside of its state.
#[derive(Clone, Debug, PartialEq)]
pub enum InspectorEffect {
    /// Several effects.
    All(Vec<InspectorEffect>),
    /// Find out the codec, and count the sizes of the records.
    Measure,
    /// Decode these records to show their decoded sizes. This replaces the previous
    /// request.
    Peek(Vec<u32>),
    /// Read the items of a record; this one is to be shown.
    Load(ItemAddress),
    /// Read the names of the items at these positions. This replaces the previous request.
    ReadNames(Range<u32>),
    /// Find the item with this name.
    FindName(String),
    /// Lay bytes out as text.
    LayOut {
        /// The bytes.
        bytes: Bytes,
        /// The layout.
        layout: TextLayout,
    },
    /// Pass an item to the user's decoder.
    View {
        /// The decoder.
        command: ViewCommand,
        /// The item.
        item: ItemAddress,
        /// Its bytes.
        bytes: Bytes,
    },
    /// Verify the whole pack.
    Verify,
    /// Stop verifying.
    StopVerifying,
    /// Search for bytes.
    Search {
        /// The bytes to search for.
        needle: Needle,
        /// Where the search starts.
        from: SearchStart,
        /// Whether to search forward.
        forward: bool,
    },
    /// Count all hits. This replaces a search.
    Count(Needle),
    /// Stop searching or counting.
    StopSearching,
    /// Write bytes to a new file.
    Save {
        /// The file.
        to: SaveTarget,
        /// The contents of the file.
        bytes: Bytes,
    },
    /// Send text to the terminal's clipboard.
    Copy(String),
}

/// Where an item is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveTarget {
    /// The path as it was typed.
    pub typed: String,
    /// The path that the typed text means.
    pub path: PathBuf,
    /// The item that is saved.
    pub item: ItemAddress,
}

/// The result of an effect.
#[derive(Debug)]
pub enum InspectorAnswer {
    /// The codec, if there is one.
    Codec(Option<ChosenCodec>),
    /// The sizes of all records.
    Sizes(Sizes),
    /// A record was decoded to this many bytes, or it is damaged.
    Peeked(u32, Result<u64, String>),
    /// The items of a record were read.
    Loaded(LoadedRecord),
    /// The names of the items from a position on, or why they cannot be read.
    NamesRead(u32, Result<Vec<Bytes>, String>),
    /// The position of the item with a name, or why there is none.
    NameFound(Result<u32, String>),
    /// Bytes as text, in this layout.
    LaidOut(TextLayout, Text),
    /// The output of the user's decoder for an item, or why there is none.
    Viewed(ItemAddress, Result<Bytes, String>),
    /// The progress of the verification, with the records that it newly found damaged.
    Verifying {
        /// The progress.
        progress: Progress,
        /// The number of records checked so far.
        records: u32,
        /// The records found damaged since the last report.
        damaged: Vec<(u32, String)>,
    },
    /// The verification has ended.
    Verified(Box<Report>),
    /// The effect could not be carried out.
    Failed(String),
    /// The progress of the search.
    Searching(Progress),
    /// The search has ended.
    Found(SearchResult),
    /// All hits were counted.
    Counted(HitCount),
    /// The item was saved, or not; the text is the message for the user.
    Saved(SaveTarget, Result<String, String>),
    /// Text was sent to the clipboard.
    Copied,
}

/// The maximum size of a record that is decoded only to show its decoded size.
const MAX_PEEKED: u64 = 4 << 20;
/// The maximum number of damaged records that are named while a verification runs; the
/// final report names all.
const MAX_NAMED_DAMAGED: usize = 1000;

/// Carries out the effects.
pub struct InspectorPerformer {
    reader: Reader,
    measuring: Slot,
    peeking: Slot,
    loading: Slot,
    naming: Slot,
    finding_name: Slot,
    laying_out: Slot,
    viewing: Slot,
    verifying: Slot,
    searching: Slot,
}

impl InspectorPerformer {
    /// Creates the effects of a pack.
    #[must_use]
    pub fn new(reader: Reader) -> Self {
        Self {
            reader,
            measuring: Slot::default(),
            peeking: Slot::default(),
            loading: Slot::default(),
            naming: Slot::default(),
            finding_name: Slot::default(),
            laying_out: Slot::default(),
            viewing: Slot::default(),
            verifying: Slot::default(),
            searching: Slot::default(),
        }
    }
}

fn no_thread(error: io::Error) -> InspectorAnswer {
    InspectorAnswer::Failed(format!("no thread could be started: {error}"))
}

impl Perform<Inspector> for InspectorPerformer {
    fn perform(&mut self, effect: InspectorEffect, outbox: &Outbox<InspectorAnswer>) {
        let reader = self.reader.clone();
        match effect {
            InspectorEffect::All(effects) => {
                effects.into_iter().for_each(|effect| self.perform(effect, outbox));
            }
            InspectorEffect::Measure => {
                self.measuring.start(outbox, no_thread, move |stop, out| {
                    measure(&reader, stop, out);
                })
            }
            InspectorEffect::Peek(records) => {
                self.peeking.start(outbox, no_thread, move |stop, out| {
                    peek(&reader, &records, stop, out);
                })
            }
            InspectorEffect::Load(place) => {
                let load = move || InspectorAnswer::Loaded(load(&reader, place));
                answer_with(&mut self.loading, outbox, load);
            }
            InspectorEffect::ReadNames(positions) => {
                let first = positions.start;
                let read = move || name_search::read(&reader, positions);
                let read = move || InspectorAnswer::NamesRead(first, read());
                answer_with(&mut self.naming, outbox, read);
            }
            InspectorEffect::FindName(name) => {
                let find = move || name_search::position_of(&reader, &name);
                let find = move || InspectorAnswer::NameFound(find());
                answer_with(&mut self.finding_name, outbox, find);
            }
            InspectorEffect::LayOut { bytes, layout } => {
                answer_with(&mut self.laying_out, outbox, move || {
                    let TextLayout { columns, pretty, from, .. } = layout;
                    let text = item::lay_out(&bytes, columns, pretty, from);
                    InspectorAnswer::LaidOut(layout, text)
                });
            }
            InspectorEffect::View { command, item, bytes } => {
                self.viewing.start(outbox, no_thread, move |stop, out| {
                    if let Some(viewed) = command.run(bytes, stop) {
                        out.send(InspectorAnswer::Viewed(item, viewed));
                    }
                });
            }
            InspectorEffect::Verify => self.verifying.start(outbox, no_thread, move |stop, out| {
                verify(&reader, stop, out);
            }),
            InspectorEffect::StopVerifying => self.verifying.stop(),
            InspectorEffect::Search { needle, from, forward } => {
                self.searching.start(outbox, no_thread, move |stop, out| {
                    find_hit(&reader, &needle, from, forward, stop, out);
                });
            }
            InspectorEffect::Count(needle) => {
                self.searching.start(outbox, no_thread, move |stop, out| {
                    count(&reader, &needle, stop, out);
                })
            }
            InspectorEffect::StopSearching => self.searching.stop(),
            InspectorEffect::Save { to, bytes } => {
                Slot::default().start(outbox, no_thread, move |_, out| {
                    let saved = export::save(&to.path, &bytes);
                    out.send(InspectorAnswer::Saved(to, saved));
                });
            }
            InspectorEffect::Copy(text) => outbox.send(copy(&text)),
        }
    }
}

fn copy(text: &str) -> InspectorAnswer {
    match export::copy(text) {
        Ok(()) => InspectorAnswer::Copied,
        Err(error) => InspectorAnswer::Failed(format!("nothing was copied: {error}")),
    }
}

/// Runs `work` in a slot, and sends its answer unless the slot was stopped meanwhile.
fn answer_with(
    slot: &mut Slot,
    outbox: &Outbox<InspectorAnswer>,
    work: impl FnOnce() -> InspectorAnswer + Send + 'static,
) {
    slot.start(outbox, no_thread, move |stop, out| {
        let answer = work();
        if !stop.is_set() {
            out.send(answer);
        }
    });
}

fn measure(reader: &Reader, stop: &StopFlag, out: &Outbox<InspectorAnswer>) {
    match reader.codec() {
        Ok(codec) => out.send(InspectorAnswer::Codec(codec)),
        Err(error) => out.send(InspectorAnswer::Failed(error.kind().to_string())),
    }
    let keep_going =
        || if stop.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    if let ControlFlow::Continue(sizes) = Sizes::count(reader.directory(), keep_going) {
        out.send(InspectorAnswer::Sizes(sizes));
    }
}

fn peek(reader: &Reader, records: &[u32], stop: &StopFlag, out: &Outbox<InspectorAnswer>) {
    for &number in records {
        let Ok(place) = reader.directory().record(number) else { continue };
        if stop.is_set() {
            return;
        }
        if place.size() <= MAX_PEEKED {
            match reader.record(number) {
                Ok(record) => {
                    out.send(InspectorAnswer::Peeked(number, Ok(record.payload().len() as u64)))
                }
                Err(error) if is_damage(&error) => {
                    out.send(InspectorAnswer::Peeked(number, Err(error.kind().to_string())));
                }
                // The system's errors are reported when a record is opened.
                Err(_) => {}
            }
        }
    }
}

/// Returns whether an error means that the file is damaged, rather than an error of the
/// system or a limit of the reader.
fn is_damage(error: &Error) -> bool {
    error.corruption().is_some()
}

fn load(reader: &Reader, place: ItemAddress) -> LoadedRecord {
    match reader.record(place.record) {
        Ok(record) => {
            let items = Ok(ItemWindow::of(&record, place.slot));
            LoadedRecord { record: place.record, items, is_damaged: false, stored: Bytes::new() }
        }
        Err(error) => {
            let stored = reader.stored_record(place.record).unwrap_or_default();
            let (items, is_damaged) = (Err(error.kind().to_string()), is_damage(&error));
            LoadedRecord { record: place.record, items, is_damaged, stored }
        }
    }
}

fn verify(reader: &Reader, stop: &StopFlag, out: &Outbox<InspectorAnswer>) {
    let total = reader.directory().records_end();
    let mut limiter = ReportLimiter::start();
    let (mut examined, mut known, mut named) = (0, 0, 0);
    let mut damaged = Vec::new();
    let report = reader.verify_with(|so_far| {
        if stop.is_set() {
            return ControlFlow::Break(());
        }
        if so_far.damaged > known && named < MAX_NAMED_DAMAGED {
            // To find which of the records since the last call is damaged, they are read
            // again; damage is rare.
            for number in examined..so_far.records {
                if let Some(error) = reader.record(number).err().filter(is_damage) {
                    damaged.push((number, error.kind().to_string()));
                    named += 1;
                }
            }
        }
        (examined, known) = (so_far.records, so_far.damaged);
        if let Some(progress) = limiter.progress_if_due(so_far.bytes, total) {
            let damaged = std::mem::take(&mut damaged);
            out.send(InspectorAnswer::Verifying { progress, records: so_far.records, damaged });
        }
        ControlFlow::Continue(())
    });
    match report {
        Ok(ControlFlow::Continue(report)) => out.send(InspectorAnswer::Verified(Box::new(report))),
        Ok(ControlFlow::Break(())) => {}
        Err(error) => out.send(InspectorAnswer::Failed(format!("{error:#}"))),
    }
}

/// Reports how much was searched, and ends the search when it is stopped.
fn searching<'a>(
    total: u64,
    stop: &'a StopFlag,
    out: &'a Outbox<InspectorAnswer>,
) -> impl FnMut(u32) -> ControlFlow<()> + 'a {
    let mut limiter = ReportLimiter::start();
    move |searched| {
        if let Some(progress) = limiter.progress_if_due(searched.into(), total) {
            out.send(InspectorAnswer::Searching(progress));
        }
        if stop.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Returns the names to search in place of the items, if the needle is for names.
fn names_to_search(reader: &Reader, needle: &Needle) -> Option<Result<Names, String>> {
    needle.is_of_names.then(|| match reader.names() {
        Ok(Some(names)) => Ok(names),
        Ok(None) => Err("the pack stores no names".into()),
        Err(error) => Err(name_search::words(&error)),
    })
}

fn find_hit(
    reader: &Reader,
    needle: &Needle,
    from: SearchStart,
    forward: bool,
    stop: &StopFlag,
    out: &Outbox<InspectorAnswer>,
) {
    let progress = |total: u32| searching(u64::from(total) + 1, stop, out);
    let found = match names_to_search(reader, needle) {
        None => {
            let progress = progress(reader.directory().record_count());
            search::find(reader, needle, from, forward, progress).continue_value().map(Ok)
        }
        Some(Ok(names)) => {
            name_search::find(&names, needle, from, forward, progress(names.len())).continue_value()
        }
        Some(Err(error)) => Some(Err(error)),
    };
    match found {
        Some(Ok(outcome)) => out.send(InspectorAnswer::Found(outcome)),
        Some(Err(error)) => out.send(InspectorAnswer::Failed(error)),
        None => {}
    }
}

fn count(reader: &Reader, needle: &Needle, stop: &StopFlag, out: &Outbox<InspectorAnswer>) {
    let progress = |total: u32| searching(total.into(), stop, out);
    let counted = match names_to_search(reader, needle) {
        None => {
            let progress = progress(reader.directory().record_count());
            search::count(reader, needle, progress).continue_value().map(Ok)
        }
        Some(Ok(names)) => {
            name_search::count(&names, needle, progress(names.len())).continue_value()
        }
        Some(Err(error)) => Some(Err(error)),
    };
    match counted {
        Some(Ok(counted)) => out.send(InspectorAnswer::Counted(counted)),
        Some(Err(error)) => out.send(InspectorAnswer::Failed(error)),
        None => {}
    }
}
