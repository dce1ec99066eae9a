//! Encodes the rows of a table, as two snapshots have it, into records that can be sorted and compared as bytes.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow_row::{RowConverter, Rows, SortField};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema};
use fortilake_sink::{Error, Kind, Result};

use crate::sort::Record;

/// The part of a record with the natural key.
pub(crate) const KEY: usize = 0;
/// The part with the other columns that are compared.
pub(crate) const VALUE: usize = 1;
/// The part with the source and the account, which say which scope the row is from.
pub(crate) const SCOPE: usize = 2;
/// The part with the columns that are passed on but not compared.
const REST: usize = 3;

/// The column with the name of the source.
pub(crate) const SOURCE: &str = "_source";
/// The column with the account.
pub(crate) const ACCOUNT: &str = "account_id";

/// How the columns of a table are used.
#[derive(Debug)]
pub(crate) struct Codec {
    fields: Vec<FieldRef>,
    /// For the parts `KEY`, `VALUE` and `REST`.
    parts: [ColumnGroup; 3],
    scope: ColumnGroup,
}

#[derive(Debug)]
struct ColumnGroup {
    columns: Vec<usize>,
    /// `None` for a part without columns.
    converter: Option<RowConverter>,
}

impl Codec {
    /// A codec for rows with the columns of `old` and `new`.
    ///
    /// `key` are the columns of the key. `first` is a column to put first among the other columns, so that the value
    /// part starts with it. Of the others, those that are `ignored` are dropped.
    pub(crate) fn new(
        old: &Schema,
        new: &Schema,
        key: &[&str],
        first: Option<&str>,
        ignored: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let is_kept = |name: &str| key.contains(&name) || !ignored(name);
        let mut fields = Vec::new();
        for field in new.fields().iter().chain(old.fields()) {
            let name = field.name();
            let is_known = fields.iter().any(|known: &FieldRef| known.name() == name);
            if !is_known && is_kept(name) {
                fields.push(joined(field, old, new));
            }
        }
        if !key.contains(&SOURCE) {
            fields.push(Arc::new(Field::new(SOURCE, DataType::Utf8, true)));
        }
        let position = |name: &str| fields.iter().position(|field| field.name() == name);
        let key: Vec<_> = key.iter().filter_map(|name| position(name)).collect();
        // A column that only one snapshot has came with another version of fortilake; if it were compared, every row
        // would look updated. The source is only needed to find a row's scope: renaming it changes no row.
        let is_compared = |at: &usize| {
            let name = fields[*at].name();
            name != SOURCE && has(old, name) && has(new, name)
        };
        let others = || (0..fields.len()).filter(|at| !key.contains(at));
        let mut value: Vec<_> = others().filter(is_compared).collect();
        if let Some(at) = first.and_then(position) {
            value.sort_by_key(|column| *column != at);
        }
        let rest = others().filter(|at| !is_compared(at)).collect();
        let scope = [SOURCE, ACCOUNT]
            .iter()
            .filter_map(|name| position(name))
            .collect();
        let part = |columns| ColumnGroup::new(columns, &fields);
        Ok(Self {
            parts: [part(key)?, part(value)?, part(rest)?],
            scope: part(scope)?,
            fields,
        })
    }

    /// The columns that rows are decoded to.
    pub(crate) fn fields(&self) -> &[FieldRef] {
        &self.fields
    }

    /// The positions of the columns that are compared, those of the key first.
    pub(crate) fn compared(&self) -> impl Iterator<Item = usize> {
        let [key, value, _] = &self.parts;
        key.columns.iter().chain(&value.columns).copied()
    }

    /// The names of the columns of the key.
    pub(crate) fn key(&self) -> Vec<&str> {
        let columns = self.parts[0].columns.iter();
        columns.map(|at| self.fields[*at].name().as_str()).collect()
    }

    /// The name of the first column of the value part.
    pub(crate) fn first_value(&self) -> Option<&FieldRef> {
        self.parts[1].columns.first().map(|at| &self.fields[*at])
    }

    /// The rows of a batch as records.
    pub(crate) fn encode(&self, batch: &RecordBatch) -> Result<Vec<Record>> {
        let columns = self.adapt(batch)?;
        let [key, value, rest] = &self.parts;
        let key = key.encode(&columns)?;
        let value = value.encode(&columns)?;
        let scope = self.scope.encode(&columns)?;
        let rest = rest.encode(&columns)?;
        let record =
            |row| Record::new([&key, &value, &scope, &rest].map(|rows| bytes(rows.as_ref(), row)));
        Ok((0..batch.num_rows()).map(record).collect())
    }

    /// The keys and the values of a batch, for digests.
    pub(crate) fn key_and_value(&self, batch: &RecordBatch) -> Result<Encoded> {
        let columns = self.adapt(batch)?;
        let [key, value, _] = &self.parts;
        Ok(Encoded {
            key: key.encode(&columns)?,
            value: value.encode(&columns)?,
        })
    }

