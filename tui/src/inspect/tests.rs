//! Tests the inspector with scripts: whole screens, and the effects of keys.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use insta::assert_snapshot;
use sealpack::{FileSource, Plain, Reader, ReaderOptions, Writer, WriterOptions};

use super::effect::InspectorPerformer;
use super::model::Inspector;
use super::open::{OpenedFile, open};
use super::refused::{NoEffects, RefusedPage};
use crate::terminal::palette::Palette;
use crate::terminal::scripted::{SIZES, ScriptedProgram};

pub(super) type ScriptedInspector = ScriptedProgram<Inspector, InspectorPerformer>;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures").join(name)
}

fn open_file(path: &Path) -> OpenedFile {
    let source = Arc::new(FileSource::open(path).unwrap());
    open(source, path, &ReaderOptions::default()).unwrap()
}

pub(super) fn inspector(path: &Path, size: (u16, u16)) -> ScriptedInspector {
    match open_file(path) {
        OpenedFile::Pack(reader, notes) => {
            let effects = InspectorPerformer::new(reader.clone());
            ScriptedProgram::new(
                Inspector::new(reader, notes, None, Palette::new(true)),
                effects,
                size,
            )
        }
        OpenedFile::Refused(refusal) => panic!("refused: {}", refusal.error),
    }
}

