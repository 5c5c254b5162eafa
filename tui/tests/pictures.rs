//! Checks that the pictures in the README show the current program: renders its screens and
//! compares them with the stored pictures.
//!
//! `UPDATE_PICTURES=1 cargo test -p sealpack-tui --test pictures` writes them again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests panic"
)]
#![cfg(unix)]

#[allow(dead_code, reason = "the tests of the whole program use the rest of it")]
mod pty;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use pty::Session;
use sealpack::{Plain, Writer};

const SEALPACK: &str = env!("CARGO_BIN_EXE_sealpack");
const COLUMNS: u16 = 100;
const ROWS: u16 = 26;

#[test]
fn the_stepper_matches_its_picture() {
    let arguments = ["step", "b4,z1,b7", "--trim", "--mutant", "split-trusts-remnant"];
    let mut session = Session::start(SEALPACK, &arguments, COLUMNS, ROWS);
    session.wait_for("step 1 of 4");
    session.type_keys("v");
    session.wait_for("a write past the end of the buffer");
    compare("step.svg", &session);
    session.type_keys("q");
    session.wait();
}

#[test]
fn the_inspector_matches_its_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = events(folder.path());
    let mut session = Session::start(SEALPACK, &["inspect", path.to_str().unwrap()], COLUMNS, ROWS);
    session.wait_for("✓ sound");
    session.type_keys("v");
    session.wait_for("1 damaged record");
    session.type_keys("/overdrawn\r");
    session.wait_for("“overdrawn” at byte");
    session.wait_for("JSON");
    compare("inspect.svg", &session);
    session.type_keys("q");
    session.wait();
}

/// A pack of events, one of its records damaged.
fn events(folder: &Path) -> PathBuf {
    let path = folder.join("events.pack");
    let writer = Writer::options().codec(Plain).items_per_record(64).format_id(0xFE1E_000B);
    let writer = writer.record_checksum(true).app_data(&b"2026-11"[..]);
    let mut writer = writer.create(&path).unwrap();
    for i in 0..4000_u32 {
        let kind = if i == 2222 { "overdrawn" } else { "transfer" };
        let amount = i.wrapping_mul(2_654_435_761) >> 12;
        let event = format!(
            r#"{{"event":{i},"kind":"{kind}","from":{},"to":{},"amount":{}.{:02},"tags":["eur","sepa"]}}"#,
            i % 97,
            i % 89,
            amount / 100,
            amount % 100
        );
        writer.append(event.as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[123_456] ^= 1;
    fs::write(&path, bytes).unwrap();
    path
}

fn compare(name: &str, session: &Session) {
    let taken = session.with_screen(picture);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pictures").join(name);
    if env::var_os("UPDATE_PICTURES").is_some() {
        fs::write(&path, &taken).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == taken, "{name} is out of date: see the top of this file");
}

/// Width and height of a cell.
const CELL: (f32, f32) = (8.4, 18.0);
const BACKGROUND: &str = "#1d1f21";
const FOREGROUND: &str = "#d8dbd8";
const COLOURS: [&str; 16] = [
    "#2d2f31", "#e06c75", "#98c379", "#e5c07b", "#6ca8e8", "#d590e0", "#56c5cf", "#d8dbd8",
    "#7f848e", "#ff8a93", "#b5e890", "#ffd68a", "#8cc4ff", "#f0b0ff", "#7fe3ec", "#ffffff",
];

/// The style of a run of cells.
#[derive(Clone, PartialEq)]
struct CellStyle {
    fore: String,
    back: Option<String>,
    bold: bool,
    dim: bool,
    underlined: bool,
}

fn colour(colour: vt100::Color, or: &str) -> String {
    match colour {
        vt100::Color::Idx(index) => COLOURS[usize::from(index)].into(),
        _ => or.into(),
    }
}

fn style_of(cell: &vt100::Cell) -> CellStyle {
    let (mut fore, mut back) = (colour(cell.fgcolor(), FOREGROUND), colour(cell.bgcolor(), ""));
    if cell.inverse() {
        back = if back.is_empty() { BACKGROUND.into() } else { back };
        std::mem::swap(&mut fore, &mut back);
    }
    let back = (!back.is_empty()).then_some(back);
    CellStyle { fore, back, bold: cell.bold(), dim: cell.dim(), underlined: cell.underline() }
}

/// The screen as SVG: a background rectangle and a text for each run of one style.
fn picture(screen: &vt100::Screen) -> String {
    let (width, height) = (f32::from(COLUMNS) * CELL.0 + 20.0, f32::from(ROWS) * CELL.1 + 20.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', \
         monospace\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" rx=\"8\" \
         fill=\"{BACKGROUND}\"/>\n"
    );
    for row in 0..ROWS {
        let mut column = 0;
        while column < COLUMNS {
            let first = style_of(screen.cell(row, column).unwrap());
            let start = column;
            let mut text = String::new();
            while column < COLUMNS && style_of(screen.cell(row, column).unwrap()) == first {
                let contents = screen.cell(row, column).unwrap().contents();
                text.push_str(if contents.is_empty() { " " } else { contents });
                column += 1;
            }
            run(&mut svg, row, start, column - start, &text, &first);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn run(svg: &mut String, row: u16, column: u16, columns: u16, text: &str, cell_style: &CellStyle) {
    let (x, y) = (10.0 + f32::from(column) * CELL.0, 10.0 + f32::from(row) * CELL.1);
    let width = f32::from(columns) * CELL.0;
    if let Some(back) = &cell_style.back {
        let height = CELL.1;
        writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{back}\"/>"
        )
        .unwrap();
    }
    if text.trim().is_empty() && !cell_style.underlined {
        return;
    }
    let mut style = format!("fill=\"{}\"", cell_style.fore);
    if cell_style.bold {
        style.push_str(" font-weight=\"bold\"");
    }
    if cell_style.dim {
        style.push_str(" opacity=\"0.6\"");
    }
    if cell_style.underlined {
        style.push_str(" text-decoration=\"underline\"");
    }
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" xml:space=\"preserve\" {style}>{text}</text>",
        y + 13.5
    )
    .unwrap();
}
