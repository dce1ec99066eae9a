//! Limits a sink to some tables and columns of a crawl.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use fortilake_sink::{
    Batch, Context, Error, Kind, Outcome, Receipt, Result, Sink, TableSpec, nearest,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// The columns that every table has beside its own.
const META: [&str; 4] = ["_source", "_crawl_id", "_observed_at", "_extra"];

/// Names, as one text with commas or as a list.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Names {
    /// Such as `products,accounts`.
    Line(String),
    /// Such as `["products", "accounts"]`.
    List(Vec<String>),
}

/// The columns to write, for all tables or by table.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Columns {
    /// Of every table, those that it has.
    All(Names),
    /// Of each of these tables. Other tables keep all their columns.
    ByTable(BTreeMap<String, Names>),
}

/// Whether the columns `_source`, `_crawl_id`, `_observed_at` and `_extra` are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meta {
    /// All of them are written.
    #[default]
    Keep,
    /// Only those that are chosen by name are written.
    LeaveOut,
}

/// Which tables and columns a sink writes. By default, all.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The tables; if empty, all.
    pub tables: Names,
    /// The columns, in the order in which they are written; if empty, all.
    pub columns: Columns,
    /// Whether the meta columns are written.
    pub meta: Meta,
}

/// What a sink gets of each table of the crawl; `None` for a table that is left out.
#[derive(Debug)]
pub struct Chosen(BTreeMap<String, Option<ChosenTable>>);

/// A table with some of its columns.
#[derive(Debug)]
struct ChosenTable {
    table: Arc<TableSpec>,
    /// The positions of the columns in the crawl's table.
    columns: Vec<usize>,
}

impl Default for Names {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Default for Columns {
    fn default() -> Self {
        Self::All(Names::default())
    }
}

impl Names {
    /// The names, in the order in which they are written.
    pub fn list(&self) -> Vec<&str> {
        match self {
            Self::List(names) => names.iter().map(String::as_str).collect(),
            Self::Line(names) => {
                let names = names.split(',').map(str::trim);
                names.filter(|name| !name.is_empty()).collect()
            }
        }
    }
}

impl Choice {
    /// Reduces the tables of `context` to the chosen ones.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] for a table or a column that the crawl does not have, and for a table of which no column would
    /// be left.
    pub fn narrow(&self, context: &mut Context) -> Result<Chosen> {
        let names: BTreeSet<_> = context.tables.iter().map(|table| &*table.name).collect();
        let wanted = self.tables.list();
        if let Some(unknown) = wanted.iter().find(|name| !names.contains(**name)) {
            let what = format!("option `tables` has the unknown table `{unknown}`");
            return Err(not_there(&what, "tables of this crawl", unknown, &names));
        }
        let is_chosen = |table: &TableSpec| wanted.is_empty() || wanted.contains(&&*table.name);
        let chosen: Vec<_> = context
            .tables
            .iter()
            .filter(|table| is_chosen(table))
            .collect();
        self.check_columns(&chosen)?;
        let mut parts = BTreeMap::new();
        for table in &context.tables {
            let part = if is_chosen(table) {
                Some(self.part(table)?)
            } else {
                None
            };
            parts.insert(table.name.clone(), part);
        }
        let part = |table: &Arc<TableSpec>| Some(Arc::clone(&parts[&table.name].as_ref()?.table));
        context.tables = context.tables.iter().filter_map(part).collect();
        Ok(Chosen(parts))
    }

    fn check_columns(&self, tables: &[&Arc<TableSpec>]) -> Result<()> {
        let complain = |unknown: &str, place: &str, columns: &BTreeSet<&str>| {
            let what = format!("option `columns` has the unknown column `{unknown}`");
            Err(not_there(
                &what,
                &format!("columns of {place}"),
                unknown,
                columns,
            ))
        };
        match &self.columns {
            Columns::All(names) => {
                let all = tables.iter().flat_map(|table| columns_of(table));
                let all: BTreeSet<_> = all.collect();
                match names.list().into_iter().find(|name| !all.contains(name)) {
                    Some(unknown) => complain(unknown, "these tables", &all),
                    None => Ok(()),
                }
            }
            Columns::ByTable(by_table) => {
                for (name, columns) in by_table {
                    let Some(table) = tables.iter().find(|table| table.name == *name) else {
                        let tables = tables.iter().map(|table| &*table.name).collect();
                        let what = format!("option `columns` has the unknown table `{name}`");
                        return Err(not_there(&what, "tables that are written", name, &tables));
                    };
                    let all: BTreeSet<_> = columns_of(table).collect();
                    let columns = columns.list();
                    if let Some(unknown) = columns.iter().find(|column| !all.contains(**column)) {
                        return complain(unknown, &format!("table `{name}`"), &all);
                    }
                }
                Ok(())
            }
        }
    }

