//! The help of every command: complete, with examples, and as the snapshots have it.

use crate::child::Spawn as _;
use crate::run::Place;

/// The subcommands that the help of a command lists, `help` left out.
pub fn listed(place: &Place, command: &str) -> Vec<String> {
    let help = place.run(&format!("{command} --help")).fine().out_text();
    let Some(commands) = help.split("Commands:\n").nth(1) else { return Vec::new() };
    let commands = commands.split("\n\n").next().unwrap();
    // A description goes on in the next line with more spaces before it.
    let lines = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let first = lines.map(|line| line.split_whitespace().next().unwrap().to_string());
    first.filter(|name| name != "help").collect()
}

/// Every command, and those below it: "", "pack", …, "set create".
fn all(place: &Place) -> Vec<String> {
    let mut commands = vec![String::new(), "generate".into()];
    let mut next = 0;
    while let Some(command) = commands.get(next).cloned() {
        let below = listed(place, &command).into_iter();
        commands.extend(below.map(|name| format!("{command} {name}").trim().to_string()));
        next += 1;
    }
    commands
}

/// The help of a command on a terminal of 80 columns.
fn help(place: &Place, command: &str, flag: &str) -> String {
    let mut run = place.command(command.split_whitespace().chain([flag]));
    let output = run.env("COLUMNS", "80").run();
    assert!(output.status.success() && output.stderr.is_empty(), "{command}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_help_of_every_command_is_as_in_its_snapshot() {
    let place = Place::new();
    let commands = all(&place);
    assert!(commands.len() >= 25, "{commands:?}");
    let settings = insta::Settings::clone_current();
    for command in commands {
        let name = format!("help-sealpack {command}").trim().replace(' ', "-");
        let text = help(&place, &command, "--help");
        settings.bind(|| insta::assert_snapshot!(name, text));
        // The short help leaves parts of the long one out.
        assert!(help(&place, &command, "-h").lines().count() <= text.lines().count(), "{command}");
    }
}

#[test]
fn the_help_of_every_command_has_examples() {
    let place = Place::new();
    for command in all(&place) {
        let help = help(&place, &command, "--help");
        let Some(examples) = help.split("Examples:\n").nth(1) else {
            // These are examples of themselves.
            assert!(command.starts_with("generate"), "{command}: {help}");
            continue;
        };
        assert!(examples.starts_with("  sealpack "), "{command}: {help}");
        // Examples are not wrapped, so they must fit any terminal.
        assert!(examples.lines().all(|line| line.len() <= 80), "{command}: {help}");
        assert!(!help.contains('\x1b'), "colours in a pipe");
    }
}
