//! Locations on the command line, and the tables that they become.

use std::collections::BTreeMap;
use std::path::{Path, absolute};
use std::str::FromStr;

use datafusion::prelude::SessionContext;

use crate::failure::Failure;

/// The table of all locations without a name.
const DEFAULT_TABLE: &str = "packs";

/// A location, and the table that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLocation {
    table: String,
    location: String,
}

impl FromStr for NamedLocation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err("expected a path or a URL".to_string());
        }
        // A URL or a path may contain an equals sign; a name consists of letters, digits and _.
        let named = text.split_once('=').filter(|(name, _)| is_name(name));
        let (table, location) = named.unwrap_or((DEFAULT_TABLE, text));
        if location.is_empty() {
            return Err(format!("no location after {table}="));
        }
        Ok(Self { table: table.to_string(), location: location.to_string() })
    }
}

fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts && text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// Makes the tables.
pub async fn register(context: &SessionContext, all: &[NamedLocation]) -> Result<(), Failure> {
    let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for NamedLocation { table, location } in all {
        tables.entry(table).or_default().push(resolved(location));
    }
    for (table, locations) in tables {
        context.sql(&statement(table, &locations)?).await?;
    }
    Ok(())
}

/// A path as an absolute one: the processes of a cluster have other working folders.
fn resolved(location: &str) -> String {
    if location.contains("://") {
        return location.to_string();
    }
    let Ok(path) = absolute(location) else { return location.to_string() };
    let mut path = path.display().to_string();
    let folder = location.ends_with('/') || Path::new(location).is_dir();
    if folder && !path.ends_with('/') {
        path.push('/');
    }
    path
}

/// The statement that makes a table.
fn statement(table: &str, locations: &[String]) -> Result<String, Failure> {
    let format = |location: &String| match location.rsplit_once('.') {
        Some((_, "parquet")) => "PARQUET",
        Some((_, "csv")) => "CSV",
        Some((_, "json" | "ndjson")) if table != DEFAULT_TABLE => "JSON",
        _ => "PACK",
    };
    let mut formats: Vec<&str> = locations.iter().map(format).collect();
    formats.dedup();
    let [format] = formats.as_slice() else {
        return Err(Failure::Usage(format!(
            "table {table}: its locations have several formats; give each format a table, \
             NAME=LOCATION"
        )));
    };
    let quoted: Vec<String> = locations.iter().map(|location| quote(location)).collect();
    let place = match quoted.as_slice() {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    };
    Ok(format!("CREATE EXTERNAL TABLE \"{table}\" STORED AS {format} LOCATION {place}"))
}

/// A literal of SQL.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, String) {
        let NamedLocation { table, location } = text.parse().unwrap();
        (table, location)
    }

    #[test]
    fn a_name_stands_before_the_first_equals_sign() {
        assert_eq!(parsed("a.pack"), ("packs".into(), "a.pack".into()));
        assert_eq!(parsed("t=a.pack"), ("t".into(), "a.pack".into()));
        // The folders of a partitioned table are no names.
        let hive = "s3://bucket/year=2026/";
        assert_eq!(parsed(hive), ("packs".into(), hive.into()));
        assert_eq!(parsed("./year=2026"), ("packs".into(), "./year=2026".into()));
        assert!("t=".parse::<NamedLocation>().is_err());
    }

    #[test]
    fn locations_become_one_statement() {
        let one = statement("packs", &["s3://b/it's/".to_string()]).unwrap();
        assert!(one.ends_with("STORED AS PACK LOCATION 's3://b/it''s/'"), "{one}");
        let two = statement("t", &["/a.parquet".to_string(), "/b.parquet".to_string()]).unwrap();
        assert!(two.ends_with("STORED AS PARQUET LOCATION ('/a.parquet', '/b.parquet')"), "{two}");
        assert!(statement("t", &["/a.parquet".to_string(), "/b.pack".to_string()]).is_err());
    }
}
