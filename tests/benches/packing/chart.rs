//! Draws the chart of PERFORMANCE.md from the output of `--json`.
//!
//! Each row is a bar that shows its ratio to the limit. Text and bars follow the
//! reader's colour scheme, light or dark.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

const ROW: usize = 22;
const LEFT: usize = 210;
/// The length of a bar that reaches its limit.
const LIMIT: f64 = 230.0;
/// The ratio at which bars are cut off.
const MAX_RATIO: f64 = 1.5;

/// The horizontal positions of the ratio and the figure.
const RATIO: usize = 568;
const FIGURE: usize = 608;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1f2328}.dim{fill:#656d76}\
.bar{fill:#2f6fb2}.line{stroke:#656d76;stroke-dasharray:3 3}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#9198a1}.bar{fill:#6cb6ff}\
.line{stroke:#9198a1}}";

/// Writes the chart of the rows in `results`, which has one JSON object per line.
pub fn write(results: &Path, out: &Path) {
    let text = std::fs::read_to_string(results).unwrap();
    let rows: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let rows: Vec<&Value> = rows.iter().filter(|row| row["ratio_to_limit"].is_f64()).collect();
    let height = (rows.len() + 2) * ROW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 {height}\" role=\"img\">\
         <title>Each kind of work compared with its limit</title><style>{STYLE}</style>\n\
         <text class=\"dim\" x=\"{LEFT}\" y=\"15\">ratio to the limit of the same run; the dashed line is the limit</text>\n"
    );
    for (number, row) in rows.iter().enumerate() {
        let y = (number + 1) * ROW;
        let ratio = row["ratio_to_limit"].as_f64().unwrap_or(0.0);
        let width = ratio.min(MAX_RATIO) * LIMIT;
        let figure = row["ours"].as_f64().unwrap_or(0.0);
        let digits = if figure < 100.0 { 1 } else { 0 };
        let external = match row["ratio_to_external"].as_f64() {
            Some(ratio) => format!(", {ratio:.2} × external"),
            None => String::new(),
        };
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect class=\"bar\" x=\"{LEFT}\" y=\"{}\" width=\"{width:.1}\" height=\"14\"/>\
             <text x=\"{RATIO}\" y=\"{}\">{ratio:.2}</text>\
             <text class=\"dim\" x=\"{FIGURE}\" y=\"{}\">{figure:.digits$} {}{external}</text>",
            LEFT - 8,
            y + 15,
            row["row"].as_str().unwrap_or_default(),
            y + 4,
            y + 15,
            y + 15,
            row["unit"].as_str().unwrap_or_default(),
        );
    }
    let x = LEFT as f64 + LIMIT;
    let _ = writeln!(
        svg,
        "<line class=\"line\" x1=\"{x}\" x2=\"{x}\" y1=\"{ROW}\" y2=\"{}\"/></svg>",
        height - ROW / 2
    );
    std::fs::write(out, svg).unwrap();
}