/// Writes a pack of JSON, text and bytes, stored uncompressed, so that nothing on the
/// screen depends on the version of a compressor.
pub(super) fn log(folder: &Path) -> PathBuf {
    let path = folder.join("log.pack");
    let writer = Writer::options().codec(Plain).items_per_record(16).app_data(&b"since 1970"[..]);
    let mut writer = writer.record_checksum(true).create(&path).unwrap();
    for i in 0..1000_u32 {
        let item = match i % 4 {
            0 => format!(r#"{{"event":{i},"levels":[1,2.50,"x"],"note":"needle {}"}}"#, i / 100),
            1 => format!(
                "line {i}\n\tindented\nand some more text that is rather long, so that it is broken {i}"
            ),
            2 => "\u{0}\u{1}\u{2}\u{ff}".repeat(i as usize % 50),
            _ => String::new(),
        };
        writer.append(item.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// Checks the screen after a script, at every size.
fn at_every_size(path: &Path, name: &str, script: &str) {
    for size in SIZES {
        let mut inspector = inspector(path, size);
        inspector.keys(script);
        assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), inspector.screen());
    }
}

#[test]
fn every_mode_has_a_screen() {
    let folder = tempfile::tempdir().unwrap();
    let path = log(folder.path());
    at_every_size(&path, "records", "jj");
    at_every_size(&path, "records-end", "G");
    at_every_size(&path, "item-json", "<Enter>");
    at_every_size(&path, "item-json-as-stored", "<Enter>p");
    at_every_size(&path, "item-text", "<Enter>j");
    at_every_size(&path, "item-bytes", "jjjj<Enter>jj<Tab>j");
    at_every_size(&path, "item-hex", "<Enter>x<Tab>");
    at_every_size(&path, "item-empty", "<Enter>jjj");
    at_every_size(&path, "facts", "3");
    at_every_size(&path, "facts-end", "3G");
    at_every_size(&path, "sizes", "4");
    at_every_size(&path, "help", "?");
    at_every_size(&path, "verified", "v");
    at_every_size(&path, "go-to", ":r0x10");
    at_every_size(&path, "go-to-nowhere", ":1000<Enter>");
    at_every_size(&path, "found", "/needle 7<Enter>");
    at_every_size(&path, "found-in-hex", "/x:00 01 02<Enter>n");
}

#[test]
fn a_compressed_pack_of_the_reference() {
    let path = fixture("zstd-ipr128-conc2.pack");
    at_every_size(&path, "reference", "v");
}

#[test]
fn a_pack_without_records_says_so() {
    let path = fixture("app-data-empty-pack.pack");
    at_every_size(&path, "no-records", "<Enter>v");
    let mut inspector = inspector(&path, (80, 24));
    inspector.keys("<Enter><Tab>xpsyjkGg1234ndD?<Esc>v<Esc>/a<Enter>:0<Enter><Esc>").screen();
}

#[test]
fn a_damaged_record_is_marked_and_its_stored_bytes_are_shown() {
    let path = fixture("corrupt/rc-payload-flip.pack");
    at_every_size(&path, "damaged", "vd");
    at_every_size(&path, "damaged-record", "vd<Enter>");
    at_every_size(&path, "damaged-facts", "v3");
}

#[test]
fn a_pack_with_a_damaged_part_opens_and_names_what_cannot_be_trusted() {
    for name in ["app-data-flip-rc", "append-1", "trailer-crc", "index-crc-flip"] {
        let path = fixture(&format!("corrupt/{name}.pack"));
        at_every_size(&path, name, "3");
    }
}

/// Every broken fixture opens, or is refused with a page.
#[test]
fn every_damaged_file_opens_or_is_explained() {
    let mut seen = 0;
    for entry in fs::read_dir(fixture("corrupt")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pack") {
            continue;
        }
        seen += 1;
        let screen = match open_file(&path) {
            OpenedFile::Pack(reader, notes) => {
                let sound = Reader::open(&path).is_ok();
                assert_eq!(sound, notes.is_empty(), "{}", path.display());
                let effects = InspectorPerformer::new(reader.clone());
                let app = Inspector::new(reader, notes, None, Palette::new(true));
                let mut inspector = ScriptedProgram::new(app, effects, (80, 24));
                inspector.keys("<Enter>jxx<Tab>GgN:5<Enter>3v4d1<Enter>").screen()
            }
            OpenedFile::Refused(refusal) => {
                let page = RefusedPage::new(refusal, &path, Palette::new(true));
                ScriptedProgram::new(page, NoEffects, (80, 24)).keys("jjG?<Esc>").screen()
            }
        };
        assert!(screen.lines().count() > 10, "{}", path.display());
    }
    assert!(seen > 80, "{seen}");
}

#[test]
fn a_file_in_which_nothing_can_be_located_gets_a_page() {
    for name in ["trunc-half", "version-2", "index-flip", "trunc-to-75", "items-too-few"] {
        let path = fixture(&format!("corrupt/{name}.pack"));
        for size in SIZES {
            let OpenedFile::Refused(refusal) = open_file(&path) else {
                panic!("{name} opens");
            };
            let page = RefusedPage::new(refusal, &path, Palette::new(true));
            let screen = ScriptedProgram::new(page, NoEffects, size).screen();
            assert_snapshot!(format!("refused-{name}-{}x{}", size.0, size.1), screen);
        }
    }
}

#[test]
fn the_page_of_a_file_next_to_a_pack_says_which_file_to_open() {
    let folder = tempfile::tempdir().unwrap();
    let names = fs::read(fixture("names/companion.pack.names")).unwrap();
    for ending in ["names", "digests"] {
        let path = folder.path().join(format!("log.pack.{ending}"));
        fs::write(&path, &names).unwrap();
        let OpenedFile::Refused(refusal) = open_file(&path) else { panic!("it opens") };
        let page = RefusedPage::new(refusal, &path, Palette::new(true));
        let screen = ScriptedProgram::new(page, NoEffects, (80, 24)).screen();
        assert_snapshot!(format!("refused-{ending}"), screen);
    }
}

#[test]
fn an_item_is_saved_unchanged_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = log(folder.path());
    let mut inspector = inspector(&path, (120, 40));
    let before = format!("{}", folder.path().join("").display());
    inspector.keys(":42<Enter>s<Home>").keys(&before).keys("<Enter>");
    assert!(inspector.screen().contains("saved to"), "{}", inspector.screen());
    let saved = fs::read(folder.path().join("item-42.bin")).unwrap();
    assert_eq!(saved, Reader::open(&path).unwrap().get(42).unwrap());
    inspector.keys(":43<Enter>s");
    // Another item with the same file name.
    inspector.keys("<Home>").keys(&before).keys("<End>").keys("\u{8}").screen();
    inspector.keys("<Esc>:42<Enter>s<Home>").keys(&before).keys("<Enter>");
    assert!(inspector.screen().contains("exists"), "{}", inspector.screen());
    assert_eq!(fs::read(folder.path().join("item-42.bin")).unwrap(), saved);
}

#[test]
fn hits_are_reached_one_after_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut inspector = inspector(&log(folder.path()), (120, 40));
    inspector.keys("/needle 3<Enter>");
    let mut seen = Vec::new();
    for _ in 0..25 {
        seen.push(inspector.program.hit.unwrap().position);
        inspector.keys("n");
    }
    assert_eq!(seen, (300..400).step_by(4).collect::<Vec<u32>>());
    assert!(inspector.screen().contains("search wrapped around"));
    inspector.keys("N");
    assert_eq!(inspector.program.hit.unwrap().position, 396);
    inspector.keys("/no such thing<Enter>");
    assert!(inspector.screen().contains("is not in any item"));
}

