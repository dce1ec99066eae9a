//! Tables as SQL: statements that create them, and statements that load a snapshot.

use std::fmt::Write as _;

use fortilake_models::{Column, Kind, Table};

use super::place::Place;
use crate::{args::Dialect, exit::Result};

/// The column that the folders of the layout `snapshots` add to a table.
pub(super) const SNAPSHOT: &str = "snapshot";

/// The statements for these tables.
pub(super) fn statements(
    tables: &[&'static Table],
    dialect: Option<Dialect>,
    place: Option<&Place>,
) -> Result<String> {
    let Some(dialect) = dialect else {
        return Ok(tables.iter().map(|table| standard(table)).collect());
    };
    let tables = chosen(tables, place);
    let mut text = String::new();
    for (table, columns) in &tables {
        create(&mut text, table, columns, dialect, place);
    }
    if let Some(place) = place {
        place.check(dialect)?;
        load(&mut text, &tables, dialect, place);
    }
    Ok(text)
}

/// The tables with their columns: those of the catalogue or, with a place, those that are published there.
pub(super) fn chosen(
    tables: &[&'static Table],
    place: Option<&Place>,
) -> Vec<(&'static Table, Vec<&'static Column>)> {
    let columns = |table: &'static Table| match place {
        Some(place) => place.columns(table),
        None => table.columns.iter().collect(),
    };
    let tables = tables.iter().map(|table| (*table, columns(table)));
    tables.filter(|(_, columns)| !columns.is_empty()).collect()
}

/// The columns that are unique together; empty if one of them is left out.
///
/// Two sources may have rows with the same key.
pub(super) fn unique(table: &Table, columns: &[&Column], dialect: Dialect) -> Vec<&'static str> {
    let snapshot = has_snapshot(dialect).then_some(SNAPSHOT);
    let mut key = vec!["_source"];
    // The reports of a crawl have the source in their key.
    key.extend(table.key.iter().filter(|name| **name != "_source"));
    let is_there = |name: &&str| columns.iter().any(|column| column.name == *name);
    if key.iter().all(is_there) {
        snapshot.into_iter().chain(key).collect()
    } else {
        Vec::new()
    }
}

/// Whether the tables have a column with the name of the snapshot.
///
/// DuckDB and Spark read the layout `snapshots`, and PostgreSQL the layout `latest`.
pub(super) fn has_snapshot(dialect: Dialect) -> bool {
    match dialect {
        Dialect::Duckdb | Dialect::Spark => true,
        Dialect::Postgres => false,
    }
}

/// A `CREATE TABLE` statement in standard SQL.
fn standard(table: &Table) -> String {
    let mut text = format!("-- {}\n-- key: {}\n", table.summary, table.key.join(", "));
    let columns = table.columns.iter().map(|column| {
        let kind = match column.kind {
            Kind::Float => "DOUBLE PRECISION",
            Kind::Instant => "TIMESTAMP WITH TIME ZONE",
            kind => sql_type(kind, Dialect::Postgres),
        };
        format!(
            "{}{}",
            quoted(column.name, Dialect::Postgres),
            typed(kind, column)
        )
    });
    let _ = write!(text, "CREATE TABLE \"{}\" (\n    ", table.name);
    text.push_str(&columns.collect::<Vec<_>>().join(",\n    "));
    text.push_str("\n);\n\n");
    text
}

fn create(
    text: &mut String,
    table: &Table,
    columns: &[&Column],
    dialect: Dialect,
    place: Option<&Place>,
) {
    let name = quoted(table.name, dialect);
    let key = unique(table, columns, dialect);
    let _ = writeln!(text, "-- {}", table.summary);
    if dialect == Dialect::Spark && !key.is_empty() {
        let _ = writeln!(text, "-- key: {}", key.join(", "));
    }
    let mut lines: Vec<String> = Vec::new();
    for column in columns {
        let kind = sql_type(column.kind, dialect);
        let typed = match dialect {
            // Spark believes the files and not what is declared here.
            Dialect::Spark if column.doc.is_empty() => format!(" {kind}"),
            Dialect::Spark => format!(" {kind} COMMENT {}", literal(column.doc, dialect)),
            Dialect::Duckdb | Dialect::Postgres => typed(kind, column),
        };
        lines.push(format!("{}{typed}", quoted(column.name, dialect)));
    }
    match dialect {
        Dialect::Duckdb => lines.insert(0, format!("\"{SNAPSHOT}\" VARCHAR NOT NULL")),
        // Spark wants the columns of folders at the end.
        Dialect::Spark => lines.push(format!("`{SNAPSHOT}` STRING")),
        Dialect::Postgres => {}
    }
    let list = |names: &[&str]| {
        let names = names.iter().map(|name| quoted(name, dialect));
        names.collect::<Vec<_>>().join(", ")
    };
    match dialect {
        Dialect::Duckdb if !key.is_empty() => lines.push(format!("UNIQUE ({})", list(&key))),
        // Columns of a key may be null.
        Dialect::Postgres if !key.is_empty() => {
            lines.push(format!("UNIQUE NULLS NOT DISTINCT ({})", list(&key)));
        }
        _ => {}
    }
    let _ = write!(
        text,
        "CREATE TABLE IF NOT EXISTS {name} (\n    {}\n)",
        lines.join(",\n    ")
    );
    if dialect == Dialect::Spark {
        let _ = write!(text, "\nUSING parquet\nPARTITIONED BY (`{SNAPSHOT}`)");
        if let Some(place) = place {
            // Spark takes a relative path as one in its warehouse.
            let folder = literal(&place.absolute(table.name), dialect);
            let _ = write!(text, "\nLOCATION {folder}");
        }
    }
    text.push_str(";\n");
    if dialect != Dialect::Spark {
        for column in columns.iter().filter(|column| !column.doc.is_empty()) {
            let (column, doc) = (quoted(column.name, dialect), literal(column.doc, dialect));
            let _ = writeln!(text, "COMMENT ON COLUMN {name}.{column} IS {doc};");
        }
    }
    text.push('\n');
}