    fn part(&self, table: &Arc<TableSpec>) -> Result<ChosenTable> {
        let names: Vec<_> = columns_of(table).collect();
        let wanted = match &self.columns {
            Columns::All(names) => names.list(),
            Columns::ByTable(by_table) => by_table.get(&table.name).map_or(Vec::new(), Names::list),
        };
        let is_kept = |name: &str| self.meta == Meta::Keep || !META.contains(&name);
        let columns: Vec<usize> = if wanted.is_empty() {
            let all = names.iter().enumerate();
            all.filter(|(_, name)| is_kept(name))
                .map(|(at, _)| at)
                .collect()
        } else {
            let position = |wanted: &&str| names.iter().position(|name| name == wanted);
            wanted.iter().filter_map(position).collect()
        };
        if columns.is_empty() {
            let text = format!(
                "table `{}` has none of the columns in option `columns`; choose other tables with option `tables`",
                table.name
            );
            return Err(Error::new(Kind::Config, text));
        }
        if columns.len() == names.len() && columns.is_sorted() {
            let table = Arc::clone(table);
            return Ok(ChosenTable { table, columns });
        }
        let schema = table.schema.project(&columns).map_err(|error| {
            let text = format!("the columns of table `{}` cannot be chosen", table.name);
            Error::new(Kind::Internal, text).with_source(error)
        })?;
        let has_key = |column: &String| columns.iter().any(|&at| names[at] == column);
        Ok(ChosenTable {
            table: Arc::new(TableSpec {
                schema: Arc::new(schema),
                // Rows without one of their key columns have no key.
                key: if table.key.iter().all(has_key) {
                    table.key.clone()
                } else {
                    Vec::new()
                },
                ..TableSpec::clone(table)
            }),
            columns,
        })
    }
}

impl Chosen {
    /// Wraps `sink`, so that it gets only what was chosen.
    pub fn before(self, sink: Box<dyn Sink>) -> Box<dyn Sink> {
        Box::new(ChosenSink { chosen: self, sink })
    }
}

struct ChosenSink {
    chosen: Chosen,
    sink: Box<dyn Sink>,
}

#[async_trait]
impl Sink for ChosenSink {
    async fn write(&mut self, batch: &Batch) -> Result<()> {
        let Some(Some(part)) = self.chosen.0.get(&batch.table.name) else {
            return Ok(());
        };
        if Arc::ptr_eq(&part.table, &batch.table) {
            return self.sink.write(batch).await;
        }
        let records = batch.records.project(&part.columns).map_err(|error| {
            let text = format!(
                "the columns of table `{}` cannot be chosen",
                part.table.name
            );
            Error::new(Kind::Internal, text).with_source(error)
        })?;
        let batch = Batch {
            table: Arc::clone(&part.table),
            records,
            ..batch.clone()
        };
        self.sink.write(&batch).await
    }

    async fn finish(self: Box<Self>, outcome: &Outcome) -> Result<Receipt> {
        // The summary that the sink publishes must count only the tables that it has.
        let mut outcome = outcome.clone();
        let is_chosen = |table: &String| matches!(self.chosen.0.get(table), Some(Some(_)));
        outcome.tables.retain(|table, _| is_chosen(table));
        self.sink.finish(&outcome).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.sink.abort().await
    }
}

fn columns_of(table: &TableSpec) -> impl Iterator<Item = &str> {
    table
        .schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
}

fn not_there(what: &str, known: &str, name: &str, names: &BTreeSet<&str>) -> Error {
    let all: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let guess = nearest(name, names.iter().copied());
    let guess = guess.map_or_else(String::new, |guess| format!("; did you mean `{guess}`?"));
    let text = format!("{what}; the {known} are {}{guess}", all.join(", "));
    Error::new(Kind::Config, text)
}
