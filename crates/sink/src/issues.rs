//! Rows for the table `issues`, for sinks whose destination cannot store every value.
//!
//! A text that the sink had to change becomes a row, like a value that did not fit its column. The row belongs to the
//! same scope as the text, so it disappears when the text does.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow_schema::{DataType, SchemaRef};
use serde_json::Value;

use crate::{Batch, Crawl, Error, Kind, Result, TableSpec};

#[cfg(test)]
mod tests;

/// The name of the table of a crawl's problems.
pub const ISSUES: &str = "issues";

/// The place of a text in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The row, counted from 0.
    pub row: usize,
    /// The column, counted from 0.
    pub column: usize,
}

/// The texts of a batch that a sink had to change.
pub struct Changed<'a> {
    /// Where they are.
    pub cells: &'a [Cell],
    /// Why they were changed, and how.
    pub reason: &'a str,
    /// The text as it is stored.
    pub store: &'a dyn Fn(&str) -> String,
}

/// The rows of `issues` for texts of `batch`; `None` if that table has other columns than expected.
///
/// A sink must not report the batches of `issues` itself: such a row would have the key of the row that it is about.
pub fn issues(
    issues: &TableSpec,
    crawl: &Crawl,
    batch: &Batch,
    changed: &Changed<'_>,
) -> Result<Option<RecordBatch>> {
    let (cells, store) = (changed.cells, changed.store);
    let schema = &issues.schema;
    let texts = |text: &dyn Fn(&Cell) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(cells.iter().map(text)))
    };
    let name = |cell: &Cell| {
        let fields = batch.records.schema_ref().fields();
        fields[cell.column].name().clone()
    };
    let text = |cell: &Cell| {
        let column = batch.records.column(cell.column);
        let texts = column.as_string_opt::<i32>();
        store(texts.map_or("", |texts| texts.value(cell.row)))
    };
    let columns = schema.fields().iter().map(|field| {
        Some(match field.name().as_str() {
            "table_name" => texts(&|_| batch.table.name.clone()),
            "key" => texts(&|cell| key(batch, cell.row, store)),
            "column_name" => texts(&name),
            "value" => texts(&text),
            "reason" => texts(&|_| changed.reason.to_owned()),
            "_source" => texts(&|_| batch.scope.source.clone()),
            "_crawl_id" => texts(&|_| crawl.id.clone()),
            "_observed_at" => observed_at(batch, cells, field.data_type()),
            // There is no value for any other column, so a table that requires one gets no rows.
            _ if field.is_nullable() => new_null_array(field.data_type(), cells.len()),
            _ => return None,
        })
    });
    let columns: Option<Vec<_>> = columns.collect();
    let has_type = |(column, data_type): (&ArrayRef, &DataType)| column.data_type() == data_type;
    let types = schema.fields().iter().map(|field| field.data_type());
    let Some(columns) = columns.filter(|columns| columns.iter().zip(types).all(has_type)) else {
        return Ok(None);
    };
    let schema: SchemaRef = Arc::clone(schema);
    let records = RecordBatch::try_new(schema, columns).map_err(|error| {
        let text = "cannot write rows for the table `issues`";
        Error::new(Kind::Internal, text).with_source(error)
    })?;
    Ok(Some(records))
}

/// When the rows were observed, which all tables of a crawl say in a column of the same name.
fn observed_at(batch: &Batch, cells: &[Cell], wanted: &DataType) -> ArrayRef {
    let found = batch.records.column_by_name("_observed_at");
    let times = found.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let Some(times) = times.filter(|times| times.data_type() == wanted) else {
        return new_null_array(wanted, cells.len());
    };
    let times = cells
        .iter()
        .map(|cell| times.is_valid(cell.row).then(|| times.value(cell.row)));
    let times: arrow_array::TimestampMicrosecondArray = times.collect();
    match wanted {
        DataType::Timestamp(_, Some(zone)) => Arc::new(times.with_timezone(Arc::clone(zone))),
        _ => Arc::new(times),
    }
}

/// The key of a row as a JSON object, with the members in the order of the key, as the crawl writes it in `issues`.
fn key(batch: &Batch, row: usize, store: &dyn Fn(&str) -> String) -> String {
    let members = batch.table.key.iter().map(|name| {
        let value = batch.records.column_by_name(name);
        let value = value.map_or(Value::Null, |column| member(column, row, store));
        format!("{}:{value}", Value::from(name.as_str()))
    });
    let members: Vec<_> = members.collect();
    format!("{{{}}}", members.join(","))
}

fn member(column: &ArrayRef, row: usize, store: &dyn Fn(&str) -> String) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    if let Some(texts) = column.as_string_opt::<i32>() {
        return store(texts.value(row)).into();
    }
    if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
        return numbers.value(row).into();
    }
    if let Some(numbers) = column.as_primitive_opt::<Int32Type>() {
        return numbers.value(row).into();
    }
    if let Some(numbers) = column.as_primitive_opt::<UInt64Type>() {
        return numbers.value(row).into();
    }
    match column.as_boolean_opt() {
        Some(flags) => flags.value(row).into(),
        None => Value::Null,
    }
}
