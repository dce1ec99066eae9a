//! Completes pages: fills in what was not known row by row, and builds the batches.

use std::{iter, sync::Arc};

use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringArray,
    builder::{ArrayBuilder as _, Int64Builder, StringBuilder, TimestampMicrosecondBuilder},
    cast::AsArray,
    types::Int64Type,
};
use arrow_schema::DataType;

use super::{Decoded, DecodedTable, Engine, Issue, Page, PendingIssue, row::TableBuilder};
use crate::{
    Column, Error, Kind, Origin, Table,
    value::{ColumnBuilder, Scalar},
};

impl Engine {
    pub(super) fn finish(mut self, pages: &[Page<'_>]) -> Result<Decoded, Error> {
        // Tables can't be finished in their own order: inner rows inherit columns from outermost
        // rows, which must be complete before.
        let order = roots_first(&self.tables);
        let mut finished: Vec<Option<DecodedTable>> = self.tables.iter().map(|_| None).collect();
        for position in order {
            let builder = &mut self.tables[position];
            let root = finished[builder.root]
                .as_ref()
                .map(|table| table.records.clone());
            let columns = builder.finish(root.as_ref(), pages, &self.enclosing_before)?;
            let records = RecordBatch::try_new(builder.table.schema(), columns)
                .map_err(|error| Error::new(format!("table `{}`: {error}", builder.table.name)))?;
            finished[position] = Some(DecodedTable {
                table: builder.table,
                records,
                page_ends: std::mem::take(&mut builder.page_ends),
                root: builder.root,
                roots: std::mem::take(&mut builder.roots),
            });
        }
        let tables: Vec<DecodedTable> = finished.into_iter().flatten().collect();
        debug_assert_eq!(tables.len(), self.layout.tables.len());
        let pending = self.issues.into_iter();
        let mut issues: Vec<Issue> = pending.map(|issue| resolve(issue, &tables)).collect();
        for (position, table) in tables.iter().enumerate() {
            if table.root == position {
                issues.extend(unnamed(table));
            }
        }
        Ok(Decoded {
            tables,
            issues,
            unknown_fields: self.unknown_fields,
        })
    }
}

/// Orders the tables so that outermost ones come first, because the others copy values from them.
fn roots_first(tables: &[TableBuilder]) -> Vec<usize> {
    let (mut order, inner): (Vec<usize>, Vec<usize>) =
        (0..tables.len()).partition(|&position| tables[position].root == position);
    order.extend(inner);
    order
}

impl TableBuilder {
    fn finish(
        &mut self,
        root: Option<&RecordBatch>,
        pages: &[Page<'_>],
        enclosing: &[Vec<Option<String>>],
    ) -> Result<Vec<ArrayRef>, Error> {
        let rows = self.roots.len();
        let mut positions = std::mem::take(&mut self.positions).into_iter();
        let table = self.table;
        let counts = counts(&self.page_ends);
        let columns = table.columns.iter().zip(&mut self.columns);
        columns
            .map(|(column, builder)| -> Result<ArrayRef, Error> {
                Ok(match (column.origin, builder) {
                    (_, Some(builder)) => builder.finish(rows),
                    (Origin::Index | Origin::ParentIndex(_), None) => {
                        let (_, values) = positions.next().unwrap_or_default();
                        Arc::new(Int64Array::from(values))
                    }
                    (Origin::Root(at), None) => match root {
                        Some(root) => gather(root.column(at), &self.roots, column)?,
                        None => return Err(Error::new(misplaced(table, column))),
                    },
                    (Origin::Asked(_) | Origin::Given | Origin::Enclosing(_), None) => {
                        same_on_page(column, pages, enclosing, &counts)
                    }
                    (Origin::Source, None) => {
                        text(pages.iter().map(|page| page.context.source), &counts)
                    }
                    (Origin::CrawlId, None) => {
                        text(pages.iter().map(|page| page.context.crawl_id), &counts)
                    }
                    (Origin::ObservedAt, None) => observed_at(pages, &counts),
                    (Origin::Extra, None) => {
                        self.extra.append_nulls(rows - self.extra.len());
                        Arc::new(self.extra.finish())
                    }
                    (Origin::Field | Origin::FieldOrAsked(_), None) => {
                        return Err(Error::new(misplaced(table, column)));
                    }
                })
            })
            .collect()
    }
}

/// The number of rows on each page.
fn counts(page_ends: &[usize]) -> Vec<usize> {
    let starts = iter::once(&0).chain(page_ends);
    let counts = starts.zip(page_ends).map(|(start, end)| end - start);
    counts.collect()
}

/// A column whose value is the same on all rows of a page.
fn same_on_page(
    column: &Column,
    pages: &[Page<'_>],
    enclosing: &[Vec<Option<String>>],
    counts: &[usize],
) -> ArrayRef {
    let mut builder = ColumnBuilder::new(column.kind);
    for (at, (page, rows)) in pages.iter().zip(counts).enumerate() {
        let number;
        let value = match column.origin {
            Origin::Asked(name) => {
                number = page.context.argument(name).map(|number| number.to_string());
                number.as_deref().map(Scalar::Literal)
            }
            Origin::Given => {
                let given = page.context.given(column.name);
                given.map(|text| Scalar::Text(text.into()))
            }
            Origin::Enclosing(slot) => {
                let json = enclosing[at].get(slot).and_then(Option::as_deref);
                json.map(Scalar::of)
            }
            _ => None,
        };
        repeat(&value.unwrap_or(Scalar::Null), *rows, &mut builder);
    }
    builder.finish()
}

/// A text for all rows of each page, which nearly always is the same one.
fn text<'a>(texts: impl Iterator<Item = &'a str> + Clone, counts: &[usize]) -> ArrayRef {
    let first = texts.clone().next().unwrap_or_default();
    if texts.clone().all(|text| text == first) {
        return Arc::new(StringArray::new_repeated(first, counts.iter().sum()));
    }
    let mut builder = StringBuilder::new();
    for (text, rows) in texts.zip(counts) {
        builder.append_value_n(text, *rows);
    }
    Arc::new(builder.finish())
}

fn observed_at(pages: &[Page<'_>], counts: &[usize]) -> ArrayRef {
    let mut builder = TimestampMicrosecondBuilder::with_capacity(counts.iter().sum());
    for (page, rows) in pages.iter().zip(counts) {
        builder.append_value_n(page.context.observed_at, *rows);
    }
    Arc::new(builder.finish().with_timezone("UTC"))
}

fn misplaced(table: &Table, column: &Column) -> String {
    format!(
        "column `{}` of table `{}` has no source for its value; its generated layout is wrong, \
         which is a bug",
        column.name, table.name
    )
}

/// Adds a value to a column as often as there are rows.
fn repeat(value: &Scalar<'_>, rows: usize, builder: &mut ColumnBuilder) {
    for _ in 0..rows {
        let before = builder.len();
        builder.push(value);
        if builder.len() == before {
            builder.push_nulls(1);
        }
    }
}

/// Copies to each row the value of its outermost row.
///
/// The rows of one outermost row follow each other, so its value is looked up once for all of them.
fn gather(root: &ArrayRef, roots: &[u32], column: &Column) -> Result<ArrayRef, Error> {
    let runs = roots.chunk_by(|one, next| one == next);
    let runs = runs.map(|run| (run[0] as usize, run.len()));
    Ok(match root.data_type() {
        DataType::Int64 => {
            let values = root.as_primitive::<Int64Type>();
            let mut builder = Int64Builder::with_capacity(roots.len());
            for (row, count) in runs {
                if values.is_null(row) {
                    builder.append_nulls(count);
                } else {
                    builder.append_value_n(values.value(row), count);
                }
            }
            Arc::new(builder.finish())
        }
        DataType::Utf8 => {
            let values = root.as_string::<i32>();
            let mut builder = StringBuilder::with_capacity(roots.len(), 0);
            for (row, count) in runs {
                if values.is_null(row) {
                    builder.append_nulls(count);
                } else {
                    builder.append_value_n(values.value(row), count);
                }
            }
            Arc::new(builder.finish())
        }
        other => {
            return Err(Error::new(format!(
                "column `{}` would inherit a value of type {other}; only text and integers can be \
                 inherited",
                column.name
            )));
        }
    })
}

fn resolve(issue: PendingIssue, tables: &[DecodedTable]) -> Issue {
    let table = &tables[issue.table];
    let row = issue.row;
    Issue {
        table: table.table.name,
        key: row.map_or_else(|| "{}".to_owned(), |row| table.key(row)),
        column: issue.column,
        value: issue.value,
        reason: issue.reason,
        root_table: table.root,
        root: row.map_or(u32::MAX, |row| table.roots[row]),
    }
}

/// Creates an issue for every row with an empty textual key, such as a product without a serial
/// number.
///
/// Numeric keys are not checked: in those, zero may mean "none", but it is also the id of the root
/// folder.
fn unnamed(table: &DecodedTable) -> Vec<Issue> {
    let name = || {
        table.table.endpoint?;
        let column = table.table.column(table.table.key.last()?)?;
        let column = &table.table.columns[column];
        let is_own = matches!(column.origin, Origin::Field | Origin::FieldOrAsked(_));
        (is_own && column.kind == Kind::Text).then_some(column.name)
    };
    let Some(column) = name() else {
        return Vec::new();
    };
    let Some(names) = table.records.column_by_name(column) else {
        return Vec::new();
    };
    let names = names.as_string::<i32>().iter();
    let issue = |(row, name): (usize, Option<&str>)| {
        name.is_none_or(|name| name.trim().is_empty())
            .then(|| Issue {
                table: table.table.name,
                key: table.key(row),
                column,
                value: name.unwrap_or("null").to_owned(),
                reason: "empty key: the row cannot be told from others",
                root_table: table.root,
                root: table.roots[row],
            })
    };
    names.enumerate().filter_map(issue).collect()
}

impl DecodedTable {
    /// Returns a row's key as a JSON object.
    pub fn key(&self, row: usize) -> String {
        let member = |name: &&str| {
            let array = self.records.column_by_name(name)?;
            let value = match array.data_type() {
                _ if array.is_null(row) => serde_json::Value::Null,
                DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
                DataType::Utf8 => array.as_string::<i32>().value(row).into(),
                _ => return None,
            };
            Some(((*name).to_owned(), value))
        };
        let members: serde_json::Map<_, _> = self.table.key.iter().filter_map(member).collect();
        serde_json::Value::Object(members).to_string()
    }
}
