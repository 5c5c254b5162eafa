//! Tests the stepper with scripts: whole screens, and the effects of keys.

use std::fs;

use insta::assert_snapshot;
use sealpack_core::check::{self, Case, Event, FlushRule, MUTANTS, Mutant, Trace, Variant};
use sealpack_core::stream::{BufferSize, Shape};

use super::effect::StepperPerformer;
use super::model::Stepper;
use super::scenario::SCENARIOS;
use super::setup::Setup;
use crate::terminal::palette::Palette;
use crate::terminal::scripted::{SIZES, ScriptedProgram};

fn stepper(size: (u16, u16)) -> ScriptedProgram<Stepper, StepperPerformer> {
    ScriptedProgram::new(Stepper::welcome(Palette::new(true)), StepperPerformer::default(), size)
}

/// Checks the screen after a script, started at every size.
fn at_every_size(name: &str, script: &str) {
    for size in SIZES {
        let mut stepper = stepper(size);
        stepper.keys(script);
        assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), stepper.screen());
    }
}

/// Checks the screen at every size, to which the program is resized: for what takes too
/// long to be done once for each.
fn resized_to_every_size(name: &str, stepper: &mut ScriptedProgram<Stepper, StepperPerformer>) {
    for size in SIZES {
        stepper.resize(size);
        assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), stepper.screen());
    }
}

#[test]
fn the_first_screen_says_what_to_press() {
    at_every_size("welcome", "");
    assert!(stepper((80, 24)).screen().contains("? all keys"));
}

#[test]
fn every_scenario_has_a_screen() {
    for nth in 0..SCENARIOS.len() {
        let script = format!("o{}<Enter>vp", "j".repeat(nth));
        at_every_size(&format!("scenario-{}", nth + 1), &script);
    }
}

#[test]
fn lists_and_help() {
    at_every_size("scenarios", "o");
    at_every_size("bugs", "mj");
    at_every_size("help", "?");
    at_every_size("help-scrolled", "?<End>");
    at_every_size("no-failures-yet", "F");
}

/// A buffer of 3 bytes keeps the hunt short.
#[test]
fn failures_are_found_opened_and_stepped() {
    let searched = |bug: char| {
        let mut stepper = stepper(SIZES[0]);
        stepper.keys(&format!("[[m{bug}"));
        stepper
    };
    let mut one = searched('c');
    resized_to_every_size("failures", &mut one);
    one.keys("<Enter>v");
    resized_to_every_size("failure", &mut one);
    let all = super::view::letter_of(MUTANTS.len());
    resized_to_every_size("failures-of-all", &mut searched(all));
    let row = MUTANTS.iter().position(|mutant| mutant.name == "empty-lists-accepted").unwrap();
    let every_case_fails = super::view::letter_of(row);
    resized_to_every_size("failures-of-every-case", &mut searched(every_case_fails));
}

fn walking_through(trace: Trace) -> ScriptedProgram<Stepper, StepperPerformer> {
    let trace = Trace::from_json_lines(&trace.to_json_lines()).unwrap();
    let app = Stepper::new(Setup::of_trace(trace), Palette::new(true));
    ScriptedProgram::new(app, StepperPerformer::default(), (120, 40))
}

#[test]
fn a_trace_is_shown_next_to_the_specification() {
    let mutant = Mutant::find("split-trusts-remnant").unwrap();
    let case: Case = "trim=1 writes=b4,z1,b7".parse().unwrap();
    let replay = check::replay(&case, BufferSize::new(5).unwrap(), &Variant::Mutant(mutant));
    let mut stepper = walking_through(Trace::new("uploads", FlushRule::Strict, replay));
    stepper.keys("v");
    let screen = stepper.screen();
    assert!(screen.contains("in the trace") && screen.contains("as specified"), "{screen}");
    assert_eq!(stepper.program.step().unwrap().event.to_string(), "b7");
    // An edited case is no longer the recorded one.
    stepper.keys("x");
    assert!(stepper.program.setup.trace.is_none());
}

#[test]
fn a_trace_of_a_megabyte_buffer_and_a_thousand_puts_is_drawn_to_scale() {
    let shape = Shape::exactly(BufferSize::new(1 << 20).unwrap());
    let events = vec![Event::buffered(3), Event::zero_copy(1000 << 20)];
    let replay = check::specified(&Case { trim: true, events }, shape, FlushRule::Strict);
    let mut stepper = walking_through(Trace::new("large", FlushRule::Strict, replay));
    stepper.keys("<Right>");
    let screen = stepper.screen();
    assert!(screen.contains("z1048576000") && screen.contains("▸1000"), "{screen}");
    stepper.keys("<Left><Right><Right>p");
}