#[test]
fn go_to_accepts_item_record_and_offset() {
    let folder = tempfile::tempdir().unwrap();
    let mut inspector = inspector(&log(folder.path()), (80, 24));
    for (place, record, slot) in [("999", 62, 7), ("0x10", 1, 0), ("r7", 7, 0), ("@0", 0, 0)] {
        inspector.keys(&format!(":{place}<Enter>"));
        let here = inspector.program.place();
        assert_eq!((here.record, here.slot), (record, slot), "{place}");
    }
    inspector.keys("2<Left>");
    assert!(inspector.screen().contains("this is item 0"));
    inspector.keys(":15<Enter>l");
    assert_eq!(inspector.program.place().record, 1);
}

#[test]
fn clicks_and_the_wheel_act_on_what_is_shown() {
    use crossterm::event::MouseEventKind;

    let folder = tempfile::tempdir().unwrap();
    let mut inspector = inspector(&log(folder.path()), (80, 24));
    inspector.click(10, 10);
    assert_eq!(inspector.program.record(), 4);
    inspector.click(40, 3);
    assert!((28..36).contains(&inspector.program.record()), "{}", inspector.program.record());
    let record = inspector.program.record();
    inspector.mouse(MouseEventKind::ScrollDown, 10, 10);
    assert_eq!(inspector.program.record(), record + 3);
    inspector.keys("<Home>").click(10, 6);
    assert!(inspector.screen().contains("item 0 ·"), "{}", inspector.screen());
}

#[test]
fn a_screen_of_any_size_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let mut inspector = inspector(&log(folder.path()), (80, 24));
    for size in [(1, 1), (59, 16), (60, 15), (60, 16), (115, 16), (116, 17), (400, 16), (60, 200)] {
        inspector.resize(size);
        inspector.keys("1G2<Tab>GxG?<Esc>3G4<Esc>").screen();
    }
}

/// Only the records in view are decoded, and a verification keeps only a quarter of a
/// byte per record.
#[test]
fn memory_does_not_grow_with_records_that_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.pack");
    let mut writer = Writer::options()
        .codec(Plain)
        .items_per_record(1)
        .content_hash(false)
        .create(&path)
        .unwrap();
    for i in 0..200_000_u32 {
        writer.append(&i.to_le_bytes()[..(i % 5) as usize]).unwrap();
    }
    writer.finish().unwrap();
    let mut inspector = inspector(&path, (80, 24));
    inspector.keys("G<PgUp><PgUp>");
    assert!(inspector.program.decoded.len() < 100, "{}", inspector.program.decoded.len());
    assert!(inspector.program.marks.memory() < 10_000);
    inspector.keys("v");
    assert!(inspector.screen().contains("nothing failed"), "{}", inspector.screen());
    assert!(inspector.program.marks.memory() < 200_000 / 3);
}

/// Writes a pack of one item, stored uncompressed.
fn pack_of(folder: &Path, item: &[u8]) -> PathBuf {
    let path = folder.join("one.pack");
    let mut writer = Writer::options().codec(Plain).create(&path).unwrap();
    writer.append(item).unwrap();
    writer.finish().unwrap();
    path
}

#[test]
fn the_text_view_jumps_to_a_hit_far_into_an_item() {
    let folder = tempfile::tempdir().unwrap();
    let line = "a line of an item that is long\n";
    let item = format!("{}needle\n{}", line.repeat(100_000), line.repeat(100_000));
    let mut inspector = inspector(&pack_of(folder.path(), item.as_bytes()), (80, 24));
    inspector.keys("/needle<Enter>");
    let shown = |screen: &str| screen.lines().any(|row| row.ends_with("│ needle"));
    assert!(shown(&inspector.screen()), "{}", inspector.screen());
    assert!(inspector.screen().contains("bytes 3,0"), "{}", inspector.screen());
    // The user can scroll through the whole item and back.
    inspector.keys("G");
    assert!(inspector.screen().contains("bytes 5,1"), "{}", inspector.screen());
    inspector.keys("<Home>");
    assert!(inspector.screen().contains("bytes 0 to 1,048,57"), "{}", inspector.screen());
    inspector.program.content.rows.step(crate::terminal::list::Move::Last);
    inspector.keys("j");
    assert!(inspector.screen().contains("bytes 1,04"), "{}", inspector.screen());
    inspector.program.content.rows.step(crate::terminal::list::Move::First);
    inspector.keys("k");
    assert!(inspector.screen().contains("bytes 0 to 1,048,57"), "{}", inspector.screen());
}

