//! Tables as a `sources.yml` for dbt, with descriptions and tests.

use std::fmt::Write as _;

use fortilake_models::{Column, Table};

use super::{
    place::Place,
    sql::{SNAPSHOT, chosen, has_snapshot, sql_type, unique},
};
use crate::{args::Dialect, exit::Result};

/// The schema that the sink `postgres` writes to.
const SCHEMA: &str = "fortinet";

/// The file for these tables.
///
/// With a place, DuckDB reads its files, so that the tables need not be loaded.
pub(super) fn sources(
    tables: &[&'static Table],
    dialect: Option<Dialect>,
    place: Option<&Place>,
) -> Result<String> {
    let dialect = dialect.unwrap_or(Dialect::Postgres);
    if let Some(place) = place {
        place.check(dialect)?;
    }
    let mut text =
        format!("version: 2\n\nsources:\n  - name: fortilake\n    schema: {SCHEMA}\n    tables:\n");
    for (table, columns) in chosen(tables, place) {
        let name = text_of(table.name);
        let _ = writeln!(
            text,
            "      - name: {name}\n        description: {}",
            text_of(table.summary)
        );
        if let (Some(place), Dialect::Duckdb) = (place, dialect) {
            let files = place.path(&format!("{}/*/*.parquet", table.name));
            let files = format!(
                "read_parquet('{}', hive_partitioning = true, hive_types = {{'{SNAPSHOT}': VARCHAR}}, union_by_name = true)",
                files.replace('\'', "''")
            );
            let _ = writeln!(
                text,
                "        meta:\n          external_location: {}",
                text_of(&files)
            );
        }
        let key = unique(table, &columns, dialect);
        if !key.is_empty() {
            // A row of columns is compared as a whole, so that one key cannot look like another.
            let key = text_of(&format!("({})", key.join(", ")));
            let _ = writeln!(
                text,
                "        data_tests:\n          - unique:\n              column_name: {key}"
            );
        }
        text.push_str("        columns:\n");
        if has_snapshot(dialect) {
            let _ = writeln!(
                text,
                "          - name: {SNAPSHOT}\n            description: {}\n            data_tests:\n              - not_null",
                text_of("The name of the snapshot that the row is from.")
            );
        }
        for column in columns {
            describe(&mut text, column, dialect);
        }
    }
    Ok(text)
}

fn describe(text: &mut String, column: &Column, dialect: Dialect) {
    let _ = writeln!(text, "          - name: {}", text_of(column.name));
    if !column.doc.is_empty() {
        let _ = writeln!(
            text,
            "            description: {}",
            text_of(&column.doc.replace('\n', " "))
        );
    }
    let kind = sql_type(column.kind, dialect).to_lowercase();
    let _ = writeln!(text, "            data_type: {kind}");
    if !column.nullable() {
        text.push_str("            data_tests:\n              - not_null\n");
    }
}

/// A text in YAML. The quotes and escapes of JSON are also those of YAML.
fn text_of(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
