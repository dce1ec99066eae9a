//! Reports texts in which U+0000 was replaced, because PostgreSQL cannot store it.
//!
//! Each one becomes a row in the table `issues`, like a value that did not fit its column. The row belongs to the same
//! scope as the text, so it disappears when the text does.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType, UInt64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, new_null_array};
use fortilake_sink::{Batch, Crawl, DataType, Error, Kind, Result, SchemaRef, TableSpec};
use serde_json::Value;

use crate::encode::{Replaced, storable};

#[cfg(test)]
mod tests;

/// The table of a crawl's problems.
pub(crate) const ISSUES: &str = "issues";

const REASON: &str = "U+0000 was replaced by U+FFFD, because PostgreSQL cannot store it";

/// The rows for `issues`; `None` if that table has other columns than expected.
pub(crate) fn issues(
    issues: &TableSpec,
    crawl: &Crawl,
    batch: &Batch,
    replaced: &[Replaced],
) -> Result<Option<RecordBatch>> {
    let schema = &issues.schema;
    let texts = |text: &dyn Fn(&Replaced) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(replaced.iter().map(text)))
    };
    let name = |replaced: &Replaced| {
        let fields = batch.records.schema_ref().fields();
        fields[replaced.column].name().clone()
    };
    let text = |replaced: &Replaced| {
        let column = batch.records.column(replaced.column);
        let texts = column.as_string_opt::<i32>();
        storable(texts.map_or("", |texts| texts.value(replaced.row)))
    };
    let columns = schema.fields().iter().map(|field| {
        Some(match field.name().as_str() {
            "table_name" => texts(&|_| batch.table.name.clone()),
            "key" => texts(&|replaced| key(batch, replaced.row)),
            "column_name" => texts(&name),
            "value" => texts(&text),
            "reason" => texts(&|_| REASON.to_owned()),
            "_source" => texts(&|_| batch.scope.source.clone()),
            "_crawl_id" => texts(&|_| crawl.id.clone()),
            "_observed_at" => observed_at(batch, replaced, field.data_type()),
            _ if field.is_nullable() => new_null_array(field.data_type(), replaced.len()),
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
fn observed_at(batch: &Batch, replaced: &[Replaced], wanted: &DataType) -> ArrayRef {
    let found = batch.records.column_by_name("_observed_at");
    let times = found.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let Some(times) = times.filter(|times| times.data_type() == wanted) else {
        return new_null_array(wanted, replaced.len());
    };
    let times = replaced.iter().map(|replaced| {
        times
            .is_valid(replaced.row)
            .then(|| times.value(replaced.row))
    });
    let times: arrow_array::TimestampMicrosecondArray = times.collect();
    match wanted {
        DataType::Timestamp(_, Some(zone)) => Arc::new(times.with_timezone(Arc::clone(zone))),
        _ => Arc::new(times),
    }
}

/// The key of a row as a JSON object, with the members in the order of the key, as the crawl writes it in `issues`.
fn key(batch: &Batch, row: usize) -> String {
    let members = batch.table.key.iter().map(|name| {
        let value = batch.records.column_by_name(name);
        let value = value.map_or(Value::Null, |column| cell(column, row));
        format!("{}:{value}", Value::from(name.as_str()))
    });
    let members: Vec<_> = members.collect();
    format!("{{{}}}", members.join(","))
}

fn cell(column: &ArrayRef, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    if let Some(texts) = column.as_string_opt::<i32>() {
        return storable(texts.value(row)).into();
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
