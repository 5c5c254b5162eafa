//! Prints the tables of PERFORMANCE.md from the output of `--json`.

use std::path::Path;

use serde_json::Value;

/// Prints the rows in `results`, which has one JSON object per line, as Markdown: first
/// with their limits, then with the external program.
pub fn print(results: &Path) {
    let text = std::fs::read_to_string(results).unwrap();
    let rows: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if let Some(machine) = rows.iter().find(|row| row["processor"].is_string()) {
        println!("{machine}\n");
    }
    let compared = |field: &'static str| rows.iter().filter(move |row| row[field].is_f64());
    println!("| work | sealpack | min to max | limit | vs limit | cpu s |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for row in compared("ours") {
        let (ours, spread) = figures(row);
        println!(
            "| {} | {ours} | {spread} | {} | {} | {} |",
            name(row),
            number(&row["limit"], 1),
            number(&row["ratio_to_limit"], 2),
            number(&row["cpu_seconds"], 2),
        );
    }
    println!("\n| work | sealpack | external | ratio | min to max | cpu s | external |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for row in compared("ratio_to_external") {
        println!(
            "| {} | {} | {} | {} | {} to {} | {} | {} |",
            name(row),
            figures(row).0,
            number(&row["external"], 1),
            number(&row["ratio_to_external"], 2),
            number(&row["ratio_to_external_min"], 2),
            number(&row["ratio_to_external_max"], 2),
            number(&row["cpu_seconds"], 3),
            number(&row["external_cpu_seconds"], 3),
        );
    }
}

fn name(row: &Value) -> &str {
    row["row"].as_str().unwrap_or_default()
}

/// The figure of a row with its unit, and its spread.
fn figures(row: &Value) -> (String, String) {
    let unit = row["unit"].as_str().unwrap_or_default();
    let spread = format!("{} to {}", number(&row["ours_min"], 1), number(&row["ours_max"], 1));
    (format!("{} {unit}", number(&row["ours"], 1)), spread)
}

fn number(value: &Value, digits: usize) -> String {
    value.as_f64().map_or("–".into(), |number| format!("{number:.digits$}"))
}