/// The statements that load the newest snapshot, which can be run again.
fn load(text: &mut String, tables: &[(&Table, Vec<&Column>)], dialect: Dialect, place: &Place) {
    text.push_str(match dialect {
        Dialect::Spark => {
            "-- Find the snapshots that were published or deleted since the last time.\n"
        }
        Dialect::Duckdb => "-- Load the newest snapshot, if it is not there yet.\nBEGIN;\n",
        Dialect::Postgres => {
            "-- Replace all rows by those of the newest snapshot, in psql.\nBEGIN;\n"
        }
    });
    for (table, columns) in tables {
        let name = quoted(table.name, dialect);
        let columns: Vec<_> = columns
            .iter()
            .map(|column| quoted(column.name, dialect))
            .collect();
        let columns = columns.join(", ");
        let _ = match dialect {
            Dialect::Spark => writeln!(text, "MSCK REPAIR TABLE {name} SYNC PARTITIONS;"),
            Dialect::Duckdb => writeln!(
                text,
                "INSERT INTO {name} BY NAME\nSELECT \"{SNAPSHOT}\", {columns}\nFROM read_parquet({}, hive_partitioning = \
                 true, hive_types = {{'{SNAPSHOT}': VARCHAR}}, union_by_name = true)\nWHERE \"{SNAPSHOT}\" = (SELECT \
                 {SNAPSHOT} FROM {})\n    AND \"{SNAPSHOT}\" NOT IN (SELECT \"{SNAPSHOT}\" FROM {name});",
                literal(&place.path(&format!("{}/*/*.parquet", table.name)), dialect),
                literal(&place.path("_fortilake/latest.json"), dialect),
            ),
            Dialect::Postgres => writeln!(
                text,
                "DELETE FROM {name};\n\\copy {name} ({columns}) FROM {} WITH (FORMAT csv, HEADER true)",
                literal(&place.path(&format!("{}.csv", table.name)), dialect),
            ),
        };
    }
    if dialect != Dialect::Spark {
        text.push_str("COMMIT;\n");
    }
}

fn typed(kind: &str, column: &Column) -> String {
    let null = if column.nullable() { "" } else { " NOT NULL" };
    format!(" {kind}{null}")
}

/// The type of a column.
pub(super) fn sql_type(kind: Kind, dialect: Dialect) -> &'static str {
    use Dialect::{Duckdb, Postgres, Spark};
    match (kind, dialect) {
        (Kind::Text | Kind::Json, Duckdb) => "VARCHAR",
        (Kind::Text | Kind::Json, Postgres) => "TEXT",
        (Kind::Text | Kind::Json, Spark) => "STRING",
        (Kind::Int | Kind::Id, _) => "BIGINT",
        (Kind::Float, Postgres) => "DOUBLE PRECISION",
        (Kind::Float, Duckdb | Spark) => "DOUBLE",
        (Kind::Bool, _) => "BOOLEAN",
        (Kind::Timestamp, Duckdb | Postgres) | (Kind::Instant, Spark) => "TIMESTAMP",
        (Kind::Timestamp, Spark) => "TIMESTAMP_NTZ",
        (Kind::Instant, Duckdb | Postgres) => "TIMESTAMPTZ",
    }
}

fn quoted(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Spark => format!("`{}`", name.replace('`', "``")),
        Dialect::Duckdb | Dialect::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A text in quotes, on one line.
fn literal(text: &str, dialect: Dialect) -> String {
    let text = text.replace('\n', " ");
    match dialect {
        Dialect::Spark => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Dialect::Duckdb | Dialect::Postgres => format!("'{}'", text.replace('\'', "''")),
    }
}
