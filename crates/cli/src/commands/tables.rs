//! `fortilake tables`: the tables of a snapshot and their columns.

use std::fmt::Write as _;

use anyhow::anyhow;
use fortilake_models::{self as models, Kind, Table};
use fortilake_sink::nearest;
use serde_json::json;

use self::place::Place;
use crate::{
    args::{TablesArgs, TablesFormat},
    console::Console,
    exit::{Code, CommandError, Result},
};

mod dbt;
mod place;
mod sql;

/// Describes all tables, or one.
pub(crate) fn run(args: &TablesArgs, console: Console) -> Result {
    let tables: Vec<&Table> = match &args.name {
        None => models::tables().collect(),
        Some(name) => vec![find(name)?],
    };
    if args.dialect.is_some() && !matches!(args.format, TablesFormat::Sql | TablesFormat::Dbt) {
        let failure =
            CommandError::not_started(anyhow!("`--dialect` has no effect on this format"));
        return Err(failure.hint("add `--format sql` or `--format dbt`"));
    }
    let place = match &args.place {
        Some(place) => Some(Place::read(place)?),
        None => None,
    };
    let text = match args.format {
        TablesFormat::Text if args.name.is_none() => list(&tables),
        TablesFormat::Text => tables.iter().map(|table| describe(table)).collect(),
        TablesFormat::Json => json(&tables)?,
        TablesFormat::Sql => sql::statements(&tables, args.dialect, place.as_ref())?,
        TablesFormat::Dbt => dbt::sources(&tables, args.dialect, place.as_ref())?,
    };
    console.data(&text).map_err(CommandError::failed)?;
    Ok(Code::Complete)
}

fn find(name: &str) -> Result<&'static Table> {
    models::tables()
        .find(|table| table.name == name)
        .ok_or_else(|| {
            let failure = CommandError::not_started(anyhow!("there is no table `{name}`"));
            match nearest(name, models::tables().map(|table| table.name)) {
                Some(known) => failure.hint(format!("did you mean `{known}`?")),
                None => failure.hint("`fortilake tables` lists the tables"),
            }
        })
}

fn list(tables: &[&Table]) -> String {
    let width = tables
        .iter()
        .map(|table| table.name.len())
        .max()
        .unwrap_or(0);
    tables.iter().fold(String::new(), |mut text, table| {
        let _ = writeln!(text, "{:width$}  {}", table.name, table.summary);
        text
    })
}

fn describe(table: &Table) -> String {
    let mut text = format!(
        "{}: {}\nkey: {}\n",
        table.name,
        table.summary,
        table.key.join(", ")
    );
    if let Some(endpoint) = table.endpoint {
        let _ = writeln!(text, "from: {endpoint}");
    }
    text.push('\n');
    let width = table
        .columns
        .iter()
        .map(|column| column.name.len())
        .max()
        .unwrap_or(0);
    for column in table.columns {
        let doc = column.doc.replace('\n', " ");
        let _ = writeln!(
            text,
            "  {:width$}  {:21}  {doc}",
            column.name,
            type_name(column.kind)
        );
    }
    text
}

fn json(tables: &[&Table]) -> Result<String> {
    let tables: Vec<_> = tables
        .iter()
        .map(|table| {
            let columns: Vec<_> = table
                .columns
                .iter()
                .map(|column| {
                    json!({
                        "name": column.name,
                        "type": type_name(column.kind),
                        "nullable": column.nullable(),
                        "description": column.doc,
                    })
                })
                .collect();
            json!({
                "name": table.name,
                "summary": table.summary,
                "key": table.key,
                "endpoint": table.endpoint,
                "columns": columns,
            })
        })
        .collect();
    let text = serde_json::to_string_pretty(&tables).map_err(CommandError::failed)?;
    Ok(text + "\n")
}

/// The type names of Arrow in Python, which are also those in a snapshot's manifest.
pub(crate) fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Json => "string",
        Kind::Int | Kind::Id => "int64",
        Kind::Float => "double",
        Kind::Bool => "bool",
        Kind::Timestamp => "timestamp[us]",
        Kind::Instant => "timestamp[us, tz=UTC]",
    }
}