/// A file of a few bytes may name any numbers, and a recorder may have noted a write of
/// many extents.
#[test]
fn a_trace_of_any_numbers_is_drawn() {
    let case: Case = "trim=1 writes=b3,z4,z9".parse().unwrap();
    let replay = check::replay(&case, BufferSize::new(5).unwrap(), &Variant::Strict);
    let text = Trace::new("any numbers", FlushRule::Strict, replay).to_json_lines();
    let most = usize::MAX;
    let event =
        |event: String| (String::from("\"event\":\"z4\""), format!("\"event\":\"{event}\""));
    let number =
        |name: &str, old: usize| (format!("\"{name}\":{old}"), format!("\"{name}\":{most}"));
    for (from, to) in [
        event(format!("z{most}")),
        event(format!("z1{}", "+1".repeat(40_000))),
        number("filled", 3),
        number("pending", 2),
        number("capacity", 2),
        number("len", 3),
        number("at", 3),
        number("written", 7),
        number("taken", 5),
    ] {
        let changed = text.replace(&from, &to);
        assert_ne!(changed, text, "{from}");
        for size in SIZES {
            let app = Stepper::new(
                Setup::of_trace(Trace::from_json_lines(&changed).unwrap()),
                Palette::new(true),
            );
            let mut stepper = ScriptedProgram::new(app, StepperPerformer::default(), size);
            for keys in ["", "<Right>", "<Right>", "<Right>", "v", "p"] {
                let screen = stepper.keys(keys).screen();
                if to.contains(&format!("z{most}")) {
                    assert!(screen.contains("not compared"), "{screen}");
                }
            }
        }
    }
}

#[test]
fn editing() {
    at_every_size("edited", "tz<Up><Up>f<End>b!]");
    at_every_size("edited-as-text", "e,c,b3,q7<Enter>");
    let mut stepper = stepper((80, 24));
    let before = stepper.screen();
    stepper.keys("xtb<Up><Down>zf!c[[]uuuuuuuuuuuu");
    assert_eq!(stepper.program.setup.case.to_string(), "trim=0 writes=b2,z9,b2,b1,z12,b3");
    stepper.keys("o<Enter><Right><Left>");
    let gone = |screen: &str| screen.lines().take(20).collect::<Vec<_>>().join("\n");
    assert_eq!(gone(&stepper.screen()), gone(&before));
}

#[test]
fn a_screen_that_is_too_small_says_so_and_a_larger_one_goes_on() {
    let mut stepper = stepper((80, 24));
    let before = stepper.screen();
    stepper.resize((59, 16));
    assert_snapshot!("too-small", stepper.screen());
    stepper.resize((80, 24));
    assert_eq!(stepper.screen(), before);
    // At any size the program draws without a panic.
    for size in [(1, 1), (60, 15), (400, 16), (60, 200)] {
        stepper.resize(size);
        stepper.keys("l?<Esc>m<Esc>o<Esc>");
        stepper.screen();
    }
}

#[test]
fn a_case_of_many_or_long_writes_is_drawn_in_any_place() {
    let mut stepper = stepper((60, 16));
    let many = ["b1", "z70000", "f", "z2+3+4"].repeat(60).join(",");
    stepper.keys(&format!("e{many}<Enter>"));
    for keys in ["<Home>", "<PgDn><PgDn>", "p", "<End>", "P", "<Home>"] {
        stepper.keys(keys).screen();
    }
    assert!(stepper.screen().contains("step 1 of"));
}

#[test]
fn clicks_and_the_wheel_act_on_what_is_shown() {
    use crossterm::event::MouseEventKind;

    let mut stepper = stepper((80, 24));
    let events = stepper.screen().lines().nth(3).unwrap().to_string();
    let column = u16::try_from(events.find("z12").unwrap()).unwrap();
    stepper.click(column, 3);
    assert!(stepper.screen().contains("step 5 of 7"));
    stepper.mouse(MouseEventKind::ScrollUp, 10, 10);
    assert!(stepper.screen().contains("step 4 of 7"));
    stepper.keys("o").click(5, 5);
    stepper.click(5, 5);
    assert!(stepper.screen().contains("exhausted-remnant-counts"));
}

#[test]
fn playing_goes_to_the_end_and_stops_there() {
    use crate::terminal::{Message, Program};

    let mut stepper = stepper((80, 24));
    stepper.keys(" ");
    for _ in 0..20 {
        if stepper.program.tick().is_some() {
            stepper.update(Message::Tick);
        }
    }
    assert!(stepper.screen().contains(" step 7 of 7"));
    assert!(stepper.program.tick().is_none());
}

/// The documentation promises fewer than a dozen keys: `m`, the bug's letter, Enter, `s`,
/// `v`, `w`, and the name of the report.
#[test]
fn each_seeded_bug_is_found_shrunk_stepped_and_exported_in_under_a_dozen_keys() {
    let folder = tempfile::tempdir().unwrap();
    for (row, mutant) in MUTANTS.iter().enumerate() {
        let letter = super::view::letter_of(row);
        // A smaller buffer than a user would choose, so that the test is short.
        let mut stepper = stepper((80, 24));
        stepper.keys("[[");
        stepper.keys("m").keys(&letter.to_string()).keys("<Enter>");
        assert!(stepper.screen().contains(mutant.name), "{}", stepper.screen());
        stepper.keys("s").keys("v");
        // The proposed name is in the user's current folder; the test uses its own
        // folder.
        stepper.keys("w<Home>").keys(&format!("{}<Enter>", folder.path().join("").display()));
        let report = folder.path().join(stepper.program.report_name().unwrap());
        let page = fs::read_to_string(&report).unwrap_or_else(|e| panic!("{}: {e}", mutant.name));
        assert!(page.contains(mutant.name) && page.contains("sealpack check --replay"));
    }
}
