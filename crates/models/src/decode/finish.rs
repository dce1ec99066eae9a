//! Completes a page: fills in what was not known row by row, and builds the batches.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    builder::StringBuilder, cast::AsArray, types::Int64Type,
};
use arrow_schema::DataType;

use super::{Decoded, DecodedTable, Engine, Issue, PendingIssue, row::TableBuilder};
use crate::{
    Column, Error, Origin, PageContext, Table,
    value::{ColumnBuilder, Scalar},
};

impl Engine<'_> {
    pub(super) fn finish(mut self) -> Result<Decoded, Error> {
        // Tables can't be finished in their own order: inner rows inherit columns from outermost
        // rows, which must be complete before.
        let order = roots_first(&self.tables);
        let mut finished: Vec<Option<DecodedTable>> = self.tables.iter().map(|_| None).collect();
        for position in order {
            let builder = &mut self.tables[position];
            let root = finished[builder.root]
                .as_ref()
                .map(|table| table.records.clone());
            let columns = builder.finish(root.as_ref(), self.context, &self.enclosing)?;
            let records = RecordBatch::try_new(builder.table.schema(), columns)
                .map_err(|error| Error::new(format!("table `{}`: {error}", builder.table.name)))?;
            finished[position] = Some(DecodedTable {
                table: builder.table,
                records,
                root: builder.root,
                roots: std::mem::take(&mut builder.roots),
            });
        }
        let tables: Vec<DecodedTable> = finished.into_iter().flatten().collect();
        debug_assert_eq!(tables.len(), self.layout.tables.len());
        let issues = self
            .issues
            .into_iter()
            .map(|issue| resolve(issue, &tables))
            .collect();
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
        context: &PageContext<'_>,
        enclosing: &[Option<String>],
    ) -> Result<Vec<ArrayRef>, Error> {
        let rows = self.roots.len();
        let mut positions = std::mem::take(&mut self.positions).into_iter();
        let table = self.table;
        let columns = table.columns.iter().zip(&mut self.columns);
        columns
            .map(|(column, builder)| -> Result<ArrayRef, Error> {
                Ok(match (column.origin, builder) {
                    (_, Some(builder)) => builder.finish(),
                    (Origin::Index | Origin::ParentIndex(_), None) => {
                        Arc::new(Int64Array::from(positions.next().unwrap_or_default()))
                    }
                    (Origin::Root(at), None) => match root {
                        Some(root) => gather(root.column(at), &self.roots, column)?,
                        None => return Err(Error::new(misplaced(table, column))),
                    },
                    (Origin::Asked(name), None) => {
                        let number = context.argument(name).map(|number| number.to_string());
                        let value = number.as_deref().map_or(Scalar::Null, Scalar::Literal);
                        repeat(&value, column, rows)
                    }
                    (Origin::Given, None) => {
                        let value = context.given(column.name);
                        let value = value.map_or(Scalar::Null, |text| Scalar::Text(text.into()));
                        repeat(&value, column, rows)
                    }
                    (Origin::Enclosing(slot), None) => {
                        let json = enclosing.get(slot).and_then(Option::as_deref);
                        let raw = json.and_then(|json| serde_json::from_str(json).ok());
                        repeat(&raw.map_or(Scalar::Null, Scalar::of), column, rows)
                    }
                    (Origin::Source, None) => constant(context.source, rows),
                    (Origin::CrawlId, None) => constant(context.crawl_id, rows),
                    (Origin::ObservedAt, None) => Arc::new(
                        TimestampMicrosecondArray::from_value(context.observed_at, rows)
                            .with_timezone("UTC"),
                    ),
                    (Origin::Extra, None) => {
                        Arc::new(StringArray::from_iter(std::mem::take(&mut self.extra)))
                    }
                    (Origin::Field | Origin::FieldOrAsked(_), None) => {
                        return Err(Error::new(misplaced(table, column)));
                    }
                })
            })
            .collect()
    }
}

fn misplaced(table: &Table, column: &Column) -> String {
    format!(
        "column `{}` of table `{}` has no value to copy; the layout is wrong",
        column.name, table.name
    )
}

fn constant(text: &str, rows: usize) -> ArrayRef {
    let mut builder = StringBuilder::with_capacity(rows, rows * text.len());
    (0..rows).for_each(|_| builder.append_value(text));
    Arc::new(builder.finish())
}

/// Repeats a value on all rows.
fn repeat(value: &Scalar<'_>, column: &Column, rows: usize) -> ArrayRef {
    let mut builder = ColumnBuilder::new(column.kind);
    for row in 0..rows {
        builder.push(value);
        if builder.len() == row {
            builder.push_null();
        }
    }
    builder.finish()
}

/// Copies to each row the value of its outermost row.
fn gather(root: &ArrayRef, roots: &[u32], column: &Column) -> Result<ArrayRef, Error> {
    let rows = roots.iter().map(|&row| row as usize);
    Ok(match root.data_type() {
        DataType::Int64 => {
            let values = root.as_primitive::<Int64Type>();
            Arc::new(
                rows.map(|row| values.is_valid(row).then(|| values.value(row)))
                    .collect::<Int64Array>(),
            )
        }
        DataType::Utf8 => {
            let values = root.as_string::<i32>();
            Arc::new(
                rows.map(|row| values.is_valid(row).then(|| values.value(row)))
                    .collect::<StringArray>(),
            )
        }
        other => {
            return Err(Error::new(format!(
                "column `{}` copies {other}; only text and integers are inherited",
                column.name
            )));
        }
    })
}

fn resolve(issue: PendingIssue, tables: &[DecodedTable]) -> Issue {
    let table = &tables[issue.table];
    Issue {
        table: table.table.name,
        key: key(table, issue.row),
        column: issue.column,
        value: issue.value,
        reason: issue.reason,
        root_table: table.root,
        root: table.roots[issue.row],
    }
}

/// A row's key as a JSON object.
fn key(table: &DecodedTable, row: usize) -> String {
    let members: serde_json::Map<String, serde_json::Value> = table
        .table
        .key
        .iter()
        .filter_map(|name| {
            let array = table.records.column_by_name(name)?;
            let value = match array.data_type() {
                _ if array.is_null(row) => serde_json::Value::Null,
                DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
                DataType::Utf8 => array.as_string::<i32>().value(row).into(),
                _ => return None,
            };
            Some(((*name).to_owned(), value))
        })
        .collect();
    serde_json::Value::Object(members).to_string()
}
