//! Converts rows and cells to the JSON values that the suite compares.

use serde_json::{Number, Value};

use crate::{DataType, Field, RecordBatch, Result, json};

/// Converts the rows of a batch to JSON objects, for destinations that are read as Arrow.
///
/// # Errors
///
/// As [`json::array`].
pub fn rows(records: &RecordBatch) -> Result<Vec<Value>> {
    let text = json::array(records)?;
    let rows = serde_json::from_slice(&text);
    rows.map_err(|error| {
        let text = "cannot read the encoded rows as an array of objects";
        crate::Error::new(crate::Kind::Internal, text).with_source(error)
    })
}

/// Converts the text of a cell to a value of the column's type, for destinations that store text. `None` is null.
///
/// Text that does not parse as the column's type stays text, so the suite reports it as a difference.
pub fn value(column: &Field, cell: Option<&str>) -> Value {
    let Some(cell) = cell else {
        return Value::Null;
    };
    let read = match column.data_type() {
        DataType::Boolean => cell.parse().ok().map(Value::Bool),
        DataType::Int32 | DataType::Int64 => cell.parse::<i64>().ok().map(Value::from),
        DataType::UInt64 => cell.parse::<u64>().ok().map(Value::from),
        DataType::Float64 => {
            let number = cell.parse().ok().and_then(Number::from_f64);
            number.map(Value::Number)
        }
        _ => None,
    };
    read.unwrap_or_else(|| Value::from(cell))
}