    /// Decodes records into columns, in the order of [`fields`](Self::fields).
    pub(crate) fn decode(&self, records: &[&Record]) -> Result<Vec<ArrayRef>> {
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.fields.len()];
        for (part, number) in self.parts.iter().zip([KEY, VALUE, REST]) {
            let decoded = part.decode(records.iter().map(|record| record.part(number)))?;
            for (at, column) in part.columns.iter().zip(decoded) {
                columns[*at] = Some(column);
            }
        }
        let columns = columns.into_iter().zip(&self.fields);
        let column = |(column, field): (Option<ArrayRef>, &FieldRef)| {
            column.unwrap_or_else(|| new_null_array(field.data_type(), records.len()))
        };
        Ok(columns.map(column).collect())
    }

    /// The source and the account of a record.
    pub(crate) fn scope(&self, record: &Record) -> Result<(Option<String>, Option<i64>)> {
        use arrow_array::cast::AsArray as _;
        use arrow_array::types::Int64Type;
        let columns = self.scope.decode(std::iter::once(record.part(SCOPE)))?;
        let (mut source, mut account) = (None, None);
        for column in &columns {
            if let Some(text) = column.as_string_opt::<i32>() {
                source = text.iter().next().flatten().map(str::to_owned);
            } else if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
                account = numbers.iter().next().flatten();
            }
        }
        Ok((source, account))
    }

    /// The columns of a batch under our fields: by name, null if absent, and cast if the type differs.
    fn adapt(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let fields = self.fields.iter();
        let column = |field: &FieldRef| match batch.column_by_name(field.name()) {
            None => Ok(new_null_array(field.data_type(), batch.num_rows())),
            Some(column) if column.data_type() == field.data_type() => Ok(Arc::clone(column)),
            Some(column) => arrow_cast::cast(column, field.data_type())
                .map_err(|error| failed("convert", field.name(), error)),
        };
        fields.map(column).collect()
    }
}

/// The encoded keys and values of a batch.
#[derive(Debug)]
pub(crate) struct Encoded {
    key: Option<Rows>,
    value: Option<Rows>,
}

impl Encoded {
    pub(crate) fn key(&self, row: usize) -> &[u8] {
        bytes(self.key.as_ref(), row)
    }

    pub(crate) fn value(&self, row: usize) -> &[u8] {
        bytes(self.value.as_ref(), row)
    }
}

fn bytes(rows: Option<&Rows>, row: usize) -> &[u8] {
    rows.map_or(&[], |rows| rows.row(row).data())
}

impl ColumnGroup {
    fn new(columns: Vec<usize>, fields: &[FieldRef]) -> Result<Self> {
        let sort = columns
            .iter()
            .map(|at| SortField::new(fields[*at].data_type().clone()));
        let converter = if columns.is_empty() {
            None
        } else {
            let converter = RowConverter::new(sort.collect());
            Some(converter.map_err(|error| failed("compare", "*", error))?)
        };
        Ok(Self { columns, converter })
    }

    fn encode(&self, columns: &[ArrayRef]) -> Result<Option<Rows>> {
        let Some(converter) = &self.converter else {
            return Ok(None);
        };
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|at| Arc::clone(&columns[*at]))
            .collect();
        let rows = converter.convert_columns(&columns);
        rows.map(Some).map_err(|error| failed("encode", "*", error))
    }

    fn decode<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>> {
        let Some(converter) = &self.converter else {
            return Ok(Vec::new());
        };
        let parser = converter.parser();
        let rows: Vec<_> = rows.map(|row| parser.parse(row)).collect();
        converter
            .convert_rows(rows)
            .map_err(|error| failed("decode", "*", error))
    }
}

/// How many bytes a column of this type takes in an encoded row; `None` if that depends on the value.
pub(crate) fn fixed_width(data_type: &DataType) -> Option<usize> {
    // One byte says whether the value is null.
    data_type.primitive_width().map(|width| width + 1)
}

fn has(schema: &Schema, name: &str) -> bool {
    schema.column_with_name(name).is_some()
}

/// The field for both snapshots. If they disagree on the type, both are compared as text.
fn joined(field: &FieldRef, old: &Schema, new: &Schema) -> FieldRef {
    let types = [old, new].map(|schema| {
        schema
            .field_with_name(field.name())
            .map(Field::data_type)
            .ok()
    });
    let data_type = match types {
        [Some(old), Some(new)] if old != new => DataType::Utf8,
        _ => field.data_type().clone(),
    };
    let joined = Field::new(field.name(), data_type, true);
    Arc::new(joined.with_metadata(field.metadata().clone()))
}

fn failed(action: &str, column: &str, error: ArrowError) -> Error {
    let text = format!("cannot {action} column `{column}`");
    Error::new(Kind::Internal, text).with_source(error)
}