#[test]
fn json_larger_than_a_window_is_indented_and_p_explains_when_it_has_no_effect() {
    let folder = tempfile::tempdir().unwrap();
    let object = format!(r#"{{"all":[{}0]}}"#, r#"{"key":"value"},"#.repeat(200_000));
    let mut large = inspector(&pack_of(folder.path(), object.as_bytes()), (100, 24));
    large.keys("<Enter>");
    assert!(large.screen().contains("JSON, indented, bytes 0 to"), "{}", large.screen());
    large.keys("p");
    assert!(large.screen().contains("text, bytes 0 to"), "{}", large.screen());
    let folder = tempfile::tempdir().unwrap();
    let mut prose = inspector(&pack_of(folder.path(), b"no JSON"), (100, 24));
    prose.keys("<Enter>p");
    assert!(prose.screen().contains("not a JSON object or array"), "{}", prose.screen());
    prose.keys("xp");
    assert!(prose.screen().contains("x shows text"), "{}", prose.screen());
    let folder = tempfile::tempdir().unwrap();
    let huge = format!("[{}]", " ".repeat(super::item::MAX_JSON));
    let mut huge = inspector(&pack_of(folder.path(), huge.as_bytes()), (100, 24));
    huge.keys("<Enter>p");
    assert!(huge.screen().contains("JSON is indented up to 64.0 MiB"), "{}", huge.screen());
}

#[test]
fn hits_are_found_in_any_case_or_by_an_expression_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut inspector = inspector(&log(folder.path()), (120, 40));
    inspector.keys("/i:NEEDLE 3<Enter>");
    assert_eq!(inspector.program.hit.unwrap().position, 300);
    inspector.keys("c");
    assert!(inspector.screen().contains("“i:NEEDLE 3”: 25 hits in 25 items"));
    inspector.keys("/r:ev(en|il)t\":7\\d\\d,<Enter>");
    assert_eq!(inspector.program.hit.unwrap().position, 700);
    inspector.keys("/r:(<Enter>");
    assert!(inspector.screen().contains("unclosed group"), "{}", inspector.screen());
}

