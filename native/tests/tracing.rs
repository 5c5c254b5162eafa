//! The spans, events and counters that a subscriber receives.
#![cfg(feature = "tracing")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sealpack::{Reader, Writer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Event, Level, Metadata, Subscriber};

/// A span or an event: its name, and its fields.
type TraceEntry = (String, BTreeMap<String, String>);

/// Records every span and event of the crate.
#[derive(Clone, Default)]
struct Recorder {
    entries: Arc<Mutex<Vec<TraceEntry>>>,
    spans: Arc<AtomicU64>,
    entered: Arc<Mutex<Vec<u64>>>,
}

impl Recorder {
    fn entries(&self) -> Vec<TraceEntry> {
        std::mem::take(&mut self.entries.lock().unwrap())
    }
}

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().into(), format!("{value:?}"));
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sealpack" && *metadata.level() <= Level::TRACE
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        let name = format!("span {}", span.metadata().name());
        self.entries.lock().unwrap().push((name, fields.0));
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap_or_default();
        self.entries.lock().unwrap().push((message, fields.0));
    }

    fn enter(&self, span: &Id) {
        self.entered.lock().unwrap().push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        assert_eq!(self.entered.lock().unwrap().pop(), Some(span.into_u64()));
    }
}

/// Returns the fields of every entry with this name.
fn of<'a>(entries: &'a [TraceEntry], name: &str) -> Vec<&'a BTreeMap<String, String>> {
    entries.iter().filter(|(found, _)| found == name).map(|(_, fields)| fields).collect()
}

fn number(fields: &BTreeMap<String, String>, name: &str) -> u64 {
    fields.get(name).unwrap_or_else(|| panic!("{name} in {fields:?}")).parse().unwrap()
}

#[test]
fn writing_and_reading_a_file_emit_spans_with_counters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.pack");
    let recorder = Recorder::default();
    with_default(recorder.clone(), || {
        let mut writer = Writer::options().create(&path).unwrap();
        (0..1000).for_each(|n| writer.append(format!("item {n:04}").as_bytes()).unwrap());
        let sealed = writer.finish().unwrap();
        let entries = recorder.entries();
        assert_eq!(of(&entries, "span create")[0]["path"], path.display().to_string());
        assert_eq!(of(&entries, "span finish").len(), 1);
        let finished = of(&entries, "finished")[0];
        let counted = ["items", "bytes_in", "bytes_out"].map(|name| number(finished, name));
        assert_eq!(counted, [1000, 9000, sealed.file_size]);

        let reader = Reader::options().threads(1).open(&path).unwrap();
        let entries = recorder.entries();
        assert_eq!(of(&entries, "span open").len(), 1);
        let opened = of(&entries, "opened")[0];
        let counted = ["items", "records", "bytes"].map(|name| number(opened, name));
        assert_eq!(counted, [1000, 8, sealed.file_size]);
        assert_eq!(number(of(&entries, "read")[0], "bytes"), sealed.file_size, "one read");

        reader.get_many(&[1, 2, 3], |_, _| ()).unwrap();
        assert_eq!(number(of(&recorder.entries(), "span get_many")[0], "positions"), 3);

        assert!(reader.verify().unwrap().is_ok());
        let entries = recorder.entries();
        assert_eq!(of(&entries, "span verify").len(), 1);
        let verified = of(&entries, "verified")[0];
        let counted = ["records", "bytes", "damaged"].map(|name| number(verified, name));
        assert_eq!(counted, [8, 9000, 0]);
    });
    assert!(recorder.entered.lock().unwrap().is_empty(), "every span was left");
}

#[cfg(feature = "remote")]
#[test]
fn writing_and_reading_in_a_store_emit_the_same_spans() {
    use object_store::memory::InMemory;
    use sealpack::remote::{Location, RemoteReader, RemoteWriter};

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let location = Location::new(InMemory::new(), "a.pack".into());
    let recorder = Recorder::default();
    with_default(recorder.clone(), || {
        let options = RemoteWriter::options(Writer::options());
        let mut writer = options.create(&location, runtime.handle()).unwrap();
        (0..1000).for_each(|n| writer.append(format!("item {n:04}").as_bytes()).unwrap());
        let sealed = writer.finish().unwrap();
        let entries = recorder.entries();
        assert_eq!(of(&entries, "span create").len(), 1);
        assert_eq!(of(&entries, "span finish").len(), 1);
        let finished = of(&entries, "finished")[0];
        let counted = ["items", "bytes_in", "bytes_out"].map(|name| number(finished, name));
        assert_eq!(counted, [1000, 9000, sealed.size]);

        // Polled on this thread, where the subscriber is.
        let reader = runtime.block_on(RemoteReader::open(&location)).unwrap();
        let entries = recorder.entries();
        assert_eq!(of(&entries, "span open")[0]["path"], location.name().display().to_string());
        assert_eq!(number(of(&entries, "opened")[0], "items"), 1000);
        runtime.block_on(reader.get_many(&[1, 999])).unwrap();
        assert_eq!(number(of(&recorder.entries(), "span get_many")[0], "positions"), 2);
        assert!(runtime.block_on(reader.verify()).unwrap().is_ok());
        let entries = recorder.entries();
        assert_eq!(of(&entries, "span verify").len(), 1);
        assert_eq!(number(of(&entries, "verified")[0], "bytes"), 9000);
    });
    assert!(recorder.entered.lock().unwrap().is_empty(), "every span was left");
}
