//! Shell completions and manual pages.

use std::fs;
use std::process::Command;

use crate::child::Spawn as _;
use crate::help::listed;
use crate::run::Place;

#[test]
fn every_shell_completes_every_subcommand() {
    let place = Place::new();
    let listed = listed(&place, "");
    assert!(listed.len() >= 14 && !listed.contains(&"generate".to_string()), "{listed:?}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = place.run(&format!("generate completions {shell}")).fine().out_text();
        for name in &listed {
            assert!(script.contains(name.as_str()), "{shell}: {name}");
        }
        assert!(script.contains("items-per-record"), "{shell}");
    }
    let script = place.run("generate completions bash").fine().out_text();
    let checked = Command::new("bash").args(["-n", "-c", &script]).run().status;
    assert!(checked.success());
}

#[test]
fn every_subcommand_has_a_manual_page_with_its_options_and_examples() {
    let place = Place::new();
    fs::create_dir(place.path("man")).unwrap();
    place.run("generate man man").fine();
    let mut pages: Vec<String> = fs::read_dir(place.path("man"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut expected: Vec<String> = listed(&place, "");
    expected.iter_mut().for_each(|name| *name = format!("sealpack-{name}.1"));
    expected.push("sealpack.1".into());
    // `sealpack set` has subcommands of its own, with a page each.
    pages.retain(|page| page.matches('-').count() < 2);
    pages.sort();
    expected.sort();
    assert_eq!(pages, expected);
    for page in pages {
        let text = fs::read_to_string(place.path("man").join(&page)).unwrap();
        assert!(text.contains(".TH sealpack"), "{page}");
        assert!(!text.contains('\u{1b}'), "{page}: no escape sequences");
        assert!(text.contains("Examples"), "{page}");
    }
    place.run("generate man nowhere").failed(3, &["nowhere", "manual page"]);
}