#[cfg(unix)]
#[test]
fn items_are_shown_through_the_users_own_decoder() {
    use super::view_command::ViewCommand;

    let folder = tempfile::tempdir().unwrap();
    let path = log(folder.path());
    let viewed = |command: &str, size: (u16, u16)| {
        let OpenedFile::Pack(reader, notes) = open_file(&path) else { panic!("refused") };
        let effects = InspectorPerformer::new(reader.clone());
        let command = ViewCommand::parse(command).unwrap();
        let app = Inspector::new(reader, notes, Some(command), Palette::new(true));
        ScriptedProgram::new(app, effects, size)
    };
    let mut upper = viewed("tr a-z A-Z", (100, 24));
    upper.keys("<Enter>");
    assert!(upper.screen().contains(r#""EVENT": 0"#), "{}", upper.screen());
    assert!(upper.screen().contains("tr, JSON, indented"), "{}", upper.screen());
    upper.keys("x");
    assert!(upper.screen().contains(r#""event": 0"#), "{}", upper.screen());
    upper.keys("xx");
    assert!(upper.screen().contains(r#""EVENT": 0"#), "{}", upper.screen());
    upper.keys("/needle 3<Enter>");
    assert!(upper.screen().contains(r#""note": "needle 3""#), "{}", upper.screen());
    let mut escapes = viewed("printf 'a\\033[2J\\007b'", (80, 24));
    escapes.keys("<Enter>");
    assert!(escapes.screen().contains("a·[2J·b"), "{}", escapes.screen());
    let mut fails = viewed("sh -c 'echo no such type >&2; exit 9'", (80, 24));
    fails.keys("<Enter>");
    assert!(fails.screen().contains("✗ sh: exit status: 9: no such type"), "{}", fails.screen());
    let mut silent = viewed("true", (80, 24));
    silent.keys("<Enter>");
    assert!(silent.screen().contains("nothing was printed"), "{}", silent.screen());
}

/// On a wide screen the list of items shows the text of each item, or its first bytes.
#[test]
fn items_have_a_preview_on_a_wide_screen() {
    let folder = tempfile::tempdir().unwrap();
    let mut inspector = inspector(&log(folder.path()), (120, 40));
    let screen = inspector.keys("jj<Enter>").screen();
    let row = |start: &str| screen.lines().find(|row| row.starts_with(start)).unwrap().to_string();
    assert!(row(" 32  ").contains(r#"{"event":32,"levels":[1,"#), "{screen}");
    assert!(row(" 33  ").contains("line 33 indented and some"), "{screen}");
    assert!(row(" 34  ").contains("00 01 02 c3 bf 00"), "{screen}");
    assert!(row(" 32  ").contains('…') && row(" 34  ").contains('…'), "{screen}");
}

/// A tree of files: names of every kind, one of them missing.
fn tree(folder: &Path) -> PathBuf {
    tree_with(folder, Writer::options())
}

fn tree_with(folder: &Path, options: WriterOptions) -> PathBuf {
    let path = folder.join("tree.pack");
    let mut writer = options.codec(Plain).items_per_record(8).create(&path).unwrap();
    for i in 0..100_u32 {
        let name = match i {
            1 => "b\n\u{1b}[31m".into(),
            2 => String::new(),
            3 => format!("deep/{}leaf", "folder/".repeat(40)),
            4 => "42".into(),
            _ => format!("folder-{}/file-{i}.txt", i % 3),
        };
        writer.append_named(name.as_bytes(), format!("item {i}\nof a tree\n").as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    path
}

#[test]
fn items_are_listed_found_and_reached_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = tree(folder.path());
    at_every_size(&path, "named-items", "<Enter>jjj");
    at_every_size(&path, "named-go-to", "<Enter>:file");
    at_every_size(&path, "named-search", "/n:FILE-77<Enter>");
    at_every_size(&path, "named-facts", "3G");
    let mut inspector = inspector(&path, (120, 40));
    let here = |inspector: &mut ScriptedInspector, script: &str| {
        inspector.keys(script);
        inspector.program.position()
    };
    assert_eq!(here(&mut inspector, ":folder-2/file-95.txt<Enter>"), 95);
    assert!(inspector.screen().contains("item 95 · folder-2/file-95.txt · "));
    // A number is a position, unless it is said to be a name.
    assert_eq!(here(&mut inspector, ":42<Enter>"), 42);
    assert_eq!(here(&mut inspector, ":n:42<Enter>"), 4);
    assert_eq!(here(&mut inspector, ":file-95<Enter>"), 4);
    assert!(inspector.screen().contains("no item has exactly this name: / n:TEXT finds"));
    // Hits in names, one after another and around the end.
    assert_eq!(here(&mut inspector, "/n:file-1<Enter>"), 10);
    assert_eq!(here(&mut inspector, "n"), 11);
    assert_eq!(here(&mut inspector, "NN"), 19);
    assert!(inspector.screen().contains("in the name of item 19, search wrapped around"));
    inspector.keys("c");
    assert!(
        inspector.screen().contains("“n:file-1”: 10 hits in 10 items"),
        "{}",
        inspector.screen()
    );
    inspector.keys("/n:nothing<Enter>");
    assert!(inspector.screen().contains("“n:nothing” is not in any name"));
    // An item is saved under its own name.
    inspector.keys(":95<Enter>s");
    assert!(inspector.screen().contains("file-95.txt"), "{}", inspector.screen());
}

#[test]
fn names_in_a_file_next_to_the_pack_are_shown_and_a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = tree_with(folder.path(), Writer::options().max_names_in_pack(0));
    let mut complete = inspector(&path, (80, 24));
    complete.keys(":folder-2/file-95.txt<Enter>");
    assert_eq!(complete.program.position(), 95);
    let facts = complete.keys("3G").screen();
    assert!(facts.contains("in tree.pack.names"), "{facts}");
    fs::remove_file(sealpack::names_path(&path)).unwrap();
    let mut alone = inspector(&path, (80, 24));
    for script in ["<Enter>", ":file<Enter>", "/n:file<Enter>"] {
        let screen = alone.keys(script).screen();
        assert!(screen.contains("tree.pack.names: cannot open: No such file"), "{screen}");
        assert!(screen.contains("item 0 · 17 bytes · text"), "{screen}");
    }
}

#[test]
fn a_pack_without_names_refuses_to_search_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut inspector = inspector(&log(folder.path()), (120, 40));
    inspector.keys("/n:a<Enter>");
    assert!(inspector.screen().contains("the pack stores no names"), "{}", inspector.screen());
}

/// Only the names in view are decoded.
#[test]
fn no_name_is_read_before_it_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let mut inspector = inspector(&tree(folder.path()), (80, 24));
    inspector.keys("jjGg34");
    assert_eq!(inspector.program.names.get(0), None);
    inspector.keys("1<Enter>");
    assert!(inspector.program.names.get(7).is_some() && inspector.program.names.get(8).is_none());
}
