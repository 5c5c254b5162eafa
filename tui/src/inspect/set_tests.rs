//! Tests of the list of a set's packs, and of the inspector of one of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use insta::assert_snapshot;
use sealpack::{FileSource, PackIdentity, ReaderOptions};

use super::members::{ListedPack, SetPage, SetPagePerformer};
use super::open::open;
use super::tests::{inspector, log};
use crate::terminal::Program as _;
use crate::terminal::palette::Palette;
use crate::terminal::scripted::{SIZES, ScriptedProgram};

/// The page of a set of three packs: one with items, a damaged one, one that is missing.
fn set_page(folder: &Path, size: (u16, u16)) -> ScriptedProgram<SetPage, SetPagePerformer> {
    let packs = [log(folder), folder.join("refused.pack"), folder.join("missing.pack")];
    fs::write(&packs[1], b"this is no pack").unwrap();
    let member = |(path, items): (&PathBuf, u32)| ListedPack {
        path: Path::new("logs").join(path.file_name().unwrap()),
        identity: PackIdentity { items, size: 100_000, content_hash: None, digest_root: None },
    };
    let members = packs.iter().zip([1000, 7, 1_234_567]).map(member).collect();
    let opening = packs.clone();
    let open = move |member: usize| match FileSource::open(&opening[member]) {
        Ok(source) => open(Arc::new(source), &opening[member], &ReaderOptions::default())
            .map_err(|error| error.to_string()),
        Err(error) => Err(format!("missing.pack: {}", error.kind())),
    };
    let page = SetPage::new("logs/set.json".into(), members, None, Palette::new(true));
    ScriptedProgram::new(page, SetPagePerformer::new(Arc::new(open)), size)
}

#[test]
fn the_packs_of_a_set_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    for size in SIZES {
        let mut page = set_page(folder.path(), size);
        page.keys("j");
        assert_snapshot!(format!("set-{}x{}", size.0, size.1), page.screen());
        fs::remove_file(folder.path().join("log.pack")).unwrap();
    }
}

#[test]
fn a_pack_of_a_set_is_inspected_and_left_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut page = set_page(folder.path(), (100, 30));
    let list = page.screen();
    page.keys("<Enter>");
    let of_set = page.screen();
    let mut alone = inspector(&folder.path().join("log.pack"), (100, 30));
    assert_eq!(of_set, alone.screen());
    page.keys(":41<Enter>x");
    alone.keys(":41<Enter>x");
    assert_eq!(page.screen(), alone.screen());
    page.keys("q");
    assert_eq!(page.screen(), list);
    page.keys("?");
    assert!(page.screen().contains("inspect the pack"), "{}", page.screen());
    page.keys("q").keys("j<Enter>");
    assert!(page.screen().contains("cannot be opened"), "{}", page.screen());
    page.keys("q").keys("j<Enter>");
    assert!(page.screen().contains("missing.pack: cannot open"), "{}", page.screen());
    assert!(!page.program.is_over());
    page.keys("q");
    assert!(page.program.is_over());
}
